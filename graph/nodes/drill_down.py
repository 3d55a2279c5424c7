"""Node `drill_down`: the follow-up searches that are due."""

from __future__ import annotations

import asyncio

from agents.drill_down import BY_MODEL, drill_down_item, search_extra
from graph.nodes.dump import dump_all
from graph.resources import Resources
from graph.state import ItemState, ItemUpdate
from tools.records.finding import DrillDownRun, Findings, Note
from tools.search.result import SearchResult


async def drill_down(state: ItemState, *, resources: Resources) -> ItemUpdate:
    """Read `due`; write `runs` and `searches` with what was run, and what a model had a part in."""
    context = await asyncio.to_thread(resources.context, state)
    searcher = await resources.searcher(context, state)
    findings = await asyncio.to_thread(resources.evidence.get, state["findings"], Findings)
    rows = (await asyncio.to_thread(resources.evidence.get, findings.evidence, SearchResult)).rows
    runs: list[DrillDownRun] = []
    notes: list[Note] = []
    for entry in state["due"]:
        name, wanted, by = entry["drill_down"], tuple(entry["findings"]), entry["requested_by"]
        if "spl" in entry:
            done = await search_extra(
                context,
                searcher,
                findings,
                rows,
                name=name,
                finding=wanted[0],
                spl=entry["spl"],
                requested_by=by,
            )
            if isinstance(done, Note):
                notes.append(done)
            else:
                runs.append(done)
            continue
        runs += await drill_down_item(context, searcher, findings, rows, [(name, wanted)], requested_by=by)
        if by and by.startswith(BY_MODEL):
            notes.append(Note(code="model_chose", values={"drill_down": name}))
    update: ItemUpdate = {
        "runs": [*state["runs"], *dump_all(runs)],
        "due": [],
        "searches": dump_all(searcher.log),
    }
    if notes:
        update["model_notes"] = [*state.get("model_notes", []), *dump_all(notes)]
    return update
