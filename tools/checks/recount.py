"""Checks against the SIEM: figures counted a second time from events, and searches that ran again."""

from __future__ import annotations

from collections.abc import Iterator

from tools.checks.counted import asked_groups, differences, grown, recountable
from tools.checks.joint import false_parts
from tools.checks.subject import Subject
from tools.search.result import Row, SearchResult, SearchStatus

ANSWERED = frozenset({SearchStatus.OK, SearchStatus.NO_DATA})
LATE = "late_events"
"""Code of the note that tells of events which came after the search."""
_SHOWN = 20


def not_recounted(subject: Subject) -> bool:
    """Tell whether the events could not be had, or not counted, so that nothing can be said."""
    if subject.again is None or subject.again.events is None:
        return True
    return subject.result(subject.again.events).status not in ANSWERED or not recountable(subject.query)


def check_recount(subject: Subject) -> Iterator[str]:
    """The figures of the item's own search, counted a second time in Python from the events that it counts.

    Where they differ because events came late, the search itself gives the new figures when it runs again.
    """
    if subject.again is None or subject.again.events is None:
        return
    events = subject.result(subject.again.events)
    yield from false_parts(subject, events)
    narrowed = subject.again.narrowed
    wanted = asked_groups(subject.query, subject.findings, subject.judgement) if narrowed else None
    found = list(differences(subject.query, events, wanted))
    rerun = subject.again.rerun_of(subject.findings.evidence)
    if found and rerun is not None:
        later = subject.result(rerun)
        explained = later.status is SearchStatus.OK and not any(differences(later, events, wanted))
        if explained and grown(subject.query, later) and "query" in _told(subject):
            return
    yield from found


def not_rechecked(subject: Subject) -> bool:
    """Tell whether no search ran again to its end; one that failed is a gap, which the report must name."""
    reruns = (subject.again.reruns or ()) if subject.again else ()
    return not any(subject.result(after).status in ANSWERED for _, after in reruns)


def check_recheck(subject: Subject) -> Iterator[str]:
    """The searches behind the verdict, run again: what came late is told, and nothing else differs."""
    for before, after in (subject.again.reruns or ()) if subject.again else ():
        old, new = subject.result(before), subject.result(after)
        purpose = next((entry.purpose for entry in subject.report.search_log if entry.evidence == before), "")
        if new.status in ANSWERED and not (grown(old, new) and purpose in _told(subject)):
            yield from (f"{purpose}: {line}" for line in _differences(old, new))


def _told(subject: Subject) -> set[object]:
    return {note.values.get("purpose") for note in subject.report.told if note.code == LATE}


def _differences(old: SearchResult, new: SearchResult) -> Iterator[str]:
    gone = [row for row in old.rows if row not in new.rows]
    come = [row for row in new.rows if row not in old.rows]
    yield from (f"- {_shown(row)}" for row in gone[:_SHOWN])
    yield from (f"+ {_shown(row)}" for row in come[:_SHOWN])


def _shown(row: Row) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.items())[:200]
