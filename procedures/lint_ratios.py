"""Lint of comparisons with earlier periods: three times nothing is nothing, and is reached by nothing."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from procedures.model import Criterion
from procedures.reading import Faults
from spl.errors import SplError
from spl.evaluate import evaluate
from spl.expr import Call, Expr, Field, Literal, rewrite, walk

_BEFORE = frozenset({"before", "before_avg", "before_max"})
_COUNTING = frozenset({"total", "item_max", "distinct"}) | _BEFORE


def check_ratio(expr: Expr, criterion: Criterion, faults: Faults) -> None:
    """Report a condition over the item that compares with earlier periods and holds where neither has anything."""
    if criterion.scope != "item" or not any(
        isinstance(node, Call) and node.name in _BEFORE for node in walk(expr)
    ):
        return
    try:
        fires = evaluate(rewrite(expr, _nothing), {}, now=0.0, zone=ZoneInfo("UTC")) is True
    except SplError:
        return
    if fires:
        message = (
            f"criterion {criterion.id!r} fires where there is nothing now and was nothing before. "
            "Expected a minimum beside the ratio, for example AND rows >= 10."
        )
        faults.add("P059", message, criterion.place.line, criterion.place.column)


def _nothing(node: Expr) -> Expr | None:
    """Return zero for what counts rows, now or before; None for what stays."""
    counts = isinstance(node, Field) or (isinstance(node, Call) and node.name in _COUNTING)
    return Literal(0, node.span) if counts else None
