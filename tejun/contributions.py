"""What models wrote in a report, and what of it stands as it was given."""

from __future__ import annotations

from collections.abc import Iterator

from evals.output import Contribution, Kind
from tools.records.finding import CriterionResult
from tools.records.model_use import Agent, ModelUse
from tools.records.report import ItemReport, Section

PARTS: dict[str, Kind] = {"assessment": "assessment", "recommendation": "recommendation"}
"""Sections that a model may write."""


def contributions_of(report: ItemReport) -> Iterator[Contribution]:
    """Yield every part that a model was asked to write in an item; nothing where none was asked."""
    use = report.model_use
    if use is None:
        return
    if _asked(use, "reporter"):
        yield from (_part(report, section, use) for section in report.sections if section.id in PARTS)
    if _asked(use, "judge"):
        yield from (_answer(report, result) for result in _questions(report))
        for row in (*report.rows, *report.attached):
            for concern in row.concerns:
                yield _contribution(report, "concern", "" if concern.reason else "its reason was not kept")


def _asked(use: ModelUse, agent: Agent) -> bool:
    return any(call.agent == agent for call in use.calls)


def _part(report: ItemReport, section: Section, use: ModelUse) -> Contribution:
    faults = [
        f"{note.code} ({note.values['count']})"
        for note in use.notes
        if note.code.startswith("narrative_") and note.values.get("section") == section.title
    ]
    if section.author is None and not faults:
        faults = ["nothing was given"]
    return _contribution(report, PARTS[section.id], "; ".join(faults))


def _questions(report: ItemReport) -> Iterator[CriterionResult]:
    """Yield the results that rest on a question in prose, of the item and of its findings."""
    rows = (*report.rows, *report.attached)
    for result in (*report.item_results, *(one for row in rows for one in row.reasons)):
        if result.answer or (result.note and result.note.code == "question_without_model"):
            yield result


def _answer(report: ItemReport, result: CriterionResult) -> Contribution:
    answer = result.answer
    if answer is None:
        return _contribution(report, "answer", f"{result.id}: no answer")
    if not answer.facts:
        return _contribution(report, "answer", f"{result.id}: rests on no fact that was shown")
    return _contribution(report, "answer", "" if answer.reason else f"{result.id}: its reason was not kept")


def _contribution(report: ItemReport, kind: Kind, fault: str) -> Contribution:
    return Contribution(item=report.item, kind=kind, taken=not fault, reason=fault)
