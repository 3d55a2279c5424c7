"""Figures counted a second time, in Python, from the events that a search counts or lists."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from procedures.verdict import Verdict
from spl.commands.aggregate import Stats
from spl.commands.bins import Bin
from spl.commands.columns import Eval, Fields, Rename, Table
from spl.commands.rex import Rex
from spl.commands.rows import Dedup, Head, Sort, Where
from spl.datamodels import AnyDatasets
from spl.errors import SplError
from spl.parse import parse_search
from spl.plan import Command, Search, SearchCommand
from tools.records.finding import Findings, Judgement
from tools.search.result import Row, SearchResult, Value

Group = tuple[str, ...]
_STREAMING = (SearchCommand, Where, Eval, Fields, Rename, Rex, Bin)
_SHOWING = (Table, Sort)
_KEEPING = (SearchCommand, Where, Sort, Head, Dedup, Fields, Table)
_FILTERS = (SearchCommand, Where, Head, Dedup)
EVENTS = "events"
"""Column of the search that counts the events which a listing shows."""


def parsed(spl: str) -> Search | None:
    """Return a stored search as parsed; None when this program does not understand it."""
    try:
        return parse_search(spl, datasets=AnyDatasets())
    except SplError:
        return None


def counting(search: Search) -> tuple[str, Stats] | None:
    """Return the part of a search before its `stats`, and the `stats`; None when it counts in another way."""
    for command in search.commands:
        if isinstance(command, Stats):
            return search.text[: command.span.start].rstrip().removesuffix("|").rstrip(), command
        if not isinstance(command, _STREAMING):
            return None
    return None


def listing(search: Search) -> str | None:
    """Return the part of a search before it shows its events one by one; None when its rows are no events."""
    shown = next((command for command in search.commands if not isinstance(command, _STREAMING)), None)
    if shown is None:
        return search.text
    after = search.commands[search.commands.index(shown) :]
    if not all(isinstance(command, (*_STREAMING, *_SHOWING)) for command in after) or any(
        isinstance(command, (SearchCommand, Where)) for command in after
    ):
        return None
    return search.text[: shown.span.start].rstrip().removesuffix("|").rstrip()


def recountable(query: SearchResult) -> bool:
    """Tell whether the rows of a search can be counted again at all."""
    search = parsed(query.spl)
    return search is not None and (listing(search) is not None or _comparable(query) is not None)


def differences(query: SearchResult, events: SearchResult, wanted: set[Group] | None = None) -> Iterator[str]:
    """Yield where the rows of a search are not what its events give.

    Args:
        query: The search, with its rows.
        events: What it counts, as the search for its events answered; a count of them where it lists them.
        wanted: The only groups whose events were asked for; None: all.
    """
    search = parsed(query.spl)
    if search is not None and listing(search) is not None:
        found = events.rows[0].get(EVENTS) if events.rows else None
        if found is None or not _same(len(query.rows), found):
            yield f"{EVENTS}: {len(query.rows)} / {found!r}"
        return
    plan = _comparable(query)
    if plan is None:
        return
    stats, names, filtered = plan
    groups = _groups(events.rows, stats.by)
    rows = {_group(row, stats.by): row for row in query.rows}
    for group in sorted(rows if wanted is None else wanted & set(rows)):
        yield from _row_differences(stats, names, group, rows[group], groups.get(group, []))
    if not filtered and wanted is None and stats.by:
        yield from (f"{' '.join(group)}: {len(groups[group])}" for group in sorted(set(groups) - set(rows)))


def _row_differences(
    stats: Stats, names: set[str], group: Group, row: Row, events: list[Row]
) -> Iterator[str]:
    for aggregate in stats.aggregates:
        count = _COUNTED.get(aggregate.function)
        if aggregate.name not in names or count is None or aggregate.condition is not None:
            continue
        found = count(events, aggregate.field)
        if not _same(row.get(aggregate.name), found):
            yield f"{' '.join(group)} {aggregate.name}: {row.get(aggregate.name)!r} / {found!r}"


def asked_groups(query: SearchResult, findings: Findings, judgement: Judgement) -> set[Group]:
    """Return the groups of findings above none, by the `BY` of the item's own search."""
    search = parsed(query.spl)
    parts = counting(search) if search is not None else None
    by = parts[1].by if parts else ()
    above = {entry.finding for entry in judgement.findings if entry.unsuppressed is not Verdict.NONE}
    return {
        _group(query.rows[index], by)
        for finding in findings.findings
        if finding.id in above
        for index in finding.rows
    }


def _comparable(query: SearchResult) -> tuple[Stats, set[str], bool] | None:
    """Return the `stats`, its columns that reach the rows unchanged, and whether rows were dropped on the way."""
    search = parsed(query.spl)
    parts = counting(search) if search is not None else None
    if search is None or parts is None:
        return None
    stats, names, filtered = parts[1], {part.name for part in parts[1].aggregates}, False
    for command in search.commands[search.commands.index(stats) + 1 :]:
        changed = _changed(command)
        if changed is None or changed & set(stats.by):
            return None
        names -= changed
        filtered = filtered or isinstance(command, _FILTERS)
    counted = {part.name for part in stats.aggregates if part.function in _COUNTED and part.condition is None}
    present = {name for row in query.rows for name in row}
    if (query.rows and not set(stats.by) <= present) or not names & counted:
        return None
    return stats, names, filtered


def _changed(command: Command) -> set[str] | None:
    """Return the columns that a later command writes; None for a command that makes other rows."""
    match command:
        case Eval(assignments):
            return {name for name, _ in assignments}
        case Rex():
            return {name for name, _ in command.groups}
        case Rename(pairs) if not any("*" in name for pair in pairs for name in pair):
            return {name for pair in pairs for name in pair}
    return set() if isinstance(command, _KEEPING) else None


def _group(row: Row, by: Sequence[str]) -> Group:
    return tuple(_plain(row.get(name, "")) for name in by)


def _plain(value: Value) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _groups(events: Sequence[Row], by: Sequence[str]) -> Mapping[Group, list[Row]]:
    """Group events by every combination of their values; an event without one of the fields is in no group."""
    groups: dict[Group, list[Row]] = defaultdict(list)
    for event in events:
        keys: list[Group] = [()]
        for name in by:
            values = _values([event], name)
            keys = [(*key, _plain(value)) for key in keys for value in values]
        for key in keys:
            groups[key].append(event)
    return groups


def _values(events: Sequence[Row], field: str | None) -> list[str | int | float]:
    found: list[str | int | float] = []
    for event in events:
        value = event.get(field or "")
        if isinstance(value, list):
            found.extend(value)
        elif value is not None:
            found.append(value)
    return found


def _numbers(events: Sequence[Row], field: str | None) -> list[float]:
    numbers = []
    for value in _values(events, field):
        try:
            numbers.append(float(value))
        except ValueError:
            continue
    return numbers


def _count(events: Sequence[Row], field: str | None) -> Value | None:
    return len(events) if field is None else len(_values(events, field))


def _distinct(events: Sequence[Row], field: str | None) -> Value | None:
    return len({_plain(value) for value in _values(events, field)})


def _sum(events: Sequence[Row], field: str | None) -> Value | None:
    return math.fsum(numbers) if (numbers := _numbers(events, field)) else None


def _extreme(pick: Callable[[list[float]], float]) -> Callable[[Sequence[Row], str | None], Value | None]:
    def found(events: Sequence[Row], field: str | None) -> Value | None:
        values, numbers = _values(events, field), _numbers(events, field)
        return pick(numbers) if numbers and len(numbers) == len(values) else None

    return found


_COUNTED: dict[str, Callable[[Sequence[Row], str | None], Value | None]] = {
    "count": _count,
    "c": _count,
    "dc": _distinct,
    "distinct_count": _distinct,
    "sum": _sum,
    "min": _extreme(min),
    "max": _extreme(max),
}
"""Statistics that are counted again; others are left to the re-run."""


def _same(stored: Value | None, found: Value | None) -> bool:
    if isinstance(stored, int | float) and isinstance(found, int | float):
        return math.isclose(stored, found, rel_tol=1e-9, abs_tol=1e-9)
    return found is None or stored == found


def grown(before: SearchResult, after: SearchResult) -> bool:
    """Tell whether a re-run only has more than the search had: every row is still there, none of it smaller.

    That is what events look like that arrive late. Times may move to the earlier, lists may gain values.
    """
    old = [row for row in before.rows if row not in after.rows]
    new = [row for row in after.rows if row not in before.rows]
    for row in old:
        partner = next((other for other in new if _grew(row, other)), None)
        if partner is None:
            return False
        new.remove(partner)
    return bool(old or new)


def _grew(row: Row, other: Row) -> bool:
    return set(row) <= set(other) and all(_at_least(value, other[name]) for name, value in row.items())


def _at_least(value: Value, other: Value) -> bool:
    if isinstance(value, int | float) and isinstance(other, int | float):
        return other >= value or min(value, other) > _EPOCHS
    if isinstance(value, list):
        return set(value) <= set(other if isinstance(other, list) else [str(other)])
    return value == other or (isinstance(other, list) and str(value) in other)


_EPOCHS = 1e9
"""Numbers above it are taken for times."""
