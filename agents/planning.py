"""What a round would search, before anything is sent: the query agent's own steps, with nobody at the other end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agents.context import ItemContext
from agents.drill_down import BATCH
from agents.query import query_item
from agents.searching import Ran, Searcher
from agents.sharing import Sharing, role_of
from tools.checks.again import SEARCHES
from tools.records.finding import LoggedSearch, Model
from tools.records.searches import Role, SearchKey
from tools.search.result import SearchRequest, SearchResult, SearchStatus, TimedResult

Asked = set[tuple[Role, SearchKey]]
"""The searches that items of the round have planned so far."""


class PlannedSearch(Model):
    """One search that an item needs whatever is found."""

    purpose: str
    """As `LoggedSearch.purpose`."""
    spl: str
    """The text as it would be sent."""
    earliest: float
    latest: float
    taken_from: str | None
    """`round`: another item of the round sends it, or sent it; `earlier`: the evidence of an earlier round; None: sent."""


class PlannedItem(Model):
    """What one item would search."""

    item: str
    searches: tuple[PlannedSearch, ...]
    before: int
    """Most searches of the time before the window for fields that no event of the window holds."""
    drill_downs: int
    """Most searches of its drill-downs; how many are due depends on what is found."""
    second_look: int
    """Most searches that are sent a second time: recounts and re-runs."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """A SIEM that must not be asked."""

    source: str = ""

    async def search(self, request: SearchRequest) -> TimedResult:
        """Refuse to send.

        Raises:
            AssertionError: Always: a plan sends nothing.
        """
        raise AssertionError(f"a plan sends nothing, but was to send {request.spl[:80]!r}")

    async def utc_offset_s(self, at: float) -> int | None:
        """Return None: nobody was asked."""
        return None


@dataclass(slots=True)
class Planner(Searcher):
    """A `Searcher` that answers every search with no rows, and remembers it instead of sending it."""

    text_of: Callable[[SearchRequest], str | None] = lambda request: request.spl
    asked: Asked = field(default_factory=set)
    planned: list[PlannedSearch] = field(default_factory=list)

    async def run(
        self, purpose: str, spl: str, earliest: float, latest: float, *, fresh: bool = False
    ) -> Ran | None:
        """Plan one search; None when the budget is used up."""
        if self.exhausted:
            return None
        request = SearchRequest(spl=spl, earliest=earliest, latest=latest, row_limit=self.budget.rows)
        taken = self._taken(purpose, request)
        text = self.text_of(request) or spl
        self.planned.append(
            PlannedSearch(purpose=purpose, spl=text, earliest=earliest, latest=latest, taken_from=taken)
        )
        empty = SearchResult(status=SearchStatus.OK, spl=text, earliest=earliest, latest=latest)
        self.log.append(_logged(purpose, empty, sent=taken is None))
        return Ran(empty, "")

    def _taken(self, purpose: str, request: SearchRequest) -> str | None:
        key = self.sharing.key(request) if self.sharing else None
        if self.sharing is None or key is None:
            return None
        if (role_of(purpose), key) in self.asked:
            return "round"
        self.asked.add((role_of(purpose), key))
        known = self.sharing.known(purpose, key)
        return known.taken_from if known else None


def _logged(purpose: str, empty: SearchResult, *, sent: bool) -> LoggedSearch:
    return LoggedSearch(
        purpose=purpose,
        evidence="",
        status=empty.status,
        earliest=empty.earliest,
        latest=empty.latest,
        rows=0,
        scanned=None,
        executed_at=0.0,
        duration_s=0.0,
        taken_from=None if sent else "round",
    )


async def plan_item(context: ItemContext, sharing: Sharing, asked: Asked) -> PlannedItem:
    """Return what one item would search; what it plans is added to `asked`."""
    planner = Planner(
        session=Unsent(),
        evidence=sharing.evidence,
        budget=context.procedure.budget,
        clock=sharing.clock,
        sharing=sharing,
        text_of=sharing.text_of,
        asked=asked,
    )
    await query_item(context, planner)
    sent = sum(search.taken_from is None for search in planner.planned)
    rows = context.procedure.budget.rows
    each = [-(-rows // BATCH) if part.each == "batch" else rows for part in context.item.drill_downs]
    return PlannedItem(
        item=context.item_id,
        searches=tuple(planner.planned),
        before=_most_before(planner.planned),
        drill_downs=min(sum(each), max(0, context.procedure.budget.searches - sent)),
        second_look=SEARCHES,
    )


def _most_before(planned: Sequence[PlannedSearch]) -> int:
    """Return how many more searches may look for fields before the window: as many as count them, for each source."""
    purposes = [search.purpose.split(":") for search in planned]
    counting = sum(parts[0] in {"completeness", "fields"} for parts in purposes)
    return counting - sum(parts[0] == "seen_before" for parts in purposes)
