"""A question to a model and its reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from tools.records.model_use import Agent, ModelCall

BYTES_PER_TOKEN = 3
"""A low estimate for English and Japanese alike, so that estimates are high."""
OVERHEAD_TOKENS = 64
"""Tokens that chat templates add."""

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """What an agent asks; the stable part of the prompt comes first, so that providers can cache it."""

    agent: Agent
    system: str
    user: str
    schema: type[T]
    metadata: dict[str, str]
    """For traces."""

    def estimate(self) -> int:
        """Return about how many tokens the prompt has, rather too many than too few."""
        schema = str(self.schema.model_json_schema())
        texts = (self.system, self.user, schema)
        return sum(len(text.encode()) for text in texts) // BYTES_PER_TOKEN + OVERHEAD_TOKENS


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer, or None; and what it took."""

    answer: T | None
    call: ModelCall
