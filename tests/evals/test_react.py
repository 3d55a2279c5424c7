"""The plain ReAct baseline: what the model asks for is searched, its rows are capped, its tokens are the server's count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.case import load_cases
from evals.run import Plan, run_case
from tejun.variants import VARIANTS
from tests.model_server import Answer, ModelServer, Request, serve_model

SEARCH = {"query": "index=aws | table _time, eventName", "earliest_time": "0"}
REPORT = "**Verdict: Investigate**\n\n| Identity | Attempts |\n|---|---|\n| m.sato | 1 |\n"
CASE = "trail-tampering-fires"


def calling(request: Request) -> Answer:
    """Search once, then report."""
    if any(message["role"] == "tool" for message in request["messages"]):
        return Answer(REPORT)
    call = {
        "name": "splunk_run_query",
        "arguments": json.dumps(SEARCH),
    }
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1", "type": "function", "function": call}],
    }
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    whole = {
        "id": "x", "object": "chat.completion", "created": 0, "model": "m", "usage": usage,
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
    }  # fmt: skip
    return Answer(raw=json.dumps(whole).encode())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with serve_model(calling) as running:
        for name, value in (("", "scripted-1"), ("_BASE_URL", running.url), ("_RETRIES", "0")):
            monkeypatch.setenv(f"TEJUN_MODEL{name}", value)
        yield running


def test_the_baseline_searches_reports_and_is_accounted(server: ModelServer, tmp_path: Path) -> None:
    (case,) = load_cases(ids=[CASE])
    result = run_case(case, Plan(VARIANTS["react"], workers=1), tmp_path)
    assert result.error is None
    assert result.scores["verdicts"].value == 1
    cost = {name: result.scores[name].value for name in ("calls", "searches", "tokens_in", "tokens")}
    assert cost == {"calls": 2, "searches": 1, "tokens_in": 200, "tokens": 240}
    first, second = server.requests
    assert "## trail-tampering: Logging stopped or changed" in first["messages"][0]["content"]
    assert {tool["function"]["name"] for tool in first["tools"]} >= {"splunk_run_query", "splunk_get_indexes"}
    (found,) = [message for message in second["messages"] if message["role"] == "tool"]
    rows = json.loads(found["content"])
    shown = next(item.show for item in case.parsed().items if item.id == "trail-tampering")
    assert len(rows["results"]) == shown
    assert rows["not_shown"] > 0


def test_an_agent_that_comes_to_no_end_is_told(server: ModelServer, tmp_path: Path) -> None:
    server.script = lambda request: calling({**request, "messages": []})
    (case,) = load_cases(ids=[CASE])
    result = run_case(case, Plan(VARIANTS["react"], workers=1), tmp_path)
    assert result.error
    assert "GraphRecursionError" in result.error
    assert result.scores["tokens_in"].value >= 500


def test_a_server_that_fails_in_mid_item_is_told_with_what_was_used(
    server: ModelServer, tmp_path: Path
) -> None:
    server.script = lambda request: calling(request) if len(server.requests) == 1 else Answer(status=500)
    (case,) = load_cases(ids=[CASE])
    result = run_case(case, Plan(VARIANTS["react"], workers=1), tmp_path)
    assert result.error
    assert result.scores["tokens_in"].value == 100


def test_the_product_with_a_model_is_accounted_and_no_worse(server: ModelServer, tmp_path: Path) -> None:
    server.script = lambda request: Answer(status=400)
    (case,) = load_cases(ids=[CASE])
    result = run_case(case, Plan(VARIANTS["model"], workers=1), tmp_path)
    without = run_case(case, Plan(VARIANTS["product"], workers=1), tmp_path)
    for name in ("verdicts", "told", "true", "honest", "grounded"):
        assert result.scores[name] == without.scores[name]
    assert result.scores["calls"].value >= 1


@pytest.mark.parametrize("variant", ["model", "react"])
def test_without_a_model_the_variant_says_what_to_set(
    variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEJUN_MODEL", raising=False)
    (case,) = load_cases(ids=[CASE])
    result = run_case(case, Plan(VARIANTS[variant], workers=1), tmp_path)
    assert result.error
    assert "Set TEJUN_MODEL" in result.error
