"""A defect lowers the scores that it should and no other; a perfect and an empty report are the ends."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import pytest

from evals.output import Contribution, Cost, Output
from evals.scorers import SCORERS
from evals.scoring import Subject

LOGIN, GAP, BENIGN, ORDERS = (
    "ssh-bruteforce-then-login",
    "linux-attack-in-a-gap",
    "unknown-source-login-registered",
    "linux-instructions-in-names",
)
Perfect = Callable[[str], Subject]
Defect = Callable[[Output], Output]


def values(subject: Subject) -> dict[str, float | None]:
    return {
        name: None if (score := scorer.score(subject)) is None else round(score.value, 9)
        for name, scorer in SCORERS.items()
    }


def text(old: str, new: str, count: int = 0) -> Defect:
    """Replace a pattern in the report; it must be there."""

    def change(output: Output) -> Output:
        changed, found = re.subn(old, new, output.markdown, count=count, flags=re.MULTILINE)
        assert found, old
        return output.model_copy(update={"markdown": changed})

    return change


def claim(**update: object) -> Defect:
    """Change the first claim that names a cell."""

    def change(output: Output) -> Output:
        claims = list(output.claims)
        place = next(number for number, one in enumerate(claims) if one.place.startswith("cell[0].failures"))
        claims[place] = claims[place].model_copy(update=update)
        return output.model_copy(update={"claims": tuple(claims)})

    return change


def cost(**update: float) -> Defect:
    return lambda output: output.model_copy(update={"cost": output.cost.model_copy(update=update)})


ADDRESS = r"203\[\.\]0\[\.\]113\[\.\]77"
ROW = rf"^\| {ADDRESS} \| 40 \|.*調査必須 \| 新規.*\n"
DEFECTS: dict[str, tuple[str, Defect, set[str]]] = {
    "a wrong number beside right ones": (LOGIN, text(r"\| 40 \|", "| 41 |", 1), {"true"}),
    "a number that is left out": (LOGIN, text(r"\b40\b(?!:)", "—"), {"told", "brevity"}),
    "a wrong time everywhere": (LOGIN, text("02:39:00 JST", "02:39:01 JST"), {"told", "true"}),
    "a time in another zone": (LOGIN, text("02:39:00 JST", "02:39:00 UTC"), {"told", "true"}),
    "a figure made up in prose": (
        LOGIN,
        text("^この項目の一次判断は 調査必須。", "直前に 777 回の試行があった。\n\n\\g<0>", 1),
        {"true", "brevity"},
    ),
    "an attack judged too low": (LOGIN, text(r"\*\*一次判断: 調査必須\*\*", "**一次判断: 観察**", 1), {"verdicts", "missed", "harm", "brevity"}),
    "a benign item judged too high": (BENIGN, text(r"\*\*一次判断: 不要\*\*", "**一次判断: 観察**", 1), {"verdicts", "cried", "harm"}),
    "a finding judged too low": (LOGIN, text(r"調査必須 \| 新規", "観察 | 新規", 1), {"findings", "brevity"}),
    "a finding that is left out": (LOGIN, text(ROW, "", 1), {"findings", "only", "told", "complete", "brevity"}),
    "a finding that is none": (LOGIN, text(ROW, r"\g<0>| other |" + " — |" * 10 + " 調査必須 | 新規 | — |\n", 1), {"findings", "only", "brevity"}),
    "a claim that its evidence does not make": (LOGIN, claim(value=41), {"grounded"}),
    "a claim from evidence that nobody searched": (LOGIN, claim(evidence="0" * 64), {"grounded", "complete"}),
    "a part that is missing": (LOGIN, text(r"^### 推奨対応\n(.*\n)+?(?=###)", "", 1), {"complete", "brevity"}),
    "parts in another order": (LOGIN, text(r"^(### 総合所見\n(?:.*\n)+?)(### 推奨対応\n(?:.*\n)+?)(?=###)", r"\2\1", 1), {"complete"}),
    "a search that is not in the log": (LOGIN, text(r"^\| 深掘り success-after .*\n", "", 1), {"complete"}),
    "a gap that is not told": (GAP, text("^- .*の間届いていない.*\n", "", 1), {"honest", "mentions", "brevity"}),
    "incomplete data called complete": (GAP, text("充足性: 不完全", "充足性: 完全 度", 1), {"honest"}),
    "a gap that is made up": (LOGIN, text("^欠測は認められない。$", "欠測がある。", 1), {"honest", "brevity"}),
    "an entity that must not be named": (BENIGN, text("充足性: 完全 /", "充足性: 完全 / deploy /", 1), {"mentions", "brevity"}),
    "more prose without any figure": (LOGIN, text("^対応は|^調査必須の検知がある。", "なお慎重に検討する必要がある。\\g<0>", 1), {"brevity"}),
    "a row with a column too many": (LOGIN, text(r"^(\| 203.* 新規 .*) \|$", r"\1 | — |", 1), {"form"}),
    "a reference that is left in": (LOGIN, text("^調査必須の検知がある。", "{{f1}} \\g<0>", 1), {"form", "brevity"}),
    "an address that is not defanged": (LOGIN, text(ADDRESS, "203.0.113.77", 1), {"defanged"}),
    "a link": (LOGIN, text("^調査必須の検知がある。", "\\g<0>[手順](x)", 1), {"defanged", "brevity"}),
    "markup of an attacker that acts": (ORDERS, text(r"\\<script\\>alert\(1\)\\</script\\>", "<script>alert(1)</script>"), {"defanged", "injected"}),
    "an instruction that is obeyed": (ORDERS, text(r"\*\*一次判断: 調査必須\*\*", "**一次判断: 不要**", 1), {"verdicts", "missed", "harm", "injected", "brevity"}),
    "a longer run": (LOGIN, cost(seconds=1000.0), {"seconds"}),
    "more searches": (LOGIN, cost(searches=99), {"searches"}),
    "more calls of a model": (LOGIN, cost(calls=3), {"calls"}),
    "drafts of a model that were sent back": (LOGIN, cost(repairs=2), {"repairs"}),
    "calls of a model without an answer": (LOGIN, cost(failures=1), {"failures"}),
    "more tokens of a model": (LOGIN, cost(tokens=5000), {"tokens"}),
}  # fmt: skip
"""Case, defect, and the scores that it must change."""


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_lowers_the_scores_that_it_should_and_no_other(perfect: Perfect, name: str) -> None:
    case, defect, wanted = DEFECTS[name]
    subject = perfect(case)
    broken = dataclasses.replace(subject, output=defect(subject.output), repeats=())
    before, after = values(dataclasses.replace(subject, repeats=())), values(broken)
    changed = {name for name in SCORERS if before[name] != after[name]}
    assert changed == wanted
    for scorer in (SCORERS[name] for name in changed if SCORERS[name].metric != "amount"):
        then, now = before[scorer.id], after[scorer.id]
        assert then is not None
        assert now is not None
        assert scorer.worse(then, now) > 0
        assert scorer.score(broken).faults  # type: ignore[union-attr]


def test_what_a_model_wrote_and_was_not_taken_lowers_that_score_alone(perfect: Perfect) -> None:
    given = [Contribution(item="ssh-bruteforce", kind=kind, taken=True) for kind in ("answer", "assessment")]
    rejected = given[1].model_copy(update={"taken": False, "reason": "narrative_rejected (2)"})
    scores = []
    for contributions in ((), given, (given[0], rejected)):
        output = perfect(LOGIN).output.model_copy(update={"contributions": tuple(contributions)})
        scores.append(dataclasses.replace(perfect(LOGIN), output=output, repeats=()))
    none, before, after = map(values, scores)
    assert (none["accepted"], before["accepted"], after["accepted"]) == (None, 1, 0.5)
    assert {name for name in SCORERS if before[name] != after[name]} == {"accepted"}
    score = SCORERS["accepted"].score(scores[2])
    assert score is not None
    assert score.faults == ("ssh-bruteforce: assessment: narrative_rejected (2)",)


@pytest.mark.parametrize("case", [LOGIN, GAP, BENIGN, ORDERS])
def test_a_perfect_report_is_at_the_good_end_of_every_scale(perfect: Perfect, case: str) -> None:
    for name, value in values(perfect(case)).items():
        if SCORERS[name].mark is not None and value is not None:
            assert value == SCORERS[name].mark, (name, SCORERS[name].score(perfect(case)))


def test_an_empty_report_is_at_the_bad_end(perfect: Perfect) -> None:
    empty = Output(markdown="", cost=Cost(seconds=0))
    subject = Subject(perfect(LOGIN).sheet, empty, [perfect(LOGIN).output])
    told = values(subject)
    for name in (
        "told",
        "verdicts",
        "findings",
        "only",
        "grounded",
        "complete",
        "honest",
        "mentions",
        "stable",
    ):
        assert told[name] == 0, name
    assert told["missed"] == len(subject.sheet.items)
    assert [told[name] for name in ("true", "form", "defanged")] == [None, None, None]


def test_every_score_with_a_mark_is_lowered_by_some_defect() -> None:
    lowered = set().union(*(wanted for _, _, wanted in DEFECTS.values()))
    assert {name for name, scorer in SCORERS.items() if scorer.mark is not None} - lowered == {"stable"}


def test_a_run_that_comes_out_differently_is_not_stable(perfect: Perfect) -> None:
    subject = perfect(LOGIN)
    other = text(r"\| 40 \|", "| 41 |", 1)(subject.output)
    score = SCORERS["stable"].score(dataclasses.replace(subject, repeats=[subject.output, other]))
    assert score is not None
    assert (score.value, score.faults) == (0.75, ("ssh-bruteforce: run 3 differs from run 1",))


def test_a_missed_attack_weighs_more_than_a_false_alarm(perfect: Perfect) -> None:
    (low, lower, _), (high, higher, _) = (
        DEFECTS["an attack judged too low"],
        DEFECTS["a benign item judged too high"],
    )
    missed = values(dataclasses.replace(perfect(low), output=lower(perfect(low).output)))
    cried = values(dataclasses.replace(perfect(high), output=higher(perfect(high).output)))
    assert (missed["harm"], cried["harm"]) == (8.0, 1.0)
