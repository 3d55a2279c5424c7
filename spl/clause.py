"""The arguments of one command, and the ways in which commands read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from spl.errors import Span, SplSyntaxError, UnsupportedError
from spl.expr import Expr
from spl.lex import ARGUMENTS, EVAL, Token, tokenize
from spl.parse_expr import ExpressionParser

if TYPE_CHECKING:
    from spl.datamodels import Dataset
    from spl.plan import Command, Search

_TRUE, _FALSE = {"t", "true", "1", "yes", "y"}, {"f", "false", "0", "no", "n"}

WITHOUT_EFFECT: Mapping[str, frozenset[str] | None] = {
    # How a server shares its work, not what comes out of it.
    "chunk_size": None,
    "event_time_field": None,
    "extendtimerange": frozenset(_FALSE),
    "include_reduced_buckets": None,
    "local": None,
    "maxinputs": None,
    "maxtime": None,
    "partitions": None,
    "report_size": None,
    "run_in_preview": None,
    "splunk_server": None,
    "splunk_server_group": None,
    "timeout": None,
    "update": None,
    # Summaries of data models: every search here reads the events themselves.
    "allow_old_summaries": None,
    "summariesonly": None,
    "use_summary_index_values": None,
    # Their defaults.
    "agg": frozenset({"sum"}),
    "allnum": frozenset(_FALSE),
    "annotate": frozenset(_FALSE),
    "datatype": frozenset({"event"}),
    "keeplast": frozenset(_FALSE),
    "null": frozenset(_FALSE),
    "dedup_splitvals": frozenset(_FALSE),
    "fixedrange": frozenset(_TRUE),
    "list_vix": None,
    "partial": frozenset(_TRUE),
    "prestats": frozenset(_FALSE),
    "strict": frozenset(_FALSE),
    "strict_fields": None,
}
"""Options that change no result, with the values for which that is so; None means any value."""


class Options(dict[str, Token]):
    """Options by name. It knows which were read: one that no code reads is refused."""

    def __init__(self, clause: Clause) -> None:
        super().__init__()
        self.read: set[str] = set()
        clause.given.append(self)

    def __getitem__(self, name: str) -> Token:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str) -> Token | None:  # type: ignore[override]
        """Return an option; None when it is not given."""
        self.read.add(name)
        return super().get(name)

    def add(self, other: Options) -> None:
        """Take over options that stand elsewhere in the clause; whoever reads them here has read them there."""
        self.update(other)
        other.read = self.read

    def unread(self) -> list[tuple[str, Token]]:
        """Return the options that had no effect, by a value that asks for one."""
        return [
            (name, token)
            for name, token in self.items()
            if name not in self.read and not _changes_nothing(name, token.value.lower())
        ]


def _changes_nothing(option: str, value: str) -> bool:
    values = WITHOUT_EFFECT.get(option, frozenset())
    return values is None or value in values


@dataclass(frozen=True, slots=True)
class Clause:
    """The arguments of one command: `text[start:end]`; `span` is the whole command."""

    text: str
    start: int
    end: int
    span: Span
    parse_pipeline: Callable[[Span], Search]
    """Parses a subsearch, given the place of its inside."""
    parse_commands: Callable[[str], tuple[Command, ...]]
    """Parses commands that stand alone, as in the filled template of `foreach`."""
    parse_inside: Callable[[Span], tuple[Command, ...]]
    """Parses commands without a search of their own, as in `appendpipe [ … ]`, given the place of their inside."""
    opened: set[int]
    """Where the brackets begin that somebody has read; any other is refused."""
    is_first: bool = False
    """Whether the command begins a search."""
    datasets: Mapping[str, Dataset] | None = None
    """Datasets of the data models, by name; None means the bundled ones."""
    given: list[Options] = field(default_factory=list)
    """All options that were split off, to see at the end whether each was read."""

    def refuse_unread(self, command: str) -> None:
        """Refuse an option that nothing has read: it would silently do nothing.

        Raises:
            UnsupportedError: There is one.
        """
        for options in self.given:
            for name, token in options.unread():
                raise self.unsupported(f"{command} {name}={token.value}.", token.span)

    def fail(self, message: str, span: Span | None = None) -> SplSyntaxError:
        """Return a syntax error at `span`, by default at the whole command."""
        return SplSyntaxError(message, text=self.text, span=span or self.span)

    def unsupported(self, message: str, span: Span, supported: tuple[str, ...] = ()) -> UnsupportedError:
        """Return an error for something that this engine lacks."""
        return UnsupportedError(message, text=self.text, span=span, supported=supported)

    def arguments(self, start: int | None = None) -> list[Token]:
        """Return the argument tokens from `start` on, without the final `end`."""
        return list(tokenize(self.text, ARGUMENTS, self.start if start is None else start, self.end))[:-1]

    def names(self, tokens: list[Token], *, behind_as: bool = False) -> list[Token]:
        """Return the tokens with every touching `function(field)` as one: the name of a statistic is a field.

        Args:
            tokens: Of this clause.
            behind_as: Whether only what follows AS is such a name.
        """
        joined: list[Token] = []
        place = 0
        while place < len(tokens):
            is_name = not behind_as or (bool(joined) and joined[-1].text.upper() == "AS")
            end = place + (_end_of_call(tokens[place:]) if is_name else 1)
            span = Span(tokens[place].span.start, tokens[end - 1].span.end)
            text = self.text[span.start : span.end]
            joined.append(tokens[place] if end == place + 1 else Token("word", text, text, span))
            place = end
        return joined

    def until(self, end: int) -> Clause:
        """Return the arguments before `end`."""
        return replace(self, end=end)

    def expression(
        self, start: int | None = None, end: int | None = None, *, subsearches: bool = False
    ) -> ExpressionParser:
        """Return a parser of eval expressions over the arguments or a part of them."""
        first = self.start if start is None else start
        last = self.end if end is None else end
        parse_pipeline = self.parse_pipeline if subsearches else None
        return ExpressionParser(
            tokenize(self.text, EVAL, first, last), self.text, parse_pipeline=parse_pipeline
        )

    def whole_expression(self, start: int, end: int) -> Expr:
        """Return the expression that `text[start:end]` is."""
        parser = self.expression(start, end)
        expr = parser.parse_expression()
        parser.expect_end()
        return expr

    def options(self, *known: str) -> tuple[Options, list[Token]]:
        """Split `name=value` pairs off the arguments; inside parentheses they are comparisons.

        Raises:
            UnsupportedError: An option is not in `known`.
        """
        tokens = self.arguments()
        options = Options(self)
        rest: list[Token] = []
        index = depth = 0
        while index < len(tokens):
            token = tokens[index]
            depth += (token.kind == "lparen") - (token.kind == "rparen")
            if depth > 0:
                rest.append(token)
                index += 1
                continue
            if index + 2 < len(tokens) and tokens[index + 1].text == "=":
                name = token.value.lower()
                if name not in known:
                    raise self.unsupported(f"option {name!r}.", token.span, known)
                options[name] = tokens[index + 2]
                index += 3
                continue
            if token.text == "=":
                raise self.fail("= stands without a name and a value.", token.span)
            rest.append(token)
            index += 1
        return options, rest

    def fields(self, tokens: list[Token]) -> tuple[str, ...]:
        """Read field names, by comma or space."""
        tokens = self.names(tokens)
        for token in tokens:
            if token.kind in {"lparen", "rparen", "op", "subsearch"}:
                raise self.fail(f"unexpected {token.text[:20]!r}. Expected field names.", token.span)
        names = tuple(token.value for token in tokens if token.kind != "comma")
        if not names:
            raise self.fail("no field is named. Expected field names.")
        return names

    def flag(self, options: Options, name: str, *, default: bool = False) -> bool:
        """Return a true or false option."""
        token = options.get(name)
        if token is None:
            return default
        if token.value.lower() not in _TRUE | _FALSE:
            raise self.fail(f"{name}={token.value!r} is neither true nor false.", token.span)
        return token.value.lower() in _TRUE

    def number(self, options: Options, name: str, default: int, *, least: int = 0) -> int:
        """Return a whole-number option."""
        token = options.get(name)
        return default if token is None else self.whole(token, name, least=least)

    def whole(self, token: Token, name: str, *, least: int = 0) -> int:
        """Return the whole number that a token is."""
        if not token.value.isdecimal() or not token.value.isascii() or int(token.value) < least:
            raise self.fail(f"{name} {token.value!r} is no whole number from {least} on.", token.span)
        return int(token.value)

    def choice(self, options: Options, name: str, default: str, known: tuple[str, ...]) -> str:
        """Return an option that is one of a few words."""
        token = options.get(name)
        value = default if token is None else token.value.lower()
        if value not in known and token is not None:
            raise self.unsupported(f"{name}={token.value!r}.", token.span, known)
        return value

    def subsearches(self, tokens: list[Token]) -> tuple[Search, ...]:
        """Take the subsearches out of `tokens` and return them."""
        found = [token for token in tokens if token.kind == "subsearch"]
        tokens[:] = [token for token in tokens if token.kind != "subsearch"]
        return tuple(self.parse_pipeline(Span(token.span.start + 1, token.span.end - 1)) for token in found)

    def subsearch(self, tokens: list[Token], command: str) -> Search:
        """Return the one subsearch of a command."""
        found = self.subsearches(tokens)
        if len(found) != 1:
            raise self.fail(f"{command} needs one subsearch. Expected [ search … ].")
        return found[0]

    def pipeline(self, token: Token) -> tuple[Command, ...]:
        """Return the commands in a bracket that are no search of their own."""
        return self.parse_inside(Span(token.span.start + 1, token.span.end - 1))

    def template(self, token: Token) -> str:
        """Return the text in a bracket, which the command parses itself, filled."""
        self.opened.add(token.span.start)
        return token.value

    def nothing_left(self, tokens: list[Token]) -> None:
        """Raise if arguments are left that the command does not read."""
        if tokens:
            raise self.fail(f"unexpected {tokens[0].text[:20]!r}.", tokens[0].span)


def _end_of_call(tokens: list[Token]) -> int:
    """Return how many tokens the `function(field)` at the start has; 1 when there is none."""
    if len(tokens) < 2 or tokens[0].kind != "word" or tokens[1].kind != "lparen":
        return 1
    depth = 0
    for place, token in enumerate(tokens[1:], 1):
        if token.span.start != tokens[place - 1].span.end:
            return 1
        depth += (token.kind == "lparen") - (token.kind == "rparen")
        if depth == 0:
            return place + 1
    return 1


def split_words(tokens: list[Token], *words: str) -> dict[str, list[Token]]:
    """Cut tokens at bare words outside parentheses: `{"": before, "by": after BY, …}`, each word once."""
    parts: dict[str, list[Token]] = {"": []}
    current, depth = "", 0
    for token in tokens:
        depth += (token.kind == "lparen") - (token.kind == "rparen")
        word = token.value.lower()
        if depth == 0 and token.kind == "word" and word in words and word not in parts:
            current = word
            parts[word] = []
            continue
        parts[current].append(token)
    return parts
