"""Node `report`: the draft, rendered from facts."""

from __future__ import annotations

from agents.material import load_material
from agents.reporter import draft_report
from graph.resources import Resources
from graph.state import ItemState, ItemUpdate
from tools.records.finding import DrillDownRun, Findings, Judgement, LoggedSearch


def report(state: ItemState, *, resources: Resources) -> ItemUpdate:
    """Read `findings`, `judgement`, `runs` and `searches`; write `report` (digest)."""
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
    return {"report": resources.evidence.put(draft)}
