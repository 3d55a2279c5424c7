"""A parsed procedure (手順書): frozen values that the rest of the system reads.

Nothing here reads files; `procedures.parse` builds these from text and `procedures.archive` stores them.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from procedures.verdict import Verdict

DECIDING = "deciding"
"""Policy of `recheck`: run the drill-downs again that a verdict hangs on."""


class Model(BaseModel):
    """Frozen, and strict about unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Place(Model):
    """Where something stands in a file; line and column count from 1."""

    path: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class Status(StrEnum):
    """Maturity of a procedure."""

    EXPERIMENTAL = "experimental"
    STABLE = "stable"
    DEPRECATED = "deprecated"


class Budget(Model):
    """Most that one item may cost."""

    searches: int = 40
    rows: int = 1000
    seconds: float = 120
    tokens: int = 20000
    model_seconds: float = 120
    """Of waiting for models; `seconds` are those of searches."""
    review_seconds: float = 30
    """Of a reviewer's time, from the page opened to the decision; the quality page compares the median with it."""


class DataSource(Model):
    """Where events must keep arriving for a round to be complete."""

    id: str
    index: str
    sourcetype: str
    where: str = ""
    """SPL search terms that narrow the source, for example `process=sshd`."""
    by: str | None = None
    """Field whose values are watched one by one, for example `host`."""
    max_silence_s: float
    settle_s: float = 0
    seen_within_s: float | None = None
    """How long before the window a value of `by`, or a field, must have been seen to be expected; None for the
    window's length."""
    optional_fields: dict[str, str] = Field(default_factory=dict)
    """Fields that healthy events may never hold, with the reason; a verdict does not wait for them."""
    place: Place


class Parameter(Model):
    """A named threshold with its values per environment."""

    name: str
    values: dict[str, str]
    """Value per column of the table; `default` is always there."""
    why: str
    place: Place


class KnownBenign(Model):
    """A reviewed exception (静観対象)."""

    id: str
    covers: tuple[str, ...]
    """Ids `item/criterion` (or `item/drill-down/criterion`)."""
    match: str
    """SPL eval expression over the item's key fields."""
    reason: str
    owner: str
    approver: str
    starts: dt.date
    expires: dt.date
    """Both dates inclusive, in the procedure's zone."""
    place: Place


class Criterion(Model):
    """One row of a criteria table (判断基準)."""

    id: str
    scope: Literal["finding", "item"]
    verdict: Verdict
    when: str | None
    """SPL eval expression; None for a prose question."""
    question: str | None
    """The prose after `judge:`; None for a typed criterion."""
    if_: str | None
    """Typed condition under which a prose question is asked."""
    why: str
    place: Place


class Bound(Model):
    """One edge of a window: `start`, `end` or `now` plus seconds."""

    anchor: Literal["start", "end", "now"]
    offset_s: float = 0


class Window(Model):
    """Half-open `[earliest, latest)` relative to the round's window."""

    earliest: Bound = Bound(anchor="start")
    latest: Bound = Bound(anchor="end")


class Baseline(Model):
    """Earlier windows that an item is compared with."""

    periods: int
    step_s: float


class Enrichment(Model):
    """Columns added to rows from a CSV beside the procedure, by code and visibly."""

    lookup: str
    on: str
    output: tuple[str, ...]


class DrillDown(Model):
    """A written follow-up search (深掘り手順)."""

    id: str
    title: str
    runs: tuple[str, ...]
    """Criterion ids after which it runs; `("always",)` for every finding above nothing."""
    each: Literal["finding", "batch"] = "finding"
    optional: bool = False
    window: Window = Window()
    spl: str
    criteria: tuple[Criterion, ...] = ()
    place: Place
    spl_place: Place
    runs_place: Place | None = None


class OutputColumn(Model):
    """One column of the report's table (出力要件)."""

    label: str
    source: str
    """A field of the item, or `drill-down.field`."""
    format: Literal["text", "integer", "decimal", "time", "duration", "defang", "list", "percent"] = "text"
    place: Place


class Item(Model):
    """One monitoring item (監視項目)."""

    id: str
    title: str
    key: tuple[str, ...]
    entity: dict[str, str] = Field(default_factory=dict)
    """Entity type (`ip`, `user`, `host`, …) per key field."""
    times: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    window: Window = Window()
    at: str | None = None
    """Time column that places a finding; it counts when inside the round's window."""
    attack: tuple[str, ...] = ()
    baseline: Baseline | None = None
    show: int = 20
    extra_searches: int = 0
    """Most searches that a model may ask for beyond the written drill-downs."""
    review: Literal["findings", "always"] | None = None
    on_no_data: Verdict = Verdict.UNDETERMINED
    on_partial: Verdict = Verdict.UNDETERMINED
    on_truncated: Verdict = Verdict.UNDETERMINED
    enrich: tuple[Enrichment, ...] = ()
    purpose: str
    spl: str
    criteria: tuple[Criterion, ...]
    drill_downs: tuple[DrillDown, ...] = ()
    output: tuple[OutputColumn, ...]
    handover: str = ""
    total_spl: str | None = None
    """Independent total (検算): one row, whose columns must equal the sums over findings."""
    not_covered: str = ""
    place: Place
    spl_place: Place


class Procedure(Model):
    """A whole written procedure, as parsed from one version of its files."""

    id: str
    title: str
    version: str
    status: Status
    superseded_by: str | None = None
    language: Literal["ja", "en"]
    owner: str
    approver: str
    updated: dt.date
    review_by: dt.date
    timezone: str
    period_s: float
    tlp: str
    data_sources: tuple[DataSource, ...]
    lookups: tuple[str, ...] = ()
    """Lookup tables of the server that searches may read, beside those in the folder `lookups`."""
    budget: Budget = Budget()
    review: Literal["findings", "always"] = "findings"
    recheck: str | None = DECIDING
    """`deciding`, the verdict from which on every search of an item runs again, or None: none does."""
    role: str = ""
    prerequisites: str = ""
    notes: str = ""
    report_order: str = ""
    parameters: tuple[Parameter, ...] = ()
    known_benign: tuple[KnownBenign, ...] = ()
    items: Annotated[tuple[Item, ...], Field(min_length=1)]
    digest: str = ""
    """sha256 of the archived files and chosen parameters; set by `procedures.archive`."""

    def item(self, item_id: str) -> Item:
        """Return the item `item_id`.

        Raises:
            KeyError: The procedure has no such item.
        """
        for item in self.items:
            if item.id == item_id:
                return item
        raise KeyError(item_id)


class Fault(Model):
    """One thing that lint found."""

    place: Place
    code: str
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.place}: {self.code} {self.message}"
