"""Filling the tokens of a search: the written template is read first, and a value goes in as that value and nothing else.

Whoever writes a log chooses its values, and a server reads a search in its own way: it expands macros even in quoted
texts, takes `*` for a wildcard wherever a condition compares, and some take a `|` or a bracket in quotes for a command.
So no such sign of a value is ever sent: a condition looks for what stands before the first one, and an exact
comparison, which names the sign by its code, follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass

from procedures.expand import TOKEN, TokenError, Value, quote, rendered, valued
from procedures.model import DrillDown
from spl.datamodels import AnyDatasets
from spl.errors import MacroError, Span, SplError
from spl.expr import Call, Compare, Expr, In, Literal, walk
from spl.lex import QUOTED, without_comments
from spl.macros import MacroTable, expand
from spl.parse import parse_search
from spl.plan import Command, Search, SearchCommand, walk_commands, walk_searches
from spl.terms import Combined, FieldIn, FieldTerm, Subsearch, Term, is_network, walk_terms

_CODED = re.compile(r'[`"|\[\]$\x01-\x1f\x7f]')
"""Signs of a value that are never written as they are."""
_TO_CODE = re.compile(rf"[%+\\]|{_CODED.pattern}")
"""What is written as its code where any sign is."""
_WIDENING = re.compile(rf"\*|{_CODED.pattern}")
"""Signs before which a condition stops: those, and the wildcard."""
_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")
_INERT = re.compile(r"(?!(?:AND|OR|NOT)\Z)(?:[^\W_]|[@:/~#-])*")
"""A text that means itself where a pattern is read."""
_PATTERN_AT = {"match": 1, "like": 1, "replace": 1, "searchmatch": 0, "mvfind": 1, "cidrmatch": 0}
"""Where the argument of a function stands that is no plain text."""


def drill_down_search(drill_down: DrillDown, values: Mapping[str, Value], macros: MacroTable) -> str:
    """Return a drill-down's search as it may be sent, macros expanded and tokens filled.

    Raises:
        TokenError: A token has no value, or one that cannot be written where it stands.
    """
    return fill_search(drill_down.spl, values, macros)


def fill_search(text: str, values: Mapping[str, Value], macros: MacroTable) -> str:
    """Return a search with the macros of its template expanded, and then every `$token$` filled; `$$` is a dollar.

    Args:
        text: The search as written.
        values: A number, a text or several texts for each token.
        macros: The procedure's macros. A call that cannot be expanded stays, for the guard to refuse.

    Raises:
        TokenError: A token has no value, or one that cannot be written where it stands.
    """
    written = _expanded(text, macros)
    places = {match.start(): match for match in TOKEN.finditer(written)}
    _check_places(written, places, values)
    sites = _sites(written, places, values)
    edits = [(match.start(), match.end(), sites.text(match, values)) for match in places.values()]
    edits += [(end, end, f" | where {condition} ") for end, condition in sites.exact(values)]
    for start, end, new in sorted(edits, reverse=True):
        written = sites.before(written[:start], start, values) + new + written[end:]
    return written


def _expanded(text: str, macros: MacroTable) -> str:
    try:
        return without_comments(expand(text, macros).text)
    except MacroError:
        return without_comments(text)


def _check_places(written: str, places: Mapping[int, re.Match[str]], values: Mapping[str, Value]) -> None:
    for match in places.values():
        if match[1] is not None:
            for value in _texts(valued(match[1], values)):
                if found := _UNWRITABLE.search(value):
                    raise TokenError(
                        f"the value of ${match[1]}$ holds {found.group()!r}, which no search can hold.",
                        match[1],
                    )
    for quoted in re.finditer(QUOTED, written, re.DOTALL):
        if inside := [
            match[1] for start, match in places.items() if quoted.start() < start < quoted.end() and match[1]
        ]:
            raise TokenError(
                f"token ${inside[0]}$ stands in quotes. Write it without: its value is quoted by itself.",
                inside[0],
            )


def _texts(value: Value) -> tuple[str, ...]:
    """Return the texts that a value is; none for a number, which is safe anywhere."""
    if isinstance(value, int | float):
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def is_plain(value: str) -> bool:
    """Tell whether a value means itself alone in a condition, written as it is."""
    return not _WIDENING.search(value) and not is_network(value)


def literal(value: str) -> str:
    r"""Return an eval expression that is `value`, on every server.

    >>> literal("a`b"), literal("plain")
    ('urldecode("a%60b")', '"plain"')
    """
    if not _CODED.search(value):
        return quote(value)
    return f'urldecode("{_TO_CODE.sub(lambda match: f"%{ord(match.group()):02X}", value)}")'


def exactly(field: str, values: tuple[str, ...]) -> str:
    """Return the condition that a field is one of the values, as `search` compares: without regard to case."""
    tests = (f"'{field}'={literal(value)} OR lower('{field}')=lower({literal(value)})" for value in values)
    return f"({' OR '.join(tests)})"


def _looked_for(value: str) -> str:
    """Return what a condition compares with: the value, or what stands before the first sign that is never sent."""
    if is_plain(value):
        return quote(value)
    stop = _WIDENING.search(value)
    return quote((value[: stop.start()] if stop else value.partition("/")[0]).rstrip("\\") + "*")


@dataclass(frozen=True, slots=True)
class _Compared:
    """Tokens of one condition of `search`: where an exact comparison goes, and the tree that it follows."""

    end: int
    term: Term


@dataclass(frozen=True, slots=True)
class _Sites:
    """Where the tokens of a template stand."""

    tokens: Mapping[int, str]
    """Name of the token by its place."""
    compared: tuple[_Compared, ...]
    equals: Mapping[int, int]
    """Place of a token that stands after `field=` -> place behind the field."""
    widened: frozenset[int]
    """Tokens that an exact comparison can follow."""
    literals: frozenset[int]
    """Tokens that are values in eval expressions."""
    listed: frozenset[int]
    """Those of them that stand in the list of IN."""
    patterns: frozenset[int]
    """Tokens that a function reads as a pattern."""

    def text(self, match: re.Match[str], values: Mapping[str, Value]) -> str:
        """Return what takes the place of a token.

        Raises:
            TokenError: The value cannot be written there.
        """
        name, start = match[1], match.start()
        if name is None:
            return "$"
        value = values[name]
        texts = _texts(value)
        if not texts and isinstance(value, int | float):
            return rendered(value)
        if not texts:
            raise TokenError(f"token ${name}$ has no value here.", name)
        if start in self.patterns and not all(_INERT.fullmatch(one) for one in texts):
            raise TokenError(f"the value of ${name}$ would be read as a pattern, which it is not.", name)
        if start in self.literals:
            if len(texts) > 1 and start not in self.listed:
                raise TokenError(f"token ${name}$ has {len(texts)} values, and one is compared here.", name)
            return ", ".join(map(literal, texts))
        if start in self.widened:
            shown = ", ".join(dict.fromkeys(map(_looked_for, texts)))
            return f"({shown})" if self._becomes_list(start, values) else shown
        return self._plain(name, start, texts)

    def _plain(self, name: str, start: int, texts: tuple[str, ...]) -> str:
        if strange := [one for one in texts if not is_plain(one)]:
            what = "*" if "*" in strange[0] else "a sign"
            raise TokenError(
                f"the value of ${name}$ holds {what} that would match more than itself here, or would be read as a part "
                "of the search.",
                name,
            )
        if start in self.equals and len(texts) > 1:
            return f"({', '.join(map(quote, texts))})"
        return ", ".join(map(quote, texts))

    def _becomes_list(self, start: int, values: Mapping[str, Value]) -> bool:
        return start in self.equals and len(_texts(values[self.tokens[start]])) > 1

    def before(self, head: str, start: int, values: Mapping[str, Value]) -> str:
        """Return the text before a token: `field=` becomes `field IN` where the token has several values."""
        if start in self.tokens and self._becomes_list(start, values):
            return head[: self.equals[start]] + " IN "
        return head

    def exact(self, values: Mapping[str, Value]) -> Iterator[tuple[int, str]]:
        """Yield where a condition of `search` ends, and the exact comparison that must follow it."""
        for compared in self.compared:
            texts = [
                one
                for start, name in self.tokens.items()
                if start in self.widened and _inside(start, compared.term)
                for one in _texts(values[name])
            ]
            condition = _exact(compared.term, self, values)
            if condition and not all(map(is_plain, texts)):
                yield compared.end, condition


def _inside(start: int, term: Term) -> bool:
    return any(
        part.span.start <= start < part.span.end
        for part in walk_terms(term)
        if isinstance(part, FieldTerm | FieldIn)
    )


def _sites(written: str, places: Mapping[int, re.Match[str]], values: Mapping[str, Value]) -> _Sites:
    tokens = {start: match[1] for start, match in places.items() if match[1] is not None}
    plan = _plan(written, places, values)
    searches = tuple(walk_searches(plan)) if plan is not None else ()
    commands = [command for search in searches for command in walk_commands(search)]
    compared = tuple(
        _Compared(command.span.end, command.term)
        for command in commands
        if isinstance(command, SearchCommand) and command.term is not None
    )
    leaves = [
        part for one in compared for part in walk_terms(one.term) if isinstance(part, FieldTerm | FieldIn)
    ]
    held = {start: leaf for leaf in leaves for start in tokens if leaf.span.start <= start < leaf.span.end}
    expressions = [expr for command in commands for expr in _expressions(command)]
    nodes = [node for expr in expressions for node in walk(expr)]
    options = {part.span.start for node in nodes if isinstance(node, In) for part in node.options}
    patterns = {part.span.start for node in nodes if (part := _pattern_of(node)) is not None}
    return _Sites(
        tokens=tokens,
        compared=compared,
        equals={
            start: len(written[:start].rstrip()[:-1].rstrip())
            for start, leaf in held.items()
            if isinstance(leaf, FieldTerm) and leaf.op == "="
        },
        widened=frozenset(start for one in compared for start in _exactable(one.term, tokens)),
        literals=frozenset(node.span.start for node in nodes if isinstance(node, Literal)) & set(tokens),
        listed=frozenset(options) & set(tokens),
        patterns=frozenset(patterns) & set(tokens),
    )


def _pattern_of(node: Expr) -> Expr | None:
    """Return the operand of an expression that is read as a pattern, an address block or a condition."""
    if isinstance(node, Compare) and node.op == "LIKE":
        return node.right
    if isinstance(node, Call) and node.name in _PATTERN_AT and len(node.args) > _PATTERN_AT[node.name]:
        return node.args[_PATTERN_AT[node.name]]
    return None


def _plan(written: str, places: Mapping[int, re.Match[str]], values: Mapping[str, Value]) -> Search | None:
    """Return the plan of the template with a value of the same length for each token; None when it has none."""

    def stand_in(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$ "
        width = len(match.group())
        number = isinstance(values[match[1]], int | float)
        return "1".rjust(width, "0") if number else '"' + "x" * (width - 2) + '"'

    try:
        return parse_search(TOKEN.sub(stand_in, written), datasets=AnyDatasets())
    except SplError:
        return None


def _expressions(value: object) -> Iterator[Expr]:
    """Yield the eval expressions in a command, but not those of the searches and commands in it."""
    if isinstance(value, Expr):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            if not isinstance(part, Command | Search):
                yield from _expressions(part)
    elif is_dataclass(value) and not isinstance(value, Span | Subsearch | FieldTerm | FieldIn):
        for one in fields(value):
            inner = getattr(value, one.name)
            if not isinstance(inner, Command | Search):
                yield from _expressions(inner)


def _exactable(term: Term, tokens: Mapping[int, str]) -> frozenset[int]:
    """Return the tokens of a condition for which an exact comparison can be written behind it."""
    here = frozenset(start for start in tokens if _inside(start, term))
    match term:
        case FieldTerm(_, "=") | FieldIn(_, (_,)):
            return here
        case Combined("AND", operands):
            return frozenset().union(*(_exactable(part, tokens) for part in operands))
        case Combined("OR") if _is_whole(term, tokens):
            return here
    return frozenset()


def _is_whole(term: Term, tokens: Mapping[int, str]) -> bool:
    """Tell whether a condition compares nothing but tokens, so that an exact comparison can say all that it says."""
    match term:
        case FieldTerm(_, "=") | FieldIn(_, (_,)):
            return any(_inside(start, term) for start in tokens)
        case Combined(_, operands):
            return all(_is_whole(part, tokens) for part in operands)
    return False


def _exact(term: Term, sites: _Sites, values: Mapping[str, Value]) -> str | None:
    """Return the exact comparison of the tokens in a condition; None where it has none that needs one."""
    match term:
        case FieldTerm(field) | FieldIn(field):
            texts = tuple(
                one
                for start in sites.widened
                if _inside(start, term)
                for one in _texts(values[sites.tokens[start]]) or (rendered(values[sites.tokens[start]]),)
            )
            return exactly(field, texts) if texts else None
        case Combined(op, operands):
            parts = [part for operand in operands if (part := _exact(operand, sites, values))]
            return f"({f' {op} '.join(parts)})" if parts else None
    return None
