"""Rounds, decisions and checkpoints in PostgreSQL: pause, answer in another process, verify."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Cli


@pytest.fixture
def on_postgresql(environment: dict[str, str], postgresql: str) -> dict[str, str]:
    environment["TEJUN_CASEBOOK_URL"] = postgresql
    return environment


@pytest.mark.usefixtures("on_postgresql")
def test_a_round_pauses_in_one_process_and_is_answered_in_another(cli: Cli, home: Path) -> None:
    cli("run", "linux-auth-daily", "--item", "root-shell", "--from", "2026-11-19", "--to", "2026-11-20")
    (waiting,) = json.loads(cli("inbox", "--json").stdout)
    assert waiting["item"] == "root-shell"
    cli("decide", "root-shell", "--decision", "no_deep_dive", "--reason", "a drill of ours")
    assert json.loads(cli("inbox", "--json").stdout) == []
    assert "a drill of ours" in cli("report", "linux-auth-daily").stdout
    cli("audit", "verify")
    assert not list(home.glob("*.sqlite"))
