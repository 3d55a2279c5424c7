"""Asking a model for an item: within the procedure's budget, every call written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pydantic import BaseModel

from procedures.model import Budget
from tools.model.question import Question, Reply
from tools.model.settings import ModelSettings
from tools.records.model_use import Agent, Failure, ModelCall

T = TypeVar("T", bound=BaseModel)

HOPELESS: frozenset[str] = frozenset({"timeout", "unreachable", "unauthorised", "unknown_model"})
"""Failures after which an item asks no further: each next call would cost its time and fail as well."""


class AnsweringModel(Protocol):
    """A model that answers questions."""

    @property
    def settings(self) -> ModelSettings:
        """What it is reached with."""
        ...

    async def ask(self, question: Question[T], *, seconds: float) -> Reply[T]:
        """Answer within `seconds`, or say why not."""
        ...


@dataclass(slots=True)
class Asker:
    """The item's way to the models. `log` grows by one line for every question."""

    models: Mapping[str, AnsweringModel]
    """By agent; an agent without one works deterministically."""
    budget: Budget
    metadata: dict[str, str]
    log: list[ModelCall] = field(default_factory=list)

    def has(self, agent: Agent) -> bool:
        """Tell whether a model speaks for `agent`."""
        return agent in self.models

    def name(self, agent: Agent) -> str:
        """Return the name of the agent's model."""
        return self.models[agent].settings.name

    async def ask(self, agent: Agent, system: str, user: str, schema: type[T]) -> T | None:
        """Return the model's answer; None when there is none, and the log says why."""
        model = self.models[agent]
        question = Question(agent, system, user, schema, {**self.metadata, "agent": agent})
        if failure := self._spent(agent, question.estimate() + model.settings.max_tokens):
            self.log.append(ModelCall(agent=agent, model=model.settings.name, outcome=failure))
            return None
        reply = await model.ask(question, seconds=self.budget.model_seconds - self._seconds)
        self.log.append(reply.call)
        return reply.answer

    @property
    def _seconds(self) -> float:
        return sum(call.seconds for call in self.log)

    def _spent(self, agent: Agent, wanted: int) -> Failure | None:
        name = self.models[agent].settings.name
        if any(call.outcome in HOPELESS and call.model == name for call in self.log):
            return "given_up"
        if sum(call.tokens_in + call.tokens_out for call in self.log) + wanted > self.budget.tokens:
            return "budget_tokens"
        return "budget_seconds" if self._seconds >= self.budget.model_seconds else None
