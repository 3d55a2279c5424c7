"""Node `query`: the item's search, completeness, baseline and total."""

from __future__ import annotations

import asyncio

from agents.query import query_item
from graph.nodes.dump import dump_all
from graph.resources import Resources
from graph.state import ItemState, ItemUpdate


async def query(state: ItemState, *, resources: Resources) -> ItemUpdate:
    """Write `findings` (digest) and `searches`; whatever an earlier run of the item left is put aside."""
    context = await asyncio.to_thread(resources.context, state)
    searcher = await resources.searcher(context, {**state, "searches": []})
    findings = await query_item(context, searcher)
    return {
        "findings": await asyncio.to_thread(resources.evidence.put, findings),
        "searches": dump_all(searcher.log),
        **_anew(state),
    }


def _anew(state: ItemState) -> ItemUpdate:
    """Return the state of an item that nobody has judged, with the reports of its earlier runs."""
    before = [state["report"]] if state.get("report") else []
    by_model: ItemUpdate = {"calls": [], "model_notes": [], "chosen": False}
    return {
        **({} if "calls" not in state and "model_notes" not in state else by_model),
        "runs": [],
        "due": [],
        "judgement": "",
        "attempt": 0,
        "unanswered": [],
        "answer": None,
        "validation_error": None,
        "status": "open",
        "earlier": list(dict.fromkeys([*state.get("earlier", []), *before])),
    }
