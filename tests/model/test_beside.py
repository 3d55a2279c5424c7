"""The table of `make eval-model`: a share is over the cases that both have, and what failed stays in sight."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table

from evals.result import CaseResult
from evals.scoring import Score
from tests.model.beside import OURS, PLAIN, SCRIPTED, Results, _shares, _side_by_side


def case(ident: str, tokens: int, error: str | None = None) -> CaseResult:
    scores = {"tokens_in": Score(right=tokens), "verdicts": Score(right=0)} if tokens else {}
    return CaseResult(id=ident, title="", scores=scores, error=error)


RESULTS: Results = {
    OURS: {"a": case("a", 100), "b": case("b", 300)},
    PLAIN: {"a": case("a", 2000, error="a: GraphRecursionError"), "b": case("b", 0, error="no answer")},
    SCRIPTED: {"a": case("a", 1000), "b": case("b", 3000)},
}


def rows(table: Table) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=160)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]


def test_a_share_is_over_the_cases_that_both_have() -> None:
    assert rows(_shares(RESULTS)) == [
        ["a", "100", "2000", "5.0%", "1000", "10.0%"],
        ["b", "300", "", "", "3000", "10.0%"],
        ["all", "400", "2000", "5.0%", "4000", "10.0%"],
    ]


def test_what_failed_is_told_and_a_script_has_no_verdict() -> None:
    shown = {(row[0], row[1]): row for row in rows(_side_by_side(RESULTS))}
    assert shown["a", PLAIN][-1] == "a: GraphRecursionError"
    assert shown["b", PLAIN][-1] == "no answer"
    assert shown["a", PLAIN][2] == "0"
    assert shown["a", SCRIPTED][2] == ""
    assert [row[1] for row in rows(_side_by_side(RESULTS))] == [OURS, PLAIN, SCRIPTED] * 2
