"""Node `report`: the draft, rendered from facts; then, where one is configured, in a model's words."""

from __future__ import annotations

import asyncio

from agents.context import ItemContext
from agents.material import Material, load_material
from agents.model_use import with_model_use
from agents.reporter import draft_report
from agents.vocabulary import vocabulary_of
from agents.writing import write_narrative
from graph.nodes.dump import dump_all
from graph.resources import Resources
from graph.state import ItemState, ItemUpdate
from tools.records.finding import DrillDownRun, Findings, Judgement, LoggedSearch, Note
from tools.records.report import ItemReport


async def report(state: ItemState, *, resources: Resources) -> ItemUpdate:
    """Read `findings`, `judgement`, `runs` and `searches`; write `report` (digest)."""
    context, material, draft = await asyncio.to_thread(_draft, state, resources)
    draft = draft.model_copy(update={"earlier": tuple(state.get("earlier", ()))})
    if not resources.models:
        return {"report": await asyncio.to_thread(resources.evidence.put, draft)}
    asker = resources.asker(context, state)
    vocabulary = await asyncio.to_thread(vocabulary_of, context, material)
    written = await write_narrative(context, draft, vocabulary, asker)
    notes = [Note.model_validate(note) for note in state.get("model_notes", [])]
    used = with_model_use(written, material, asker.log, notes)
    return {"report": await asyncio.to_thread(resources.evidence.put, used), "calls": dump_all(asker.log)}


def _draft(state: ItemState, resources: Resources) -> tuple[ItemContext, Material, ItemReport]:
    context = resources.context(state)
    material = load_material(
        context.item,
        resources.evidence.get(state["findings"], Findings),
        tuple(DrillDownRun.model_validate(run) for run in state["runs"]),
        resources.evidence,
    )
    draft = draft_report(
        context,
        material,
        resources.evidence.get(state["judgement"], Judgement),
        [LoggedSearch.model_validate(entry) for entry in state["searches"]],
        findings_digest=state["findings"],
        judgement_digest=state["judgement"],
    )
    return context, material, draft
