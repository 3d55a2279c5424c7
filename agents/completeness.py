"""Did the item's data sources keep sending? The longest silence inside the window, edges included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from agents.searching import Searcher
from procedures.model import DataSource
from tools.records.finding import Note, SourceState
from tools.search.result import Row, SearchStatus

BIN_ROWS = 900
"""Most time bins asked for in one search; below the row cap of every known server."""

Span = tuple[float, float, int]
"""First event, last event and number of events of one time bin."""


def completeness_search(source: DataSource, *, earliest: float, latest: float) -> str:
    """Return the search whose rows are the first and last event of every time bin.

    Bins are at most half of the tolerated silence wide, so a silence that matters always spans two bins
    and its length is exact.
    """
    span = max(
        1, int(min(source.max_silence_s / 2, max(source.max_silence_s / 8, (latest - earliest) / BIN_ROWS)))
    )
    by = f" BY _time {_quoted(source.by)}" if source.by else " BY _time"
    where = f" {source.where}" if source.where else ""
    return (
        f"index={source.index} sourcetype={source.sourcetype}{where} | eval at=_time | bin _time span={span}s"
        f" | stats count AS events min(at) AS first max(at) AS last{by}"
    )


def _quoted(field: str) -> str:
    return field if field.replace("_", "").isalnum() else f'"{field}"'


def longest_gap(spans: Iterable[Span], *, earliest: float, latest: float) -> tuple[float, float]:
    """Return length and start, in epoch seconds, of the longest silence in `[earliest, latest)`.

    >>> longest_gap([(10.0, 20.0, 3), (70.0, 80.0, 2)], earliest=0, latest=100)
    (50.0, 20.0)
    """
    ordered = sorted(spans)
    edges = [earliest, *(edge for first, last, _ in ordered for edge in (first, last)), latest]
    silences = [(right - left, left) for left, right in pairwise(edges)][::2]
    return max(silences, key=lambda silence: silence[0])


async def watch_source(
    source: DataSource, searcher: Searcher, *, earliest: float, latest: float
) -> tuple[tuple[SourceState, ...], tuple[Note, ...]]:
    """Search one data source and say, for every value of its `by` field, whether it fell silent."""
    spl = completeness_search(source, earliest=earliest, latest=latest)
    ran = await searcher.run(f"completeness:{source.id}", spl, earliest, latest)
    if ran is None or ran.result.status not in {SearchStatus.OK, SearchStatus.NO_DATA}:
        unknown = SourceState(
            source=source.id,
            value=None,
            state="unknown",
            max_silence_s=source.max_silence_s,
            evidence=ran.evidence if ran else "",
        )
        return (unknown,), (Note(code="source_unknown", values={"source": source.id}),)
    states = _states(source, ran.result.rows, ran.evidence, earliest=earliest, latest=latest)
    return states, tuple(note for state in states if (note := _note(state)))


def _states(
    source: DataSource, rows: tuple[Row, ...], evidence: str, *, earliest: float, latest: float
) -> tuple[SourceState, ...]:
    series: dict[str | None, list[Span]] = defaultdict(list)
    for row in rows:
        value = str(row.get(source.by, "")) if source.by else None
        series[value].append((float(str(row["first"])), float(str(row["last"])), int(str(row["events"]))))
    if not series:
        series[None] = []
    return tuple(
        _state(source, value, spans, evidence, earliest=earliest, latest=latest)
        for value, spans in sorted(series.items(), key=lambda pair: pair[0] or "")
    )


def _state(
    source: DataSource, value: str | None, spans: list[Span], evidence: str, *, earliest: float, latest: float
) -> SourceState:
    gap_s, gap_start = (
        longest_gap(spans, earliest=earliest, latest=latest) if spans else (latest - earliest, earliest)
    )
    state = "silent" if not spans else "gap" if gap_s > source.max_silence_s else "ok"
    return SourceState(
        source=source.id,
        value=value,
        state=state,
        events=sum(count for _, _, count in spans),
        longest_gap_s=gap_s,
        gap_start=gap_start,
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
