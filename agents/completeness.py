"""Did the item's data sources keep sending? The longest silence inside the window, edges included."""

from __future__ import annotations

from agents.searching import Ran, Searcher
from procedures.model import DataSource
from tools.records.finding import Note, SourceState
from tools.search.result import Row, SearchStatus

BINS = 1440
"""Time bins of a window: one minute in a day. A silence of at least one bin is measured to its edges."""


def completeness_search(source: DataSource, *, earliest: float, latest: float) -> str:
    """Return the search that measures the silences of a source: one row, or one per value of `by`.

    Columns: `events`; `first`, `last`, the epochs of the outermost events; `silence`, the longest time without
    an event between two time bins, in seconds, and `silent_from`, when it began; `inside`, the longest
    time from the first to the last event of one bin, a bound of the silences that bins hide. Events are
    counted per bin first, so that an indexer sends bins, not events.
    """
    span = max(1, int(min(source.max_silence_s / 2, (latest - earliest) / BINS)))
    by = f" {_quoted(source.by)}" if source.by else ""
    each = f" BY{by}" if by else ""
    return (
        f"{_events_of(source)} | eval at=_time | bin _time span={span}s"
        f" | stats count AS events min(at) AS since max(at) AS until BY _time{by}"
        f" | sort 0 _time | streamstats current=f last(until) AS heard{each}"
        " | eval silence=since-heard, inside=until-since | sort 0 -silence +heard"
        " | stats sum(events) AS events min(since) AS first max(until) AS last first(silence) AS silence"
        f" first(heard) AS silent_from max(inside) AS inside{each}"
    )


def known_values_search(source: DataSource) -> str:
    """Return the search for the values of `by` that sent something, run over the time before the window."""
    return f"{_events_of(source)} | stats count AS events BY {_quoted(source.by or '')}"


def _events_of(source: DataSource) -> str:
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


async def watch_source(
    source: DataSource, searcher: Searcher, *, earliest: float, latest: float
) -> tuple[tuple[SourceState, ...], tuple[Note, ...]]:
    """Search one data source and say, for every value of its `by` field, whether it fell silent.

    A value is expected when it sent something in the window or in the time `seen_within` before it.
    """
    spl = completeness_search(source, earliest=earliest, latest=latest)
    ran = await searcher.run(f"completeness:{source.id}", spl, earliest, latest)
    if ran is None or not _answered(ran):
        return _unknown(source, ran)
    rows: dict[str | None, Row | None] = {_value(source, row): row for row in ran.result.rows}
    if source.by:
        before = await searcher.run(
            f"seen_before:{source.id}",
            known_values_search(source),
            earliest - (source.seen_within_s or latest - earliest),
            earliest,
        )
        if before is None or not _answered(before):
            return _unknown(source, before)
        rows = dict.fromkeys(_value(source, row) for row in before.result.rows) | rows
    states = [
        _state(source, value, row, ran.evidence, earliest=earliest, latest=latest)
        for value, row in sorted(rows.items(), key=lambda pair: pair[0] or "")
    ] or [_state(source, None, None, ran.evidence, earliest=earliest, latest=latest)]
    return tuple(states), tuple(note for state in states if (note := _note(state)))


def _answered(ran: Ran) -> bool:
    return ran.result.status in {SearchStatus.OK, SearchStatus.NO_DATA}


def _unknown(source: DataSource, ran: Ran | None) -> tuple[tuple[SourceState, ...], tuple[Note, ...]]:
    state = SourceState(
        source=source.id,
        value=None,
        state="unknown",
        max_silence_s=source.max_silence_s,
        evidence=ran.evidence if ran else "",
    )
    return (state,), (Note(code="source_unknown", values={"source": source.id}),)


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
