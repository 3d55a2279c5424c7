"""What the searches of an item brought to light, and how it was judged. Stored by digest."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from procedures.verdict import Verdict
from tools.records.fact import Fact
from tools.search.result import SearchStatus, Value


class Model(BaseModel):
    """Frozen, and strict about unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _is_absent(value: object) -> bool:
    """Tell whether a field that only a model fills is empty; without a model stored forms stay as they were."""
    return not value


class Note(Model):
    """A statement in a form that code renders in the report's language: a code and its values."""

    code: str
    values: dict[str, Value] = {}


class LoggedSearch(Model):
    """One line of the search log (調査ログ)."""

    purpose: str
    """`query`, `completeness:<source>`, `seen_before:<source>`, `fields:<source>:<n>`, `fields_before:<source>:<n>`,
     `baseline:<n>`, `total`, `drill_down:<id>`, `drill_down:<id>:<finding>`."""
    evidence: str
    """Digest of the `SearchResult`."""
    status: SearchStatus
    earliest: float
    latest: float
    rows: int
    scanned: int | None
    executed_at: float
    """When it ran; before the item began where another search of the same answered."""
    duration_s: float
    """How long it ran, whoever sent it."""
    taken_from: Literal["round", "earlier"] | None = Field(default=None, exclude_if=_is_absent)
    """Where its answer was taken from instead of sending it: the same search of this round, or the evidence of an
    earlier round. Left out of the stored form when the item sent it itself."""


class Finding(Model):
    """One entity with all its rows (検知)."""

    id: str
    """First 12 hex digits of sha256 over item id and key values: the same entity has the same id in every round."""
    key: dict[str, Value]
    rows: tuple[int, ...]
    """Indexes into the rows of the item's query evidence."""
    first: float | None = None
    last: float | None = None


class SourceState(Model):
    """Completeness of one data source inside the item's window."""

    source: str
    value: str | None
    """The value of the source's `by` field; None when the source is watched as a whole."""
    state: Literal["ok", "gap", "silent", "unknown"]
    events: int = 0
    longest_gap_s: float | None = None
    """Longest time without an event, in seconds, edges of the window included."""
    exact: bool = True
    """False where `longest_gap_s` is only a bound: no silence was longer."""
    gap_start: float | None = None
    max_silence_s: float
    evidence: str


class FieldState(Model):
    """A field that an item reads and that no event of the window holds."""

    source: str
    fields: tuple[str, ...]
    """Several where each of them would serve."""
    scope: str = ""
    """Search condition of the events that were looked at; empty for every event of the source."""
    state: Literal["lost", "absent", "unseen"]
    """`lost`: the verdict cannot be had; `absent`: seen before, and rare enough to be absent; `unseen`: never seen,
    and the search has a meaning for events without it."""
    events: int
    """Events of the scope in the window."""
    events_before: int = 0
    held_before: int = 0
    last: float | None = None
    """When an event held it last, epoch seconds."""
    evidence: str
    before: str = ""
    """Digest of the search over the time before the window."""

    @property
    def name(self) -> str:
        """How the field is called in a report."""
        return " / ".join(self.fields)


class BaselinePeriod(Model):
    """One earlier window that an item is compared with."""

    index: int
    earliest: float
    latest: float
    evidence: str
    ok: bool


class Findings(Model):
    """Everything the query step established."""

    item: str
    evidence: str
    """Digest of the item's own search."""
    findings: tuple[Finding, ...]
    outside: int = 0
    """Findings whose `at` lies outside the round's window."""
    sources: tuple[SourceState, ...] = ()
    fields: tuple[FieldState, ...] = Field(default=(), exclude_if=_is_absent)
    baseline: tuple[BaselinePeriod, ...] = ()
    total_evidence: str | None = None
    incomplete: tuple[Note, ...] = ()


class DrillDownRun(Model):
    """One executed drill-down and the finding rows that it brought."""

    drill_down: str
    evidence: str
    status: SearchStatus
    partial: bool = False
    """The window reaches past the time of the search."""
    findings: tuple[str, ...]
    """Finding ids that it covers."""
    rows: dict[str, tuple[int, ...]]
    """Finding id to indexes of its rows in the evidence."""
    requested_by: str | None = None
    """Who asked for it beyond the procedure's own `runs`, for example a reviewer."""
    unwritable: str | None = Field(default=None, exclude_if=_is_absent)
    """The token whose value could not be written into the search, which therefore was not sent."""


class Observation(Model):
    """A value that a criterion looked at."""

    name: str
    value: Value | None


class ModelAnswer(Model):
    """A model's answer to a question in prose."""

    model: str
    answer: Literal["yes", "no", "cannot_tell"]
    reason: str
    """Prose of the model whose `{{f1}}` refer to `facts`; empty when it held something that is no fact."""
    facts: tuple[Fact, ...] = ()
    """What the answer rests on."""


class Concern(Model):
    """A model's objection to a verdict; it can only raise it."""

    model: str
    verdict: Literal[Verdict.INVESTIGATE, Verdict.UNDETERMINED]
    reason: str
    """As in `ModelAnswer`."""
    facts: tuple[Fact, ...]


class CriterionResult(Model):
    """One criterion on one finding, or on the item."""

    id: str
    """`c1`, or `drill-down/d1`."""
    verdict: Verdict
    fired: bool | None
    """None: it could not be decided (判定不能)."""
    expression: str
    """The condition with parameters filled in, or the question."""
    why: str
    observed: tuple[Observation, ...] = ()
    threshold: Value | None = None
    margin: float | None = None
    """Observed minus threshold, where both are single numbers."""
    before: tuple[Value | None, ...] = ()
    """The observed field in the baseline periods, newest first."""
    suppressed_by: str | None = None
    """Id of the known-benign entry that covers it."""
    evidence: str
    row: int | None = None
    """Index of the deciding row in the evidence."""
    note: Note | None = None
    answer: ModelAnswer | None = Field(default=None, exclude_if=_is_absent)
    """What a model answered; left out of the stored form when none was asked."""


class FindingJudgement(Model):
    """The verdict over one finding."""

    finding: str
    key: dict[str, Value]
    verdict: Verdict
    unsuppressed: Verdict
    """The verdict it would have had without known-benign entries."""
    results: tuple[CriterionResult, ...]
    recurrence: Literal["new", "recurring"] = "new"
    notes: tuple[Note, ...] = ()
    enrichment: dict[str, Value] = {}
    concerns: tuple[Concern, ...] = Field(default=(), exclude_if=_is_absent)


class NearestMiss(Model):
    """The closest that an unfired typed criterion came to firing."""

    criterion: str
    finding: str | None
    observed: float
    threshold: float


class TotalCheck(Model):
    """Independent total (検算) against the sum over findings, per column."""

    column: str
    expected: Value | None
    found: Value | None
    agrees: bool
    evidence: str


class Judgement(Model):
    """The verdict over an item, with everything it rests on."""

    item: str
    verdict: Verdict
    complete: bool
    incomplete: tuple[Note, ...] = ()
    item_results: tuple[CriterionResult, ...] = ()
    findings: tuple[FindingJudgement, ...] = ()
    """Worst first, then by what fired (`agents.ordering`)."""
    gone: tuple[dict[str, Value], ...] = ()
    """Keys of the previous round's findings above `none` that are not here."""
    previous_round: str | None = None
    nearest_miss: NearestMiss | None = None
    lapsed: tuple[str, ...] = ()
    """Known-benign entries that have expired and would have matched."""
    totals: tuple[TotalCheck, ...] = ()
    due: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Drill-downs that must run next: id and finding ids, worst findings first."""
    told: tuple[Note, ...] = Field(default=(), exclude_if=_is_absent)
    """What a reader should know and what takes nothing from the verdict: no gap."""
