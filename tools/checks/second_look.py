"""Check of the second look: nothing that it failed to see is left unsaid, and no zero rests on one search alone."""

from __future__ import annotations

from collections.abc import Iterator

from procedures.verdict import Verdict
from tools.checks.recount import ANSWERED, not_recounted
from tools.checks.subject import Subject
from tools.search.result import SearchResult, SearchStatus


def not_totalled(subject: Subject) -> bool:
    """Tell whether there is no independent total to compare with: none is written, or its search brought none."""
    digest = subject.findings.total_evidence
    if digest is None:
        return True
    total = subject.result(digest)
    return total.status not in ANSWERED or not any(total.rows)


def check_second_look(subject: Subject) -> Iterator[str]:
    """A second search that failed is spoken of; a zero that no second search confirms is no clean item."""
    codes = {note.code for note in subject.report.incomplete}
    if "recount_failed" not in codes:
        yield from _failed(subject)
    zero = subject.judgement.verdict is Verdict.NONE and not subject.findings.findings
    if zero and not _proved(subject.query) and not_totalled(subject) and not_recounted(subject):
        yield subject.report.item


def _failed(subject: Subject) -> Iterator[str]:
    if subject.again is None:
        return
    events = subject.again.events
    if events is not None:
        status = subject.result(events).status
        if status not in ANSWERED and status is not SearchStatus.TRUNCATED:
            yield f"{events[:12]}: {status.value}"
    for _, after in subject.again.reruns or ():
        if (status := subject.result(after).status) not in ANSWERED:
            yield f"{after[:12]}: {status.value}"


def _proved(query: SearchResult) -> bool:
    """Tell whether our own store answered: it counts every event that it looked at."""
    return query.scanned is not None and (query.proof is None or query.proof.kind == "embedded")
