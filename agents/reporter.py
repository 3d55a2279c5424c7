"""The reporter agent: a draft whose every value is a fact. Without a model the wording is fixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agents.assessment import assessment_paragraphs, recommendation_paragraphs
from agents.context import ItemContext
from agents.draft import Draft
from agents.facts import KIND_OF_FORMAT
from agents.field_paragraphs import missing_fields
from agents.material import Material
from agents.model_paragraphs import model_paragraphs
from agents.narrative import SECTION_TITLES
from procedures.verdict import Verdict
from tools.records.fact import FactKind
from tools.records.finding import Finding, FindingJudgement, Judgement, LoggedSearch, Note, SourceState
from tools.records.report import ItemReport, ReportColumn, ReportRow, Section, TimelinePoint


def draft_report(
    context: ItemContext,
    material: Material,
    judgement: Judgement,
    search_log: Sequence[LoggedSearch],
    *,
    findings_digest: str,
    judgement_digest: str,
) -> ItemReport:
    """Draft the report of one item, deterministically.

    Args:
        context: The item.
        material: Its stored results.
        judgement: Its final judgement.
        search_log: Every search that was sent for it.
        findings_digest: Digest of the stored `Findings`.
        judgement_digest: Digest of the stored `Judgement`.
    """
    draft = Draft(context, material, judgement)
    above = [entry for entry in judgement.findings if entry.verdict is not Verdict.NONE]
    told = [entry for entry in judgement.findings if entry.unsuppressed is not Verdict.NONE]
    shown, attached = told[: context.item.show], told[context.item.show :]
    overview = tuple(_overview(draft, above))
    rows = tuple(row for entry in shown for row in _rows(draft, entry))
    return ItemReport(
        procedure=context.procedure.id,
        procedure_digest=context.procedure.digest,
        procedure_version=context.procedure.version,
        item=context.item_id,
        title=context.item.title,
        language=draft.language,
        timezone=context.procedure.timezone,
        tlp=context.procedure.tlp,
        start=context.start,
        end=context.end,
        item_earliest=material.query.earliest,
        item_latest=material.query.latest,
        verdict=judgement.verdict,
        complete=judgement.complete,
        incomplete=judgement.incomplete,
        told=judgement.told,
        attack=context.item.attack,
        columns=tuple(
            ReportColumn(label=column.label, source=column.source, format=column.format)
            for column in context.item.output
        ),
        rows=rows,
        omitted=len(attached),
        attached=tuple(row for entry in attached for row in _rows(draft, entry)),
        item_results=judgement.item_results,
        timeline=tuple(_timeline(draft, shown)),
        sections=tuple(_sections(draft, overview, len(attached))),
        search_log=tuple(search_log),
        findings_digest=findings_digest,
        judgement_digest=judgement_digest,
        facts=tuple(draft.book.facts),
    )


def _sections(draft: Draft, overview: tuple[str, ...], omitted: int) -> Iterator[Section]:
    texts: dict[str, tuple[str, ...]] = {
        "overview": overview,
        "details": (*_more(draft, omitted), *model_paragraphs(draft)),
        "assessment": tuple(assessment_paragraphs(draft)),
        "recommendation": tuple(recommendation_paragraphs(draft)),
        "exceptions": tuple(_exceptions(draft)),
        "completeness": tuple(_completeness(draft)),
        "not_covered": tuple(_not_covered(draft)),
    }
    for ident, paragraphs in texts.items():
        yield Section(id=ident, title=SECTION_TITLES[ident][draft.language], paragraphs=paragraphs)


def _more(draft: Draft, omitted: int) -> Iterator[str]:
    if omitted:
        yield draft.say("more", omitted=draft.count("omitted", omitted, "omitted(findings)"))


def _overview(draft: Draft, above: list[FindingJudgement]) -> Iterator[str]:
    context, judgement, book = draft.context, draft.judgement, draft.book
    yield draft.say(
        "purpose", purpose=draft.of_procedure("purpose", context.item.purpose, f"{context.item_id}.purpose")
    )

    def epoch(name: str, value: float) -> str:
        return book.ref(name, value, "time", derivation=f"round.{name}")

    yield draft.say(
        "window",
        start=epoch("start", context.start),
        end=epoch("end", context.end),
        earliest=epoch("earliest", draft.material.query.earliest),
        latest=epoch("latest", draft.material.query.latest),
    )
    yield draft.say(
        "counts",
        findings=draft.count("findings", len(judgement.findings), "count(findings)"),
        above=draft.count("above none", len(above), "count(findings above none)"),
        new=draft.count("new", sum(entry.recurrence == "new" for entry in above), "count(findings new)"),
        recurring=draft.count(
            "recurring", sum(entry.recurrence == "recurring" for entry in above), "count(findings recurring)"
        ),
    )
    if draft.material.findings.outside:
        yield draft.say(
            "outside", outside=draft.count("outside", draft.material.findings.outside, "count(rows outside)")
        )
    yield from _denominators(draft)
    verdict = book.ref("verdict", judgement.verdict.value, "verdict", derivation="judgement.verdict")
    yield draft.say("verdict", verdict=verdict)
    if not above and judgement.nearest_miss:
        yield _nearest(draft)


def _denominators(draft: Draft) -> Iterator[str]:
    events: dict[str, tuple[int, str]] = {}
    for state in draft.material.findings.sources:
        if state.state != "unknown":
            events[state.source] = (events.get(state.source, (0, ""))[0] + state.events, state.evidence)
    for source, (count, evidence) in events.items():
        reference = draft.book.ref("events", count, "integer", evidence=evidence, derivation="sum(events)")
        name = draft.of_procedure("data source", source, f"data_sources.{source}.id")
        yield draft.say("denominator", source=name, events=reference)


def _nearest(draft: Draft) -> str:
    miss = draft.judgement.nearest_miss
    assert miss is not None  # noqa: S101 - the caller looked
    evidence = draft.material.findings.evidence
    place = f"nearest_miss.{miss.criterion}"
    return draft.say(
        "nearest",
        criterion=draft.of_procedure("criterion", miss.criterion, f"criteria.{miss.criterion}.id"),
        observed=draft.book.ref(
            "observed", miss.observed, "decimal", evidence=evidence, derivation=f"{place}.observed"
        ),
        threshold=draft.of_procedure("threshold", miss.threshold, f"criteria.{miss.criterion}.threshold"),
    )


def _rows(draft: Draft, entry: FindingJudgement) -> Iterator[ReportRow]:
    """Yield one table row per stored row of the finding; the first carries the reasons."""
    finding = _finding(draft, entry)
    limit = draft.context.item.show
    for position, index in enumerate(finding.rows[:limit]):
        notes = entry.notes if position == 0 else ()
        if position == 0 and len(finding.rows) > limit:
            notes = (*notes, Note(code="rows_omitted", values={"count": len(finding.rows) - limit}))
        yield ReportRow(
            finding=entry.finding,
            verdict=entry.verdict,
            unsuppressed=entry.unsuppressed,
            recurrence=entry.recurrence,
            cells=tuple(
                _cell(draft, finding, index, column.source, column.format, column.label)
                for column in draft.context.item.output
            ),
            reasons=tuple(result for result in entry.results if result.fired is not False)
            if position == 0
            else (),
            notes=notes,
            concerns=entry.concerns if position == 0 else (),
        )


def _finding(draft: Draft, entry: FindingJudgement) -> Finding:
    return next(finding for finding in draft.material.findings.findings if finding.id == entry.finding)


def _cell(draft: Draft, finding: Finding, index: int, source: str, fmt: str, label: str) -> str | None:
    """Return the fact of one cell; None where the row has no such value."""
    kind = KIND_OF_FORMAT[fmt]
    row = draft.material.query.rows[index]
    if source in row:
        evidence = draft.material.findings.evidence
        return draft.book.add(
            label, row[source], kind, evidence=evidence, derivation=f"cell[{index}].{source}"
        )
    drill_down, _, column = source.partition(".")
    run = draft.material.run_of(finding, drill_down)
    if run is not None and run.evidence:
        rows = draft.material.results[run.evidence].rows
        for at in run.rows.get(finding.id, ()):
            if column in rows[at]:
                return draft.book.add(
                    label, rows[at][column], kind, evidence=run.evidence, derivation=f"cell[{at}].{column}"
                )
    enriched = next(
        (entry.enrichment.get(source) for entry in draft.judgement.findings if entry.finding == finding.id),
        None,
    )
    if enriched is not None:
        return draft.book.add(
            label, enriched, kind, evidence="", derivation=f"enrichment.{finding.id}.{source}"
        )
    return None


def _timeline(draft: Draft, shown: list[FindingJudgement]) -> Iterator[TimelinePoint]:
    for entry in shown:
        finding = _finding(draft, entry)
        if finding.first is not None and finding.last is not None:
            yield TimelinePoint(
                finding=entry.finding,
                label=draft.label(finding.key),
                first=finding.first,
                last=finding.last,
                verdict=entry.verdict,
            )


def _exceptions(draft: Draft) -> Iterator[str]:
    entries: dict[str, set[str]] = {}
    for judged in draft.judgement.findings:
        for result in judged.results:
            if result.suppressed_by:
                entries.setdefault(result.suppressed_by, set()).add(judged.finding)
    for entry, findings in entries.items():
        yield draft.say(
            "suppressed",
            entry=draft.of_procedure("known benign", entry, f"known_benign.{entry}.id"),
            count=draft.count("suppressed", len(findings), f"count(findings suppressed by {entry})"),
        )
    for entry in draft.judgement.lapsed:
        yield draft.say("lapsed", entry=draft.of_procedure("known benign", entry, f"known_benign.{entry}.id"))
    if not entries and not draft.judgement.lapsed:
        yield draft.say("no_exceptions")


def _completeness(draft: Draft) -> Iterator[str]:
    if draft.judgement.complete:
        yield draft.say("complete")
    by_source: dict[str, list[SourceState]] = {}
    for state in draft.material.findings.sources:
        if state.state == "ok":
            by_source.setdefault(state.source, []).append(state)
    yield from (_silence(draft, states) for states in by_source.values())
    yield from missing_fields(draft)
    if draft.context.item.total_spl is None:
        yield draft.say("not_checked_total")
    for total in draft.judgement.totals:
        yield draft.say(
            "total_agrees" if total.agrees else "total_differs",
            column=draft.of_procedure("column", total.column, f"total.{total.column}"),
            expected=draft.book.ref(
                "independent total",
                total.expected,
                "integer",
                evidence=total.evidence,
                derivation=f"cell[0].{total.column}",
            ),
            found=draft.count("sum over findings", int(float(str(total.found or 0))), f"sum({total.column})"),
        )


def _silence(draft: Draft, states: Sequence[SourceState]) -> str:
    """Say how long the quietest sender of one data source was silent."""
    state = max(states, key=lambda state: state.longest_gap_s or 0)
    name = state.source if state.value is None else f"{state.source} {state.value}"
    limit = draft.book.ref(
        "tolerated silence",
        state.max_silence_s,
        "duration",
        derivation=f"procedure.data_sources.{state.source}.max_silence",
    )
    if not state.exact:
        source = draft.of_procedure("data source", state.source, f"data_sources.{state.source}.id")
        return draft.say("source_steady", source=source, limit=limit)
    kind: FactKind = "text" if state.value is None else "entity"
    return draft.say(
        "source_ok" if len(states) == 1 else "source_quietest",
        source=draft.book.ref(
            "data source", name, kind, evidence=state.evidence, derivation=f"source.{name}"
        ),
        gap=draft.book.ref(
            "longest silence",
            state.longest_gap_s,
            "duration",
            evidence=state.evidence,
            derivation=f"gap.{name}",
        ),
        limit=limit,
    )


def _not_covered(draft: Draft) -> Iterator[str]:
    if text := draft.context.item.not_covered:
        yield draft.say(
            "not_covered",
            text=draft.of_procedure("not covered", text, f"{draft.context.item_id}.not_covered"),
        )
