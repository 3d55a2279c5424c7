"""Did the item's data sources keep sending, and do their events hold the fields that the items read?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.field_counts import (
    FieldCount,
    Presence,
    aggregates,
    evals,
    field_counts,
    in_searches,
    is_counted,
    presences,
    sums,
)
from agents.field_states import Counted, field_notes, field_states
from agents.searching import Ran, Searcher
from procedures.field_reads import FieldRead
from procedures.model import DataSource
from tools.records.finding import FieldState, Note, SourceState
from tools.search.result import Row, SearchStatus

BINS = 1440
"""Time bins of a window: one minute in a day. A silence of at least one bin is measured to its edges."""


def completeness_search(
    source: DataSource, *, earliest: float, latest: float, counts: Sequence[FieldCount] = ()
) -> str:
    """Return the search that measures the silences of a source: one row, or one per value of `by`.

    Columns: `events`; `first`, `last`, the epochs of the outermost events; `silence`, the longest time without
    an event between two time bins, in seconds, and `silent_from`, when it began; `inside`, the longest
    time from the first to the last event of one bin, a bound of the silences that bins hide. Events are
    counted per bin first, so that an indexer sends bins, not events. `counts` add columns of their own.
    """
    span = max(1, int(min(source.max_silence_s / 2, (latest - earliest) / BINS)))
    by = f" {_quoted(source.by)}" if source.by else ""
    each = f" BY{by}" if by else ""
    return (
        f"{events_of(source)}{evals(counts)} | eval at=_time | bin _time span={span}s"
        f" | stats count AS events min(at) AS since max(at) AS until{aggregates(counts)} BY _time{by}"
        f" | sort 0 _time | streamstats current=f last(until) AS heard{each}"
        " | eval silence=since-heard, inside=until-since | sort 0 -silence +heard"
        " | stats sum(events) AS events min(since) AS first max(until) AS last first(silence) AS silence"
        f" first(heard) AS silent_from max(inside) AS inside{sums(counts)}{each}"
    )


def fields_search(source: DataSource, counts: Sequence[FieldCount]) -> str:
    """Return the search for fields that the completeness search has no room for: one row."""
    return f"{events_of(source)}{evals(counts)} | stats count AS events{aggregates(counts)}"


def seen_before_search(source: DataSource, counts: Sequence[FieldCount], *, values: bool = True) -> str:
    """Return the search over the time before the window: the values of `by` that sent something, and fields.

    Args:
        source: The data source.
        counts: Fields that no event of the window holds.
        values: Whether each value of `by` has a row.
    """
    by = f" BY {_quoted(source.by)}" if source.by and values else ""
    marked = evals(counts, last=True)
    return f"{events_of(source)}{marked} | stats count AS events{aggregates(counts, last=True)}{by}"


def events_of(source: DataSource) -> str:
    """Return the search for all events of a source."""
    where = f" {source.where}" if source.where else ""
    return f"index={source.index} sourcetype={source.sourcetype}{where}"


def _quoted(field: str) -> str:
    return field if field.replace("_", "").isalnum() else f'"{field}"'


def longest_silence(row: Row, *, earliest: float, latest: float) -> tuple[float, float, bool]:
    """Return length in seconds and start of the longest silence in `[earliest, latest)`, and whether it is exact.

    Args:
        row: One row of the completeness search.
        earliest: Window start, epoch seconds.
        latest: Window end, epoch seconds.

    Returns:
        Where a time bin may hide a longer silence than what was measured, the length is a bound of both.

    >>> longest_silence({"first": 10.0, "last": 80.0, "inside": 10.0}, earliest=0, latest=100)
    (20.0, 80.0, True)
    """
    number = {name: float(str(row[name])) for name in _MEASURED if row.get(name) not in {None, ""}}
    silences = [(number["first"] - earliest, -earliest), (latest - number["last"], -number["last"])]
    if "silence" in number:
        silences.append((number["silence"], -number["silent_from"]))
    length, start = max(silences)
    return round(max(length, number["inside"]), 6), -start, length >= number["inside"]


_MEASURED = ("first", "last", "silence", "silent_from", "inside")


@dataclass(frozen=True, slots=True)
class Watched:
    """What was found out about one data source."""

    states: tuple[SourceState, ...]
    fields: tuple[FieldState, ...]
    notes: tuple[Note, ...]


async def watch_source(
    source: DataSource,
    searcher: Searcher,
    *,
    earliest: float,
    latest: float,
    own: Sequence[FieldRead] = (),
    every: Sequence[FieldRead] = (),
) -> Watched:
    """Search one data source and say whether a value of its `by` field fell silent and whether fields are missing.

    A value is expected when it sent something in the window or in the time `seen_within` before it.

    Args:
        source: The data source.
        searcher: The way to the SIEM.
        earliest: Window start, epoch seconds.
        latest: Window end, epoch seconds, exclusive.
        own: What the item reads of the source.
        every: What all items of the procedure read of it: they share the searches.
    """
    bare = completeness_search(source, earliest=earliest, latest=latest)
    parts = in_searches(field_counts(every), len(bare), len(fields_search(source, ())))
    spl = completeness_search(source, earliest=earliest, latest=latest, counts=parts[0])
    ran = await searcher.run(f"completeness:{source.id}", spl, earliest, latest)
    if ran is None or not _answered(ran, parts[0]):
        return _unknown(source, ran)
    counted = Counted()
    _count(parts[0], ran, counted.now, counted.evidence)
    for number, part in enumerate(parts[1:], 2):
        purpose = f"fields:{source.id}:{number}"
        more = await searcher.run(purpose, fields_search(source, part), earliest, latest)
        if more is None or not _answered(more, part):
            return _unknown(source, more)
        _count(part, more, counted.now, counted.evidence)
    rows: dict[str | None, Row | None] = {_value(source, row): row for row in ran.result.rows}
    searched = await _search_before(source, searcher, counted, earliest=earliest, latest=latest)
    for before, asked in searched:
        if before is None or not _answered(before, asked):
            return _unknown(source, before)
    if source.by and searched and (senders := searched[0][0]):
        rows = dict.fromkeys(_value(source, row) for row in senders.result.rows) | rows
    states = [
        _state(source, value, row, ran.evidence, earliest=earliest, latest=latest)
        for value, row in sorted(rows.items(), key=lambda pair: pair[0] or "")
    ] or [_state(source, None, None, ran.evidence, earliest=earliest, latest=latest)]
    fields = field_states(source, own, every, counted)
    notes = (note for state in states if (note := _note(state)))
    return Watched(tuple(states), fields, (*notes, *field_notes(fields), *_set_aside(source, ran)))


async def _search_before(
    source: DataSource, searcher: Searcher, counted: Counted, *, earliest: float, latest: float
) -> list[tuple[Ran | None, Sequence[FieldCount]]]:
    """Search the time before the window for senders, and for fields that no event of the window holds."""
    absent = counted.absent()
    if not source.by and not absent:
        return []
    begin = earliest - (source.seen_within_s or latest - earliest)
    first, other = (len(seen_before_search(source, (), values=values)) for values in (True, False))
    found: list[tuple[Ran | None, Sequence[FieldCount]]] = []
    for number, part in enumerate(in_searches(absent, first, other, last=True), 1):
        purpose = f"seen_before:{source.id}" if number == 1 else f"fields_before:{source.id}:{number}"
        spl = seen_before_search(source, part, values=number == 1)
        ran = await searcher.run(purpose, spl, begin, earliest)
        found.append((ran, part))
        if ran is None:
            break
        _count(part, ran, counted.before, counted.history)
    return found


def _count(
    counts: Sequence[FieldCount], ran: Ran, seen: dict[FieldCount, Presence], evidence: dict[FieldCount, str]
) -> None:
    for count, presence in presences(counts, ran.result.rows):
        seen[count] = presence
        evidence[count] = ran.evidence


def _set_aside(source: DataSource, ran: Ran) -> tuple[Note, ...]:
    """Say how many lines of the source the import could not read as events."""
    lines = ran.result.set_aside
    return (Note(code="source_set_aside", values={"source": source.id, "lines": lines}),) if lines else ()


def _answered(ran: Ran, counts: Sequence[FieldCount]) -> bool:
    """Tell whether a search ended well and counted what it was asked to."""
    return ran.result.status in {SearchStatus.OK, SearchStatus.NO_DATA} and is_counted(
        counts, ran.result.rows
    )


def _unknown(source: DataSource, ran: Ran | None) -> Watched:
    state = SourceState(
        source=source.id,
        value=None,
        state="unknown",
        max_silence_s=source.max_silence_s,
        evidence=ran.evidence if ran else "",
    )
    return Watched((state,), (), (Note(code="source_unknown", values={"source": source.id}),))


def _value(source: DataSource, row: Row) -> str | None:
    return str(row.get(source.by, "")) if source.by else None


def _state(
    source: DataSource, value: str | None, row: Row | None, evidence: str, *, earliest: float, latest: float
) -> SourceState:
    events = int(float(str(row.get("events") or 0))) if row else 0
    length, start, exact = latest - earliest, earliest, True
    if row and events:
        length, start, exact = longest_silence(row, earliest=earliest, latest=latest)
    state = "silent" if not events else "gap" if length > source.max_silence_s else "ok"
    return SourceState(
        source=source.id,
        value=value,
        state=state,
        events=events,
        longest_gap_s=length,
        gap_start=start,
        exact=exact,
        max_silence_s=source.max_silence_s,
        evidence=evidence,
    )


def _note(state: SourceState) -> Note | None:
    name = {"source": state.source, "value": state.value or "", "max_silence_s": state.max_silence_s}
    if state.state == "silent":
        return Note(code="source_silent", values=name)
    if state.state == "gap":
        gap = {"gap_s": state.longest_gap_s or 0, "gap_start": state.gap_start or 0}
        return Note(code="source_gap", values={**name, **gap})
    return None
