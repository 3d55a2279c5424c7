"""Labelled events: rules that others wrote and tested, each event labelled whether its rule must hit it.

Hits are read from the rendered report of one round whose items are the rules. Events of other rules have no label for an
item and are not looked at.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from evals.output import Output
from evals.planting import Model
from evals.reading import finding_rows, sections
from evals.rule_score import RuleScore
from evals.run import Plan
from evals.variant import Job
from procedures.archive import load_procedure
from procedures.schedule import RoundWindow
from procedures.source import DOCUMENT, ProcedureSource, read_source
from tools.logstore.store import LogStore

RULES = Path(__file__).parent / "rules"
TEMPLATE = RULES / "generated.md.jinja"
EVENT = "Event"
"""Label of the column that names an event."""
DAY_S = 86400


class Label(Model):
    """One event and whether its rule must hit it."""

    event: str
    name: str
    """For people."""
    expected: bool


@dataclass(frozen=True)
class Rule:
    """An item of the procedure, the rule that it stands for, and the labels of that."""

    item: str
    title: str
    labels: tuple[Label, ...]


@dataclass(frozen=True)
class LabelledSet:
    """One set, and how its files become a procedure and labels."""

    name: str
    events: str
    rules: str
    read: Callable[[Path], tuple[ProcedureSource, tuple[Rule, ...]]]
    """From the file of the rules or labels."""

    def is_there(self, folder: Path) -> bool:
        """Tell whether the set is below `folder`."""
        return all((folder / self.name / file).is_file() for file in (self.events, self.rules))


def run_labelled(one: LabelledSet, folder: Path, plan: Plan) -> tuple[RuleScore, ...]:
    """Run every rule over a set below `folder`, which is there, and score it by the labels.

    Args:
        one: The set.
        folder: Holds it.
        plan: The variant; cases and workers do not matter.
    """
    source, rules = one.read(folder / one.name / one.rules)
    output = _run(folder / one.name / one.events, source, plan)
    return tuple(
        _score(one.name, rule, _found(output, rule.item), output.failed.get(rule.item)) for rule in rules
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _written_rules(path: Path) -> tuple[ProcedureSource, tuple[Rule, ...]]:
    """Return the items of `rules/`, whose titles are ids of rules, and the labels of each.

    A label that needs a mock of the authors' own code says nothing about the event alone and is left out.
    """
    labels: dict[str, list[Label]] = defaultdict(list)
    for line in _lines(path):
        if not line["needs_mock"]:
            label = Label(event=line["evid"], name=line["test_name"], expected=line["expected"])
            labels[line["rule_id"]].append(label)
    source = read_source(RULES)
    items = load_procedure(source).items
    return source, tuple(Rule(item.id, item.title, tuple(labels[item.title])) for item in items)


def _converted_rules(path: Path) -> tuple[ProcedureSource, tuple[Rule, ...]]:
    """Return an item for each rule whose search another program converted and a second one confirmed."""
    lines = [line for line in _lines(path) if line["verified"] and line["spl_generic"]]
    rules = tuple(
        Rule(
            f"rule-{number}",
            line["title"],
            tuple(Label(event=event, name=event, expected=True) for event in line["own_events"]),
        )
        for number, line in enumerate(lines, 1)
    )
    searches = {rule.item: _search(line["spl_generic"]) for rule, line in zip(rules, lines, strict=True)}
    template = Environment(autoescape=False, undefined=StrictUndefined, trim_blocks=True).from_string(  # noqa: S701 - Markdown
        TEMPLATE.read_text("utf-8")
    )
    return ProcedureSource(name=path.name, files={DOCUMENT: template.render(searches=searches)}), rules


def _search(spl: str) -> str:
    """Return a converted search as it stands in a procedure: terms or a pipeline, `$` doubled."""
    terms = spl if spl.lstrip().startswith("|") else f"({spl})"
    return terms.replace("$", "$$")


def _run(events: Path, source: ProcedureSource, plan: Plan) -> Output:
    home = Path(tempfile.mkdtemp(prefix="tejun-eval-labelled-"))
    times = [float(event["_time"]) for event in _lines(events)]
    try:
        with LogStore(home / "logs") as store:
            store.import_paths([str(events)])
        window = RoundWindow(math.floor(min(times)), math.floor(max(times)) + 1, ad_hoc=True)
        return asyncio.run(plan.variant.run(Job(home, source, window, (), window.end + DAY_S)))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _found(output: Output, item: str) -> set[str]:
    """Return the events that the item's part of the report lists."""
    section = sections(output.markdown, [item]).get(item)
    return {row.cells[EVENT] for row in finding_rows(section, [EVENT])} if section else set()


def _score(name: str, rule: Rule, found: set[str], error: str | None) -> RuleScore:
    hits = {label.event: label.event in found for label in rule.labels}
    return RuleScore(
        set=name,
        item=rule.item,
        rule=rule.title,
        hits=sum(hits[label.event] for label in rule.labels if label.expected),
        missed=tuple(label.name for label in rule.labels if label.expected and not hits[label.event]),
        cried=tuple(label.name for label in rule.labels if not label.expected and hits[label.event]),
        quiet=sum(not hits[label.event] for label in rule.labels if not label.expected),
        error=error,
    )


SETS = (
    LabelledSet("panther_tests", "events_dev.ndjson.gz", "labels_dev.jsonl.gz", _written_rules),
    LabelledSet("sigma_regression", "events.ndjson.gz", "rules.jsonl.gz", _converted_rules),
)
"""The sets that have labels."""
