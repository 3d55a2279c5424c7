"""Rules over events that others labelled: scored by their labels, told apart, and worse is a regression."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from evals.compare import compare
from evals.labelled import RULES, SETS, run_labelled
from evals.page import render_page
from evals.result import RunResult
from evals.rule_score import RuleScore
from evals.run import Plan
from procedures.archive import load_procedure
from procedures.lint import lint
from procedures.source import read_source
from tejun.variants import VARIANTS

PRODUCT = Plan(VARIANTS["product"], workers=1)
WRITTEN, CONVERTED = SETS
STOPPED = "AWS.CloudTrail.Stopped"


def written(folder: Path, labelled: list[tuple[str, bool, bool]]) -> Path:
    """Write a set: event names with their label, and whether it needs a mock."""
    (folder / WRITTEN.name).mkdir()
    events: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for number, (name, expected, mock) in enumerate(labelled):
        ident = f"{number:016x}"
        raw = json.dumps({"eventName": name, "eventSource": "cloudtrail.amazonaws.com"})
        events.append({"_time": 1_700_000_000 + number, "index": "aws", "sourcetype": "aws:cloudtrail", "host": "h", "source": "s", "_raw": raw, "eventName": name, "evid": ident})  # fmt: skip
        labels.append({"evid": ident, "rule_id": STOPPED, "test_name": f"{number} {name}", "expected": expected, "needs_mock": mock})  # fmt: skip
    for file, lines in ((WRITTEN.events, events), (WRITTEN.rules, labels)):
        with gzip.open(folder / WRITTEN.name / file, "wt") as stream:
            stream.writelines(json.dumps(line) + "\n" for line in lines)
    return folder


def test_hits_are_scored_by_the_labels_and_what_needs_a_mock_is_left_out(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        [("StopLogging", True, False), ("DeleteTrail", False, False), ("GetTrail", True, False), ("ListTrails", False, False), ("StopLogging", False, True)],
    )  # fmt: skip
    assert WRITTEN.is_there(folder)
    assert not CONVERTED.is_there(folder)
    (rule,) = [rule for rule in run_labelled(WRITTEN, folder, PRODUCT) if rule.rule == STOPPED]
    assert (rule.hits, rule.quiet, rule.missed, rule.cried) == (1, 1, ("2 GetTrail",), ("1 DeleteTrail",))
    assert (rule.precision, rule.recall, rule.right, rule.error) == (0.5, 0.5, 2, None)


def test_the_written_rules_are_without_faults() -> None:
    assert lint(read_source(RULES), today=dt.date(2026, 11, 24)) == ()


def result(*rules: RuleScore) -> RunResult:
    return RunResult(variant="v", started_at=0, seconds=1, workers=1, cases=(), totals=(), labelled=rules)


def test_a_rule_that_is_newly_wrong_is_a_regression_and_stands_on_the_page() -> None:
    right = RuleScore(set="s", item="i", rule="R<1>", hits=1, quiet=1)
    wrong = RuleScore(set="s", item="i", rule="R<1>", hits=0, quiet=1, missed=("stop",))
    assert compare(result(right), result(wrong)).regressions == ("R<1>: not found: stop",)
    assert compare(result(wrong), result(wrong)).regressions == ()
    assert compare(result(wrong), result(right)).regressions == ()
    page = render_page(result(wrong))
    assert "R&lt;1&gt;" in page
    assert "not found: stop" in page
    assert (right.recall, wrong.recall, wrong.precision) == (1, 0, None)


@pytest.mark.shared
def test_the_labels_of_others_agree_but_for_what_is_known(shared_dir: Path) -> None:
    rules = run_labelled(WRITTEN, shared_dir / "data", PRODUCT)
    assert [rule.rule for rule in rules] == [item.title for item in load_procedure(read_source(RULES)).items]
    assert all(rule.true for rule in rules)
    assert {rule.rule: rule.wrong for rule in rules if rule.wrong} == {
        "Okta.User.MFA.Reset.All": ("not found: Reset All Event",)
    }
    assert (sum(rule.true for rule in rules), sum(rule.false for rule in rules)) == (45, 41)


def test_a_converted_rule_must_hit_its_own_events(tmp_path: Path) -> None:
    folder = tmp_path / CONVERTED.name
    folder.mkdir()
    events = [
        {"_time": 1_700_000_000 + number, "index": "wineventlog", "sourcetype": "XmlWinEventLog", "host": "h", "source": "s", "_raw": f"<x>{number}</x>", "evid": f"e{number}", "Image": image}
        for number, image in enumerate((r"C:\\Windows\\cmd.exe", r"C:\\a$b\\evil.exe", r"C:\\other.exe"))
    ]  # fmt: skip
    common = {"title": "t", "verified": True, "own_events": ["e1"]}
    rules = [
        {**common, "title": "hits", "spl_generic": r'Image="*a$b*" OR Image="*\\nothing.exe"'},
        {**common, "title": "misses", "spl_generic": r'Image="*\\cmd.exe"'},
        {**common, "title": "unsure", "spl_generic": "Image=*", "verified": False},
    ]
    for file, lines in ((CONVERTED.events, events), (CONVERTED.rules, rules)):
        with gzip.open(folder / file, "wt") as stream:
            stream.writelines(json.dumps(line) + "\n" for line in lines)
    hits, misses = run_labelled(CONVERTED, tmp_path, PRODUCT)
    assert (hits.rule, hits.recall, hits.precision, hits.wrong) == ("hits", 1, None, ())
    assert (misses.rule, misses.recall, misses.wrong) == ("misses", 0, ("not found: e1",))


@pytest.mark.shared
def test_every_converted_rule_hits_its_own_events(shared_dir: Path) -> None:
    rules = run_labelled(CONVERTED, shared_dir / "data", PRODUCT)
    assert (len(rules), sum(rule.true for rule in rules)) == (89, 97)
    assert [(rule.rule, rule.wrong) for rule in rules if rule.wrong] == []
