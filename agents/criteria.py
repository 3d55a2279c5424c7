"""One criterion on some rows: fired, not fired, or not decidable; with what was observed and by what margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from agents.deciding import Comparison, deciding_comparison, reach
from agents.material import Sighting
from procedures.model import Criterion
from spl.evaluate import evaluate, is_true
from spl.expr import Expr, field_names
from tools.records.finding import CriterionResult, Note, Observation
from tools.search.result import Value


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What time functions inside a criterion see: the round's end as now, the procedure's zone."""

    now: float
    zone: ZoneInfo


def decide(expr: Expr, sighting: Sighting, clock: Clockwork) -> bool | None:
    """Return whether `expr` holds for one row; None when it is null there."""
    value = evaluate(expr, sighting.values, now=clock.now, zone=clock.zone)
    return None if value is None else is_true(value)


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
    fired, shown = _deciding_row(expr, outcomes, clock)
    comparison = None if shown is None or fired is None else _comparison(expr, shown, clock)
    return CriterionResult(
        id=ident,
        verdict=criterion.verdict,
        fired=fired,
        expression=text,
        why=criterion.why,
        observed=_observations(expr, shown),
        threshold=comparison.threshold if comparison else None,
        margin=comparison.observed - comparison.threshold if comparison else None,
        evidence=shown.evidence if shown else evidence,
        row=shown.index if shown else None,
        note=Note(code="null_criterion", values={"criterion": ident}) if fired is None else None,
    )


def _deciding_row(
    expr: Expr, outcomes: list[tuple[bool | None, Sighting]], clock: Clockwork
) -> tuple[bool | None, Sighting | None]:
    """Return the outcome over all rows, and the row that decided it.

    Of several rows that fire, the one furthest beyond its threshold; of rows that do not, the nearest to it.
    """
    told = {outcome for outcome, _ in outcomes}
    fired = True if True in told else None if None in told else False
    rows = [sighting for outcome, sighting in outcomes if outcome is fired]
    if fired is None:
        return None, rows[0]

    def height(sighting: Sighting) -> float:
        comparison = _comparison(expr, sighting, clock)
        return reach(comparison, holds=fired) if fired is not None else 0.0

    return fired, max(rows, key=height, default=None)


def _comparison(expr: Expr, sighting: Sighting, clock: Clockwork) -> Comparison | None:
    return deciding_comparison(expr, sighting.values, now=clock.now, zone=clock.zone)


def _observations(expr: Expr, sighting: Sighting | None) -> tuple[Observation, ...]:
    if sighting is None:
        return ()
    values: dict[str, Value] = sighting.values
    return tuple(Observation(name=name, value=values.get(name)) for name in field_names(expr))
