"""Real logs with answers that were computed without SPL: every fact in this engine's reach must agree."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from spl.errors import UnsupportedError
from spl.parse import parse_search

SETS = ("linux_auth", "web_access", "aws_cloudtrail")
IN_REACH = 57
"""Facts over the three sets whose search uses only what this engine implements."""


def comparable(value: Any) -> Any:
    """Return a value so that `3`, `3.0` and `"3"` are the same, and so are lists in any order."""
    if isinstance(value, list):
        return (
            sorted((comparable(one) for one in value), key=repr) if len(value) != 1 else comparable(value[0])
        )
    try:
        return round(float(value), 9)
    except (TypeError, ValueError):
        return value


def canonical(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return rows without order and without their empty cells."""
    kept = [
        {name: comparable(value) for name, value in row.items() if value not in ("", None)} for row in rows
    ]
    return sorted(json.dumps(row, sort_keys=True, ensure_ascii=False) for row in kept)


def answer(fact: dict[str, Any], rows: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Return what the fact says and what the rows say, comparable."""
    expected = fact["expected"]
    if fact["answer_type"] == "scalar":
        return canonical([{"value": expected}]), canonical(
            [{"value": value} for row in rows for value in row.values()]
        )
    wanted = [expected] if fact["answer_type"] == "record" else expected
    names = {name for row in wanted for name in row}
    shown = [{name: value for name, value in row.items() if name in names} for row in rows] if names else rows
    return canonical(wanted), canonical(shown)


def in_reach(search: str) -> bool:
    """Tell whether the engine accepts the search."""
    try:
        parse_search(search)
    except UnsupportedError:
        return False
    return True


@pytest.mark.shared
def test_every_fact_in_reach_agrees(
    shared_dir: Path, over: Callable[..., Any], read_events: Callable[[Path], list[dict[str, Any]]]
) -> None:
    agreed, total, disagreements = 0, 0, []
    for name in SETS:
        folder = shared_dir / "data" / name
        truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        bench = over(read_events(folder / "events.ndjson.gz"))
        for fact in filter(lambda fact: in_reach(fact["spl"]), truth["facts"]):
            rows = bench.rows(fact["spl"], earliest=float(truth["earliest"]), latest=float(truth["latest"]))
            wanted, got = answer(fact, rows)
            total += 1
            agreed += wanted == got
            if wanted != got:
                disagreements.append(f"{fact['id']} {fact['spl']}\n  expected {wanted}\n  got      {got}")
    print(f"agree {agreed} of {total}")
    print("\n".join(disagreements))
    assert not disagreements, "\n".join(disagreements)
    assert total >= IN_REACH
