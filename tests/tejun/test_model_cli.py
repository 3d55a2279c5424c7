"""The command line with a model: doctor, prompts, what a round took."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from tests.graph.model_rounds import diligent
from tests.model_server import Answer, says, serve_model
from tools.demo import plan

Cli = Callable[..., subprocess.CompletedProcess[str]]
DAY = ("--from", "2026-11-19", "--to", "2026-11-20")


def states(cli: Cli, code: int = 0) -> dict[str, tuple[str, str]]:
    found = json.loads(cli("doctor", "--json", check=code).stdout)
    return {part["part"]: (part["state"], part["text"]) for part in found}


def test_doctor_without_a_model_is_well(cli: Cli) -> None:
    found = states(cli)
    assert {state for state, _ in found.values()} == {"ok", "absent"}
    assert "TEJUN_MODEL is not set" in found["model"][1]


@pytest.mark.parametrize(
    ("answer", "state", "told"),
    [
        (says({"ok": "yes"}), "ok", "answered in"),
        (Answer(status=401), "failed", "set OPENAI_API_KEY"),
        (Answer(status=404), "failed", "mend TEJUN_MODEL"),
        (Answer("hello"), "failed", "structured output"),
    ],
)
def test_doctor_asks_the_model_and_names_the_remedy(
    cli: Cli, environment: dict[str, str], answer: Answer, state: str, told: str
) -> None:
    with serve_model(lambda request: answer) as server:
        environment |= {"TEJUN_MODEL": "m", "TEJUN_MODEL_BASE_URL": server.url}
        found = states(cli, code=0 if state == "ok" else 1)
    assert found["model of judge, drill_down, reporter"][0] == state
    assert told in found["model of judge, drill_down, reporter"][1]


def test_doctor_names_a_missing_key_and_a_siem_that_does_not_answer(
    cli: Cli, environment: dict[str, str]
) -> None:
    environment.pop("OPENAI_API_KEY", None)
    environment |= {"TEJUN_MODEL": "m", "TEJUN_SIEM_URL": "http://127.0.0.1:9/mcp"}
    found = states(cli, code=1)
    assert found["SIEM"][0] == "failed"
    assert "the key is missing. Set OPENAI_API_KEY" in found["model of judge, drill_down, reporter"][1]


def test_a_setting_that_cannot_be_read_is_a_usage_error(cli: Cli, environment: dict[str, str]) -> None:
    environment |= {"TEJUN_MODEL": "m", "TEJUN_MODEL_RETRIES": "many"}
    assert "TEJUN_MODEL_RETRIES 'many'" in cli("doctor", check=2).stderr.replace("\n", " ")


def test_prompts_are_shown_by_item_and_agent(cli: Cli) -> None:
    shown = cli("procedure", "prompt", plan.LINUX, "--item", "root-login", "--agent", "judge").stdout
    assert shown.startswith("===== root-login · judge =====\n一次判断が事実に比べて軽すぎる")
    assert "=====" in cli("procedure", "prompt", plan.AWS).stdout
    assert "Items: " in cli("procedure", "prompt", plan.LINUX, "--item", "nonsense", check=2).stderr
    assert "Agents: " in cli("procedure", "prompt", plan.LINUX, "--agent", "poet", check=2).stderr


def test_a_round_tells_what_the_model_took(cli: Cli, environment: dict[str, str]) -> None:
    with serve_model(diligent) as server:
        environment |= {
            "TEJUN_MODEL": "m-1", "TEJUN_MODEL_BASE_URL": server.url, "TEJUN_MODEL_PRICE": "1,0.5,2",
        }  # fmt: skip
        ran = json.loads(cli("run", plan.LINUX, *DAY, "--item", "ssh-bruteforce", "--json").stdout)
    (item,) = [item for item in ran["items"] if "model" in item]
    assert item["model"] == ran["model"]
    assert ran["model"]["models"] == ["m-1"]
    assert (ran["model"]["calls"], ran["model"]["tokens_in"]) == (3, 300)
    assert ran["model"]["cost"] == pytest.approx(3 * (60 + 20 + 40) / 1e6)
    report = cli("report", "latest").stdout
    assert "| モデル | m-1 |" in report
    assert "入力トークン 300" in report
    whole = json.loads(cli("report", "latest", "--format", "json").stdout)
    used = next(item["report"]["model_use"] for item in whole["items"] if item["report"])
    assert [call["agent"] for call in used["calls"]] == ["drill_down", "judge", "reporter"]


def test_a_round_without_a_model_says_nothing_of_one(cli: Cli) -> None:
    ran = json.loads(cli("run", plan.LINUX, *DAY, "--item", "root-login", "--json").stdout)
    assert "model" not in ran
    assert all("model" not in item for item in ran["items"])
