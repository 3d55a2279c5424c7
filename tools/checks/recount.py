"""Checks against the SIEM: figures counted a second time from events, and searches that ran again."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from procedures.verdict import Verdict
from spl.commands.aggregate import Stats
from spl.commands.columns import Eval, Fields, Rename, Table
from spl.commands.rex import Rex
from spl.commands.rows import Dedup, Head, Sort, Where
from spl.plan import Command, SearchCommand
from tools.checks.again import counting, parsed
from tools.checks.subject import Subject
from tools.search.result import Row, SearchResult, SearchStatus, Value

Group = tuple[str, ...]
_KEEPING = (SearchCommand, Where, Sort, Head, Dedup, Fields, Table)
_FILTERS = (SearchCommand, Where, Head, Dedup)
_SHOWN = 20


def not_recounted(subject: Subject) -> bool:
    """Tell whether the events could not be had, or not counted, so that nothing can be said."""
    if subject.again is None or subject.again.events is None:
        return True
    events = subject.result(subject.again.events)
    return events.status is not SearchStatus.OK or _comparable(subject.query) is None


def check_recount(subject: Subject) -> Iterator[str]:
    """The figures of the item's own search, counted a second time in Python from the events that it counts."""
    plan = _comparable(subject.query)
    if plan is None or subject.again is None or subject.again.events is None:
        return
    stats, names, filtered = plan
    groups = _groups(subject.result(subject.again.events).rows, stats.by)
    rows = {_group(row, stats.by): row for row in subject.query.rows}
    wanted = _asked(subject, stats.by) if subject.again.narrowed else set(rows)
    for group in sorted(wanted):
        row, events = rows.get(group), groups.get(group, [])
        if row is None:
            continue
        for aggregate in stats.aggregates:
            count = _COUNTED.get(aggregate.function)
            if aggregate.name not in names or count is None or aggregate.condition is not None:
                continue
            found = count(events, aggregate.field)
            if not _same(row.get(aggregate.name), found):
                yield f"{' '.join(group)} {aggregate.name}: {row.get(aggregate.name)!r} / {found!r}"
    if not filtered and not subject.again.narrowed and stats.by:
        yield from (f"{' '.join(group)}: {len(groups[group])}" for group in sorted(set(groups) - set(rows)))


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


def _asked(subject: Subject, by: Sequence[str]) -> set[Group]:
    above = {entry.finding for entry in subject.judgement.findings if entry.unsuppressed is not Verdict.NONE}
    return {
        _group(subject.query.rows[index], by)
        for finding in subject.findings.findings
        if finding.id in above
        for index in finding.rows
    }


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


def check_recheck(subject: Subject) -> Iterator[str]:
    """The searches behind the verdict, run again: late events and other differences, row by row."""
    for before, after in (subject.again.reruns or ()) if subject.again else ():
        old, new = subject.result(before), subject.result(after)
        purpose = next((entry.purpose for entry in subject.report.search_log if entry.evidence == before), "")
        if new.status is not old.status:
            yield f"{purpose}: {old.status.value} / {new.status.value}"
        yield from (f"{purpose}: {line}" for line in _differences(old, new))


def _differences(old: SearchResult, new: SearchResult) -> Iterator[str]:
    gone = [row for row in old.rows if row not in new.rows]
    come = [row for row in new.rows if row not in old.rows]
    yield from (f"- {_shown(row)}" for row in gone[:_SHOWN])
    yield from (f"+ {_shown(row)}" for row in come[:_SHOWN])


def _shown(row: Row) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.items())[:200]
