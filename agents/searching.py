"""Running searches for an item: within its budget, stored as evidence, written to the search log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from agents.sharing import Answer, Sharing
from procedures.model import Budget
from tools.records.evidence import EvidenceStore
from tools.records.finding import LoggedSearch
from tools.search.result import SearchRequest, SearchResult, SearchSession

Clock = Callable[[], float]
"""Returns the current time in epoch seconds."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished search and the digest of its evidence."""

    result: SearchResult
    evidence: str


@dataclass(slots=True)
class Searcher:
    """The item's way to the SIEM. `log` grows by one line for every search, sent or answered from what was sent."""

    session: SearchSession
    evidence: EvidenceStore
    budget: Budget
    clock: Clock
    log: list[LoggedSearch] = field(default_factory=list)
    sharing: Sharing | None = None
    """What answers without sending; None: everything is sent."""

    @property
    def exhausted(self) -> str | None:
        """The note code of the budget that is used up by what the item itself sent; None while something is left."""
        sent = [entry for entry in self.log if entry.taken_from is None]
        if len(sent) >= self.budget.searches:
            return "budget_searches"
        if sum(entry.duration_s for entry in sent) >= self.budget.seconds:
            return "budget_seconds"
        return None

    async def run(
        self, purpose: str, spl: str, earliest: float, latest: float, *, fresh: bool = False
    ) -> Ran | None:
        """Answer one search; None when the budget is used up.

        Args:
            purpose: What the search is for, as `LoggedSearch.purpose`.
            spl: The search, tokens filled in; macros may still be in it.
            earliest: Window start, epoch seconds.
            latest: Window end, epoch seconds, exclusive.
            fresh: Send it even when the same search was answered before.
        """
        if self.exhausted:
            return None
        left_s = self.budget.seconds - sum(entry.duration_s for entry in self.log if entry.taken_from is None)
        request = SearchRequest(
            spl=spl, earliest=earliest, latest=latest, row_limit=self.budget.rows, timeout_s=left_s
        )

        async def send() -> Answer:
            timed = await self.session.search(request)
            return Answer(timed, await asyncio.to_thread(self.evidence.put, timed.result))

        if self.sharing is None:
            answer = await send()
        else:
            answer = await self.sharing.answer(purpose, request, send, fresh=fresh)
        self.log.append(_logged(purpose, answer))
        return Ran(answer.timed.result, answer.evidence)


def _logged(purpose: str, answer: Answer) -> LoggedSearch:
    timed = answer.timed
    return LoggedSearch(
        purpose=purpose,
        evidence=answer.evidence,
        status=timed.result.status,
        earliest=timed.result.earliest,
        latest=timed.result.latest,
        rows=len(timed.result.rows),
        scanned=timed.result.scanned,
        executed_at=timed.executed_at,
        duration_s=timed.duration_s,
        taken_from=answer.taken_from,
    )
