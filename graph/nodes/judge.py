"""Node `judge`: the criteria over findings and finished drill-downs; then, where one is configured, a model."""

from __future__ import annotations

import asyncio

from agents.asking import Asker
from agents.choosing import choose_drill_downs
from agents.context import ItemContext
from agents.drill_down import BY_MODEL
from agents.judge import judge_item
from agents.material import Material, load_material
from agents.questions import ask_questions, carry_over
from agents.reporter import draft_report
from agents.vocabulary import vocabulary_of
from graph.nodes.dump import dump_all
from graph.resources import Resources
from graph.state import ItemState, ItemUpdate, Json
from tools.records.finding import DrillDownRun, Findings, Judgement


async def judge(state: ItemState, *, resources: Resources) -> ItemUpdate:
    """Read `findings` and `runs`; write `judgement` (digest) and the drill-downs that are `due`."""
    context, material, judgement = await asyncio.to_thread(_judge, state, resources)
    due = [
        {"drill_down": name, "findings": list(findings), "requested_by": None}
        for name, findings in judgement.due
    ]
    if due or not resources.models:
        return {"judgement": await asyncio.to_thread(resources.evidence.put, judgement), "due": due}
    return await _with_model(state, context, material, judgement, resources)


def _judge(state: ItemState, resources: Resources) -> tuple[ItemContext, Material, Judgement]:
    context = resources.context(state)
    material = load_material(
        context.item,
        resources.evidence.get(state["findings"], Findings),
        tuple(DrillDownRun.model_validate(run) for run in state["runs"]),
        resources.evidence,
    )
    earlier = resources.casebook.previous_judgement(
        context.procedure.id, resources.source, state["item"], state["start"]
    )
    previous_round, digest = earlier or (None, None)
    previous = resources.evidence.get(digest, Judgement) if digest else None
    judgement = judge_item(context, material, previous=previous, previous_round=previous_round)
    if answered := state.get("judgement"):
        judgement = carry_over(
            judgement, resources.evidence.get(answered, Judgement), material.findings.findings
        )
    return context, material, judgement


async def _with_model(
    state: ItemState, context: ItemContext, material: Material, judgement: Judgement, resources: Resources
) -> ItemUpdate:
    """Let a model choose further drill-downs, once; when it has what it wants, let it answer."""
    asker = resources.asker(context, state)
    draft = await asyncio.to_thread(
        draft_report, context, material, judgement, [], findings_digest="", judgement_digest=""
    )
    due: list[Json] = []
    if not state.get("chosen"):
        choices = await choose_drill_downs(context, material, draft, asker)
        due = [
            {"drill_down": name, "findings": list(findings), "requested_by": _by(asker)}
            for name, findings in choices.drill_downs
        ]
        due += [
            {
                "drill_down": f"{BY_MODEL}{number}",
                "findings": [finding],
                "requested_by": _by(asker),
                "spl": spl,
            }
            for number, (finding, spl) in enumerate(choices.searches, 1)
        ]
    if not due:
        vocabulary = await asyncio.to_thread(vocabulary_of, context, material)
        judgement = await ask_questions(
            context, judgement, draft, vocabulary, asker, material.findings.findings
        )
    return {
        "judgement": await asyncio.to_thread(resources.evidence.put, judgement),
        "due": due,
        "calls": dump_all(asker.log),
        "chosen": True,
    }


def _by(asker: Asker) -> str:
    return f"{BY_MODEL}{asker.name('drill_down')}"
