"""The hand-off brief of a deep dive: what is known, what to ask whom, where to look outside the SIEM."""

from __future__ import annotations

from agents.context import ItemContext
from procedures.verdict import Verdict
from tools.records.finding import Judgement
from tools.records.report import ItemReport

SCHEMA = "tejun.deep-dive/1"


def hand_off(
    context: ItemContext,
    report: ItemReport,
    judgement: Judgement,
    *,
    evidence_digest: str,
) -> dict[str, object]:
    """Build the payload of the outcome interrupt, JSON values only."""
    known = [
        {"finding": entry.finding, "key": entry.key, "verdict": entry.verdict.value}
        for entry in judgement.findings
        if entry.unsuppressed is not Verdict.NONE
    ]
    return {
        "schema": SCHEMA,
        "action_requests": [
            {
                "name": "record_outcome",
                "args": {"outcome": "inconclusive", "reason": ""},
                "arguments": {"outcome": "inconclusive", "reason": ""},
                "description": context.item.handover or context.item.title,
            }
        ],
        "review_configs": [{"action_name": "record_outcome", "allowed_decisions": ["edit"]}],
        "item": {"id": context.item_id, "title": context.item.title, "procedure": context.procedure.id},
        "known": known,
        "ask": context.item.handover,
        "not_covered": context.item.not_covered,
        "unknowns": [note.model_dump(mode="json") for note in report.incomplete],
        "evidence_digest": evidence_digest,
        "procedure_digest": context.procedure.digest,
    }
