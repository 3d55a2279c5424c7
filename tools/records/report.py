"""The draft report of an item and of a round: facts, tables and prose that refers to facts by id."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from procedures.verdict import Verdict
from tools.records.fact import Fact
from tools.records.finding import Concern, CriterionResult, LoggedSearch, Note
from tools.records.model_use import ModelUse
from tools.records.rows import ItemRunState
from tools.search.result import SearchStatus


class Model(BaseModel):
    """Frozen, and strict about unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _is_absent(value: object) -> bool:
    """Tell whether a field that only a model fills is empty; without a model stored forms stay as they were."""
    return not value


class ReportColumn(Model):
    """A column of the findings table."""

    label: str
    source: str
    format: str


class ReportRow(Model):
    """A finding in the table; `cells` are fact ids, one per column, None for a missing value."""

    finding: str
    verdict: Verdict
    unsuppressed: Verdict
    recurrence: Literal["new", "recurring"]
    cells: tuple[str | None, ...]
    reasons: tuple[CriterionResult, ...]
    """The fired, undecided and suppressed criteria."""
    notes: tuple[Note, ...] = ()
    concerns: tuple[Concern, ...] = Field(default=(), exclude_if=_is_absent)


class TimelinePoint(Model):
    """A finding's span in the timeline picture; epochs."""

    finding: str
    label: str
    first: float
    last: float
    verdict: Verdict


class Section(Model):
    """A titled part of a report; `paragraphs` are prose whose figures are `{{fact-id}}` references."""

    id: Literal[
        "overview", "details", "assessment", "recommendation", "exceptions", "completeness", "not_covered"
    ]
    title: str
    paragraphs: tuple[str, ...] = ()
    author: str | None = Field(default=None, exclude_if=_is_absent)
    """The model that wrote it; None: fixed wording."""


class ItemReport(Model):
    """The draft of one monitoring item."""

    procedure: str
    procedure_digest: str
    procedure_version: str
    item: str
    title: str
    language: Literal["ja", "en"]
    timezone: str
    tlp: str
    start: float
    end: float
    item_earliest: float
    item_latest: float
    verdict: Verdict
    complete: bool
    incomplete: tuple[Note, ...] = ()
    told: tuple[Note, ...] = Field(default=(), exclude_if=_is_absent)
    """What a reader should know and what takes nothing from the verdict: no gap."""
    attack: tuple[str, ...] = ()
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]
    columns: tuple[ReportColumn, ...]
    rows: tuple[ReportRow, ...]
    """The first `show` findings above `none`, worst first."""
    omitted: int = 0
    """Findings above `none` that are not in `rows`; still judged, and attached."""
    attached: tuple[ReportRow, ...] = ()
    item_results: tuple[CriterionResult, ...] = ()
    timeline: tuple[TimelinePoint, ...] = ()
    search_log: tuple[LoggedSearch, ...]
    earlier: tuple[str, ...] = Field(default=(), exclude_if=_is_absent)
    """Digests of the reports of earlier runs of this item, whose searches failed; oldest first."""
    model: str | None = None
    """Name of the model that took part; None: no model was used."""
    model_use: ModelUse | None = Field(default=None, exclude_if=_is_absent)
    findings_digest: str
    judgement_digest: str

    def fact(self, fact_id: str) -> Fact:
        """Return the fact `fact_id`.

        Raises:
            KeyError: The report has no such fact.
        """
        for fact in self.facts:
            if fact.id == fact_id:
                return fact
        raise KeyError(fact_id)


class Check(Model):
    """One machine verification (品質チェック) of a draft report."""

    id: str
    status: Literal["passed", "failed", "not_checked"]
    looked_at: str
    """A plain sentence, in the report's language, of what was compared."""
    defects: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    """Digests of the stored searches that it read; none where it looked at the report alone."""


class Checks(Model):
    """All checks of one draft."""

    report: str
    """Digest of the `ItemReport`."""
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that found a defect."""
        return tuple(check for check in self.checks if check.status == "failed")


class RoundItem(Model):
    """One item in the round report."""

    item: str
    title: str
    state: ItemRunState
    report: ItemReport | None
    checks: Checks | None
    decisions: tuple[dict[str, object], ...] = ()
    """Entries of the casebook for this item, oldest first."""
    error: str | None = None
    superseded_by: str | None = Field(default=None, exclude_if=_is_absent)
    """The round that stands in this item's place."""


class UnfinishedSearch(Model):
    """A search of a round that did not bring what it was asked for, in the server's own words."""

    item: str
    purpose: str
    status: SearchStatus
    message: str
    """What the server said, without credentials; log text, and as hostile."""


class Withdrawal(Model):
    """Who took a round back, and why."""

    by: str
    at: float
    reason: str


class EntityRow(Model):
    """One entity across the items of the round."""

    kind: str
    value: str
    verdicts: dict[str, Verdict]
    """Item id to the worst verdict of the entity's findings there."""


RoundStatus = Literal["open", "reviewed", "signed", "superseded", "withdrawn"]


class RoundReport(Model):
    """The report of a whole round (総合所見 and every item)."""

    round: str
    procedure: str
    procedure_title: str
    procedure_version: str
    procedure_digest: str
    language: Literal["ja", "en"]
    timezone: str
    tlp: str
    start: float
    end: float
    ad_hoc: bool
    source: str
    status: RoundStatus
    signed_by: str | None = None
    signed_at: float | None = None
    overdue_review: bool = False
    verdict: Verdict
    complete: bool
    entities: tuple[EntityRow, ...] = ()
    items: tuple[RoundItem, ...]
    checks: tuple[Check, ...] = ()
    """Checks of the round as a whole."""
    unfinished: tuple[UnfinishedSearch, ...] = Field(default=(), exclude_if=_is_absent)
    withdrawal: Withdrawal | None = Field(default=None, exclude_if=_is_absent)
    model: str | None = None
