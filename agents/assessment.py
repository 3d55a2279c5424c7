"""Assessment (総合所見) and recommendation (推奨対応) of one item, in fixed wording over facts."""

from __future__ import annotations

from collections.abc import Iterator

from agents.draft import Draft
from agents.field_paragraphs import lost_fields
from procedures.verdict import Verdict
from tools.records.finding import CriterionResult, FindingJudgement

SPOKEN = 5
"""Findings that the assessment speaks about one by one; the rest stand in the table."""


def assessment_paragraphs(draft: Draft) -> Iterator[str]:
    """Say why the verdict is what it is: the worst findings and the criteria that fired."""
    yield from lost_fields(draft)
    above = [entry for entry in draft.judgement.findings if entry.verdict is not Verdict.NONE]
    for entry in above[:SPOKEN]:
        yield _about(draft, entry)
    for result in draft.judgement.item_results:
        if result.fired is not False:
            yield draft.say(
                "item_fired" if result.fired else "undecided",
                criterion=_name(draft, result),
                why=_why(draft, result),
            )
    for key in draft.judgement.gone:
        text = draft.label(key)
        yield draft.say(
            "gone",
            key=draft.book.ref("entity", text, "entity", derivation=f"previous_round.{text}"),
        )
    if not above and not any(result.fired is not False for result in draft.judgement.item_results):
        suppressed = any(entry.unsuppressed is not Verdict.NONE for entry in draft.judgement.findings)
        yield draft.say("clean_but_exceptions" if suppressed else "clean")


def recommendation_paragraphs(draft: Draft) -> Iterator[str]:
    """Say what to do, by verdict, with the procedure's own hand-over where it asks for action."""
    verdict = draft.judgement.verdict
    yield draft.say(f"act_{verdict.value}")
    handover = draft.context.item.handover
    if handover and verdict in {Verdict.INVESTIGATE, Verdict.UNDETERMINED}:
        place = f"{draft.context.item_id}.handover"
        yield draft.say("handover", handover=draft.of_procedure("hand-over", handover, place))


def _about(draft: Draft, entry: FindingJudgement) -> str:
    evidence = draft.material.findings.evidence
    parts = [
        draft.say(
            "finding",
            entity=draft.entity(entry),
            verdict=draft.book.ref(
                "verdict",
                entry.verdict.value,
                "verdict",
                evidence=evidence,
                derivation=f"finding.{entry.finding}.verdict",
            ),
        )
    ]
    parts += [_reason(draft, entry, result) for result in entry.results if _speaks(result)]
    separator = "" if draft.language == "ja" else " "
    return separator.join(parts)


def _speaks(result: CriterionResult) -> bool:
    return result.fired is not False and result.suppressed_by is None


def _reason(draft: Draft, entry: FindingJudgement, result: CriterionResult) -> str:
    names = {"criterion": _name(draft, result), "why": _why(draft, result)}
    if result.fired is None:
        return draft.say("undecided", **names)
    if result.threshold is None or result.margin is None:
        return draft.say("fired", **names)
    observed = float(str(result.threshold)) + result.margin
    place = f"criterion.{entry.finding}.{result.id}"
    return draft.say(
        "fired_margin",
        observed=draft.book.ref(
            "observed", _plain(observed), "decimal", evidence=result.evidence, derivation=f"{place}.observed"
        ),
        threshold=draft.book.ref(
            "threshold",
            _plain(float(str(result.threshold))),
            "decimal",
            derivation=f"procedure.{place}.threshold",
        ),
        **names,
    )


def _plain(number: float) -> int | float:
    return int(number) if number == int(number) else number


def _name(draft: Draft, result: CriterionResult) -> str:
    return draft.of_procedure("criterion", result.id, f"criteria.{result.id}.id")


def _why(draft: Draft, result: CriterionResult) -> str:
    return draft.of_procedure(
        "reason of the criterion", result.why or result.expression, f"criteria.{result.id}.why"
    )
