"""Searches that brought less than they were asked for because the SIEM could not answer, not because of a policy."""

from __future__ import annotations

from collections.abc import Iterator

from agents.drill_down import BY_MODEL
from tools.records.evidence import EvidenceStore
from tools.records.report import ItemReport, UnfinishedSearch
from tools.search.result import SearchResult, SearchStatus

BROKEN = frozenset({SearchStatus.FAILED, SearchStatus.REFUSED, SearchStatus.TIMED_OUT, SearchStatus.PARTIAL})
"""How a search ends whose data could not be had; what was cut by a limit or is silent is no such thing."""

MESSAGE = 300
"""Most characters of a server's words that are shown."""


def unfinished_searches(report: ItemReport, evidence: EvidenceStore) -> Iterator[UnfinishedSearch]:
    """Yield the searches of a report that its verdict rests on and that did not bring their data, as they were sent."""
    for entry in report.search_log:
        if entry.status in BROKEN and not entry.purpose.startswith(BY_MODEL):
            words = evidence.get(entry.evidence, SearchResult).messages
            yield UnfinishedSearch(
                item=report.item,
                purpose=entry.purpose,
                status=entry.status,
                message=" ".join(" ".join(words).split())[:MESSAGE],
            )
    for note in report.incomplete:
        status = str(note.values.get("status"))
        if note.code == "recount_failed" and status in BROKEN:
            yield UnfinishedSearch(
                item=report.item,
                purpose=str(note.values["purpose"]),
                status=SearchStatus(status),
                message="",
            )
