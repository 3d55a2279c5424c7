"""Are the verdicts right, and in which direction are they wrong?"""

from __future__ import annotations

from collections.abc import Iterator

from evals.reading import Row, figures, finding_rows, row_verdict
from evals.scoring import Score, Subject, Tally
from evals.sheet import Finding, ItemSheet

ORDER = ("none", "observe", "undetermined", "investigate")
MISSED, CRIED = 4.0, 1.0
"""What a step too low costs, and a step too high: a missed attack weighs more than a false alarm."""


def items(subject: Subject) -> Score | None:
    """Return the share of items whose verdict is right."""
    tally = Tally()
    for name, right, told in _pairs(subject):
        tally.check(told == right, f"{name}: {told} instead of {right}")
    return tally.score()


def _pairs(subject: Subject) -> Iterator[tuple[str, str, str | None]]:
    for name, sheet in subject.sheet.items.items():
        section = subject.sections.get(name)
        yield name, sheet.verdict, section.verdict if section else None


def findings(subject: Subject) -> Score | None:
    """Return the share of findings that are there with the right verdict; one that is none counts as wrong."""
    tally = Tally()
    for name, sheet in subject.sheet.items.items():
        left = _above_none(subject, sheet)
        for finding in sheet.findings:
            row = next((row for row in left if _is_about(row, finding, sheet, subject)), None)
            if row is not None:
                left.remove(row)
            told = row_verdict(row) if row else None
            right = (finding.verdict, finding.unsuppressed)
            tally.check(
                told == right, f"{name}: {' '.join(map(str, finding.key.values()))}: {told}, not {right}"
            )
        for row in left:
            tally.check(False, f"{name}: {row.text[:80]!r} is no finding")
    return tally.score()


def _above_none(subject: Subject, sheet: ItemSheet) -> list[Row]:
    """Return the rows of the item's findings, those left out that are none even without an exception."""
    section = subject.sections.get(sheet.item)
    labels = [sheet.columns[column] for column in sheet.findings[0].key] if sheet.findings else []
    rows = finding_rows(section, labels) if section else []
    return [row for row in rows if row_verdict(row) != ("none", "none")]


def only(subject: Subject) -> Score | None:
    """Return the share of items with no finding too many and none too few, where all of them are known."""
    tally = Tally()
    for name, sheet in subject.sheet.items.items():
        if sheet.exhaustive:
            told = len(_above_none(subject, sheet))
            tally.check(
                told == len(sheet.findings), f"{name}: {told} findings, {len(sheet.findings)} are true"
            )
    return tally.score()


def _is_about(row: Row, finding: Finding, sheet: ItemSheet, subject: Subject) -> bool:
    for name, value in finding.key.items():
        cell = row.cells.get(sheet.columns.get(name, ""), "")
        if isinstance(value, str):
            if cell != value:
                return False
        elif value not in [shown.value for shown in figures(cell, subject.sheet.zone)]:
            return False
    return True


def missed(subject: Subject) -> Score:
    """Return how many items are judged lower than is right."""
    return _count(subject, -1)


def cried(subject: Subject) -> Score:
    """Return how many items are judged higher than is right."""
    return _count(subject, 1)


def _count(subject: Subject, direction: int) -> Score:
    tally = Tally()
    for name, right, told in _pairs(subject):
        tally.check(_steps(right, told) * direction <= 0, f"{name}: {told} instead of {right}")
    return tally.count()


def _steps(right: str, told: str | None) -> int:
    """Return how many steps too high a verdict is; no verdict at all is as low as can be."""
    return (ORDER.index(told) if told else 0 if right != "none" else -1) - ORDER.index(right)


def harm(subject: Subject) -> Score:
    """Return what the wrong verdicts cost: 4 for a step too low, 1 for a step too high."""
    steps = [(name, _steps(right, told)) for name, right, told in _pairs(subject)]
    costs = [(name, -step * MISSED if step < 0 else step * CRIED) for name, step in steps]
    return Score(right=sum(cost for _, cost in costs), faults=tuple(f"{n}: {c:g}" for n, c in costs if c))
