"""What a variant hands in for a case: the report as people read it, its claims, its evidence, its cost."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from evals.counting import Value
from evals.planting import Model


class Claim(Model):
    """One value that a report states, bound to the evidence that it rests on."""

    item: str
    text: str
    """What it says, for people."""
    value: Value | None
    evidence: str
    """Digest of a search of the output; empty when the claim names none."""
    place: str
    """Where in the evidence: `cell[row].column`, or another derivation."""


class Search(Model):
    """One search that was really sent."""

    status: str
    spl: str
    earliest: float
    latest: float
    rows: tuple[dict[str, Value], ...]


class Cost(Model):
    """What the case took; tokens and calls are those of models."""

    seconds: float
    searches: int = 0
    calls: int = 0
    tokens: int = 0
    tokens_in: int = 0
    """Those that the models read, a part of `tokens`."""
    failures: int = 0
    """Calls that brought no usable answer."""
    repairs: int = 0
    """Drafts of a model that were sent back once."""


Kind = Literal["answer", "concern", "assessment", "recommendation"]
"""An answer to a question in prose, an objection to a verdict, or a part of the narrative."""


class Contribution(Model):
    """One thing that a model was asked to write, and whether it stands in the report as it was given."""

    item: str
    kind: Kind
    taken: bool
    reason: str = ""
    """Why it was not taken, or not as given."""


class Output(Model):
    """The answer of a variant to one case."""

    markdown: str
    """The report of the round, with one section `## item: title` per item."""
    failed: dict[str, str] = Field(default_factory=dict)
    """Items that did not come to an end, with the reason."""
    claims: tuple[Claim, ...] = ()
    searches: dict[str, Search] = Field(default_factory=dict)
    """Evidence by digest."""
    contributions: tuple[Contribution, ...] = ()
    """What models wrote; empty without a model."""
    cost: Cost
