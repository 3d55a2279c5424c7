"""The independent total (検算) against the sum over findings."""

from __future__ import annotations

from collections.abc import Sequence

from agents.material import Material
from agents.scope import numbers
from tools.records.finding import Note, TotalCheck
from tools.search.result import SearchStatus


def check_totals(material: Material) -> tuple[TotalCheck, ...]:
    """Compare every column of the 検算 with the sum of the same column over the item's rows."""
    if material.total is None or material.findings.total_evidence is None:
        return ()
    row = material.total.rows[0] if material.total.rows else {}
    return tuple(
        TotalCheck(
            column=column,
            expected=value,
            found=(found := sum(numbers(material.query.rows, column))),
            agrees=material.total.status in {SearchStatus.OK, SearchStatus.NO_DATA} and value == found,
            evidence=material.findings.total_evidence,
        )
        for column, value in row.items()
    )


def total_notes(totals: Sequence[TotalCheck]) -> tuple[Note, ...]:
    """Return a note for each column that does not agree: some events are in no finding."""
    return tuple(
        Note(
            code="total_differs",
            values={"column": total.column, "expected": total.expected or 0, "found": total.found or 0},
        )
        for total in totals
        if not total.agrees
    )
