"""One parser per command, from its arguments to its plan node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import regex

from spl.errors import Span, SplSyntaxError, UnsupportedError
from spl.expr import Expr
from spl.lex import ARGUMENTS, EVAL, Token, tokenize
from spl.parse_expr import ExpressionParser
from spl.plan import (
    Aggregate,
    Bin,
    Command,
    Dedup,
    Eval,
    Fields,
    Head,
    Rename,
    Rex,
    Sort,
    SortKey,
    Stats,
    Table,
    Where,
)
from spl.regexes import translate_regex
from spl.timerange import parse_span

AGGREGATES: dict[str, str] = {
    "avg": "average of the numeric values",
    "count": "number of rows, or of values of a field, or of rows where eval(…) holds",
    "dc": "number of distinct values",
    "earliest": "value of the oldest row",
    "first": "value of the first row",
    "last": "value of the last row",
    "latest": "value of the newest row",
    "list": "values in order, at most 100",
    "max": "greatest value, by number if all are numeric",
    "min": "least value, by number if all are numeric",
    "sum": "sum of the numeric values",
    "values": "distinct values in lexical order",
}
"""Statistics of `stats`, with what they mean."""

_ALIASES = {"c": "count", "distinct_count": "dc", "mean": "avg"}
SORT_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Clause:
    """The arguments of one command: `text[start:end]`; `span` is the whole command."""

    text: str
    start: int
    end: int
    span: Span

    def fail(self, message: str, span: Span | None = None) -> SplSyntaxError:
        """Return a syntax error at `span`, by default at the whole command."""
        return SplSyntaxError(message, text=self.text, span=span or self.span)

    def unsupported(self, message: str, span: Span, supported: tuple[str, ...] = ()) -> UnsupportedError:
        """Return an error for something that this engine lacks."""
        return UnsupportedError(message, text=self.text, span=span, supported=supported)

    def arguments(self) -> list[Token]:
        """Return the argument tokens, without the final `end`."""
        return list(tokenize(self.text, ARGUMENTS, self.start, self.end))[:-1]

    def expression(self) -> ExpressionParser:
        """Return a parser of eval expressions over the arguments."""
        return ExpressionParser(tokenize(self.text, EVAL, self.start, self.end), self.text)


def take_options(clause: Clause, known: tuple[str, ...]) -> tuple[dict[str, Token], list[Token]]:
    """Split `name=value` pairs off the arguments.

    Raises:
        UnsupportedError: An option is not in `known`.
    """
    tokens = clause.arguments()
    options: dict[str, Token] = {}
    rest: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if index + 2 < len(tokens) and tokens[index + 1].text == "=":
            name = token.value.lower()
            if name not in known:
                raise clause.unsupported(f"option {name!r}.", token.span, known)
            options[name] = tokens[index + 2]
            index += 3
            continue
        if token.text == "=":
            raise clause.fail("= stands without a name and a value.", token.span)
        rest.append(token)
        index += 1
    return options, rest


def field_list(clause: Clause, tokens: list[Token]) -> tuple[str, ...]:
    """Read field names, by comma or space."""
    for token in tokens:
        if token.kind in {"lparen", "rparen", "op"}:
            raise clause.fail(f"unexpected {token.text!r}. Expected field names.", token.span)
    names = tuple(token.value for token in tokens if token.kind != "comma")
    if not names:
        raise clause.fail("no field is named. Expected field names.")
    return names


def parse_where(clause: Clause) -> Command:
    """`where expression`."""
    parser = clause.expression()
    condition = parser.parse_expression()
    parser.expect_end()
    return Where(condition, clause.span)


def parse_eval(clause: Clause) -> Command:
    """`eval name=expression, …`."""
    parser = clause.expression()
    assignments = []
    while True:
        name = parser.advance()
        if name.kind not in {"word", "quoted_field", "string"}:
            raise clause.fail(f"unexpected {name.text or 'end'!r}. Expected a field name.", name.span)
        if parser.token.text != "=":
            raise clause.fail(f"unexpected {parser.token.text or 'end'!r}. Expected =.", parser.token.span)
        parser.advance()
        assignments.append((name.value, parser.parse_expression()))
        if parser.token.kind != "comma":
            break
        parser.advance()
    parser.expect_end()
    return Eval(tuple(assignments), clause.span)


def parse_table(clause: Clause) -> Command:
    """`table fields`."""
    return Table(field_list(clause, clause.arguments()), clause.span)


def parse_fields(clause: Clause) -> Command:
    """`fields [+|-] fields`."""
    tokens = clause.arguments()
    mode = "+"
    if tokens and tokens[0].value in {"+", "-"}:
        mode = tokens.pop(0).value
    elif tokens and tokens[0].kind == "word" and tokens[0].value[0] in "+-":
        first = tokens[0]
        mode, tokens[0] = first.value[0], replace(first, value=first.value[1:])
    return Fields(mode, field_list(clause, tokens), clause.span)  # type: ignore[arg-type]


def parse_rename(clause: Clause) -> Command:
    """`rename old AS new, …`."""
    tokens = [token for token in clause.arguments() if token.kind != "comma"]
    pairs = []
    while tokens:
        if len(tokens) < 3 or tokens[1].value.upper() != "AS":
            raise clause.fail("rename cannot be read. Expected old AS new.", tokens[0].span)
        old, _, new = tokens[:3]
        if old.value.count("*") != new.value.count("*"):
            raise clause.fail(f"{old.value!r} and {new.value!r} have different numbers of *.", old.span)
        pairs.append((old.value, new.value))
        tokens = tokens[3:]
    if not pairs:
        raise clause.fail("rename names no field. Expected old AS new.")
    return Rename(tuple(pairs), clause.span)


def parse_head(clause: Clause) -> Command:
    """`head [n]`."""
    options, rest = take_options(clause, ("limit",))
    token = options.get("limit") or (rest[0] if rest else None)
    if token is None:
        return Head(10, clause.span)
    if not token.value.isdigit() or len(rest) > 1:
        raise clause.unsupported("head with a condition.", token.span, ("head n",))
    return Head(int(token.value), clause.span)


def parse_sort(clause: Clause) -> Command:
    """`sort [n] [+|-]field …`; `sort 0` keeps all rows."""
    options, tokens = take_options(clause, ("limit",))
    limit, implicit = SORT_LIMIT, True
    count = options.get("limit") or (tokens.pop(0) if tokens and tokens[0].value.isdigit() else None)
    if count is not None:
        if not count.value.isdigit():
            raise clause.fail(f"sort limit {count.value!r} is no number.", count.span)
        limit, implicit = int(count.value), False
    keys: list[SortKey] = []
    descending = False
    while tokens:
        token = tokens.pop(0)
        if token.kind == "comma":
            continue
        if keys and token.value.lower() in {"asc", "desc"} and (tokens or token.value.lower() == "asc"):
            raise clause.fail(
                f"{token.value!r} after one field. Expected -field, or desc at the end.", token.span
            )
        if token.value in {"+", "-"}:
            descending = token.value == "-"
            continue
        name = token.value
        if token.kind == "word" and name[0] in "+-":
            descending, name = name[0] == "-", name[1:]
        keys.append(_sort_key(clause, token, name, tokens, descending=descending))
        descending = False
    if not keys:
        raise clause.fail("sort names no field. Expected field names.")
    if keys[-1].field.lower() in {"d", "desc"} and len(keys) > 1:
        keys = [SortKey(key.field, not key.descending, key.kind) for key in keys[:-1]]
    return Sort(tuple(keys), limit, implicit, clause.span)


def _sort_key(clause: Clause, token: Token, name: str, tokens: list[Token], *, descending: bool) -> SortKey:
    if not tokens or tokens[0].kind != "lparen":
        return SortKey(name, descending)
    if name not in {"auto", "num", "str"}:
        raise clause.unsupported(f"sort by {name!r}().", token.span, ("auto", "num", "str"))
    inner = tokens[1:3]
    if [part.kind for part in inner][1:] != ["rparen"]:
        raise clause.fail("sort key cannot be read. Expected num(field).", token.span)
    del tokens[:3]
    return SortKey(inner[0].value, descending, name)  # type: ignore[arg-type]


def parse_dedup(clause: Clause) -> Command:
    """`dedup [n] fields [keepempty=] [consecutive=]`."""
    options, rest = take_options(clause, ("keepempty", "consecutive"))
    keep = int(rest.pop(0).value) if rest and rest[0].value.isdigit() else 1
    if keep == 0:
        raise clause.fail("dedup cannot keep 0 rows. Expected a number above zero.")
    if any(token.value.lower() == "sortby" for token in rest):
        raise clause.unsupported("dedup sortby.", clause.span)
    flags = {name: token.value.lower() in {"t", "true", "1"} for name, token in options.items()}
    return Dedup(
        field_list(clause, rest),
        keep,
        flags.get("keepempty", False),
        flags.get("consecutive", False),
        clause.span,
    )


def parse_rex(clause: Clause) -> Command:
    """`rex [field=f] [max_match=n] "pattern"`."""
    options, rest = take_options(clause, ("field", "max_match", "mode", "offset_field"))
    for name in ("mode", "offset_field"):
        if name in options:
            raise clause.unsupported(f"rex {name}.", options[name].span, ("field", "max_match"))
    if len(rest) != 1 or rest[0].kind != "string":
        raise clause.fail("rex needs exactly one pattern in double quotes.")
    pattern = translate_regex(rest[0].value, text=clause.text, span=rest[0].span)
    groups = tuple(sorted(regex.compile(pattern).groupindex.items(), key=lambda pair: pair[1]))
    if not groups:
        raise clause.fail("the pattern has no named group. Expected (?<name>…).", rest[0].span)
    limit = options.get("max_match")
    if limit is not None and not limit.value.isdigit():
        raise clause.fail("max_match is no number.", limit.span)
    field = options["field"].value if "field" in options else "_raw"
    return Rex(field, pattern, groups, int(limit.value) if limit else 1, clause.span)


def parse_bin(clause: Clause) -> Command:
    """`bin field span=… [AS name]`."""
    options, rest = take_options(clause, ("span",))
    names = [token.value for token in rest if token.kind != "comma"]
    if "span" not in options:
        raise clause.unsupported("bin without span=.", clause.span, ("span",))
    if len(names) not in {1, 3} or (len(names) == 3 and names[1].upper() != "AS"):
        raise clause.fail("bin cannot be read. Expected a field, span= and perhaps AS name.")
    token = options["span"]
    time = parse_span(token.value)
    if time is not None and time[0] > 0:
        return Bin(names[0], names[-1], time[0], time[1], clause.span)
    try:
        amount = float(token.value)
    except ValueError:
        raise clause.fail(
            f"span {token.value!r} cannot be read. Expected 5m, 1d or a number.", token.span
        ) from None
    if amount <= 0:
        raise clause.fail(f"span {token.value!r} is not above zero.", token.span)
    return Bin(names[0], names[-1], amount, "s" if names[0] == "_time" else None, clause.span)


def parse_stats(clause: Clause) -> Command:
    """`stats function(field) [AS name] … [BY fields]`."""
    tokens = clause.arguments()
    aggregates: list[Aggregate] = []
    by: tuple[str, ...] = ()
    while tokens:
        if tokens[0].kind == "comma":
            tokens.pop(0)
        elif tokens[0].kind == "word" and tokens[0].value.upper() == "BY":
            by = field_list(clause, tokens[1:])
            break
        else:
            aggregates.append(_aggregate(clause, tokens))
    if not aggregates:
        raise clause.fail("stats names no statistic. Expected count, dc(field), sum(field), ….")
    for name in by:
        if "*" in name:
            raise clause.unsupported("wildcard in BY.", clause.span)
    return Stats(tuple(aggregates), by, clause.span)


def _aggregate(clause: Clause, tokens: list[Token]) -> Aggregate:
    token = tokens.pop(0)
    function = _ALIASES.get(token.value.lower(), token.value.lower())
    if function not in AGGREGATES:
        raise clause.unsupported(f"statistic {token.value!r}.", token.span, tuple(sorted(AGGREGATES)))
    field, condition, shown = None, None, token.value
    if tokens and tokens[0].kind == "lparen":
        close = _closing(clause, tokens)
        inner = tokens[1:close]
        shown = clause.text[token.span.start : tokens[close].span.end]
        del tokens[: close + 1]
        field, condition = _argument(clause, function, token, inner)
    elif function != "count":
        raise clause.fail(f"{function} needs a field. Expected {function}(field).", token.span)
    if len(tokens) > 1 and tokens[0].kind == "word" and tokens[0].value.upper() == "AS":
        shown = tokens[1].value
        del tokens[:2]
    return Aggregate(function, field, condition, shown, token.span)


def _argument(
    clause: Clause, function: str, token: Token, inner: list[Token]
) -> tuple[str | None, Expr | None]:
    if inner and inner[0].value == "eval" and len(inner) > 1 and inner[1].kind == "lparen":
        start, end = inner[1].span.end, inner[-1].span.start
        parser = ExpressionParser(tokenize(clause.text, EVAL, start, end), clause.text)
        condition = parser.parse_expression()
        parser.expect_end()
        return None, condition
    if not inner and function == "count":
        return None, None
    if len(inner) != 1 or "*" in inner[0].value:
        raise clause.unsupported(f"{function}() with anything but one field or eval(…).", token.span)
    return inner[0].value, None


def _closing(clause: Clause, tokens: list[Token]) -> int:
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.kind == "lparen") - (token.kind == "rparen")
        if depth == 0:
            return index
    raise clause.fail("( is never closed.", tokens[0].span)


PARSERS: dict[str, Callable[[Clause], Command]] = {
    "bin": parse_bin,
    "dedup": parse_dedup,
    "eval": parse_eval,
    "fields": parse_fields,
    "head": parse_head,
    "rename": parse_rename,
    "rex": parse_rex,
    "sort": parse_sort,
    "stats": parse_stats,
    "table": parse_table,
    "where": parse_where,
}
"""Every command after the first, by name; `bucket` is `bin`, `search` has a parser of its own."""
