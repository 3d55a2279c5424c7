"""The state of one monitoring item: JSON values and content digests only.

Models would come back as plain dicts from a server's checkpoints, and rows would bloat them; so nodes read
and write domain values in the evidence store and keep their digests here.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

Json = dict[str, Any]


class ItemInput(TypedDict):
    """What a thread is started with: ids and epochs."""

    procedure: str
    """Digest of the archived procedure in the evidence store."""
    item: str
    start: float
    end: float
    round: str


class ItemUpdate(TypedDict, total=False):
    """What a node may write."""

    findings: str
    """Digest of `Findings`."""
    judgement: str
    """Digest of `Judgement`."""
    runs: list[Json]
    """`DrillDownRun` values, oldest first."""
    due: list[Json]
    """Drill-downs that must run next: `{"drill_down", "findings", "requested_by"}`."""
    searches: list[Json]
    """`LoggedSearch` values in the order in which they were sent."""
    calls: list[Json]
    """`ModelCall` values in the order in which they were made."""
    model_notes: list[Json]
    """`Note` values about what a model did or was not allowed to do."""
    chosen: bool
    """Whether a model has had its choice of further drill-downs."""
    again: Json
    """What the SIEM answered a second time (`Again`)."""
    earlier: list[str]
    """Digests of the reports of earlier runs of this item, whose searches failed; oldest first."""
    report: str
    """Digest of `ItemReport`."""
    checks: str
    """Digest of `Checks`."""
    payload: str
    """Digest of the review payload that the next interrupt shows."""
    pauses: bool
    """Whether a person must look."""
    attempt: int
    """Reviews of this item so far, the coming one included."""
    unanswered: list[str]
    """Reviewer's questions that could not be answered here."""
    answer: Json | None
    """The last valid answer that is not recorded yet."""
    validation_error: str | None
    """Why the last answer could not be used."""
    status: str
    """`open`, `deep_dive` (waits for an outcome) or `recorded`."""


class ItemState(ItemInput, ItemUpdate):
    """The inputs, and whatever the nodes have written so far."""
