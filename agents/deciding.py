"""Which comparison of a condition decided it for one row: the one whose change would change the outcome first.

Every comparison of numbers has a reach: how far it is beyond its threshold, relative to it, negative where it
falls short. AND reaches as far as its least operand, OR as far as its greatest. What is no comparison of
numbers (`isnull(x)`, `name="a"`, `seen_before`) has no distance: it decides fully or not at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from spl.evaluate import evaluate, is_true
from spl.expr import Compare, Expr, Logic, Not, field_names
from tools.search.result import Value

_ORDERING = frozenset({"<", "<=", ">", ">="})


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of two numbers, filled in for one row; the threshold is the side without a field, or the right."""

    observed: float
    threshold: float


def reach(comparison: Comparison | None, *, holds: bool) -> float:
    """Return how far a comparison is beyond its threshold, relative to it (to 1 where that is smaller).

    Without a comparison something decided that has no distance: infinitely far.
    """
    if comparison is None:
        return math.inf if holds else -math.inf
    away = abs(comparison.observed - comparison.threshold) / max(abs(comparison.threshold), 1.0)
    return away if holds else -away


def deciding_comparison(
    expr: Expr, values: Mapping[str, Value], *, now: float, zone: ZoneInfo
) -> Comparison | None:
    """Return the comparison of numbers that decided `expr` over `values`; None where something else did.

    Only operands with the outcome of the whole can have decided it. An AND that holds is decided by the operand
    that is nearest to its threshold, one that does not by the operand that falls shortest; OR the other way round.
    """
    if isinstance(expr, Not):
        return deciding_comparison(expr.operand, values, now=now, zone=zone)
    if isinstance(expr, Compare):
        return _filled(expr, values, now=now, zone=zone)
    if not isinstance(expr, Logic) or expr.op == "XOR":
        return None
    outcome = _truth(expr, values, now, zone)
    if outcome is None:
        return None
    deciding = [
        deciding_comparison(operand, values, now=now, zone=zone)
        for operand in expr.operands
        if _truth(operand, values, now, zone) is outcome
    ]
    choose = min if expr.op == "AND" else max
    return choose(deciding, key=lambda comparison: reach(comparison, holds=outcome), default=None)


def _truth(expr: Expr, values: Mapping[str, Value], now: float, zone: ZoneInfo) -> bool | None:
    value = evaluate(expr, dict(values), now=now, zone=zone)
    return None if value is None else is_true(value)


def _filled(expr: Compare, values: Mapping[str, Value], *, now: float, zone: ZoneInfo) -> Comparison | None:
    if expr.op not in _ORDERING:
        return None
    left, right = (evaluate(side, dict(values), now=now, zone=zone) for side in (expr.left, expr.right))
    if not (_is_number(left) and _is_number(right)):
        return None
    if field_names(expr.right) and not field_names(expr.left):
        left, right = right, left
    return Comparison(float(left), float(right))  # type: ignore[arg-type]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
