"""Node `verify`: the machine checks of the draft, and the payload of the review that follows."""

from __future__ import annotations

from agents.context import ItemContext
from agents.render.markdown import render_item, render_summary
from agents.review import pauses, review_payload
from graph.records import Payload
from graph.resources import Resources
from graph.state import ItemState, ItemUpdate
from tools.checks.again import Again
from tools.checks.run import check_report
from tools.records.finding import DrillDownRun, Judgement
from tools.records.report import ItemReport
from tools.search.result import SearchResult


def verify(state: ItemState, *, resources: Resources) -> ItemUpdate:
    """Read `report`; write `checks` and `payload` (digests), whether the item `pauses`, and the `attempt`."""
    context = resources.context(state)
    draft = resources.evidence.get(state["report"], ItemReport)
    runs = tuple(DrillDownRun.model_validate(run) for run in state["runs"])
    again = Again.model_validate(state["again"]) if "again" in state else None
    return _check(state, resources, context, draft, runs, again)


def _check(
    state: ItemState,
    resources: Resources,
    context: ItemContext,
    draft: ItemReport,
    runs: tuple[DrillDownRun, ...],
    again: Again | None,
) -> ItemUpdate:
    evidence = resources.evidence
    judgement = evidence.get(state["judgement"], Judgement)
    rendered = render_item(draft, checks=None, spl_of=lambda digest: evidence.get(digest, SearchResult).spl)
    checks = check_report(
        context.source, draft, rendered, runs, evidence, report_digest=state["report"], again=again
    )
    attempt = state["attempt"] + 1
    payload = review_payload(
        context,
        draft,
        judgement,
        checks,
        runs,
        description=render_summary(draft),
        evidence_digest=state["report"],
        attempt=attempt,
        unanswered=state["unanswered"],
    )
    return {
        "checks": evidence.put(checks),
        "payload": evidence.put(Payload(body=payload)),
        "pauses": pauses(context.item, context.procedure.review, judgement, checks),
        "attempt": attempt,
        "validation_error": None,
    }
