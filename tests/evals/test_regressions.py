"""A planted regression is found and named: in a procedure, in a prompt, between two commits; equal runs have none."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path

import pytest

from agents import prompting
from evals.case import CaseError, load_cases, with_library
from evals.compare import NOISE, compare
from evals.result import CaseResult, RunResult
from evals.run import Plan, run_cases
from evals.scoring import Score
from procedures.bundled import LIBRARY
from tejun.variants import VARIANTS
from tests.evals.obedient_model import obedient
from tests.model_server import ModelServer, serve_model

MILD = (
    "admin-probe-above", "admin-probe-at", "error-share-above", "error-share-at", "injection-refused",
    "large-transfer-above", "large-transfer-at", "not-found-scan-above", "server-errors-at",
)  # fmt: skip
"""Web cases whose finding is to be observed, so that a model may object."""
PROBES = ("| probes | 3 |", "| probes | 4 |")
THRESHOLD = ("admin-probe-above", "admin-probe-at", "admin-probe-below")


def changed_library(folder: Path, procedure: str, old: str, new: str) -> Path:
    """Copy a procedure of the library below `folder`, with one text of it replaced."""
    shutil.copytree(LIBRARY / procedure, folder / procedure)
    document = folder / procedure / "PROCEDURE.md"
    text = document.read_text("utf-8")
    assert text.count(old) == 1
    document.write_text(text.replace(old, new), "utf-8")
    return folder


def test_a_threshold_off_by_one_in_a_procedure_is_a_regression(tmp_path: Path) -> None:
    plan, cases = Plan(VARIANTS["product"], workers=1), load_cases(ids=THRESHOLD)
    before = run_cases(cases, plan)
    after = run_cases(with_library(cases, changed_library(tmp_path, "web-access-daily", *PROBES)), plan)
    found = compare(before, after)
    assert {change.case for change in found.changes if change.worse} == {"admin-probe-at"}
    assert {"verdicts: 1 cases worse, 0 better", "missed: 1 cases worse, 0 better"} <= set(found.regressions)
    assert any(re.fullmatch(r"procedure web-access-daily \w{12} → \w{12}", line) for line in found.made)
    assert compare(after, before).regressions == ()


def test_a_case_that_the_changed_procedure_cannot_run_fails_with_the_reason(tmp_path: Path) -> None:
    folder = changed_library(tmp_path, "linux-auth-daily", "## root-login:", "## root-entry:")
    cases = with_library(load_cases(ids=["root-login-fires", "root-use-fires"]), folder)
    ran = {case.id: case.error for case in run_cases(cases, Plan(VARIANTS["product"], workers=1)).cases}
    assert ran["root-use-fires"] is None
    assert "linux-auth-daily has no such item. Items: ssh-bruteforce" in (ran["root-login-fires"] or "")


def test_a_folder_without_a_procedure_of_the_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"Expected <id>/PROCEDURE\.md for one of: linux-auth-daily"):
        with_library(load_cases(ids=["root-login-fires"]), tmp_path)


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with pytest.MonkeyPatch.context() as patch, serve_model(obedient) as running:
        for name, value in (("", "obedient-1"), ("_BASE_URL", running.url), ("_RETRIES", "0")):
            patch.setenv(f"TEJUN_MODEL{name}", value)
        yield running


def run_model(cases: tuple[str, ...] = MILD) -> RunResult:
    return run_cases(
        load_cases(ids=cases), Plan(VARIANTS["model"], workers=1, models={"reporter": "obedient-1"})
    )


@pytest.fixture(scope="module")
def sound(server: ModelServer) -> RunResult:
    return run_model()


def without_references(folder: Path) -> None:
    prompt = folder / "reporter.ja.md"
    kept = [line for line in prompt.read_text("utf-8").splitlines() if "{{f" not in line]
    prompt.write_text("\n".join(kept), "utf-8")


def in_another_language(folder: Path) -> None:
    (folder / "reporter.ja.md").write_text((folder / "reporter.en.md").read_text("utf-8"), "utf-8")


def without_criteria(folder: Path) -> None:
    prompt = folder / "judge.ja.md"
    prompt.write_text(prompt.read_text("utf-8").replace('[% include "procedure.md" %]', ""), "utf-8")


BROKEN: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "references": (without_references, {"accepted", "repairs"}),
    "language": (in_another_language, {"accepted", "repairs"}),
    "criteria": (without_criteria, {"verdicts", "findings", "cried", "harm"}),
}


def with_prompts(folder: Path, change: Callable[[Path], None]) -> RunResult:
    """Run the mild cases with changed prompts."""
    shutil.copytree(Path(prompting.__file__).with_name("prompts"), folder / "prompts")
    change(folder / "prompts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prompting, "_FOLDER", folder / "prompts")
        prompting._environment.cache_clear()
        try:
            return run_model()
        finally:
            prompting._environment.cache_clear()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_prompt_is_a_regression_beyond_noise(name: str, sound: RunResult, tmp_path: Path) -> None:
    change, wanted = BROKEN[name]
    found = compare(sound, with_prompts(tmp_path, change))
    assert wanted <= {text.partition(":")[0] for text in found.regressions}, found.regressions
    assert [line.split()[:2] for line in found.made if line.startswith("prompt")] == [
        ["prompt", "judge.ja.md" if name == "criteria" else "reporter.ja.md"]
    ]


def test_with_a_model_all_of_a_sound_prompt_is_accepted_and_equal_runs_are_equal(sound: RunResult) -> None:
    values = {total.scorer: total.value for total in sound.totals}
    assert (values["accepted"], values["repairs"], values["failures"], values["verdicts"]) == (1, 0, 0, 1)
    for one, other in permutations((sound, run_model(), run_model()), 2):
        found = compare(one, other)
        assert (found.regressions, found.notes) == ((), ())
        assert [change for change in found.changes if change.worse] == []


def test_an_answer_of_the_judge_counts_as_accepted_or_not(server: ModelServer) -> None:
    case = ("ssh-bruteforce-scanner-recurring",)
    taken = run_model(case).cases[0].scores["accepted"]
    assert (taken.value, taken.of) == (1, 3)


def test_few_cases_with_a_model_are_told_to_show_nothing(sound: RunResult) -> None:
    few = sound.model_copy(update={"cases": sound.cases[:4]})
    (note,) = compare(few, few).notes
    assert "4 cases cannot tell a regression from noise: 5 must be worse" in note


def test_runs_that_differ_by_chance_alone_seldom_show_a_regression() -> None:
    scorers, pairs = ("accepted", "told", "form", "findings", "verdicts", "complete", "mentions", "only"), 400
    rng = random.Random(7)

    def noisy() -> RunResult:
        cases = [
            CaseResult(
                id=f"c{number}",
                title="",
                scores={
                    "calls": Score(right=2),
                    **{name: Score(right=rng.random() < 0.5) for name in scorers},
                },
            )
            for number in range(60)
        ]
        return RunResult(variant="v", started_at=0, seconds=1, workers=1, cases=tuple(cases), totals=())

    alarms = sum(bool(compare(noisy(), noisy()).regressions) for _ in range(pairs))
    assert alarms / pairs <= NOISE + 0.025
