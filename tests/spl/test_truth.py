"""Real logs with answers that were computed without SPL: every fact in this engine's reach must agree."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from spl.lookups import Lookups, parse_lookups

SETS = ("linux_auth", "web_access", "aws_cloudtrail", "windows_ad", "ids_alerts")
FACTS = 98
"""Facts over these sets that come with a search; three of ids_alerts are answered from its label file alone."""


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


def search_of(fact: dict[str, Any]) -> str:
    """Return the search of a fact without the remark in front; empty when there is none."""
    return str(fact["spl"]).removeprefix("(label file)").strip()


def labels(folder: Path) -> Lookups:
    """Return the label file of a set as the lookup `labels`."""
    path = folder / "labels.csv.gz"
    return (
        parse_lookups({"labels": gzip.decompress(path.read_bytes()).decode()}, "")
        if path.exists()
        else Lookups()
    )


@pytest.mark.shared
def test_every_fact_agrees(
    shared_dir: Path, over: Callable[..., Any], read_events: Callable[[Path], list[dict[str, Any]]]
) -> None:
    agreed, total, disagreements = 0, 0, []
    for name in SETS:
        folder = shared_dir / "data" / name
        truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        bench, tables = over(read_events(folder / "events.ndjson.gz")), labels(folder)
        for fact in filter(search_of, truth["facts"]):
            window = {"earliest": float(truth["earliest"]), "latest": float(truth["latest"])}
            rows = bench.rows(search_of(fact), lookups=tables, **window)
            wanted, got = answer(fact, rows)
            total += 1
            agreed += wanted == got
            if wanted != got:
                disagreements.append(f"{fact['id']} {fact['spl']}\n  expected {wanted}\n  got      {got}")
    print(f"agree {agreed} of {total}")
    print("\n".join(disagreements))
    assert not disagreements, "\n".join(disagreements)
    assert total == FACTS
