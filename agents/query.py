"""The query agent: the item's search, the state of its data, its baseline and its independent total."""

from __future__ import annotations

import datetime as dt
import re

from agents.baseline import search_baseline
from agents.completeness import Watched, watch_source
from agents.context import ItemContext
from agents.grouping import group_findings
from agents.searching import Ran, Searcher
from procedures.expand import parameter_values
from procedures.filling import fill_search
from tools.records.finding import Findings, Note
from tools.search.result import SearchResult, SearchStatus

_ZONED = re.compile(
    r"strftime|strptime|relative_time|span=\s*\d*(?:d|w|mon|q|y)|@(?:d|w|mon|q|y)", re.IGNORECASE
)


async def query_item(context: ItemContext, searcher: Searcher) -> Findings:
    """Run everything that the judge needs to know about one item, except its drill-downs."""
    item = context.item
    earliest, latest = context.window(item.window, now=searcher.clock())
    spl = fill_search(item.spl, parameter_values(context.parameters), context.macros)
    ran = await searcher.run("query", spl, earliest, latest)
    if ran is None:
        ran = _not_run(searcher, spl, earliest, latest)
    notes = [*status_notes("query", ran.result), *await _timing_notes(context, searcher)]
    watched = await _watch_sources(context, searcher, earliest, latest)
    notes.extend(note for part in watched for note in part.notes)
    periods = (
        await search_baseline(
            item.baseline, searcher, spl, earliest=earliest, latest=latest, zone=context.zone
        )
        if item.baseline
        else ()
    )
    if failed := [str(period.index) for period in periods if not period.ok]:
        notes.append(Note(code="baseline_incomplete", values={"periods": failed}))
    total, untotalled = await _search_total(context, searcher, earliest, latest)
    notes.extend(untotalled)
    if code := searcher.exhausted:
        limit = getattr(searcher.budget, code.removeprefix("budget_"))
        notes.append(Note(code=code, values={"limit": limit}))
    findings, outside = group_findings(item, ran.result.rows, start=context.start, end=context.end)
    return Findings(
        item=item.id,
        evidence=ran.evidence,
        findings=findings,
        outside=outside,
        sources=tuple(state for part in watched for state in part.states),
        fields=tuple(state for part in watched for state in part.fields),
        baseline=periods,
        total_evidence=total,
        incomplete=tuple(notes),
    )


async def _watch_sources(
    context: ItemContext, searcher: Searcher, earliest: float, latest: float
) -> list[Watched]:
    """Watch the sources that the item needs, and those that only its drill-downs look into."""
    reads = context.field_reads
    watched = []
    for source in context.procedure.data_sources:
        by_item = reads.get(source.id, {})
        if source.id in context.item.needs or context.item_id in by_item:
            watched.append(
                await watch_source(
                    source,
                    searcher,
                    earliest=earliest,
                    latest=latest,
                    own=by_item.get(context.item_id, ()),
                    every=[read for each in by_item.values() for read in each],
                )
            )
    return watched


def status_notes(purpose: str, result: SearchResult) -> list[Note]:
    """Return why `result` cannot support a clean verdict; empty when it can."""
    match result.status:
        case SearchStatus.OK:
            return []
        case SearchStatus.NO_DATA:
            return [Note(code="no_data", values={"purpose": purpose})]
        case SearchStatus.PARTIAL:
            return [Note(code="partial", values={"purpose": purpose})]
        case SearchStatus.TRUNCATED:
            return [Note(code="search_truncated", values={"purpose": purpose, "rows": len(result.rows)})]
        case _:
            return [Note(code="search_failed", values={"purpose": purpose, "status": result.status.value})]


async def _search_total(
    context: ItemContext, searcher: Searcher, earliest: float, latest: float
) -> tuple[str | None, list[Note]]:
    """Return the evidence of the independent total, and why it cannot be compared with; a total of nothing can."""
    if context.item.total_spl is None:
        return None, []
    ran = await searcher.run(
        "total",
        fill_search(context.item.total_spl, parameter_values(context.parameters), context.macros),
        earliest,
        latest,
    )
    if ran is None:
        return None, []
    return ran.evidence, [note for note in status_notes("total", ran.result) if note.code != "no_data"]


async def _timing_notes(context: ItemContext, searcher: Searcher) -> list[Note]:
    """Say whether the round began too early, or the SIEM reads clock times in another zone."""
    notes = []
    needed = [source for source in context.procedure.data_sources if source.id in context.item.needs]
    settled = context.end + max((source.settle_s for source in needed), default=0)
    if searcher.clock() < settled:
        notes.append(Note(code="too_early", values={"settle_until": settled}))
    if uses_zone(context) and (note := await _zone_note(context, searcher)):
        notes.append(note)
    return notes


def uses_zone(context: ItemContext) -> bool:
    """Tell whether the item has a search that depends on the zone of the SIEM's user."""
    item = context.item
    macros = (macro.definition for macro in context.macros.values())
    return any(_ZONED.search(text) for text in (item.spl, *(down.spl for down in item.drill_downs), *macros))


async def _zone_note(context: ItemContext, searcher: Searcher) -> Note | None:
    expected = dt.datetime.fromtimestamp(context.start, context.zone).utcoffset()
    offset_s = await searcher.session.utc_offset_s(context.start)
    if expected is not None and offset_s == expected.total_seconds():
        return None
    siem = "?" if offset_s is None else f"UTC{offset_s / 3600:+g}h"
    return Note(code="zone_mismatch", values={"siem": siem, "procedure": context.procedure.timezone})


def _not_run(searcher: Searcher, spl: str, earliest: float, latest: float) -> Ran:
    """Return the evidence of a search that the budget did not allow: refused, never empty-but-fine."""
    result = SearchResult(
        status=SearchStatus.REFUSED, spl=spl, earliest=earliest, latest=latest, messages=("budget used up",)
    )
    return Ran(result, searcher.evidence.put(result))
