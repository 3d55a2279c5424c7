"""The events behind the figures of several items, asked for once.

A joint answer only ever confirms: where it is no answer, has no row for anybody, or says something else than the
item's search, the item asks for its own events, as if there were no other.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from agents.completeness import events_of
from agents.context import ItemContext
from agents.joining import Joint, JointPlan, Recount, join
from agents.sharing import Answer, Sharing
from procedures.expand import TokenError, parameter_values
from procedures.filling import fill_search
from procedures.model import Item
from spl.errors import SplError
from tools.checks.again import events_search
from tools.checks.counted import differences
from tools.records.evidence import EvidenceStore
from tools.search.result import SearchRequest, SearchResult, SearchSession, SearchStatus

TIMEOUT_S = 60.0
ANSWERED = frozenset({SearchStatus.OK, SearchStatus.NO_DATA})


@dataclass(frozen=True, slots=True)
class JointRecounts:
    """One item's way to the events that were asked for together with those of other items."""

    context: ItemContext
    sharing: Sharing
    session: SearchSession
    evidence: EvidenceStore

    async def events(self, query: SearchResult) -> tuple[str, SearchResult] | None:
        """Return the events behind an item's search and the digest of where they are; None: ask for them.

        Args:
            query: The item's own search, answered.
        """
        window = query.earliest, query.latest
        plan = await asyncio.to_thread(
            self.sharing.flights.plan, (self.sharing.round_id, window), lambda: self._plan(*window)
        )
        found = plan.of(self.context.item_id)
        if found is None:
            return None
        mine, joint = found
        request = SearchRequest(
            spl=joint.text,
            earliest=query.earliest,
            latest=query.latest,
            row_limit=self.context.procedure.budget.rows,
            timeout_s=TIMEOUT_S,
        )

        async def send() -> Answer:
            timed = await self.session.search(request)
            return Answer(timed, await asyncio.to_thread(self.evidence.put, timed.result))

        answer = await self.sharing.once(request, send, doubtful=len(joint.branches) > 1)
        if answer is None:
            return None
        return await asyncio.to_thread(self._part, query, mine, joint, answer)

    def _plan(self, earliest: float, latest: float) -> JointPlan:
        """Return which recounts of the procedure are one search over a window."""
        items = self.context.procedure.items
        recounts = [found for item in items if (found := self._recount(item, earliest, latest))]
        sources = frozenset(events_of(source) for source in self.context.procedure.data_sources)
        return JointPlan({recount.item: recount for recount in recounts}, join(recounts, alone=sources))

    def _recount(self, item: Item, earliest: float, latest: float) -> Recount | None:
        """Return the events that an item counts over a window; None when nothing is known of them."""
        if self.context.window(item.window, now=self.sharing.clock()) != (earliest, latest):
            return None
        try:
            spl = fill_search(item.spl, parameter_values(self.context.parameters), self.context.macros)
        except (TokenError, SplError):
            return None
        text = self.sharing.text_of(SearchRequest(spl=spl, earliest=earliest, latest=latest))
        search = events_search(text) if text is not None else None
        if search is None or search.before.startswith("|"):
            return None
        return Recount(item.id, search.before, search.columns, search.listing)

    def _part(
        self, query: SearchResult, mine: Recount, joint: Joint, answer: Answer
    ) -> tuple[str, SearchResult] | None:
        """Return this item's part of a joint answer, stored; None when it says something else than its search."""
        whole = answer.timed.result
        cut = whole.status is SearchStatus.TRUNCATED and len(joint.branches) == 1 and not mine.listing
        if (whole.status not in ANSWERED and not cut) or not whole.rows:
            return None  # an answer that lost its rows would confirm every zero
        search = events_search(query.spl)
        if search is None or search.before != mine.before:
            return None
        part = SearchResult(
            status=whole.status,
            spl=search.text,
            earliest=whole.earliest,
            latest=whole.latest,
            fields=mine.columns,
            rows=joint.rows_of(mine, whole.rows),
            messages=(f"part of the joint search with evidence {answer.evidence}", *whole.messages),
            server=whole.server,
        )
        if not cut and any(differences(query, part)):
            return None
        return self.evidence.put(part), part
