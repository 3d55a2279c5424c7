"""The frozen plan of a search: what the parser hands to the compiler, the guard and lint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from spl.errors import Span
from spl.expr import Expr, field_names
from spl.terms import FieldIn, FieldTerm, Term, exact_values, walk_terms


@dataclass(frozen=True, slots=True)
class SearchCommand:
    """`search …`, or the implied first command."""

    term: Term | None
    span: Span


@dataclass(frozen=True, slots=True)
class Where:
    """`where expression`."""

    condition: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Eval:
    """`eval a=…, b=…`, in order."""

    assignments: tuple[tuple[str, Expr], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One statistic; `field` None counts rows, `condition` is the inside of `count(eval(…))`."""

    function: str
    field: str | None
    condition: Expr | None
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Stats:
    """`stats … BY …`."""

    aggregates: tuple[Aggregate, ...]
    by: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Table:
    """`table a b c*`."""

    fields: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Fields:
    """`fields + a b` or `fields - a b`."""

    mode: Literal["+", "-"]
    fields: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Rename:
    """`rename a AS b, x.* AS *`."""

    pairs: tuple[tuple[str, str], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of `sort`."""

    field: str
    descending: bool
    kind: Literal["auto", "num", "str", "ip"] = "auto"


@dataclass(frozen=True, slots=True)
class Sort:
    """`sort [limit] keys`; `limit` 0 keeps all, `implicit` when the default of 10,000 applies."""

    keys: tuple[SortKey, ...]
    limit: int
    implicit: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Head:
    """`head n`."""

    count: int
    span: Span


@dataclass(frozen=True, slots=True)
class Dedup:
    """`dedup [n] fields`."""

    fields: tuple[str, ...]
    keep: int
    keep_empty: bool
    consecutive: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Rex:
    """`rex field=f "…(?<name>…)…"`; `pattern` is already in RE2's spelling."""

    field: str
    pattern: str
    groups: tuple[tuple[str, int], ...]
    max_match: int
    span: Span


@dataclass(frozen=True, slots=True)
class Bin:
    """`bin field span=…`; a time span has a `unit`, a numeric one has none."""

    field: str
    alias: str
    amount: float
    unit: str | None
    span: Span


Command = SearchCommand | Where | Eval | Stats | Table | Fields | Rename | Sort | Head | Dedup | Rex | Bin


@dataclass(frozen=True, slots=True)
class Search:
    """A whole search; `earliest` and `latest` are inline times as written."""

    commands: tuple[Command, ...]
    text: str
    earliest: str | None = None
    latest: str | None = None

    @property
    def base(self) -> Term | None:
        """The condition of the first command."""
        first = self.commands[0]
        return first.term if isinstance(first, SearchCommand) else None


def command_names(search: Search) -> tuple[str, ...]:
    """Return the names of the commands, in order."""
    return tuple(
        "search" if isinstance(command, SearchCommand) else type(command).__name__.lower()
        for command in search.commands
    )


def indexes(search: Search) -> frozenset[str] | None:
    """Return the indexes that the search is bounded to; None when it is not."""
    return exact_values(search.base, "index")


def sourcetypes(search: Search) -> frozenset[str] | None:
    """Return the sourcetypes that the search is bounded to; None when it is not."""
    return exact_values(search.base, "sourcetype")


def term_fields(term: Term | None) -> Iterator[str]:
    """Yield the fields that a `search` condition reads; a keyword reads `_raw`."""
    for part in walk_terms(term):
        if isinstance(part, FieldTerm | FieldIn):
            yield part.field
        elif not hasattr(part, "operand") and not hasattr(part, "operands"):
            yield "_raw"


def reads(command: Command) -> tuple[str, ...]:
    """Return the fields that `command` reads, wildcards as written."""
    match command:
        case SearchCommand(term):
            return tuple(term_fields(term))
        case Where(condition):
            return field_names(condition)
        case Eval(assignments):
            return tuple(name for _, expr in assignments for name in field_names(expr))
        case Stats(aggregates, by):
            own = [aggregate.field for aggregate in aggregates if aggregate.field]
            inner = [
                name
                for aggregate in aggregates
                if aggregate.condition
                for name in field_names(aggregate.condition)
            ]
            return (*own, *inner, *by)
        case Table(fields) | Fields(_, fields) | Dedup(fields):
            return fields
        case Rename(pairs):
            return tuple(old for old, _ in pairs)
        case Sort(keys):
            return tuple(key.field for key in keys)
        case Rex(field):
            return (field, *(name for name, _ in command.groups))
        case Bin(field):
            return (field,)
    return ()


def output_fields(search: Search) -> frozenset[str] | None:
    """Return the fields of the result; None when raw events leave the set open."""
    names: set[str] | None = None
    for command in search.commands:
        names = _after(command, names)
    return None if names is None else frozenset(names)


def _after(command: Command, names: set[str] | None) -> set[str] | None:
    match command:
        case Stats(aggregates, by):
            return {*(aggregate.name for aggregate in aggregates), *by}
        case Table(fields) | Fields("+", fields) if not any("*" in field for field in fields):
            kept = set(fields) if names is None else set(fields) & names
            return kept | ({"_time", "_raw"} if isinstance(command, Fields) and names is None else set())
    if names is None:
        return None
    match command:
        case Fields("-", fields):
            return names - set(fields)
        case Eval(assignments):
            return names | {name for name, _ in assignments}
        case Rename(pairs) if not any("*" in old for old, _ in pairs):
            renamed = dict(pairs)
            return {renamed.get(name, name) for name in names}
        case Rex():
            return names | {name for name, _ in command.groups}
        case Bin(_, alias):
            return names | {alias}
        case Rename():
            return None
    return names


def source_fields(search: Search) -> frozenset[str] | None:
    """Return the event fields that can matter to the result; None when all of them can."""
    wanted: set[str] = set()
    for command in search.commands:
        names = reads(command)
        if any("*" in name for name in names) and not isinstance(command, Fields):
            return None
        wanted.update(name for name in names if "*" not in name)
        if isinstance(command, Fields) and command.mode == "+":
            wanted.add("_raw")
    return frozenset(wanted) if output_fields(search) is not None else None
