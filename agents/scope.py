"""The names and functions that criteria may use beside the columns of a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from statistics import fmean
from zoneinfo import ZoneInfo

from agents.material import Material
from procedures.expand import SCOPE_NAMES, expression
from spl.evaluate import evaluate
from spl.expr import Call, Expr, Field, Literal, rewrite, walk
from tools.records.finding import Finding
from tools.search.result import Row, Value

Number = int | float
Scalar = str | int | float | bool | None


def numbers(rows: Iterable[Row], field: str) -> list[Number]:
    """Return the numeric values of `field` over `rows`."""
    return [value for row in rows if isinstance(value := row.get(field), int | float)]


def _total(rows: Sequence[Row], field: str) -> Scalar:
    return sum(numbers(rows, field))


def _item_max(rows: Sequence[Row], field: str) -> Scalar:
    return max(numbers(rows, field), default=None)


def _distinct(rows: Sequence[Row], field: str) -> Scalar:
    return len({str(row[field]) for row in rows if field in row})


AGGREGATES: dict[str, Callable[[Sequence[Row], str], Scalar]] = {
    "total": _total,
    "item_max": _item_max,
    "distinct": _distinct,
}
"""Functions over all rows of the item that belong to a finding."""

SUMMARIES: dict[str, Callable[[list[Number]], Number]] = {"before_avg": fmean, "before_max": max}
"""Functions over one value per baseline period."""


def fill_item_scope(
    expr: Expr, rows: Sequence[Row], earlier: Sequence[Sequence[Row]] | None, zone: ZoneInfo
) -> Expr:
    """Replace the item-scope names and functions in `expr` by their values.

    Args:
        expr: A parsed criterion of scope `item`.
        rows: The rows of all findings.
        earlier: Rows per baseline period, newest first; None makes the `before_` functions null.
        zone: Zone for time functions inside a `before_` expression.
    """

    def change(node: Expr) -> Expr | None:
        if isinstance(node, Field) and node.name == "rows":
            return Literal(len(rows), node.span)
        if isinstance(node, Call) and node.name in AGGREGATES:
            return Literal(AGGREGATES[node.name](rows, argument_name(node)), node.span)
        if isinstance(node, Call) and node.name in SUMMARIES:
            return Literal(_summary(node, earlier, zone), node.span)
        return None

    return rewrite(expr, change)


def _summary(call: Call, earlier: Sequence[Sequence[Row]] | None, zone: ZoneInfo) -> Scalar:
    if not earlier:
        return None
    inner = call.args[0]
    if isinstance(inner, Literal):
        inner = expression(str(inner.value), {})
    values = [evaluate(fill_item_scope(inner, rows, None, zone), {}, now=0.0, zone=zone) for rows in earlier]
    known = [value for value in values if isinstance(value, int | float)]
    return SUMMARIES[call.name](known) if len(known) == len(values) else None


def argument_name(call: Call) -> str:
    """Return the field that `total(f)`, `before("f")` and the like speak of."""
    argument = call.args[0]
    return argument.name if isinstance(argument, Field) else str(getattr(argument, "value", ""))


def finding_names(material: Material, finding: Finding) -> dict[str, Scalar]:
    """Return `seen_before` and `seen_periods` for `finding`; null without a whole baseline."""
    earlier = material.earlier_rows(finding)
    if earlier is None:
        return {"seen_before": None, "seen_periods": None}
    seen = sum(1 for rows in earlier if rows)
    return {"seen_before": seen > 0, "seen_periods": seen}


@lru_cache(maxsize=1024)
def _looks_back(expr: Expr) -> bool:
    """Tell whether `expr` uses anything of the finding scope."""
    return any(
        (isinstance(node, Field) and node.name in SCOPE_NAMES["finding"])
        or (isinstance(node, Call) and node.name == "before")
        for node in walk(expr)
    )


def fill_finding_scope(expr: Expr, material: Material, finding: Finding) -> Expr:
    """Replace `seen_before`, `seen_periods` and `before(field)` in `expr` by their values.

    `before(field)` is the average over the baseline periods of the entity's summed value; a period without
    the entity counts as 0.
    """
    if not _looks_back(expr):
        return expr
    names = finding_names(material, finding)

    def change(node: Expr) -> Expr | None:
        if isinstance(node, Field) and node.name in names:
            return Literal(names[node.name], node.span)
        if isinstance(node, Call) and node.name == "before":
            earlier = material.earlier_rows(finding)
            values = (
                None if earlier is None else [sum(numbers(rows, argument_name(node))) for rows in earlier]
            )
            return Literal(fmean(values) if values else None, node.span)
        return None

    return rewrite(expr, change)


def before_values(material: Material, finding: Finding, field: str) -> tuple[Value | None, ...]:
    """Return the entity's summed `field` per baseline period, newest first; None for a period not `ok`."""
    if not any(field in row for row in material.query.rows):
        return ()
    return tuple(None if rows is None else sum(numbers(rows, field)) for rows in material.by_period(finding))
