"""The columns that count how many events of a data source hold each field that items read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from procedures.field_reads import FieldRead
from tools.search.result import Row

LONGEST = 4500
"""Characters of one search; the strictest known server takes 5,000, and the client adds its own."""


@dataclass(frozen=True, slots=True)
class FieldCount:
    """One column: the events of a scope that hold one of some fields."""

    fields: tuple[str, ...]
    scope: str
    """Search condition; empty for every event of the source."""
    name: str
    """Name of the column."""
    scope_name: str
    """Name of the column that counts the events of the scope; empty for `events`."""


@dataclass(frozen=True, slots=True)
class Presence:
    """What was counted in one window: events of a scope, those that hold the fields, and when the last did."""

    events: int = 0
    held: int = 0
    last: float | None = None


def field_counts(reads: Iterable[FieldRead]) -> tuple[FieldCount, ...]:
    """Return one column for each different read."""
    pairs = dict.fromkeys((read.fields, read.scope) for read in reads)
    scopes = {scope: f"zs{number}" for number, scope in enumerate(dict.fromkeys(s for _, s in pairs if s))}
    return tuple(
        FieldCount(fields, scope, f"zf{number}", scopes.get(scope, ""))
        for number, (fields, scope) in enumerate(pairs)
    )


def in_searches(
    counts: Sequence[FieldCount], first: int, other: int, *, last: bool = False
) -> list[tuple[FieldCount, ...]]:
    """Share columns out over as few searches as their length allows, in order; the first is always there.

    Args:
        counts: The columns.
        first: Characters that the first search has without them.
        other: Characters that every further search has without them.
        last: Whether the searches also ask when each was seen last.
    """
    searches: list[tuple[FieldCount, ...]] = [()]
    for count in counts:
        base = first if len(searches) == 1 else other
        longer = (*searches[-1], count)
        if searches[-1] and base + _length(longer, last=last) > LONGEST:
            searches.append((count,))
        else:
            searches[-1] = longer
    return searches


def _length(counts: Sequence[FieldCount], *, last: bool) -> int:
    return len(evals(counts, last=last)) + 2 * len(aggregates(counts, last=last))


def evals(counts: Sequence[FieldCount], *, last: bool = False) -> str:
    """Return the commands that mark every event for the columns; empty without columns.

    >>> print(evals([FieldCount(("a.b",), "c=1", "zf0", "zs0")]))
     | eval zs0=if(searchmatch("c=1"),1,null()), zf0=if(isnull('a.b'),null(),zs0)
    """
    parts = [
        f'{name}=if(searchmatch("{_escaped(scope)}"),1,null())' for name, scope in _scopes(counts).items()
    ]
    parts += [
        f"{count.name}=if(isnull({_value(count.fields)}),null(),{count.scope_name or '1'})"
        for count in counts
    ]
    parts += [f"{_last(count)}={count.name}*_time" for count in counts if last]
    return f" | eval {', '.join(parts)}" if parts else ""


def aggregates(counts: Sequence[FieldCount], *, last: bool = False) -> str:
    """Return the statistics that count the marks, with a blank before each."""
    names = (*_scopes(counts), *(count.name for count in counts))
    text = "".join(f" count({name}) AS {name}" for name in names)
    return text + "".join(f" max({_last(count)}) AS {_last(count)}" for count in counts if last)


def sums(counts: Sequence[FieldCount]) -> str:
    """Return the statistics that add up what `aggregates` counted."""
    return "".join(
        f" sum({name}) AS {name}" for name in (*_scopes(counts), *(count.name for count in counts))
    )


def presences(counts: Sequence[FieldCount], rows: Sequence[Row]) -> Iterator[tuple[FieldCount, Presence]]:
    """Yield what the rows of a search say of each column; the rows add up."""
    for count in counts:
        lasts = [seen for row in rows if (seen := _number(row.get(_last(count))))]
        yield (
            count,
            Presence(
                events=sum(int(_number(row.get(count.scope_name or "events"))) for row in rows),
                held=sum(int(_number(row.get(count.name))) for row in rows),
                last=max(lasts, default=None),
            ),
        )


def is_counted(counts: Sequence[FieldCount], rows: Sequence[Row]) -> bool:
    """Tell whether every row with events has every column that was asked for."""
    names = (*_scopes(counts), *(count.name for count in counts))
    known = (row for row in rows if _number(row.get("events")))
    return all(_is_number(row.get(name)) for row in known for name in names)


def _scopes(counts: Sequence[FieldCount]) -> dict[str, str]:
    return {count.scope_name: count.scope for count in counts if count.scope}


def _last(count: FieldCount) -> str:
    return f"zt{count.name.removeprefix('zf')}"


def _value(fields: tuple[str, ...]) -> str:
    quoted = [_quoted(field) for field in fields]
    return quoted[0] if len(quoted) == 1 else f"coalesce({','.join(quoted)})"


def _quoted(field: str) -> str:
    r"""Return a field of an expression; anything but letters, digits and `_` stands in single quotes."""
    return "'" + field.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _is_number(value: object) -> bool:
    try:
        return math.isfinite(float(str(value)))
    except ValueError:
        return False


def _number(value: object) -> float:
    return float(str(value)) if _is_number(value) else 0.0
