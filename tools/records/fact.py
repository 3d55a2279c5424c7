"""One value of a report with its evidence: what prose refers to by id."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from tools.search.result import Value

FactKind = Literal["integer", "decimal", "time", "duration", "text", "entity", "list", "verdict", "percent"]


class Fact(BaseModel):
    """One value (事実) with its evidence and derivation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """`f1`, `f2`, … unique in the report."""
    label: str
    value: Value | None
    kind: FactKind
    evidence: str
    """Digest of the evidence; empty only for values of the procedure or the round itself."""
    derivation: str
    """How to get it again: `cell[3].failures`, `count(findings)`, `round.start`, …"""
