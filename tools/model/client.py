"""The model client: one question to one validated answer, or to the reason why there is none."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, TypeVar

import openai
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr, ValidationError

from tools.model.question import BYTES_PER_TOKEN, Question, Reply
from tools.model.settings import ModelSettings
from tools.records.model_use import Failure, ModelCall

BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 8.0

T = TypeVar("T", bound=BaseModel)

_FAILURES: tuple[tuple[type[Exception], Failure], ...] = (
    (TimeoutError, "timeout"),
    (ModelTimeoutError, "timeout"),
    (ModelRateLimitError, "rate_limited"),
    (ModelAuthenticationError, "unauthorised"),
    (ModelPermissionDeniedError, "unauthorised"),
    (ModelNotFoundError, "unknown_model"),
    (ContextOverflowError, "too_long"),
    (ModelInvalidRequestError, "bad_request"),
    (ModelAPIError, "server_error"),
    (ModelConnectionError, "unreachable"),
    (openai.LengthFinishReasonError, "cut_off"),
    (openai.ContentFilterFinishReasonError, "refused"),
    (openai.APIStatusError, "server_error"),
)
"""What an exception means, the first match first; anything else is an answer that cannot be read."""

PASSING: frozenset[Failure] = frozenset({"rate_limited", "server_error", "unreachable", "malformed"})
"""Failures that another request may not have. A timeout has used its time up."""


class UnreadableAnswerError(ValueError):
    """An answer has no form that was asked for."""


class RefusedAnswerError(ValueError):
    """The model declined to answer."""


@dataclass(slots=True)
class _Tally:
    """What the attempts of one question took together."""

    requests: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    estimated: bool = False

    def count(self, usage: dict[str, Any] | None, question: Question[Any], text: str) -> None:
        """Add the usage that the server told; without one, an estimate."""
        if not usage or not usage.get("input_tokens"):
            self.estimated = True
            self.tokens_in += question.estimate()
            self.tokens_out += len(text.encode()) // BYTES_PER_TOKEN
            return
        self.tokens_in += usage["input_tokens"]
        self.tokens_out += usage.get("output_tokens", 0)
        self.tokens_cached += (usage.get("input_token_details") or {}).get("cache_read") or 0


def open_chat(settings: ModelSettings, **options: Any) -> ChatOpenAI:
    """Return the library's own client of a model.

    Args:
        settings: Which model, where, and how it answers.
        options: What else `ChatOpenAI` is told: its HTTP client, which somebody else closes, timeout and retries.
    """
    return ChatOpenAI(
        model=settings.name,
        base_url=settings.base_url or "https://api.openai.com/v1",
        api_key=settings.key or SecretStr("none"),
        temperature=settings.temperature,
        max_completion_tokens=settings.max_tokens,
        use_responses_api=False,
        **options,
    )


class ChatModel:
    """One configured chat model. Safe to use from several tasks at once."""

    def __init__(self, settings: ModelSettings, client: openai.DefaultAsyncHttpxClient) -> None:
        """Bind the settings to an HTTP client that somebody else closes."""
        self.settings = settings
        self._chat = open_chat(settings, max_retries=0, http_async_client=client)

    async def ask(self, question: Question[T], *, seconds: float) -> Reply[T]:
        """Ask, again where that may help, within `seconds`. Never raises for what a server does."""
        tally, started = _Tally(), time.monotonic()
        failure: Failure | None = "timeout"
        answer: T | None = None
        try:
            async with asyncio.timeout(seconds):
                answer, failure = await self._attempts(question, tally)
        except TimeoutError:
            pass
        call = ModelCall(
            agent=question.agent,
            model=self.settings.name,
            outcome=failure or "ok",
            requests=tally.requests,
            tokens_in=tally.tokens_in,
            tokens_cached=tally.tokens_cached,
            tokens_out=tally.tokens_out,
            estimated=tally.estimated,
            seconds=round(time.monotonic() - started, 3),
        )
        price = self.settings.price
        return Reply(answer, call.model_copy(update={"cost": price.of(call)}) if price else call)

    async def _attempts(self, question: Question[T], tally: _Tally) -> tuple[T | None, Failure | None]:
        failure: Failure = "malformed"
        for attempt in range(self.settings.retries + 1):
            pause = BACKOFF_S * 2**attempt
            try:
                return await self._once(question, tally), None
            except RefusedAnswerError:
                return None, "refused"
            except openai.LengthFinishReasonError as error:
                _count_cut(error, question, tally)
                return None, "cut_off"
            except Exception as error:  # the edge to a foreign server, whose client raises anything
                failure = _meaning(error)
                pause = _asked_pause_s(error) or pause
            if failure not in PASSING:
                break
            if attempt < self.settings.retries:
                await asyncio.sleep(min(pause, LONGEST_BACKOFF_S))
        return None, failure

    async def _once(self, question: Question[T], tally: _Tally) -> T:
        tally.requests += 1
        messages: list[BaseMessage] = [SystemMessage(question.system), HumanMessage(question.user)]
        form = {"name": "answer", "strict": True, "schema": question.schema.model_json_schema()}
        config: RunnableConfig = {
            "run_name": question.agent,
            "metadata": question.metadata,
            "tags": ["tejun"],
        }
        bound = self._chat.bind(response_format={"type": "json_schema", "json_schema": form})
        async with asyncio.timeout(self.settings.timeout_s):
            message = await bound.ainvoke(messages, config)
        text = _text(message)
        usage = message.usage_metadata if isinstance(message, AIMessage) else None
        tally.count(dict(usage) if usage else None, question, text)
        if message.additional_kwargs.get("refusal"):
            raise RefusedAnswerError(str(message.additional_kwargs["refusal"])[:200])
        try:
            return question.schema.model_validate_json(text)
        except ValidationError as error:
            raise UnreadableAnswerError(str(error)) from None


def _text(message: Any) -> str:
    return message.content if isinstance(message.content, str) else ""


def _count_cut(error: openai.LengthFinishReasonError, question: Question[Any], tally: _Tally) -> None:
    """Add what an answer cost that was cut off at its most tokens."""
    usage = error.completion.usage
    known = {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens} if usage else None
    tally.count(known, question, "")


def _meaning(error: Exception) -> Failure:
    return next((failure for kind, failure in _FAILURES if isinstance(error, kind)), "malformed")


def _asked_pause_s(error: Exception) -> float | None:
    """Return the pause that a server asks for in `Retry-After`, where it gives one in seconds."""
    response = getattr(error, "response", None)
    asked = response.headers.get("retry-after", "") if response is not None else ""
    return float(asked) if asked.replace(".", "", 1).isdigit() else None
