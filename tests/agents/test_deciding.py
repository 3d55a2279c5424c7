"""The margin that is shown is that of the comparison, the operand and the row that decided."""

from __future__ import annotations

import math
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.criteria import Clockwork, apply_criterion
from agents.deciding import Comparison, deciding_comparison, reach
from agents.material import Sighting
from procedures.expand import expression
from procedures.model import Criterion, Place
from procedures.verdict import Verdict
from spl.evaluate import evaluate
from tools.records.finding import CriterionResult
from tools.search.result import Row

UTC = ZoneInfo("UTC")
NOTHING = None


def decided(when: str, **values: object) -> tuple[float, float] | None:
    row: Row = values  # type: ignore[assignment]
    found = deciding_comparison(expression(when, {}), row, now=0.0, zone=UTC)
    return None if found is None else (found.observed, found.threshold)


@pytest.mark.parametrize(
    ("when", "values", "expected"),
    [
        ("a >= 10", {"a": 12}, (12, 10)),
        ("10 <= a", {"a": 12}, (12, 10)),
        ("a >= 10 AND b >= 5", {"a": 100, "b": 5}, (5, 5)),
        ("a >= 10 AND b >= 5", {"a": 10, "b": 50}, (10, 10)),
        ("a >= 10 AND b >= 5", {"a": 100, "b": 4}, (4, 5)),
        ("a >= 10 AND b >= 5", {"a": 1, "b": 4}, (1, 10)),
        ("a >= 10 OR b >= 5", {"a": 9, "b": 50}, (50, 5)),
        ("a >= 10 OR b >= 5", {"a": 9, "b": 1}, (9, 10)),
        ("a >= limit AND a >= 100", {"a": 120, "limit": 119}, (120, 119)),
        ("NOT (a >= 10 AND b >= 5)", {"a": 100, "b": 1}, (1, 5)),
        ("isnull(owner) AND a > 0", {"a": 3}, (3, 0)),
        ("isnull(owner) AND a > 0", {"a": 3, "owner": "x"}, NOTHING),
        ("isnull(owner) AND a > 0", {"a": 0}, (0, 0)),
        ('p="22" OR p="3389"', {"p": "22"}, NOTHING),
        ("a >= 10 AND b >= 5", {"a": 9}, (9, 10)),
        ("a >= 10 AND b >= 5", {"a": 11}, NOTHING),
        ("a >= 10", {"a": "many"}, NOTHING),
    ],
)
def test_the_operand_that_decided_gives_the_margin(
    when: str, values: dict[str, object], expected: tuple[float, float] | None
) -> None:
    assert decided(when, **values) == expected


def result_of(when: str, *rows: Row) -> CriterionResult:
    criterion = Criterion(
        id="c1", scope="finding", verdict=Verdict.OBSERVE, when=when, question=None, if_=None, why="",
        place=Place(path="PROCEDURE.md", line=1),
    )  # fmt: skip
    sightings = [Sighting("e", number, row) for number, row in enumerate(rows)]
    return apply_criterion(
        criterion, "c1", expression(when, {}), sightings, Clockwork(0.0, UTC), text=when, evidence="e"
    )


@pytest.mark.parametrize(
    ("rows", "fired", "row", "margin"),
    [
        (({"a": 12}, {"a": 50}, {"a": 3}), True, 1, 40),
        (({"a": 3}, {"a": 9}, {"a": 1}), False, 1, -1),
        (({"a": 3}, {}, {"a": 50}), True, 2, 40),
        (({"a": 3}, {}, {"a": 5}), None, 1, None),
    ],
)
def test_of_several_rows_the_one_that_decided_is_shown(
    rows: tuple[Row, ...], fired: bool | None, row: int, margin: float | None
) -> None:
    found = result_of("a >= 10", *rows)
    assert (found.fired, found.row, found.margin) == (fired, row, margin)


NAMES = ("a", "b", "c")
LEAVES = st.tuples(st.sampled_from(NAMES), st.sampled_from((">", ">=", "<", "<=")), st.integers(-20, 20))
TREES = st.recursive(
    LEAVES,
    lambda part: st.tuples(st.sampled_from(("AND", "OR")), st.lists(part, min_size=2, max_size=3)),
    max_leaves=6,
)
Tree = tuple[object, ...]


def written(tree: Tree) -> str:
    if len(tree) == 3:
        return f"{tree[0]} {tree[1]} {tree[2]}"
    op, parts = tree
    return "(" + f" {op} ".join(written(part) for part in parts) + ")"  # type: ignore[attr-defined]


def height(tree: Tree, values: dict[str, int]) -> float:
    """How far the tree is from changing its outcome: least of AND, greatest of OR, negative where it is false."""
    if len(tree) == 3:
        name, op, threshold = tree
        value = values[str(name)]
        away = abs(value - int(str(threshold))) / max(abs(int(str(threshold))), 1)
        holds = {">": value > int(str(threshold)), ">=": value >= int(str(threshold)),
                 "<": value < int(str(threshold)), "<=": value <= int(str(threshold))}[str(op)]  # fmt: skip
        return away if holds else -away
    op, parts = tree
    heights = [height(part, values) for part in parts]  # type: ignore[attr-defined]
    return min(heights) if op == "AND" else max(heights)


@given(TREES, st.fixed_dictionaries({name: st.integers(-30, 30) for name in NAMES}))
def test_the_reach_of_any_condition_is_that_of_its_weakest_and_or_strongest_or(
    tree: Tree, values: dict[str, int]
) -> None:
    expr = expression(written(tree), {})
    holds = evaluate(expr, values, now=0.0, zone=UTC) is True
    found = deciding_comparison(expr, values, now=0.0, zone=UTC)  # type: ignore[arg-type]
    assert found is not None
    assert math.isclose(reach(found, holds=holds), height(tree, values), abs_tol=1e-12)


def test_what_has_no_distance_decides_fully() -> None:
    assert reach(None, holds=True) == math.inf
    assert reach(None, holds=False) == -math.inf
    assert reach(Comparison(240, 30), holds=True) == 7
