"""Cases are complete, agree with the generator's own events, and say clearly when they cannot be read."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from pathlib import Path

import pytest

from evals.case import Case, CaseError, load_cases
from evals.logs import epoch, events_of, prepare
from evals.reference import REFERENCES
from evals.sheet import silences
from procedures.archive import load_procedure
from procedures.bundled import bundled, find_procedure
from procedures.source import read_source
from procedures.verdict import Verdict

CASES = {case.id: case for case in load_cases()}
GENERATED = [case for case in CASES.values() if case.logs.set is None]
THRESHOLDS = (
    "ssh-bruteforce", "ssh-burst", "ssh-user-guessing", "root-shell", "denied-calls", "secret-reads",
    "not-found-scan", "admin-probe", "server-errors", "large-transfer", "error-share",
    "password-spray", "logon-bruteforce", "kerberoasting", "severe-alert", "rare-signature", "alert-burst", "source-spread",
)  # fmt: skip
SITUATIONS = (
    "fires", "below", "at", "above", "benign", "known benign", "expired", "no data", "silent", "truncated",
    "duplicates", "day boundary", "DST", "late", "instructions", "prose", "round", "fields",
)  # fmt: skip
GOOD = """
title: t
procedure: linux-auth-daily
items: [root-login]
window: {start: 2026-11-12 00:00:00, end: 2026-11-13 00:00:00}
truth: {items: {root-login: none}}
"""


def written(folder: Path, text: str, name: str = "one") -> Path:
    (folder / name).mkdir()
    (folder / name / "case.yaml").write_text(text)
    return folder


@pytest.mark.parametrize("case", GENERATED, ids=lambda case: case.id)
def test_what_the_author_worked_out_is_what_the_generator_made(case: Case) -> None:
    prepared = prepare(case)
    events = events_of(prepared)
    for expected in case.truth.findings:
        key = {
            name: epoch(value, prepared.zone) if isinstance(value, dt.datetime) else value
            for name, value in expected.key.items()
        }
        rows = [
            row
            for row in REFERENCES[expected.item](events, prepared.start, prepared.end)
            if all(row.get(name) == value for name, value in key.items())
        ]
        assert len(rows) == 1, (expected.item, key)
        assert {name: rows[0].get(name) for name in expected.values} == expected.values


def test_every_item_of_the_library_fires_somewhere_and_stays_quiet_somewhere() -> None:
    verdicts = defaultdict(set)
    for case in GENERATED:
        for item, verdict in case.truth.items.items():
            verdicts[item].add(verdict)
    known = {
        item.id for name in bundled() for item in load_procedure(read_source(find_procedure(name))).items
    }
    assert set(verdicts) == known
    for item, seen in verdicts.items():
        assert "none" in seen, item
        assert seen & {"investigate", "observe"}, item


def test_no_two_items_of_the_library_have_the_same_id() -> None:
    ids = [item.id for name in bundled() for item in load_procedure(read_source(find_procedure(name))).items]
    assert len(ids) == len(set(ids)) == len(REFERENCES)


@pytest.mark.parametrize("item", THRESHOLDS)
def test_every_threshold_is_met_from_below_at_and_above(item: str) -> None:
    tags = {tag for case in GENERATED if item in case.truth.items for tag in case.tags}
    assert {"below", "at", "above"} <= tags


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_situation_has_a_case(situation: str) -> None:
    assert [case.id for case in GENERATED if situation in case.tags]


def test_every_attack_has_a_twin_that_is_judged_less() -> None:
    for case in GENERATED:
        if case.expected is Verdict.INVESTIGATE and "expired" not in case.tags:
            assert case.twin, case.id
            assert CASES[case.twin].expected.severity < case.expected.severity or "late" in case.tags, case.id


def test_case_files_stay_small() -> None:
    assert len(CASES) >= 60
    for case in CASES:
        path = Path(__file__).parents[2] / "evals" / "cases" / case / "case.yaml"
        assert len(path.read_text().splitlines()) <= 40, case


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "expected a mapping"),
        ("a: [", "not readable as YAML"),
        (GOOD.replace("truth", "truht"), "truht: Extra inputs"),
        (GOOD.replace("{root-login: none}", "{root-login: maybe}"), "truth.items.root-login"),
        (GOOD.replace("{root-login: none}", "{}"), "gives no verdict for root-login"),
        (GOOD.replace("root-login", "root-logout"), "no such item. Items: ssh-bruteforce"),
        (GOOD + "twin: nobody", "there is no case 'nobody'"),
        (GOOD + "edits: [[nowhere, x]]", "stands 0 times"),
        (GOOD + "logs: {plant: [{kind: rain, at: 2026-11-12 00:00:00}]}", "kind"),
        (GOOD.replace("window", "#"), "either a window or logs.set"),
    ],
)
def test_a_fault_is_named_with_its_file_and_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CaseError, match="one") as caught:
        load_cases(written(tmp_path, text))
    assert message in str(caught.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, "- a")
    written(tmp_path, GOOD.replace("title", "titel"), "two")
    with pytest.raises(CaseError) as caught:
        load_cases(tmp_path)
    assert "one" in str(caught.value)
    assert "titel" in str(caught.value)


def test_an_unknown_case_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    assert [case.id for case in load_cases(tmp_path, ["o*"])] == ["one"]
    with pytest.raises(CaseError, match=r"no case 'two'\. There are 1, such as one"):
        load_cases(tmp_path, ["two"])
    with pytest.raises(CaseError, match=r"no case in .*Expected <id>/case.yaml"):
        load_cases(tmp_path / "nothing")


@pytest.mark.parametrize("case", GENERATED, ids=lambda case: case.id)
def test_a_gap_is_declared_where_the_generator_left_one_and_nowhere_else(case: Case) -> None:
    prepared = prepare(case)
    procedure, events = case.parsed(), events_of(prepared)
    for name in case.truth.items:
        item = procedure.item(name)
        needed = [source for source in procedure.data_sources if source.id in item.needs]
        gaps = [
            source.id
            for source in needed
            for _, length, _ in silences(source, events, prepared.start, prepared.end).values()
            if length > source.max_silence_s
        ]
        told = set(case.truth.gaps.get(name, ()))
        assert bool(gaps) == bool(told & {"gap", "silent"}) or not case.logs.background, (name, gaps, told)
