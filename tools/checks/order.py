"""The check of order: findings stand worst first, by what fired; table and timeline follow the judgement."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from procedures.verdict import Verdict
from tools.checks.subject import Subject
from tools.records.finding import CriterionResult, FindingJudgement

_RANK = [Verdict.INVESTIGATE, Verdict.UNDETERMINED, Verdict.OBSERVE, Verdict.NONE]
_NEVER = Fraction(10**18)
"""Later than any time."""


def check_order(subject: Subject) -> Iterator[str]:
    """No finding stands below one that it should precede; table and timeline show the same order and verdicts."""
    judged = subject.judgement.findings
    begins = {finding.id: finding.first for finding in subject.findings.findings}
    claims = [(entry.finding, _claims(entry, begins.get(entry.finding))) for entry in judged]
    for (upper, before), (lower, after) in pairwise(claims):
        if after < before:
            yield f"{upper} / {lower}"
    wanted = [entry.finding for entry in judged if entry.unsuppressed is not Verdict.NONE]
    shown = list(dict.fromkeys(row.finding for row in subject.rows))
    if shown != wanted:
        yield f"{' '.join(shown)} / {' '.join(wanted)}"
    verdicts = {entry.finding: entry.verdict for entry in judged}
    places = [wanted.index(point.finding) for point in subject.report.timeline if point.finding in wanted]
    if places != sorted(places):
        yield " ".join(point.finding for point in subject.report.timeline)
    for point in subject.report.timeline:
        if point.verdict is not verdicts.get(point.finding):
            yield f"{point.finding}: {point.verdict.value}"


def _claims(entry: FindingJudgement, begins: float | None) -> list[Fraction]:
    """Return what speaks for an early place; the first that is less decides."""
    speaking = [result for result in entry.results if _speaks(entry, result)]
    margins = [_share(result) for result in speaking]
    return [
        Fraction(_RANK.index(entry.verdict)),
        Fraction(_RANK.index(entry.unsuppressed)),
        Fraction(0 if [result for result in speaking if result.id.count("/")] else 1),
        Fraction({"new": 0, "recurring": 1}[entry.recurrence]),
        Fraction(-len(speaking)),
        -max([Fraction(0), *margins]),
        _NEVER if begins is None else Fraction(begins),
    ]


def _speaks(entry: FindingJudgement, result: CriterionResult) -> bool:
    if result.fired is not True:
        return False
    return entry.verdict is Verdict.NONE or not result.suppressed_by


def _share(result: CriterionResult) -> Fraction:
    """Return the margin in units of the threshold, in units of 1 where the threshold is smaller than that."""
    if result.margin is None or not isinstance(result.threshold, int | float):
        return Fraction(0)
    return Fraction(abs(result.margin) / max(1.0, abs(result.threshold)))
