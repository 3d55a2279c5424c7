"""One criterion on some rows: fired, not fired, or not decidable; with what was observed and by what margin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from agents.material import Sighting
from procedures.model import Criterion
from spl.evaluate import evaluate, is_true
from spl.expr import Compare, Expr, Logic, field_names
from tools.records.finding import CriterionResult, Note, Observation
from tools.search.result import Value


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What time functions inside a criterion see: the round's end as now, the procedure's zone."""

    now: float
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Comparison:
    """The first numeric comparison of a criterion, filled in for one row."""

    observed: float
    threshold: float
    field: str | None


def decide(expr: Expr, sighting: Sighting, clock: Clockwork) -> bool | None:
    """Return whether `expr` holds for one row; None when it is null there."""
    value = evaluate(expr, sighting.values, now=clock.now, zone=clock.zone)
    return None if value is None else is_true(value)


def compare(expr: Expr, sighting: Sighting, clock: Clockwork) -> Comparison | None:
    """Return the numbers of the first comparison in `expr` against something that is no field."""
    for node in _comparisons(expr):
        if field_names(node.right):
            continue
        observed = evaluate(node.left, sighting.values, now=clock.now, zone=clock.zone)
        threshold = evaluate(node.right, {}, now=clock.now, zone=clock.zone)
        if _is_number(observed) and _is_number(threshold):
            names = field_names(node.left)
            return Comparison(float(observed), float(threshold), names[0] if len(names) == 1 else None)  # type: ignore[arg-type]
    return None


def _comparisons(expr: Expr) -> Iterator[Compare]:
    if isinstance(expr, Compare):
        yield expr
    if isinstance(expr, Logic):
        for operand in expr.operands:
            yield from _comparisons(operand)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def apply_criterion(
    criterion: Criterion,
    ident: str,
    expr: Expr,
    sightings: Sequence[Sighting],
    clock: Clockwork,
    *,
    text: str,
    evidence: str,
) -> CriterionResult:
    """Apply a typed criterion to every row; it fires if any row does, and is undecided if any row is null.

    Args:
        criterion: The row of the criteria table.
        ident: Its id in results, `c1` or `drill-down/d1`.
        expr: Its parsed condition, with parameters and scope functions filled in.
        sightings: The rows; none means that it cannot fire.
        clock: For time functions.
        text: The condition as shown to people, with parameters filled in.
        evidence: Digest shown when there is no row.
    """
    outcomes = [(decide(expr, sighting, clock), sighting) for sighting in sightings]
    fired = next((pair for pair in outcomes if pair[0]), None)
    undecided = next((pair for pair in outcomes if pair[0] is None), None)
    deciding = fired or undecided or _closest(expr, outcomes, clock)
    shown = deciding[1] if deciding else None
    comparison = compare(expr, shown, clock) if shown else None
    return CriterionResult(
        id=ident,
        verdict=criterion.verdict,
        fired=deciding[0] if deciding else False,
        expression=text,
        why=criterion.why,
        observed=_observations(expr, shown),
        threshold=comparison.threshold if comparison else None,
        margin=comparison.observed - comparison.threshold if comparison else None,
        evidence=shown.evidence if shown else evidence,
        row=shown.index if shown else None,
        note=None if fired or not undecided else Note(code="null_criterion", values={"criterion": ident}),
    )


def _closest(
    expr: Expr, outcomes: list[tuple[bool | None, Sighting]], clock: Clockwork
) -> tuple[bool | None, Sighting] | None:
    def distance(pair: tuple[bool | None, Sighting]) -> float:
        comparison = compare(expr, pair[1], clock)
        return abs(comparison.observed - comparison.threshold) if comparison else float("inf")

    return min(outcomes, key=distance) if len(outcomes) > 1 else next(iter(outcomes), None)


def _observations(expr: Expr, sighting: Sighting | None) -> tuple[Observation, ...]:
    if sighting is None:
        return ()
    values: dict[str, Value] = sighting.values
    return tuple(Observation(name=name, value=values.get(name)) for name in field_names(expr))
