"""A small fixed part of the suite, run as it is run by hand; a planted regression is found, and noise is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.case import load_cases
from evals.compare import compare
from evals.page import render_page
from evals.result import CaseResult, ResultError, RunResult, read_result, totals, write_result
from evals.run import Plan, run_cases
from evals.scorers import SCORERS
from evals.scoring import Score
from evals.variant import Job, Variant
from tejun.variants import VARIANTS

FIXED = (
    "ssh-bruteforce-burst-at", "ssh-bruteforce-known-benign", "dst-autumn-new-york", "linux-host-gap", "linux-host-all-day",
    "ssh-burst-at",
    "linux-instructions-in-names",
)  # fmt: skip


@pytest.fixture(scope="module")
def result() -> RunResult:
    return run_cases(load_cases(ids=FIXED), Plan(VARIANTS["product"], repeat=2))


@pytest.mark.parametrize("case", FIXED)
def test_the_product_reaches_every_mark_in_the_fixed_part(result: RunResult, case: str) -> None:
    (found,) = [one for one in result.cases if one.id == case]
    assert found.error is None
    marks = {name: SCORERS[name].mark for name in found.scores if SCORERS[name].mark is not None}
    wrong = {name: found.scores[name] for name, mark in marks.items() if found.scores[name].value != mark}
    assert wrong == {}
    assert found.scores["stable"].value == 1


def made(*values: float, calls: float = 0, scorer: str = "told") -> RunResult:
    cases = tuple(
        CaseResult(id=f"c{n}", title="", scores={scorer: Score(right=value), "calls": Score(right=calls)})
        for n, value in enumerate(values)
    )
    return RunResult(variant="v", started_at=0, seconds=1, workers=1, cases=cases, totals=totals(cases))


def test_with_a_model_one_worse_case_is_noise_and_many_are_not() -> None:
    one = compare(made(1, 1, 1, 1, 1, calls=2), made(0, 1, 1, 1, 1, calls=2))
    assert (len(one.changes), one.regressions) == (1, ())
    assert compare(made(1, 1, 1, 1, 1, calls=2), made(0, 0, 0, 0, 0, calls=2)).regressions
    assert compare(made(1, 1), made(0, 1)).regressions


def test_amounts_that_grow_a_little_or_in_one_case_are_noise() -> None:
    grown = compare(
        made(100, 100, 100, 100, 100, scorer="brevity"), made(105, 105, 105, 105, 105, scorer="brevity")
    )
    assert grown.changes == ()
    assert compare(made(100, 100, scorer="brevity"), made(150, 100, scorer="brevity")).regressions == ()
    many = compare(made(*[100] * 5, scorer="brevity"), made(*[150] * 5, scorer="brevity"))
    assert many.regressions == ("brevity: 5 cases worse, 0 better",)


def test_a_case_that_fails_is_told_and_the_others_run(tmp_path: Path) -> None:
    failing = Variant("failing", "A variant that cannot", fails_on_linux)
    ran = run_cases(load_cases(ids=["root-login-fires", "root-use-fires"]), Plan(failing, workers=1))
    errors = {case.id: case.error for case in ran.cases}
    assert errors["root-use-fires"] is None
    assert "RuntimeError: no such thing" in (errors["root-login-fires"] or "")
    assert not ran.good
    assert "root-login-fires failed: " in compare(made_like(ran), ran).regressions[0]


async def fails_on_linux(job: Job):  # type: ignore[no-untyped-def]
    if job.source.document.startswith("---\nid: linux"):
        raise RuntimeError("no such thing")
    return await VARIANTS["product"].run(job)


def made_like(ran: RunResult) -> RunResult:
    whole = tuple(case.model_copy(update={"error": None}) for case in ran.cases)
    return ran.model_copy(update={"cases": whole})


def test_a_result_survives_its_file_and_a_wrong_file_is_refused(result: RunResult, tmp_path: Path) -> None:
    write_result(result, tmp_path / "r.json")
    assert read_result(tmp_path / "r.json") == result
    assert json.loads((tmp_path / "r.json").read_text())["schema"] == "tejun.eval/1"
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(
        ResultError, match=r"bad\.json: variant: Field required\. Expected a result of schema"
    ):
        read_result(tmp_path / "bad.json")
    with pytest.raises(ResultError, match="cannot read"):
        read_result(tmp_path / "none.json")


def test_the_page_shows_every_score_and_nothing_from_outside(result: RunResult) -> None:
    hostile = result.cases[0].model_copy(
        update={"scores": {"told": Score(right=0, faults=("<script>alert(1)</script>",))}}
    )
    page = render_page(result.model_copy(update={"cases": (hostile,), "apart": made(1.0)}))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http-equiv", "")
    for total in result.totals:
        assert SCORERS[total.scorer].title in page
    assert "Real logs, apart" in page


def test_few_cases_are_told_as_few_and_a_share_of_nothing_is_left_out() -> None:
    (told, calls) = made(1.0, 0.5).totals
    assert (told.scorer, told.few, told.perfect, told.value) == ("told", True, 1, 0.75)
    assert told.low < 0.75 < told.high
    assert calls.scorer == "calls"
    assert not made(*[1.0] * 20).totals[0].few


@pytest.mark.shared
def test_the_real_sets_are_measured_apart(shared_dir: Path) -> None:
    from evals.real import SETS, run_real

    ran = run_real(shared_dir / "data", Plan(VARIANTS["product"]))
    assert {case.id for case in ran.cases} == {real.id for real in SETS}
    for case in ran.cases:
        assert case.error is None
        assert {name: case.scores[name].value for name in ("told", "only", "grounded", "form", "defanged")} == dict.fromkeys(("told", "only", "grounded", "form", "defanged"), 1.0)  # fmt: skip
    assert ran.skipped == {}
    assert {rule.set for rule in ran.labelled} == {"panther_tests", "sigma_regression"}


def test_absent_sets_are_skipped_with_the_reason(tmp_path: Path) -> None:
    from evals.real import run_real

    ran = run_real(tmp_path, Plan(VARIANTS["product"]))
    assert ran.cases == ()
    assert ran.labelled == ()
    assert "is absent" in ran.skipped["linux_auth"]
    assert "is absent" in ran.skipped["panther_tests"]
