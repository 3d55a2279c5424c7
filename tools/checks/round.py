"""Checks of a round as a whole: that it holds what its procedure asks for, and what was checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from procedures.model import Procedure
from tools.checks.words import LOOKED_AT
from tools.records.report import Check, RoundReport


def check_round(procedure: Procedure, report: RoundReport) -> tuple[Check, ...]:
    """Run every check of the round.

    Args:
        procedure: The archived procedure.
        report: The round as it will be read.
    """
    return tuple(_run(name, check, procedure, report) for name, check in ROUND_CHECKS.items())


def _run(
    name: str,
    check: Callable[[Procedure, RoundReport], Iterator[str]],
    procedure: Procedure,
    report: RoundReport,
) -> Check:
    defects = tuple(check(procedure, report))
    return Check(
        id=name,
        status="failed" if defects else "passed",
        looked_at=LOOKED_AT[name][report.language == "en"],
        defects=defects,
    )


def check_items(procedure: Procedure, report: RoundReport) -> Iterator[str]:
    """Every item of the procedure is in the round, once and in order, and its report is of this round."""
    asked = [item.id for item in procedure.items]
    held = [item.item for item in report.items]
    if asked != held:
        missing = [name for name in asked if name not in held]
        yield ", ".join(missing or held)
    for item in report.items:
        if item.report is not None and (item.report.item, item.report.start, item.report.end) != (
            item.item,
            report.start,
            report.end,
        ):
            yield item.item


def check_verdict(procedure: Procedure, report: RoundReport) -> Iterator[str]:
    """The round is no better than its worst item, and complete only if every item is."""
    for item in report.items:
        if item.report is None:
            if report.complete or report.verdict.value in {"none", "observe"}:
                yield item.item
        elif item.report.verdict.severity > report.verdict.severity or (
            report.complete and not item.report.complete
        ):
            yield item.item


ROUND_CHECKS: dict[str, Callable[[Procedure, RoundReport], Iterator[str]]] = {
    "items": check_items,
    "round_verdict": check_verdict,
}
"""Every check of a round by id; each yields one line per defect."""
