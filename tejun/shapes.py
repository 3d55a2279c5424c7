"""The JSON that commands print: part of the contract, documented in docs/json.md."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Value = str | int | float | list[str] | None


class Shape(BaseModel):
    """Frozen, and strict about unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SearchShape(Shape):
    """`tejun search --json`."""

    status: str
    fields: list[str]
    rows: list[dict[str, Value]]
    total: int | None
    truncated: bool
    earliest: float
    latest: float
    spl: str
    messages: list[str]
    seconds: float


class ExplainedSearch(SearchShape):
    """`tejun search --explain --json`."""

    statements: list[str]


class SourceOfFileShape(Shape):
    """Events of one index and sourcetype in an imported file."""

    index: str
    sourcetype: str
    events: int


class ImportedFile(Shape):
    """One file of `tejun logs import --json`."""

    path: str
    events: int
    rejected: int
    duplicate: bool
    rejects: list[tuple[int, str]]
    rejects_file: str | None
    first: float | None
    last: float | None
    assumed_zone: str | None
    assumed_years: list[int]
    flagged: int
    """Events kept with something broken in them; their field `_flaw` says what."""
    from_raw: int
    """Ready events that got fields from their `_raw`."""
    without_fields: list[SourceOfFileShape]
    """Index and sourcetype of events none of which has a field: no search by field finds them."""
    undescribed: list[SourceOfFileShape]
    """Index and sourcetype of events that have only the fields that came with them: the sourcetype is not known."""


class SourceShape(Shape):
    """One row of `tejun logs list --json`."""

    index: str
    sourcetype: str
    events: int
    first: float
    last: float
    files: int
    bytes: int
    set_aside: int
    """Lines that the import could not read as events of this index and sourcetype."""


class SetAsideShape(Shape):
    """One import of `tejun logs set-aside --json`."""

    id: int
    source: str
    imported_at: float
    lines: int
    settled_by: str | None
    because: str | None
    shown: list[SetAsideLine]
    """The lines themselves, up to `--lines`."""


class SetAsideLine(Shape):
    """One line that is no event; `text` shows its bytes."""

    line: int
    reason: str
    index: str | None
    sourcetype: str | None
    time: float | None
    after: float | None
    """Time of the event before it in the file."""
    text: str


def _is_absent(value: object) -> bool:
    return value is None


def _is_empty(value: object) -> bool:
    return not value


class ModelShape(Shape):
    """What models took in one item, or in a round: there only where one took part."""

    models: list[str]
    calls: int
    failed: int
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    seconds: float
    cost: float | None


class UnfinishedShape(Shape):
    """A search of an item whose data could not be had."""

    search: str
    status: str
    message: str


class ItemShape(Shape):
    """One item of a round."""

    id: str
    round: str
    item: str
    title: str
    state: str
    awaiting: Literal["review", "outcome"] | None
    verdict: str | None
    complete: bool | None
    findings: int | None
    interrupt_id: str | None
    evidence_digest: str | None
    error: str | None
    held_by: str | None = None
    superseded_by: str | None = Field(default=None, exclude_if=_is_absent)
    unfinished: list[UnfinishedShape] = Field(default=[], exclude_if=_is_empty)
    model: ModelShape | None = Field(default=None, exclude_if=_is_absent)


class RoundShape(Shape):
    """`tejun run --json`: one round."""

    round: str
    procedure: str
    version: str
    digest: str
    start: float
    end: float
    timezone: str
    ad_hoc: bool
    items: list[ItemShape]
    model: ModelShape | None = Field(default=None, exclude_if=_is_absent)


class PlannedSearchShape(Shape):
    """One search of a plan: as it would be sent, and from where its answer would be taken instead."""

    purpose: str
    spl: str
    earliest: float
    latest: float
    taken_from: Literal["round", "earlier"] | None


class PlannedItemShape(Shape):
    """One item of a plan; of what depends on what is found, the most that there can be."""

    item: str
    searches: list[PlannedSearchShape]
    before: int
    drill_downs: int
    second_look: int


class PlanShape(Shape):
    """`tejun run --plan --json`: what a round would search, before anything is sent."""

    round: str
    procedure: str
    start: float
    end: float
    timezone: str
    source: str
    sent: int
    shared: int
    earlier: int
    before: int
    drill_downs: int
    second_look: int
    items: list[PlannedItemShape]


class FaultShape(Shape):
    """One fault of `tejun procedure lint --json`."""

    path: str
    line: int
    column: int
    code: str
    severity: str
    message: str


class DiagnosisShape(Shape):
    """One part of `tejun doctor --json`."""

    part: str
    state: Literal["ok", "absent", "failed"]
    text: str


class AuditShape(Shape):
    """`tejun audit verify --json`."""

    ok: bool
    length: int
    broken_at: int | None
    reason: str | None


class UserShape(Shape):
    """One person of `tejun user list --json`."""

    name: str
    role: str
