"""What a model did in an item: its calls, what they cost, what was taken and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tools.records.finding import Note

Agent = Literal["judge", "drill_down", "reporter"]
"""The agents that a model may speak for."""

Failure = Literal[
    "timeout", "rate_limited", "server_error", "unreachable", "unauthorised", "unknown_model", "bad_request",
    "too_long", "cut_off", "refused", "malformed", "budget_tokens", "budget_seconds", "given_up",
]  # fmt: skip
"""Why an answer of a model could not be had."""


class Model(BaseModel):
    """Frozen, and strict about unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelCall(Model):
    """One question to a model, with all its attempts."""

    agent: Agent
    model: str
    outcome: Literal["ok"] | Failure
    requests: int = 0
    """HTTP requests sent."""
    tokens_in: int = 0
    tokens_cached: int = 0
    """Of `tokens_in`, those that the provider had in its prompt cache."""
    tokens_out: int = 0
    estimated: bool = False
    """The server did not count; the tokens are estimated from the text."""
    seconds: float = 0.0
    cost: float | None = None
    """In the currency of the configured prices; None when there are none."""


class ModelUse(Model):
    """Everything a model did in one item."""

    calls: tuple[ModelCall, ...]
    narrative: Literal["model", "code"] = "code"
    """Who wrote assessment and recommendation."""
    repairs: int = 0
    """Drafts that were sent back once because they held something that is no fact."""
    notes: tuple[Note, ...] = ()
    """What was not taken over, and what a reader must know."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models, in the order of their first call."""
        return tuple(dict.fromkeys(call.model for call in self.calls))


class ModelTotals(Model):
    """Sums over calls."""

    calls: int
    failed: int
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    seconds: float
    cost: float | None


def sum_calls(calls: Sequence[ModelCall]) -> ModelTotals:
    """Return the sums over `calls`; the cost is None when no call has one."""
    costs = [call.cost for call in calls if call.cost is not None]
    return ModelTotals(
        calls=len(calls),
        failed=sum(call.outcome != "ok" for call in calls),
        tokens_in=sum(call.tokens_in for call in calls),
        tokens_cached=sum(call.tokens_cached for call in calls),
        tokens_out=sum(call.tokens_out for call in calls),
        seconds=sum(call.seconds for call in calls),
        cost=sum(costs) if costs else None,
    )
