"""Rows of the casebook as frozen values."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

ItemRunState = Literal["planned", "running", "paused", "recorded", "failed", "superseded", "withdrawn"]
EntryKind = Literal["decision", "outcome", "signature", "withdrawal"]
CLOSED = ("superseded", "withdrawn")
"""States of items that nobody answers any more."""


class Model(BaseModel):
    """Frozen, and strict about unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Round(Model):
    """One run of a procedure over one window; times are epochs."""

    id: str
    procedure_id: str
    procedure_title: str
    procedure_version: str
    procedure_digest: str
    source: str
    start: float
    end: float
    timezone: str
    ad_hoc: bool
    generation: int
    created_at: float
    signed_by: str | None = None
    signed_at: float | None = None
    signed_digest: str | None = None


class RoundItemRow(Model):
    """One item of a round; digests name evidence."""

    thread_id: str
    round_id: str
    item_id: str
    title: str
    position: int
    state: ItemRunState = "planned"
    awaiting: Literal["review", "outcome"] | None = None
    verdict: str | None = None
    complete: bool | None = None
    findings: int | None = None
    report: str | None = None
    checks: str | None = None
    judgement: str | None = None
    interrupt_id: str | None = None
    error: str | None = None
    updated_at: float = 0.0


class Entry(Model):
    """A decision, outcome, signature or withdrawal before it is chained."""

    thread_id: str
    round_id: str
    item_id: str
    kind: EntryKind
    interrupt_id: str
    body: str
    """Canonical JSON."""
    reviewer: str
    decided_at: float
    evidence_digest: str
    procedure_digest: str


class ChainedEntry(Entry):
    """An entry in the chain: its number, and the hash over everything including the hash before it."""

    seq: int
    previous_hash: str
    hash: str


class Closing(Model):
    """Why an item needs no answer any more."""

    thread_id: str
    kind: Literal["superseded", "withdrawn"]
    by_round: str
    """The round that stands in its place; its own where it was withdrawn."""
    closed_at: float


class ChainReport(Model):
    """Whether the chain of decisions is whole."""

    ok: bool
    length: int
    broken_at: int | None = None
    reason: str | None = None


class Lease(Model):
    """Who works on an item right now."""

    thread_id: str
    holder: str
    host: str
    pid: int
    process_started: str
    acquired_at: float
    expires_at: float


class Claim(Model):
    """Who holds an item for review."""

    thread_id: str
    holder: str
    claimed_at: float
    expires_at: float


class Opening(Model):
    """When a reviewer first opened a review: what review seconds are counted from."""

    thread_id: str
    interrupt_id: str
    reviewer: str
    opened_at: float
