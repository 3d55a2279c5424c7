"""Checks of answers that an item took instead of sending for them: that they may be, and that the log says so."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from tools.checks.subject import Subject
from tools.records.finding import LoggedSearch
from tools.search.result import SearchResult, SearchStatus

_MARK = re.compile(
    r"\((?P<words>[^()]*?)(?P<time>\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d) (?P<zone>\S+?)(?P<rest> 実行)?\)$"
)
_WORDS = {
    "round": ("同じ回の検索と共有、", "shared within this round, ran "),
    "earlier": ("以前の回の証跡を使用、", "evidence of an earlier round, ran "),
}
_ANSWERS = {SearchStatus.OK, SearchStatus.NO_DATA, SearchStatus.TRUNCATED}


def wrongly_taken(subject: Subject) -> Iterator[str]:
    """Yield the lines of the log whose answer had to be sent for.

    A failed search is no answer to another. A reviewer who asks for more gets a new answer. Of an earlier round only
    a baseline period is taken, and only when all its data had arrived and the server showed that nothing is missing.
    """
    settle_s = max((source.settle_s for source in subject.procedure.data_sources), default=0)
    for entry in subject.report.search_log:
        fine = entry.taken_from is None or entry.status in _ANSWERS
        if entry.taken_from == "earlier":
            fine = (
                entry.purpose.startswith("baseline:")
                and entry.status is SearchStatus.OK
                and entry.executed_at >= entry.latest + settle_s
                and _is_whole(subject.result(entry.evidence))
            )
        if not fine:
            yield f"{entry.purpose}: {entry.taken_from}"
    yield from _not_sent(subject)


def _not_sent(subject: Subject) -> Iterator[str]:
    """Yield the drill-downs that a reviewer asked for and that were not sent as often as they were asked for."""
    asked = Counter(
        run.evidence
        for run in subject.runs
        if run.evidence and run.requested_by and not run.requested_by.startswith("model:")
    )
    sent = Counter(entry.evidence for entry in subject.report.search_log if entry.taken_from is None)
    yield from (digest[:12] for digest in asked - sent)


def _is_whole(result: SearchResult) -> bool:
    shown = result.scanned is not None if result.proof is None else result.proof.kind != "none"
    return shown and not result.set_aside


def told_as_taken(cell: str, entry: LoggedSearch, zone: str, language: str) -> bool:
    """Tell whether the first cell of a line of the log says, truly, from where and of when its answer is."""
    match = _MARK.search(cell)
    if entry.taken_from is None or match is None:
        return entry.taken_from is None and match is None
    ran = dt.datetime.fromtimestamp(round(entry.executed_at), ZoneInfo(zone))
    told = (match["words"], f"{match['time']} {match['zone']}")
    return told == (_WORDS[entry.taken_from][language == "en"], f"{ran:%Y-%m-%d %H:%M:%S %Z}")
