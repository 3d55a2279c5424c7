"""Node `look_again`: the SIEM asked a second time for what the judgement rests on."""

from __future__ import annotations

import asyncio

from agents.context import ItemContext
from agents.material import load_material
from agents.recounting import JointRecounts
from agents.second_look import take_second_look
from graph.resources import Resources
from graph.state import ItemState, ItemUpdate
from tools.checks.again import Again, search_again
from tools.records.finding import DrillDownRun, Findings, Judgement, LoggedSearch


async def look_again(state: ItemState, *, resources: Resources) -> ItemUpdate:
    """Read `findings`, `judgement`, `runs` and `searches`; write `again`, and `judgement` with what that says."""
    context = await asyncio.to_thread(resources.context, state)
    findings = await asyncio.to_thread(resources.evidence.get, state["findings"], Findings)
    judgement = await asyncio.to_thread(resources.evidence.get, state["judgement"], Judgement)
    runs = tuple(DrillDownRun.model_validate(run) for run in state["runs"])
    session = await resources.session(context)
    sharing = resources.sharing(context, state["round"], session.text_of)
    together = JointRecounts(context, sharing, session, resources.evidence)
    again = await search_again(
        context.source, findings, judgement, runs, session, resources.evidence, together
    )
    seen = await asyncio.to_thread(_seen, state, context, findings, judgement, runs, again, resources)
    return {
        "again": again.model_dump(mode="json"),
        "judgement": await asyncio.to_thread(resources.evidence.put, seen),
    }


def _seen(
    state: ItemState,
    context: ItemContext,
    findings: Findings,
    judgement: Judgement,
    runs: tuple[DrillDownRun, ...],
    again: Again,
    resources: Resources,
) -> Judgement:
    return take_second_look(
        context,
        load_material(context.item, findings, runs, resources.evidence),
        judgement,
        again,
        [LoggedSearch.model_validate(entry) for entry in state["searches"]],
        resources.evidence,
    )
