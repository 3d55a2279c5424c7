"""The review contract `tejun.review/1`: what a paused item shows, and the answers it accepts."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from procedures.verdict import Verdict

SCHEMA = "tejun.review/1"

DecisionKind = Literal["deep_dive", "no_deep_dive", "need_more_evidence", "report_defect"]
OutcomeKind = Literal["incident", "not_incident", "inconclusive"]


class Model(BaseModel):
    """Frozen, and strict about unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Proposal(Model):
    """What code or a model would decide."""

    decision: DecisionKind
    reason: str
    by: str


class FindingDecision(Model):
    """One decision over some findings."""

    findings: list[str] | Literal["rest"] = "rest"
    decision: DecisionKind
    reason: str = Field(min_length=1)
    case: str | None = None


class Correction(Model):
    """A figure or verdict that the reviewer corrects; it is appended, never written over."""

    fact: str | None = None
    verdict: Verdict | None = None
    finding: str | None = None
    value: str | None = None
    note: str = Field(min_length=1)


class Decision(Model):
    """A reviewer's answer. The short form `{"decision", "reason"}` speaks for all findings."""

    decisions: list[FindingDecision] = Field(min_length=1)
    run: list[str] = []
    """Ids of listed drill-downs to run; with `need_more_evidence`."""
    question: str | None = None
    corrections: list[Correction] = []
    knowledge: str | None = None
    """What the procedure should learn from this; becomes a proposal."""
    evidence_digest: str | None = None
    """What the reviewer looked at; a mismatch asks again."""

    @model_validator(mode="before")
    @classmethod
    def _expand_short_form(cls, data: object) -> object:
        if isinstance(data, dict) and "decision" in data and "decisions" not in data:
            rest = {key: value for key, value in data.items() if key not in {"decision", "reason", "case"}}
            short = {key: data[key] for key in ("decision", "reason", "case") if key in data}
            return {**rest, "decisions": [{"findings": "rest", **short}]}
        return data


class Outcome(Model):
    """The end of a deep dive (最終判断)."""

    outcome: OutcomeKind
    reason: str = Field(min_length=1)
    knowledge: str | None = None
    evidence_digest: str | None = None
