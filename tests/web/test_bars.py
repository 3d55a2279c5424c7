"""The picture of a criterion: bars to scale, and the threshold across them."""

from __future__ import annotations

import re

import pytest

from procedures.verdict import Verdict
from tools.records.finding import CriterionResult
from web.bars import HEIGHT, threshold_bars


def result(before: tuple[float | None, ...], *, observed: float, threshold: float | None) -> CriterionResult:
    margin = None if threshold is None else observed - threshold
    return CriterionResult(
        id="c1", verdict=Verdict.OBSERVE, fired=True, expression="n >= 10", why="w", evidence="e",
        before=before, threshold=threshold, margin=margin,
    )  # fmt: skip


def test_bars_are_to_scale_oldest_first_and_a_missing_period_is_a_gap() -> None:
    picture = threshold_bars(result((5.0, None, 20.0), observed=40.0, threshold=10.0))
    heights = [float(height) / HEIGHT for height in re.findall(r' height="([\d.]+)"/>', picture)]
    assert heights == pytest.approx([0.5, 0.125, 1.0], abs=0.01)
    assert 'class="threshold" d="M6.0 64.0H' in picture


@pytest.mark.parametrize(
    "nothing",
    [
        result((), observed=1, threshold=1),
        result((1.0,), observed=1, threshold=None),
        result((-1.0,), observed=1, threshold=1),
        result((0.0,), observed=0, threshold=0),
    ],
)
def test_nothing_is_drawn_where_nothing_can_be_compared(nothing: CriterionResult) -> None:
    assert threshold_bars(nothing) == ""
