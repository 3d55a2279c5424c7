"""Findings of equal verdict are read by what fired, never by their id."""

from __future__ import annotations

from itertools import permutations

import pytest

from agents.ordering import ordered
from procedures.verdict import Verdict
from tools.records.finding import CriterionResult, Finding, FindingJudgement

FIRST = {"early": 100.0, "late": 900.0}


def fired(
    ident: str, *, margin: float = 0.0, by: str | None = None, threshold: float = 10.0
) -> CriterionResult:
    return CriterionResult(
        id=ident, verdict=Verdict.INVESTIGATE, fired=True, expression="", why="", threshold=threshold, margin=margin,
        suppressed_by=by, evidence="e",
    )  # fmt: skip


def entry(
    name: str, *results: CriterionResult, verdict: Verdict = Verdict.INVESTIGATE, recurrence: str = "new"
) -> FindingJudgement:
    return FindingJudgement(
        finding=name, key={"name": name}, verdict=verdict, unsuppressed=Verdict.INVESTIGATE, results=results,
        recurrence=recurrence,  # type: ignore[arg-type]
    )  # fmt: skip


CASES = [
    ("a drill-down before any number of others", [entry("z", fired("s/d1")), entry("a", fired("c1", margin=900), fired("c2"))]),
    ("new before recurring", [entry("z", fired("c1")), entry("a", fired("c1", margin=50), recurrence="recurring")]),
    ("more criteria before fewer", [entry("z", fired("c1"), fired("c2")), entry("a", fired("c1", margin=50))]),
    ("a margin relative to its threshold", [entry("z", fired("c1", margin=20)), entry("a", fired("c1", margin=100, threshold=1000))]),
    ("the earlier before the later", [entry("early", fired("c1")), entry("a-late", fired("c1"))]),
    ("what an exception took out does not count", [entry("z", fired("c1")), entry("a", fired("s/d1", by="kb"))]),
    ("the verdict before all", [entry("z"), entry("a", fired("s/d1"), verdict=Verdict.OBSERVE)]),
    ("suppressed ones last, the worst of them first", [entry("z", fired("c1")), entry("a", fired("s/d1", by="kb"), verdict=Verdict.NONE)]),
]  # fmt: skip


@pytest.mark.parametrize(("why", "wanted"), CASES, ids=[why for why, _ in CASES])
def test_what_fired_orders_equal_verdicts(why: str, wanted: list[FindingJudgement]) -> None:
    findings = [
        Finding(id=one.finding, key=one.key, rows=(), first=FIRST.get(one.finding.split("-")[-1]))
        for one in wanted
    ]
    for given in permutations(wanted):
        assert [one.finding for one in ordered(given, findings)] == [one.finding for one in wanted]
