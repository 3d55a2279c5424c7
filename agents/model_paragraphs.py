"""Paragraphs about what a model answered, objected to and asked for, in fixed wording over facts."""

from __future__ import annotations

from collections.abc import Iterator

from agents.draft import Draft
from agents.drill_down import BY_MODEL
from agents.prose import REFERENCE
from procedures.verdict import Verdict
from tools.records.fact import Fact
from tools.records.finding import Concern, CriterionResult, DrillDownRun, FindingJudgement, ModelAnswer

CELLS = 6
"""Values of an extra search that the paragraph shows; the evidence holds the rest."""


def model_paragraphs(draft: Draft) -> Iterator[str]:
    """Yield what a model contributed; nothing when it did not take part."""
    for result in draft.judgement.item_results:
        if result.answer:
            title = draft.context.item.title
            about = draft.of_procedure("item", title, f"{draft.context.item_id}.title")
            yield _answer(draft, about, result, result.answer)
    for entry in draft.judgement.findings:
        for result in entry.results:
            if result.answer:
                yield _answer(draft, draft.entity(entry), result, result.answer)
        for concern in entry.concerns:
            yield _concern(draft, entry, concern)
    for run in draft.material.runs:
        if run.drill_down.startswith(BY_MODEL) and run.evidence:
            yield _search(draft, run)


def _answer(draft: Draft, about: str, result: CriterionResult, answer: ModelAnswer) -> str:
    return draft.say(
        "model_answer",
        entity=about,
        criterion=draft.of_procedure("criterion", result.id, f"criteria.{result.id}.id"),
        question=draft.of_procedure("question", result.expression, f"criteria.{result.id}.question"),
        answer=draft.say(f"answer_{answer.answer}"),
        facts=_cited(draft, answer.facts),
        reason=_reason(draft, answer.reason, answer.facts),
    )


def _concern(draft: Draft, entry: FindingJudgement, concern: Concern) -> str:
    verdict = Verdict(concern.verdict).value
    return draft.say(
        "model_concern",
        entity=draft.entity(entry),
        verdict=draft.book.ref(
            "verdict", verdict, "verdict", derivation=f"concern.{entry.finding}.verdict.{verdict}"
        ),
        facts=_cited(draft, concern.facts),
        reason=_reason(draft, concern.reason, concern.facts),
    )


def _search(draft: Draft, run: DrillDownRun) -> str:
    rows = draft.material.results[run.evidence].rows
    entry = next(entry for entry in draft.judgement.findings if entry.finding == run.findings[0])
    cells = [
        f"{draft.of_procedure('column', name, f'{run.drill_down}.{name}')}="
        + draft.book.ref(name, value, "text", evidence=run.evidence, derivation=f"cell[0].{name}")
        for name, value in list(rows[0].items() if rows else ())[:CELLS]
    ]
    return draft.say(
        "model_search",
        search=draft.of_procedure("search", run.drill_down, f"{run.drill_down}.id"),
        entity=draft.entity(entry),
        rows=draft.book.ref("rows", len(rows), "integer", evidence=run.evidence, derivation="count(rows)"),
        cells=", ".join(cells),
    )


def _cited(draft: Draft, facts: tuple[Fact, ...]) -> str:
    separator = "、" if draft.language == "ja" else ", "
    shown = [
        f"{draft.of_procedure('label', fact.label, f'label.{fact.label}')}={_again(draft, fact)}"
        for fact in facts
    ]
    return separator.join(shown) or draft.say("answer_cannot_tell")


def _reason(draft: Draft, reason: str, facts: tuple[Fact, ...]) -> str:
    """Return the reason with its references turned into those of this report."""
    if not reason:
        return draft.say("model_no_reason")
    by_id = {fact.id: fact for fact in facts}
    return REFERENCE.sub(lambda match: _again(draft, by_id[match[1]]), reason)


def _again(draft: Draft, fact: Fact) -> str:
    return draft.book.ref(
        fact.label, fact.value, fact.kind, evidence=fact.evidence, derivation=fact.derivation
    )
