"""Kill the process anywhere: the same command again ends in the same report, and nothing is doubled."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DRIVER = Path(__file__).with_name("killed_round.py")
RUN_TIMES = {
    "executed_at",
    "duration_s",
    "decided_at",
    "seconds",
    "report",
    "evidence_digest",
    "hash",
    "interrupt_id",
    "taken_from",
}
"""What differs between two runs by nature: moments, durations, digests over them, and what a repeated node need not send."""

Drive = Callable[..., int]


def scrubbed(value: Any) -> Any:
    """Return a report without run times."""
    if isinstance(value, dict):
        return {
            name: scrubbed(inner)
            for name, inner in value.items()
            if name not in RUN_TIMES or isinstance(inner, dict)
        }
    return [scrubbed(inner) for inner in value] if isinstance(value, list) else value


def difference(one: Any, other: Any, place: str = "") -> list[str]:
    """Return the places in which two values differ."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [line for name in one for line in difference(one[name], other[name], f"{place}.{name}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [
            line for index, (left, right) in pairs for line in difference(left, right, f"{place}[{index}]")
        ]
    return [] if one == other else [f"{place}: {one!r} / {other!r}"]


@pytest.fixture
def drive(environment: dict[str, str]) -> Drive:
    def run(verb: str, node: str = "-", moment: str = "never") -> int:
        done = subprocess.run(
            [sys.executable, str(DRIVER), verb, node, moment],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode

    return run


@pytest.fixture
def reference(cli: Callable[..., Any], drive: Drive, home: Path) -> Any:
    """Return the report of a run that nobody killed, and start the data directory afresh."""
    drive("run")
    drive("decide")
    report = json.loads(cli("report", "latest", "--format", "json").stdout)
    for name in ("casebook.sqlite", "checkpoints.sqlite"):
        for file in home.glob(f"{name}*"):
            file.unlink()
    shutil.rmtree(home / "evidence")
    return report


@pytest.mark.kill
def test_killed_at_every_node_boundary_nothing_is_lost_or_doubled(
    cli: Callable[..., Any], drive: Drive, reference: Any, home: Path
) -> None:
    for node in ("query", "judge", "drill_down", "look_again", "report", "verify", "review"):
        for moment in ("before", "after"):
            code = drive("run", node, moment)
            assert code == -signal.SIGKILL or (node, moment) == ("review", "after"), (node, moment)
    assert drive("run") == 0
    for moment in ("before", "after"):
        for node in ("review", "record"):
            drive("decide", node, moment)
    drive("decide")
    report = json.loads(cli("report", "latest", "--format", "json").stdout)
    assert difference(scrubbed(report), scrubbed(reference)) == []
    item = next(item for item in report["items"] if item["item"] == "ssh-bruteforce")
    assert [entry["kind"] for entry in item["decisions"]] == ["decision"]
    purposes = [entry["purpose"] for entry in item["report"]["search_log"]]
    assert len(purposes) == len(set(purposes))
    assert json.loads(cli("audit", "verify", "--json").stdout)["length"] == 1
    assert not list((home / "evidence").rglob("*.tmp"))
