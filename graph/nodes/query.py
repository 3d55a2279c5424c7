"""Node `query`: the item's search, completeness, baseline and total."""

from __future__ import annotations

import asyncio

from agents.query import query_item
from graph.nodes.dump import dump_all
from graph.resources import Resources
from graph.state import ItemState, ItemUpdate


async def query(state: ItemState, *, resources: Resources) -> ItemUpdate:
    """Write `findings` (digest) and `searches`."""
    context = await asyncio.to_thread(resources.context, state)
    searcher = await resources.searcher(context, state)
    findings = await query_item(context, searcher)
    return {
        "findings": await asyncio.to_thread(resources.evidence.put, findings),
        "searches": dump_all(searcher.log),
        "runs": [],
        "attempt": 0,
        "unanswered": [],
        "status": "open",
    }
