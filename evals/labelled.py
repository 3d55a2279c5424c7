"""Labelled events: rules that others wrote and tested, each event labelled whether its rule must hit it.

The items of `rules/PROCEDURE.md` are written from the title and the description of a rule; the labels are the truth of
single events. Hits are read from the rendered report. Events of other rules have no label for an item and are not looked at.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.output import Output
from evals.reading import finding_rows, sections
from evals.rule_score import RuleScore
from evals.run import Plan
from evals.variant import Job
from procedures.archive import load_procedure
from procedures.schedule import RoundWindow
from procedures.source import read_source
from tools.logstore.store import LogStore

SET, EVENTS, LABELS = "panther_tests", "events_dev.ndjson.gz", "labels_dev.jsonl.gz"
PROCEDURE = Path(__file__).parent / "rules"
EVENT = "Event"
"""Label of the column that names an event."""
DAY_S = 86400


def run_labelled(folder: Path, plan: Plan) -> tuple[RuleScore, ...]:
    """Run every item of the rules over the set below `folder` and score it by the labels.

    Labels that need a mock of the authors' own code say nothing about the event alone and are left out.

    Args:
        folder: Holds the set; it must be there (`is_there`).
        plan: The variant; cases and workers do not matter.
    """
    events, labels = _lines(folder / SET / EVENTS), list(_lines(folder / SET / LABELS))
    output = _run(folder / SET / EVENTS, [float(event["_time"]) for event in events], plan)
    items = {item.id: item.title for item in load_procedure(read_source(PROCEDURE)).items}
    found = {name: _found(output, name) for name in items}
    return tuple(
        _score(
            name,
            rule,
            found[name],
            [one for one in labels if one["rule_id"] == rule and not one["needs_mock"]],
            output.failed.get(name),
        )
        for name, rule in items.items()
    )


def is_there(folder: Path) -> bool:
    """Tell whether the set is below `folder`."""
    return (folder / SET / EVENTS).is_file() and (folder / SET / LABELS).is_file()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _run(events: Path, times: list[float], plan: Plan) -> Output:
    home = Path(tempfile.mkdtemp(prefix="tejun-eval-labelled-"))
    try:
        with LogStore(home / "logs") as store:
            store.import_paths([str(events)])
        window = RoundWindow(math.floor(min(times)), math.floor(max(times)) + 1, ad_hoc=True)
        return asyncio.run(
            plan.variant.run(Job(home, read_source(PROCEDURE), window, (), window.end + DAY_S))
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _found(output: Output, item: str) -> set[str]:
    """Return the events that the item's part of the report lists."""
    section = sections(output.markdown, [item]).get(item)
    return {row.cells[EVENT] for row in finding_rows(section, [EVENT])} if section else set()


def _score(
    item: str, rule: str, found: set[str], labels: list[dict[str, Any]], error: str | None
) -> RuleScore:
    true = [one for one in labels if one["expected"]]
    false = [one for one in labels if not one["expected"]]
    return RuleScore(
        item=item,
        rule=rule,
        hits=sum(one["evid"] in found for one in true),
        missed=tuple(one["test_name"] for one in true if one["evid"] not in found),
        cried=tuple(one["test_name"] for one in false if one["evid"] in found),
        quiet=sum(one["evid"] not in found for one in false),
        error=error,
    )
