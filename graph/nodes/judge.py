"""Node `judge`: the criteria over findings and finished drill-downs."""

from __future__ import annotations

from agents.judge import judge_item
from agents.material import load_material
from graph.resources import Resources
from graph.state import ItemState, ItemUpdate
from tools.records.finding import DrillDownRun, Findings, Judgement


def judge(state: ItemState, *, resources: Resources) -> ItemUpdate:
    """Read `findings` and `runs`; write `judgement` (digest) and the drill-downs that are `due`."""
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
    return {
        "judgement": resources.evidence.put(judgement),
        "due": [
            {"drill_down": name, "findings": list(findings), "requested_by": None}
            for name, findings in judgement.due
        ],
    }
