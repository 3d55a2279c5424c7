"""Node `verify`: the machine checks of the draft, and the payload of the review that follows."""

from __future__ import annotations

from agents.render.markdown import render_summary
from agents.review import review_payload
from graph.records import Payload
from graph.resources import Resources
from graph.state import ItemState, ItemUpdate
from tools.checks.run import check_report
from tools.records.finding import DrillDownRun, Judgement
from tools.records.report import ItemReport


async def verify(state: ItemState, *, resources: Resources) -> ItemUpdate:
    """Read `report`; write `checks` and `payload` (digests) and count the attempt."""
    context = resources.context(state)
    draft = resources.evidence.get(state["report"], ItemReport)
    judgement = resources.evidence.get(state["judgement"], Judgement)
    runs = tuple(DrillDownRun.model_validate(run) for run in state["runs"])
    checks = check_report(context.source, draft, runs, resources.evidence, report_digest=state["report"])
    attempt = state["attempt"] + 1
    payload = review_payload(
        context,
        draft,
        judgement,
        checks,
        runs,
        description=render_summary(draft, checks),
        evidence_digest=state["report"],
        attempt=attempt,
        unanswered=state["unanswered"],
    )
    return {
        "checks": resources.evidence.put(checks),
        "payload": resources.evidence.put(Payload(body=payload)),
        "attempt": attempt,
        "validation_error": None,
        "rewrites": state.get("rewrites", 0) + bool(checks.failed),
    }
