"""Node `drill_down`: the follow-up searches that are due."""

from __future__ import annotations

import asyncio

from agents.drill_down import drill_down_item
from graph.nodes.dump import dump_all
from graph.resources import Resources
from graph.state import ItemState, ItemUpdate
from tools.records.finding import Findings
from tools.search.result import SearchResult


async def drill_down(state: ItemState, *, resources: Resources) -> ItemUpdate:
    """Read `due`; write `runs` and `searches` with what was run."""
    context = await asyncio.to_thread(resources.context, state)
    searcher = await resources.searcher(context, state)
    findings = await asyncio.to_thread(resources.evidence.get, state["findings"], Findings)
    rows = (await asyncio.to_thread(resources.evidence.get, findings.evidence, SearchResult)).rows
    runs = list(state["runs"])
    for entry in state["due"]:
        due = [(entry["drill_down"], tuple(entry["findings"]))]
        done = await drill_down_item(
            context, searcher, findings, rows, due, requested_by=entry["requested_by"]
        )
        runs += dump_all(done)
    return {"runs": runs, "due": [], "searches": dump_all(searcher.log)}
