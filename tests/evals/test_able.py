"""The scripted agent: it does what the procedure demands in the fewest calls, and every token that it is sent is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.able import CountingError, Sent, ServerCount, run_able
from evals.case import load_cases
from evals.output import Output
from evals.react import QUERY_TOOL
from evals.result import CaseResult
from evals.run import Plan, run_case
from evals.variant import Job, Variant
from tejun.variants import demanded_searches
from tests.model_server import Answer, Request, serve_model

WITHOUT_DRILL_DOWN, WITH_DRILL_DOWN = "trail-tampering-fires", "console-no-mfa-change-after"
SEEN: list[tuple[list[Sent], list[Sent]]] = []
"""What each call was sent."""


async def ten_each(messages: list[Sent], tools: list[Sent]) -> int:
    SEEN.append((messages, tools))
    return 10 * len(messages) + len(tools)


async def play(job: Job) -> Output:
    return await run_able(job, await demanded_searches(job), ten_each)


def played(case: str, folder: Path) -> CaseResult:
    SEEN.clear()
    (one,) = load_cases(ids=[case])
    result = run_case(one, Plan(Variant("able", "", play), workers=1, keep=folder), folder)
    assert result.error is None
    return result


def test_searches_that_need_no_other_are_one_turn(tmp_path: Path) -> None:
    result = played(WITHOUT_DRILL_DOWN, tmp_path)
    assert result.scores["calls"].value == 2
    first, second = SEEN
    assert [message["role"] for message in first[0]] == ["system", "user"]
    assert "## trail-tampering" in first[0][0]["content"]
    assert QUERY_TOOL in {tool["function"]["name"] for tool in first[1]}
    asked = [json.loads(call["function"]["arguments"]) for call in second[0][2]["tool_calls"]]
    assert any("StopLogging" in call["query"] for call in asked)
    answers = [json.loads(message["content"]) for message in second[0][3:]]
    assert len(answers) == len(asked) == result.scores["searches"].value
    assert any(row.get("who") == "m.sato" for answer in answers for row in answer["results"])


def test_a_drill_down_waits_for_what_it_is_about(tmp_path: Path) -> None:
    result = played(WITH_DRILL_DOWN, tmp_path)
    assert result.scores["calls"].value == 3
    (drilled,) = SEEN[-1][0][-2]["tool_calls"]
    assert 'sourceIPAddress IN ("203.0.113.150")' in json.loads(drilled["function"]["arguments"])["query"]
    assert '"writes"' in SEEN[-1][0][-1]["content"]


def test_every_call_counts_all_that_it_is_sent(tmp_path: Path) -> None:
    result = played(WITH_DRILL_DOWN, tmp_path)
    expected = sum(10 * len(messages) + len(tools) for messages, tools in SEEN)
    assert result.scores["tokens_in"].value == expected
    assert all(tools for _, tools in SEEN)


async def test_a_server_counts_the_prompt_that_it_would_make() -> None:
    def server(request: Request) -> Answer:
        given = {"tokens": request["content"].split()} if "content" in request else {"prompt": "a b c"}
        return Answer(raw=json.dumps(given).encode())

    with serve_model(server) as running:
        assert await ServerCount(running.url)([{"role": "user", "content": "x"}], [{"type": "function"}]) == 3
    assert running.requests[0] == {
        "messages": [{"role": "user", "content": "x"}],
        "tools": [{"type": "function"}],
    }


async def test_a_server_that_cannot_count_is_named() -> None:
    with (
        serve_model(lambda _: Answer(status=404)) as server,
        pytest.raises(CountingError, match=r"apply-template answered 404.*Expected a llama\.cpp server"),
    ):
        await ServerCount(server.url)([{"role": "user", "content": "x"}], [])
