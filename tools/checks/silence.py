"""What the stored searches of completeness say about silence, worked out beside the agent that judged it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from procedures.model import DataSource
from tools.checks.subject import Subject
from tools.search.result import Row, SearchResult


def silence_s(row: Row, searched: SearchResult) -> float:
    """Return the longest silence of a sender, edges of the window included, in seconds; infinite without events."""
    if not float(str(row.get("events") or 0)):
        return math.inf
    first, last = float(str(row["first"])), float(str(row["last"]))
    return max(first - searched.earliest, searched.latest - last, float(str(row.get("silence") or 0)))


def untold_silences(subject: Subject) -> Iterator[str]:
    """Yield the senders that the searches show silent and the notes do not name, and the reverse."""
    logged = {entry.purpose: subject.result(entry.evidence) for entry in subject.report.search_log}
    notes = [(note.code, note.values) for note in subject.report.incomplete]
    unknown = {values.get("source") for code, values in notes if code == "source_unknown"}
    silent: set[tuple[object, object]] = set()
    for source in subject.procedure.data_sources:
        searched = logged.get(f"completeness:{source.id}")
        if searched and source.id not in unknown:
            before = logged.get(f"seen_before:{source.id}")
            silent |= {(source.id, value) for value in _silent(source, searched, before)}
    told = {
        (values.get("source"), values.get("value"))
        for code, values in notes
        if code in {"source_silent", "source_gap"}
    }
    yield from sorted(f"{source} {value}".strip() for source, value in silent ^ told)


def _silent(source: DataSource, searched: SearchResult, before: SearchResult | None) -> Iterator[str]:
    heard = {str(row.get(source.by or "", "")): silence_s(row, searched) for row in searched.rows}
    known = {str(row.get(source.by or "", "")) for row in before.rows} if before else set()
    for value in known | set(heard) or {""}:
        if heard.get(value, math.inf) > source.max_silence_s:
            yield value
