"""The plan of a round: what its items would search, what they would share, and what is there already."""

from __future__ import annotations

from collections.abc import Sequence

from agents.context import ItemContext
from agents.planning import Asked, PlannedItem, Unsent, plan_item
from graph.resources import Resources
from graph.rounds import archived, name_round
from procedures.archive import load_procedure
from procedures.schedule import RoundWindow
from procedures.source import ProcedureSource
from tools.records.finding import Model

DONE = frozenset({"paused", "recorded"})
"""States of items that the same command does not run again."""


class PlannedRound(Model):
    """What a round would search."""

    round: str
    """Its id, whether it was begun or not."""
    procedure: str
    start: float
    end: float
    timezone: str
    source: str
    items: tuple[PlannedItem, ...]
    """The items that would run; those that wait for a review or are recorded are left out."""

    def count(self, taken_from: str | None) -> int:
        """Return how many searches of all items are sent (None), shared (`round`) or there already (`earlier`)."""
        return sum(search.taken_from == taken_from for item in self.items for search in item.searches)


async def plan_searches(
    resources: Resources,
    source: ProcedureSource,
    window: RoundWindow,
    *,
    only: Sequence[str] = (),
    again: bool = False,
) -> PlannedRound:
    """Return what a round would search. Nothing is sent and nothing is written.

    Args:
        resources: The live objects of this process.
        source: The procedure as read.
        window: The window of the round.
        only: Only these items; none: all.
        again: As if the round were run anew.
    """
    round_ = name_round(resources, source, window, again=again)
    done = {row.item_id for row in resources.casebook.items(round_.id) if row.state in DONE}
    asked: Asked = set()
    items = []
    for item in load_procedure(source).items:
        if item.id in done or (only and item.id not in only):
            continue
        context = ItemContext(source=archived(source), item_id=item.id, start=window.start, end=window.end)
        guarded = resources.guarded(Unsent(), context)
        items.append(await plan_item(context, resources.sharing(context, round_.id, guarded.text_of), asked))
    return PlannedRound(
        round=round_.id,
        procedure=round_.procedure_id,
        start=round_.start,
        end=round_.end,
        timezone=round_.timezone,
        source=round_.source,
        items=tuple(items),
    )
