"""One question to a model over the real protocol, and every way in which a server fails it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from agents.asking import Asker
from procedures.model import Budget
from tests.model_server import Answer, ModelServer, says, serve_model
from tools.model.client import ChatModel
from tools.model.question import Question
from tools.model.settings import ModelSettings, Price


class Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")

    answer: Literal["yes", "no"]


QUESTION = Question("judge", "Judge.", "Is it?", Reply, {})


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serve_model(lambda request: says({"answer": "yes"})) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[openai.DefaultAsyncHttpxClient]:
    async with openai.DefaultAsyncHttpxClient() as client:
        yield client


def model(server: ModelServer, http: openai.DefaultAsyncHttpxClient, **changes: Any) -> ChatModel:
    given = {"name": "m", "base_url": server.url, "timeout_s": 1.0, "retries": 1, **changes}
    return ChatModel(ModelSettings.model_validate(given), http)


async def test_an_answer_has_the_form_that_was_asked_for(
    server: ModelServer, http: openai.DefaultAsyncHttpxClient
) -> None:
    reply = await model(server, http, price=Price(input=1, cached=0.5, output=2)).ask(QUESTION, seconds=5)
    assert reply.answer == Reply(answer="yes")
    call = reply.call
    assert (call.outcome, call.requests, call.tokens_in, call.tokens_cached, call.tokens_out) == (
        "ok", 1, 100, 40, 20,
    )  # fmt: skip
    assert call.cost == pytest.approx((60 * 1 + 40 * 0.5 + 20 * 2) / 1e6)
    (sent,) = server.requests
    assert sent["response_format"]["json_schema"]["schema"]["properties"]["answer"]["enum"] == ["yes", "no"]
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert (sent["temperature"], sent["max_completion_tokens"]) == (0.0, 800)


async def test_tokens_that_a_server_does_not_count_are_estimated_and_labelled(
    server: ModelServer, http: openai.DefaultAsyncHttpxClient
) -> None:
    server.script = lambda request: Answer('{"answer": "no"}', usage=None)
    call = (await model(server, http).ask(QUESTION, seconds=5)).call
    assert call.estimated
    assert call.tokens_in > 50


@pytest.mark.parametrize(
    ("answer", "outcome", "requests"),
    [
        (Answer(status=429), "rate_limited", 2),
        (Answer(status=500), "server_error", 2),
        (Answer(status=503, headers={"retry-after": "0.1"}), "server_error", 2),
        (Answer(status=401), "unauthorised", 1),
        (Answer(status=403), "unauthorised", 1),
        (Answer(status=404), "unknown_model", 1),
        (Answer(status=400), "bad_request", 1),
        (Answer('{"answer": "perhaps"}'), "malformed", 2),
        (Answer('{"answer": "yes"'), "malformed", 2),
        (Answer("Sure! The answer is yes."), "malformed", 2),
        (Answer(""), "malformed", 2),
        (Answer(raw=b"<html>proxy</html>"), "malformed", 2),
        (Answer(raw=b'{"choices": null}'), "malformed", 2),
        (Answer(raw=b'{"choices": []}'), "malformed", 2),
        (Answer(raw=b"null"), "malformed", 2),
        (Answer(refusal="I cannot help with that."), "refused", 1),
        (Answer(finish="content_filter"), "refused", 1),
        (Answer('{"answer": "ye', finish="length"), "cut_off", 1),
        (Answer(delay_s=1.5), "timeout", 1),
        (Answer('{"answer": "yes"}', cut_at=40), "unreachable", 2),
    ],
)
async def test_every_failure_has_a_name_and_none_is_raised(
    server: ModelServer, http: openai.DefaultAsyncHttpxClient, answer: Answer, outcome: str, requests: int
) -> None:
    server.script = lambda request: answer
    reply = await model(server, http).ask(QUESTION, seconds=10)
    assert reply.answer is None
    assert (reply.call.outcome, reply.call.requests) == (outcome, requests)


async def test_what_passes_is_asked_again(server: ModelServer, http: openai.DefaultAsyncHttpxClient) -> None:
    answers = iter([Answer(status=503), says({"answer": "yes"})])
    server.script = lambda request: next(answers)
    reply = await model(server, http).ask(QUESTION, seconds=5)
    assert reply.answer == Reply(answer="yes")
    assert (reply.call.outcome, reply.call.requests) == ("ok", 2)


async def test_a_dead_server_is_unreachable(
    server: ModelServer, http: openai.DefaultAsyncHttpxClient
) -> None:
    server.stop()
    assert (await model(server, http).ask(QUESTION, seconds=5)).call.outcome == "unreachable"


async def test_the_time_of_a_question_is_bounded_whatever_the_server_asks_for(
    server: ModelServer, http: openai.DefaultAsyncHttpxClient
) -> None:
    server.script = lambda request: Answer(status=429, headers={"retry-after": "60"})
    started = time.monotonic()
    reply = await model(server, http).ask(QUESTION, seconds=0.5)
    assert reply.call.outcome == "timeout"
    assert time.monotonic() - started < 2


def asker(server: ModelServer, http: openai.DefaultAsyncHttpxClient, **budget: Any) -> Asker:
    return Asker({"judge": model(server, http, retries=0)}, Budget(**budget), {})


async def test_the_token_budget_of_an_item_ends_its_questions(
    server: ModelServer, http: openai.DefaultAsyncHttpxClient
) -> None:
    asking = asker(server, http, tokens=1100)
    while await asking.ask("judge", "Judge.", "Is it?", Reply):
        assert len(server.requests) < 10
    assert [call.outcome for call in asking.log] == ["ok", "ok", "budget_tokens"]
    assert sum(call.tokens_in + call.tokens_out for call in asking.log) <= 1100


async def test_the_time_budget_of_an_item_ends_its_questions(
    server: ModelServer, http: openai.DefaultAsyncHttpxClient
) -> None:
    asking = asker(server, http, model_seconds=0.0)
    assert await asking.ask("judge", "Judge.", "Is it?", Reply) is None
    assert asking.log[0].outcome == "budget_seconds"
    assert server.requests == []


async def test_after_a_hopeless_failure_an_item_asks_no_further(
    server: ModelServer, http: openai.DefaultAsyncHttpxClient
) -> None:
    server.script = lambda request: Answer(status=401)
    asking = asker(server, http)
    for _ in range(3):
        assert await asking.ask("judge", "Judge.", "Is it?", Reply) is None
    assert [call.outcome for call in asking.log] == ["unauthorised", "given_up", "given_up"]
    assert len(server.requests) == 1


def test_a_key_is_never_printed() -> None:
    assert "s3cret" not in repr(ModelSettings(name="m", key=SecretStr("s3cret")))
