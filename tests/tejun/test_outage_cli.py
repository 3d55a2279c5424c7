"""A night when the SIEM is away, as a scheduler and a person at the keyboard see it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tools.demo import plan

Cli = Callable[..., subprocess.CompletedProcess[str]]
DAY = ("--from", "2026-11-19", "--to", "2026-11-20")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def siem(environment: dict[str, str], port: int) -> Iterator[None]:
    """Serve the log store of the data directory, as a SIEM of another machine would be."""
    command = [
        str(Path(sys.executable).with_name("tejun")), "logs", "serve", "--http", str(port),
    ]  # fmt: skip
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as served:
        try:
            deadline = time.monotonic() + 60
            while not answers(port) and time.monotonic() < deadline:
                time.sleep(0.2)
            yield
        finally:
            served.terminate()


def item_of(ran: subprocess.CompletedProcess[str], name: str) -> dict[str, Any]:
    return next(item for item in json.loads(ran.stdout)["items"] if item["item"] == name)


@pytest.mark.server
def test_an_outage_ends_with_three_and_the_same_command_repeats_it(
    cli: Cli, environment: dict[str, str]
) -> None:
    port = free_port()
    served = dict(environment)
    environment["TEJUN_SIEM_URL"] = f"http://127.0.0.1:{port}/mcp"
    command = ("run", plan.LINUX, *DAY, "--item", "new-account")
    away = cli(*command, check=3)
    assert "1 item undetermined or incomplete because searches failed" in away.stderr
    assert "new-account: item search (failed)" in away.stderr
    assert "run the same command again" in away.stderr
    (waiting,) = json.loads(cli("inbox", "--json").stdout)
    assert (waiting["item"], waiting["verdict"]) == ("new-account", "undetermined")
    with siem(served, port):
        back = cli(*command, "--json", check=0)
        found = item_of(back, "new-account")
        assert (found["state"], found["complete"], found["id"]) == ("paused", True, waiting["id"])
        assert found["interrupt_id"] != waiting["interrupt_id"]
        assert "unfinished" not in found
        assert item_of(cli(*command, "--json"), "new-account")["interrupt_id"] == found["interrupt_id"]


def test_a_round_run_anew_and_a_trial_withdrawn_leave_the_inbox(cli: Cli) -> None:
    command = ("run", plan.LINUX, *DAY, "--item", "root-shell")
    first = item_of(cli(*command, "--json"), "root-shell")
    second = item_of(cli(*command, "--again", "--json"), "root-shell")
    assert [item["id"] for item in json.loads(cli("inbox", "--json").stdout)] == [second["id"]]
    refused = cli("decide", first["id"], "--decision", "no_deep_dive", "--reason", "seen", check=1)
    assert f"answer the same item of round {second['round'][:8]}" in refused.stderr
    assert f"superseded by round {second['round'][:8]}" in cli("show", first["id"]).stdout
    cli("show", first["id"], "--json", check=1)
    taken = cli("round", "withdraw", second["round"], "--reason", "a trial").stdout
    assert "7 items need no answer any more" in taken
    assert json.loads(cli("inbox", "--json").stdout) == []
    assert json.loads(cli("audit", "verify", "--json").stdout)["ok"]
    assert "a trial" in cli("report", second["round"]).stdout
    assert "withdrawn" in cli("sign", second["round"], check=1).stderr
