"""The order in which findings are read: the worst first, and among equal verdicts by what fired; never by an id."""

from __future__ import annotations

import math
from collections.abc import Iterable

from procedures.verdict import Verdict
from tools.records.finding import CriterionResult, Finding, FindingJudgement

Order = tuple[int, int, bool, bool, int, float, float, tuple[str, ...]]


def ordered(judged: Iterable[FindingJudgement], findings: Iterable[Finding]) -> tuple[FindingJudgement, ...]:
    """Return findings worst first.

    Among equal verdicts those come first that a drill-down confirmed, then the new, then by the number of
    criteria that fired, by the greatest margin relative to its threshold, and by their first event.

    Args:
        judged: The findings as judged.
        findings: The same findings with their times.
    """
    first = {finding.id: finding.first for finding in findings}
    return tuple(sorted(judged, key=lambda entry: _order(entry, first.get(entry.finding))))


def _order(entry: FindingJudgement, first: float | None) -> Order:
    fired = [result for result in entry.results if _counts(entry, result)]
    return (
        -entry.verdict.severity,
        -entry.unsuppressed.severity,
        not any("/" in result.id for result in fired),
        entry.recurrence != "new",
        -len(fired),
        -max(map(_relative_margin, fired), default=0.0),
        math.inf if first is None else first,
        tuple(str(value) for value in entry.key.values()),
    )


def _counts(entry: FindingJudgement, result: CriterionResult) -> bool:
    """Tell whether a criterion fired; what an exception took out counts only where nothing else is left."""
    return result.fired is True and (result.suppressed_by is None or entry.verdict is Verdict.NONE)


def _relative_margin(result: CriterionResult) -> float:
    if result.margin is None or not isinstance(result.threshold, int | float):
        return 0.0
    return abs(result.margin) / max(abs(result.threshold), 1.0)
