"""What a search may reach: the rules that the guard and lint share, over the walk that the engine runs by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass

from spl.commands.conditions import Format, Return
from spl.errors import Span
from spl.lex import QUOTED
from spl.plan import Command, Generator, Search, output_fields, walk_commands, walk_searches
from spl.terms import FieldIn, FieldTerm, Keyword

ROWS_ONLY = frozenset({"append", "appendcols", "join", "multisearch", "set", "union"})
"""Commands that put the rows of a search beside others. In any other, they become text of the search around it."""

_SHAPING = frozenset({"fields", "format", "rare", "return", "stats", "table", "top", "tstats"})
"""Commands after which the fields are those that they name."""
_PASSING = frozenset(
    {"dedup", "eval", "head", "rename", "reverse", "search", "sort", "tail", "uniq", "where"}
)
"""Commands that make no field but those that they name."""

_TIME = re.compile(
    r"earliest|latest|_index_earliest|_index_latest|timeformat|(?:start|end)timeu?|searchtimespan\w*"
    r"|(?:start|end)?(?:second|minute|hour|day|week|month|year)s?ago",
    re.IGNORECASE,
)
"""Names that a server takes for a window instead of a field.

Source: Splunk Search Reference, "Time modifiers", with those of older versions.
"""
_PLAIN_NAME = re.compile(r"[\w.:@{}-]+")
_WORDS = frozenset({"", "(", ")", "AND", "OR", "NOT"})
_STRANGE = re.compile(
    rf'{QUOTED}|```.*?(?:```|\Z)|(?P<quote>\\?")|(?P<blank>[^\S \t\r\n])|(?P<control>[\x00-\x08\x0e-\x1f])',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a search may not run, and where in its text."""

    kind: str
    """`times`, `beyond`, `becomes` or `signs`."""
    message: str
    span: Span


def objections(search: Search) -> Iterator[Objection]:
    """Yield what a search must not do, whatever its indexes are: it and every search in it."""
    yield from _strange_signs(search.text)
    for part in walk_searches(search):
        if part.earliest is not None or part.latest is not None:
            yield Objection("times", _TIMES, part.commands[0].span)
        for command in walk_commands(part):
            yield from _times(command)
            if isinstance(command, Generator) and not command.bounded:
                yield Objection("beyond", f"command {command.name!r} reads beyond the window.", command.span)
            if command.name not in ROWS_ONLY:
                for inner in command.searches():
                    yield from _becoming(inner)


_TIMES = (
    "the search has times of its own (earliest= or latest=). The window is written once, in the procedure."
)


def _times(command: Command) -> Iterator[Objection]:
    for term in _terms(command):
        name = term.field if isinstance(term, FieldTerm | FieldIn) else term.value.parts[0].partition("::")[0]
        meant = not isinstance(term, Keyword) or "::" in term.value.parts[0]
        if meant and _TIME.fullmatch(name):
            text = (
                f"{name!r} in a search condition is a time of its own to a server, as earliest= or latest= is. "
                "The window is written once, in the procedure; a field of that name is compared with where."
            )
            yield Objection("times", text, term.span)


def _terms(value: object) -> Iterator[FieldTerm | FieldIn | Keyword]:
    """Yield the terms in a command, wherever it holds them, but not those of the searches and commands in it."""
    if isinstance(value, FieldTerm | FieldIn | Keyword):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            if not isinstance(part, Command | Search):
                yield from _terms(part)
    elif is_dataclass(value) and not isinstance(value, Span) and type(value).__name__ != "Dataset":
        for one in fields(value):
            inner = getattr(value, one.name)
            if not isinstance(inner, Command | Search):
                yield from _terms(inner)


def _becoming(search: Search) -> Iterator[Objection]:
    """Say where the rows of a search could become more than values in the search around it.

    A server writes those rows into the text of that search before it reads it.
    """
    last = search.commands[-1]
    if isinstance(last, Return) and any(bare for _, _, bare in last.fields):
        text = "return $field writes a value of the log into the search as it is. Expected return field."
        yield Objection("becomes", text, last.span)
        return
    if isinstance(last, Format) and not set(last.words) <= _WORDS:
        text = 'format takes only "(", ")", AND, OR and NOT here; its words become text of the search.'
        yield Objection("becomes", text, last.span)
        return
    names = _names(search)
    if names is None:
        text = "the fields of a subsearch are not known. Expected it to end with fields, table or return and their names."
        yield Objection("becomes", text, last.span)
        return
    for name in sorted(names):
        if name in {"search", "query"} or _TIME.fullmatch(name) or not _PLAIN_NAME.fullmatch(name):
            text = f"the field {name!r} of a subsearch is no comparison in the search around it. Give it another name."
            yield Objection("becomes", text, last.span)


def _names(search: Search) -> frozenset[str] | None:
    """Return the fields that the rows of a subsearch become a condition of; None when they cannot be told."""
    last = search.commands[-1]
    if isinstance(last, Return):
        return frozenset(name for name, _, _ in last.fields)
    commands = search.commands[:-1] if isinstance(last, Format) else search.commands
    for command in reversed(commands):
        if command.name in _SHAPING:
            break
        if command.name not in _PASSING:
            return None
    else:
        return None
    return output_fields(Search(commands, search.text)) if commands else None


def _strange_signs(text: str) -> Iterator[Objection]:
    """Refuse signs that one reader takes for a blank or a quote and another does not."""
    for match in _STRANGE.finditer(text):
        if match.lastgroup:
            what = {"quote": "a quote that opens or closes nothing", "blank": "a blank that is no plain one"}
            text_of = what.get(match.lastgroup, "a control character")
            yield Objection(
                "signs",
                f"{text_of} ({match.group()!r}) stands outside of quotes.",
                Span(match.start(), match.end()),
            )
