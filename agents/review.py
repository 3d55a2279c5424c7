"""What a paused item shows its reviewer: the payload of schema `tejun.review/1`."""

from __future__ import annotations

from collections.abc import Sequence

from agents.context import ItemContext
from agents.narrative import Language
from procedures.model import Item
from procedures.verdict import Verdict
from tools.records.finding import CriterionResult, DrillDownRun, FindingJudgement, Judgement, Note
from tools.records.report import Checks, ItemReport
from tools.records.review import SCHEMA, Decision, DecisionKind, Proposal

ACTION = "record_decision"
ALLOWED = ["approve", "edit", "reject", "respond"]

_PROPOSED: dict[Verdict, DecisionKind] = {
    Verdict.INVESTIGATE: "deep_dive",
    Verdict.UNDETERMINED: "deep_dive",
    Verdict.OBSERVE: "no_deep_dive",
    Verdict.NONE: "no_deep_dive",
}

_REASONS: dict[Verdict, dict[Language, str]] = {
    Verdict.INVESTIGATE: {
        "ja": "調査必須の判断基準に該当する検知がある",
        "en": "a finding meets a criterion that must be investigated",
    },
    Verdict.UNDETERMINED: {
        "ja": "判定不能の部分があり、問題なしとは言えない",
        "en": "part of the item could not be determined, so it cannot be called clean",
    },
    Verdict.OBSERVE: {"ja": "観察の基準にとどまる", "en": "it stays at the level of observation"},
    Verdict.NONE: {"ja": "判断基準に該当しない", "en": "no criterion is met"},
}


def propose(judgement: Judgement, language: Language) -> Proposal:
    """Return what code proposes from the verdict; it never proposes to ask for more."""
    verdict = judgement.verdict
    return Proposal(decision=_PROPOSED[verdict], reason=_REASONS[verdict][language], by="code")


def pauses(item: Item, review: str, judgement: Judgement, checks: Checks) -> bool:
    """Tell whether the item waits for a person: findings above none, a gap, a defect, or always."""
    return (
        (item.review or review) == "always"
        or judgement.verdict is not Verdict.NONE
        or not judgement.complete
        or any(entry.unsuppressed is not Verdict.NONE for entry in judgement.findings)
        or bool(checks.failed)
    )


def review_payload(
    context: ItemContext,
    report: ItemReport,
    judgement: Judgement,
    checks: Checks,
    runs: Sequence[DrillDownRun],
    *,
    description: str,
    evidence_digest: str,
    attempt: int,
    unanswered: Sequence[str] = (),
) -> dict[str, object]:
    """Build the payload of the deep-dive interrupt, JSON values only.

    Args:
        context: The item.
        report: The draft under review.
        judgement: Its judgement.
        checks: Its checks.
        runs: Every drill-down that ran.
        description: A one-screen summary in Markdown.
        evidence_digest: Digest of the report that the reviewer looks at.
        attempt: Counts from 1; grows with every review of this item.
        unanswered: Reviewer's questions that nothing here can answer.
    """
    proposal = propose(judgement, context.procedure.language)
    arguments = {"decision": proposal.decision, "reason": proposal.reason}
    request = {"name": ACTION, "args": arguments, "arguments": arguments, "description": description}
    questions = [Note(code="question", values={"question": text}) for text in unanswered]
    return {
        "schema": SCHEMA,
        "action_requests": [request],
        "review_configs": [{"action_name": ACTION, "allowed_decisions": ALLOWED}],
        "item": _item(context, judgement),
        "facts": [
            {"id": fact.id, "label": fact.label, "value": fact.value, "evidence": fact.evidence}
            for fact in report.facts
        ],
        "criteria": _criteria(judgement),
        "checks": [check.model_dump(mode="json") for check in checks.checks],
        "proposal": proposal.model_dump(mode="json"),
        "unknowns": [note.model_dump(mode="json") for note in (*_unknowns(judgement), *questions)],
        "drilldowns_run": sorted({run.drill_down for run in runs}),
        "drilldowns_available": [drill_down.id for drill_down in context.item.drill_downs],
        "evidence_digest": evidence_digest,
        "procedure_digest": context.procedure.digest,
        "attempt": attempt,
        "validation_error": None,
    }


def _item(context: ItemContext, judgement: Judgement) -> dict[str, object]:
    return {
        "id": context.item_id,
        "title": context.item.title,
        "procedure": context.procedure.id,
        "verdict": judgement.verdict.value,
        "complete": judgement.complete,
        "start": context.start,
        "end": context.end,
        "timezone": context.procedure.timezone,
    }


def _criteria(judgement: Judgement) -> list[dict[str, object]]:
    """Return what fired or could not be decided, by finding, and every criterion of the item as a whole."""
    of_findings = [
        _criterion(entry, result)
        for entry in judgement.findings
        for result in entry.results
        if result.fired is not False
    ]
    return of_findings + [_criterion(None, result) for result in judgement.item_results]


def _unknowns(judgement: Judgement) -> list[Note]:
    notes = [*judgement.incomplete]
    for entry in judgement.findings:
        notes += [*entry.notes, *(result.note for result in entry.results if result.note)]
    return notes


def _criterion(entry: FindingJudgement | None, result: CriterionResult) -> dict[str, object]:
    return {
        "id": result.id,
        "finding": entry.finding if entry else None,
        "observed": {seen.name: seen.value for seen in result.observed},
        "threshold": result.threshold,
        "margin": result.margin,
        "fired": result.fired,
        "verdict": result.verdict.value,
        "suppressed_by": result.suppressed_by,
    }


def check_decision(decision: Decision, payload: dict[str, object], known: Sequence[str]) -> str | None:
    """Return why `decision` does not fit the review it answers; None when it fits.

    Args:
        decision: The answer.
        payload: What the reviewer was shown.
        known: Ids of the item's findings.
    """
    expected = payload["evidence_digest"]
    if decision.evidence_digest and decision.evidence_digest != expected:
        return (
            f"the decision speaks of evidence {decision.evidence_digest[:12]}, but the report now rests on "
            f"{str(expected)[:12]}. Look at the item again and decide anew."
        )
    listed = payload["drilldowns_available"]
    assert isinstance(listed, list)  # noqa: S101 - our own payload
    for wanted in decision.run:
        if wanted not in listed:
            return f"drill-down {wanted!r} is not in the procedure. Listed: {', '.join(map(str, listed)) or 'none'}."
    for part in decision.decisions:
        if part.findings == "rest":
            continue
        for finding in part.findings:
            if finding not in known:
                return f"finding {finding!r} does not exist in this item. Findings: {', '.join(known) or 'none'}."
    return _correction_fault(decision, payload, known)


def _correction_fault(decision: Decision, payload: dict[str, object], known: Sequence[str]) -> str | None:
    """Return why a correction names nothing of this report, or corrects nothing."""
    facts = payload.get("facts", [])
    assert isinstance(facts, list)  # noqa: S101 - our own payload
    for correction in decision.corrections:
        if correction.fact is not None and correction.fact not in {fact["id"] for fact in facts}:
            return f"fact {correction.fact!r} is not in the report. Expected one of its {len(facts)} facts."
        if correction.finding is not None and correction.finding not in known:
            return f"finding {correction.finding!r} does not exist in this item. Findings: {', '.join(known) or 'none'}."
        if correction.value is None and correction.verdict is None:
            return "a correction says neither a value nor a verdict. Give the right one beside its note."
    return None
