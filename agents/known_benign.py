"""Reviewed exceptions (静観対象): they take a covered criterion out of the verdict, never a finding out of sight."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from agents.context import ItemContext
from agents.criteria import Clockwork, decide
from agents.material import Sighting
from procedures.expand import expression
from procedures.model import KnownBenign
from tools.records.finding import CriterionResult


@dataclass(frozen=True, slots=True)
class Exceptions:
    """The exceptions that match a finding, split by whether they are in force on the round's day."""

    active: tuple[KnownBenign, ...] = ()
    lapsed: tuple[KnownBenign, ...] = ()


def match_exceptions(
    context: ItemContext, key_rows: Sequence[Sighting], clock: Clockwork, *, at: float
) -> Exceptions:
    """Return the exceptions whose `match` holds for every row of a finding.

    Args:
        context: The item; only exceptions that cover one of its criteria are looked at.
        key_rows: The finding's rows.
        clock: For time functions.
        at: Epoch that decides which day's exceptions are in force, in the procedure's zone.
    """
    day = dt.datetime.fromtimestamp(at, context.zone).date()
    matching = [
        entry
        for entry in context.procedure.known_benign
        if any(name.split("/")[0] == context.item_id for name in entry.covers)
        and key_rows
        and all(decide(expression(entry.match, context.parameters), row, clock) for row in key_rows)
    ]
    return Exceptions(
        active=tuple(entry for entry in matching if entry.starts <= day <= entry.expires),
        lapsed=tuple(entry for entry in matching if entry.expires < day),
    )


def suppress(item_id: str, result: CriterionResult, active: Sequence[KnownBenign]) -> CriterionResult:
    """Mark `result` as suppressed when an active exception covers its criterion."""
    if result.fired is False:
        return result
    covering = next((entry for entry in active if f"{item_id}/{result.id}" in entry.covers), None)
    return result.model_copy(update={"suppressed_by": covering.id}) if covering else result
