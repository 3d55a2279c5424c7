"""What a second look at the SIEM says about a judgement: late events, a search that failed, a zero nobody looked at twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from agents.context import ItemContext
from agents.drill_down import split_rows
from agents.grouping import group_findings
from agents.judge import judge_item
from agents.material import Material
from procedures.verdict import Verdict, worst
from tools.checks.again import Again
from tools.checks.counted import asked_groups, differences, grown, recountable
from tools.checks.recount import ANSWERED, LATE
from tools.records.evidence import EvidenceStore
from tools.records.finding import DrillDownRun, Judgement, LoggedSearch, Note
from tools.search.result import SearchResult, SearchStatus

OWN = frozenset({"recount_failed", "no_second_look", "late_verdict", LATE})
"""Codes of the notes that are written here, anew at every second look."""


def take_second_look(
    context: ItemContext,
    material: Material,
    judgement: Judgement,
    again: Again,
    searches: Sequence[LoggedSearch],
    evidence: EvidenceStore,
) -> Judgement:
    """Return the judgement with the notes of a second look; it never looks better than before.

    Args:
        context: The item.
        material: What it was judged from.
        judgement: Its judgement.
        again: What the SIEM answered a second time.
        searches: The item's search log, for what a search was for.
        evidence: Where the answers are.
    """
    judgement = _without_own(judgement)
    purposes = {entry.evidence: entry.purpose for entry in reversed(searches)}
    pairs = [
        (purposes.get(first, "query"), evidence.get(first, SearchResult), evidence.get(second, SearchResult))
        for first, second in again.reruns or ()
    ]
    events = evidence.get(again.events, SearchResult) if again.events else None
    gaps = [*_failed(pairs), *_uncounted(material, judgement, again, events, pairs)]
    told = [_late_note(*pair) for pair in pairs if _is_late(*pair)]
    if told and not gaps:
        later = judge_item(context, _later(context, material, again, evidence))
        if later.verdict.severity > judgement.verdict.severity:
            values = {"verdict": judgement.verdict.value, "verdict_now": later.verdict.value}
            gaps.append(Note(code="late_verdict", values=values))
    if not gaps and (cause := _unseconded(material, judgement, events)):
        gaps.append(Note(code="no_second_look", values={"cause": cause}))
    return judgement.model_copy(
        update={
            "incomplete": (*judgement.incomplete, *gaps),
            "complete": judgement.complete and not gaps,
            "told": (*judgement.told, *told),
            "verdict": worst([judgement.verdict, *(Verdict.UNDETERMINED for _ in gaps)]),
        }
    )


def _without_own(judgement: Judgement) -> Judgement:
    kept = {
        name: tuple(note for note in getattr(judgement, name) if note.code not in OWN)
        for name in ("incomplete", "told")
    }
    return judgement.model_copy(update=kept)


Pair = tuple[str, SearchResult, SearchResult]
"""What a search was for, its answer, and the answer of its re-run."""


def _failed(pairs: Sequence[Pair]) -> Iterator[Note]:
    """Yield a note for each search that did not run again, or whose answer is another one now."""
    for purpose, first, second in pairs:
        if second.status not in ANSWERED:
            yield Note(code="recount_failed", values={"purpose": purpose, "status": second.status.value})
        elif not _is_late(purpose, first, second) and _differ(first, second):
            yield Note(code="recount_failed", values={"purpose": purpose, "status": "differs"})


def _differ(first: SearchResult, second: SearchResult) -> bool:
    return any(row not in second.rows for row in first.rows) or any(
        row not in first.rows for row in second.rows
    )


def _is_late(purpose: str, first: SearchResult, second: SearchResult) -> bool:
    return second.status in ANSWERED and grown(first, second)


def _late_note(purpose: str, first: SearchResult, second: SearchResult) -> Note:
    changed = sum(row not in first.rows for row in second.rows)
    counts = {"rows": len(first.rows), "rows_now": len(second.rows), "changed": changed}
    return Note(code=LATE, values={"purpose": purpose, **counts})


def _uncounted(
    material: Material, judgement: Judgement, again: Again, events: SearchResult | None, pairs: Sequence[Pair]
) -> Iterator[Note]:
    """Yield a note when the events could not be had, or give other figures than the search, then and now."""
    if events is None or events.status is SearchStatus.TRUNCATED:
        return
    if events.status not in ANSWERED:
        yield Note(code="recount_failed", values={"purpose": "recount", "status": events.status.value})
        return
    wanted = asked_groups(material.query, material.findings, judgement) if again.narrowed else None
    if not any(differences(material.query, events, wanted)):
        return
    rerun = again.rerun_of(material.findings.evidence)
    later = next((second for _, first, second in pairs if rerun and first == material.query), None)
    if later is None or any(differences(later, events, wanted)):
        yield Note(code="recount_failed", values={"purpose": "recount", "status": "differs"})


def _unseconded(material: Material, judgement: Judgement, events: SearchResult | None) -> str | None:
    """Return why a zero rests on one search alone; None where it does not, or where our own store proves it."""
    zero = judgement.verdict is Verdict.NONE and not judgement.findings
    if not zero or _proves_itself(material.query):
        return None
    if judgement.totals and all(total.agrees for total in judgement.totals):
        return None
    if not recountable(material.query):
        return "not_countable"
    if events is None or events.status not in ANSWERED:
        return "too_many_events"
    return None


def _proves_itself(query: SearchResult) -> bool:
    embedded = query.proof is None or query.proof.kind == "embedded"
    return embedded and query.scanned is not None


def _later(context: ItemContext, material: Material, again: Again, evidence: EvidenceStore) -> Material:
    """Return the material as it would be with what came late; without the total, which is of before."""
    query, changes = material.query, {}
    if rerun := again.rerun_of(material.findings.evidence):
        query = evidence.get(rerun, SearchResult)
        found, outside = group_findings(context.item, query.rows, start=context.start, end=context.end)
        changes = {"evidence": rerun, "findings": found, "outside": outside}
    findings = material.findings.model_copy(update={**changes, "total_evidence": None})
    return replace(
        material,
        query=query,
        findings=findings,
        total=None,
        runs=tuple(_later_run(context, material, run, again, evidence) for run in material.runs),
        results={
            **material.results,
            **{second: evidence.get(second, SearchResult) for _, second in again.reruns or ()},
        },
    )


def _later_run(
    context: ItemContext, material: Material, run: DrillDownRun, again: Again, evidence: EvidenceStore
) -> DrillDownRun:
    written = next((part for part in context.item.drill_downs if part.id == run.drill_down), None)
    rerun = again.rerun_of(run.evidence)
    if rerun is None or written is None:
        return run
    result = evidence.get(rerun, SearchResult)
    group = [finding for finding in material.findings.findings if finding.id in run.findings]
    rows = split_rows(written, group, result)
    status = SearchStatus.FAILED if rows is None else result.status
    return run.model_copy(update={"evidence": rerun, "rows": rows or {}, "status": status})
