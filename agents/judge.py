"""The judge agent: the procedure's criteria over stored rows. Code decides; the worst fired criterion wins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agents.context import ItemContext
from agents.criteria import Clockwork, apply_criterion, decide
from agents.enrichment import LAPSED, enrich, lapsed_lines
from agents.known_benign import match_exceptions, suppress
from agents.material import Material, Sighting
from agents.ordering import ordered
from agents.scope import before_values, fill_finding_scope, fill_item_scope
from agents.totals import check_totals, total_notes
from procedures.expand import expression, expression_text
from procedures.model import Criterion, DrillDown
from procedures.verdict import Verdict, worst
from tools.records.finding import (
    CriterionResult,
    DrillDownRun,
    Finding,
    FindingJudgement,
    Judgement,
    NearestMiss,
    Note,
)
from tools.search.result import SearchStatus, Value

ALWAYS = "always"


def judge_item(
    context: ItemContext,
    material: Material,
    *,
    previous: Judgement | None = None,
    previous_round: str | None = None,
) -> Judgement:
    """Apply every criterion of the item and of its finished drill-downs to every finding.

    Args:
        context: The item.
        material: Its stored results.
        previous: The judgement of the round before, for new / recurring / gone.
        previous_round: Id of that round.

    Returns:
        The judgement; `due` names the drill-downs that must run before it is final.
    """
    clock = Clockwork(now=context.end, zone=context.zone)
    known = (
        {entry.finding for entry in previous.findings if entry.unsuppressed is not Verdict.NONE}
        if previous
        else set()
    )
    judged, lapsed = [], []
    for finding in material.findings.findings:
        judgement, expired = _judge_finding(context, material, finding, clock, recurring=finding.id in known)
        judged.append(judgement)
        lapsed.extend(expired)
    listed = ordered(judged, material.findings.findings)
    item_results = tuple(_judge_scope_item(context, material, clock))
    totals = check_totals(material)
    incomplete = (*material.findings.incomplete, *total_notes(totals))
    undecided = [Verdict.UNDETERMINED for result in item_results if result.fired is None]
    fired = [result.verdict for result in item_results if result.fired]
    verdict = worst(
        [
            *(entry.verdict for entry in judged),
            *fired,
            *undecided,
            *(_verdict_of_gap(context, note) for note in incomplete),
        ]
    )
    return Judgement(
        item=context.item_id,
        verdict=verdict,
        complete=not incomplete and not any(note.code != LAPSED for entry in judged for note in entry.notes),
        incomplete=incomplete,
        item_results=item_results,
        findings=listed,
        gone=_gone(previous, material),
        previous_round=previous_round,
        nearest_miss=_nearest_miss(judged, item_results),
        lapsed=tuple(dict.fromkeys(lapsed)),
        totals=totals,
        due=tuple(_due(context, material, listed)),
    )


def _verdict_of_gap(context: ItemContext, note: Note) -> Verdict:
    """Return what the procedure says an incomplete search or a silent source means."""
    item = context.item
    by_code = {"no_data": item.on_no_data, "search_truncated": item.on_truncated, "partial": item.on_partial}
    return by_code.get(note.code, Verdict.UNDETERMINED)


def _judge_finding(
    context: ItemContext, material: Material, finding: Finding, clock: Clockwork, *, recurring: bool
) -> tuple[FindingJudgement, list[str]]:
    at = finding.last if finding.last is not None else context.start
    rows, added, missing = enrich(context, material.sightings(finding), at=at)
    results = list(_finding_results(context, material, finding, rows, clock))
    exceptions = match_exceptions(context, rows, clock, at=at)
    results = [suppress(context.item_id, result, exceptions.active) for result in results]
    notes = [*missing, *_drill_notes(context, material, finding)]
    floor = Verdict.UNDETERMINED if notes else Verdict.NONE
    judgement = FindingJudgement(
        finding=finding.id,
        key=finding.key,
        verdict=worst([floor, *(_weight(result) for result in results if result.suppressed_by is None)]),
        unsuppressed=worst([floor, *(_weight(result) for result in results)]),
        results=tuple(results),
        recurrence="recurring" if recurring else "new",
        notes=(*notes, *lapsed_lines(context, rows, at=at)),
        enrichment=added,
    )
    return judgement, [entry.id for entry in exceptions.lapsed]


def _weight(result: CriterionResult) -> Verdict:
    if result.fired is None:
        return Verdict.UNDETERMINED
    return result.verdict if result.fired else Verdict.NONE


def _finding_results(
    context: ItemContext, material: Material, finding: Finding, rows: list[Sighting], clock: Clockwork
) -> Iterator[CriterionResult]:
    def judged(
        criterion: Criterion, ident: str, sightings: list[Sighting], evidence: str
    ) -> CriterionResult | None:
        return _judge_one(context, material, finding, criterion, ident, sightings, evidence, clock)

    for criterion in context.item.criteria:
        if criterion.scope == "finding" and (
            result := judged(criterion, criterion.id, rows, material.findings.evidence)
        ):
            yield result
    for drill_down in context.item.drill_downs:
        run = material.run_of(finding, drill_down.id)
        if run is None or run.status is not SearchStatus.OK:
            continue
        sightings = material.drilled(finding, drill_down.id) or []
        for criterion in drill_down.criteria:
            if result := judged(criterion, f"{drill_down.id}/{criterion.id}", sightings, run.evidence):
                yield result


def _judge_one(
    context: ItemContext,
    material: Material,
    finding: Finding,
    criterion: Criterion,
    ident: str,
    sightings: list[Sighting],
    evidence: str,
    clock: Clockwork,
) -> CriterionResult | None:
    condition = criterion.when or criterion.if_
    expr = (
        fill_finding_scope(expression(condition, context.parameters), material, finding)
        if condition
        else None
    )
    if criterion.question is not None:
        asked = expr is None or any(decide(expr, row, clock) is not False for row in sightings)
        return _unanswered(criterion, ident, evidence) if asked else None
    if expr is None:
        return None
    text = expression_text(criterion.when or "", context.parameters)
    result = apply_criterion(criterion, ident, expr, sightings, clock, text=text, evidence=evidence)
    if len(result.observed) == 1 and material.baseline:
        return result.model_copy(update={"before": before_values(material, finding, result.observed[0].name)})
    return result


def _unanswered(criterion: Criterion, ident: str, evidence: str) -> CriterionResult:
    """Return the answer that a prose question has without a model: it cannot be told."""
    return CriterionResult(
        id=ident,
        verdict=criterion.verdict,
        fired=None,
        expression=criterion.question or "",
        why=criterion.why,
        evidence=evidence,
        note=Note(code="question_without_model", values={"criterion": ident}),
    )


def _judge_scope_item(
    context: ItemContext, material: Material, clock: Clockwork
) -> Iterator[CriterionResult]:
    used = [index for finding in material.findings.findings for index in finding.rows]
    rows = [material.query.rows[index] for index in used]
    known = [result.rows for result in material.baseline if result is not None]
    earlier = known if len(known) == len(material.baseline) else None
    sighting = Sighting(material.findings.evidence, None, {})
    for criterion in context.item.criteria:
        if criterion.scope != "item":
            continue
        if criterion.when is None:
            yield _unanswered(criterion, criterion.id, material.findings.evidence)
            continue
        expr = fill_item_scope(expression(criterion.when, context.parameters), rows, earlier, context.zone)
        text = expression_text(criterion.when, context.parameters)
        yield apply_criterion(
            criterion, criterion.id, expr, [sighting], clock, text=text, evidence=material.findings.evidence
        )


def _drill_notes(context: ItemContext, material: Material, finding: Finding) -> Iterator[Note]:
    for drill_down in context.item.drill_downs:
        run = material.run_of(finding, drill_down.id)
        if run is not None and (note := _drill_note(run)):
            yield note


def _drill_note(run: DrillDownRun) -> Note | None:
    if run.unwritable is not None:
        return Note(code="drill_down_refused", values={"drill_down": run.drill_down, "token": run.unwritable})
    if not run.evidence:
        return Note(code="drill_down_not_reached", values={"drill_down": run.drill_down})
    if run.status is not SearchStatus.OK:
        return Note(
            code="drill_down_failed", values={"drill_down": run.drill_down, "status": run.status.value}
        )
    if run.partial:
        return Note(code="drill_down_partial", values={"drill_down": run.drill_down})
    return None


def _due(
    context: ItemContext, material: Material, judged: Sequence[FindingJudgement]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the drill-downs that the procedure asks for and that have not run, worst findings first."""
    by_id = {finding.id: finding for finding in material.findings.findings}
    for drill_down in context.item.drill_downs:
        wanted = tuple(
            entry.finding
            for entry in judged
            if _asks_for(entry, drill_down) and material.run_of(by_id[entry.finding], drill_down.id) is None
        )
        if wanted:
            yield drill_down.id, wanted


def _asks_for(entry: FindingJudgement, drill_down: DrillDown) -> bool:
    if ALWAYS in drill_down.runs:
        return True
    return any(result.id in drill_down.runs and result.fired is not False for result in entry.results)


def _gone(previous: Judgement | None, material: Material) -> tuple[dict[str, Value], ...]:
    """Return the keys that the round before found above `none` and that are no finding of this one."""
    if previous is None:
        return ()
    here = {finding.id for finding in material.findings.findings}
    return tuple(
        entry.key
        for entry in previous.findings
        if entry.verdict is not Verdict.NONE and entry.finding not in here
    )


def _nearest_miss(
    judged: Sequence[FindingJudgement], item_results: Sequence[CriterionResult]
) -> NearestMiss | None:
    """Return the typed criterion that came closest to firing, relative to its threshold."""
    misses: list[tuple[str | None, CriterionResult]] = [
        (entry.finding, result)
        for entry in judged
        for result in entry.results
        if result.fired is False and result.margin is not None
    ]
    misses += [
        (None, result) for result in item_results if result.fired is False and result.margin is not None
    ]

    def distance(miss: tuple[str | None, CriterionResult]) -> float:
        _, result = miss
        return abs(result.margin or 0) / max(abs(float(str(result.threshold or 0))), 1)

    nearest = min(misses, key=distance, default=None)
    if nearest is None:
        return None
    finding, result = nearest
    threshold = float(str(result.threshold))
    return NearestMiss(
        criterion=result.id, finding=finding, observed=threshold + (result.margin or 0), threshold=threshold
    )


def requested_drill_downs(
    judgement: Judgement, wanted: Sequence[str], reviewer: str
) -> list[dict[str, object]]:
    """Return the drill-downs that a reviewer asked for, over every finding above none (or all there are)."""
    above = [entry.finding for entry in judgement.findings if entry.unsuppressed is not Verdict.NONE]
    findings = above or [entry.finding for entry in judgement.findings]
    return [
        {"drill_down": name, "findings": findings, "requested_by": reviewer} for name in wanted if findings
    ]
