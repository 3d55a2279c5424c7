"""Searches that the checks send themselves: the events behind a count, and the searches behind a grave verdict.

They are stored like every other evidence, but stand in no search log: the report does not rest on them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from procedures.archive import load_procedure
from procedures.expand import quote
from procedures.model import Procedure
from procedures.source import ProcedureSource
from procedures.verdict import Verdict
from spl.commands.aggregate import Stats
from spl.commands.bins import Bin
from spl.commands.columns import Eval, Fields, Rename
from spl.commands.rex import Rex
from spl.commands.rows import Where
from spl.datamodels import AnyDatasets
from spl.errors import SplError
from spl.parse import parse_search
from spl.plan import Search, SearchCommand
from tools.records.evidence import EvidenceStore
from tools.records.finding import DrillDownRun, Findings, Judgement
from tools.records.report import ItemReport
from tools.search.result import SearchRequest, SearchResult, SearchSession, SearchStatus

SEARCHES = 12
"""Most searches that the checks of one item send."""

TIMEOUT_S = 30.0
_STREAMING = (SearchCommand, Where, Eval, Fields, Rename, Rex, Bin)


class Again(BaseModel):
    """What the SIEM answered when it was asked a second time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: str | None = None
    """Digest of the search for the events that the item's own search counts."""
    narrowed: bool = False
    """Whether only the events of findings above none were asked for."""
    reruns: tuple[tuple[str, str], ...] | None = None
    """Digests of a search and of its re-run; None where the procedure asks for none."""


def counting(search: Search) -> tuple[str, Stats] | None:
    """Return the part of a search before its `stats`, and the `stats`; None when it counts in another way."""
    for command in search.commands:
        if isinstance(command, Stats):
            return search.text[: command.span.start].rstrip().removesuffix("|").rstrip(), command
        if not isinstance(command, _STREAMING):
            return None
    return None


def parsed(spl: str) -> Search | None:
    """Return a stored search as parsed; None when this program does not understand it."""
    try:
        return parse_search(spl, datasets=AnyDatasets())
    except SplError:
        return None


async def search_again(
    source: ProcedureSource,
    report: ItemReport,
    runs: Sequence[DrillDownRun],
    session: SearchSession,
    evidence: EvidenceStore,
) -> Again:
    """Ask the SIEM for the events behind the item's counts and, where the procedure says so, everything again.

    Args:
        source: The archived procedure.
        report: The draft.
        runs: The drill-downs that ran.
        session: A guarded way to the SIEM.
        evidence: Where the answers are kept.
    """
    procedure = await asyncio.to_thread(load_procedure, source)
    findings = await asyncio.to_thread(evidence.get, report.findings_digest, Findings)
    judgement = await asyncio.to_thread(evidence.get, report.judgement_digest, Judgement)
    query = await asyncio.to_thread(evidence.get, findings.evidence, SearchResult)
    events, narrowed = await _events(procedure, query, judgement, session)
    asked = procedure.recheck is not None and report.verdict.severity >= Verdict(procedure.recheck).severity
    digests = dict.fromkeys([findings.evidence, *(run.evidence for run in runs if run.evidence)])
    reruns = []
    for digest in list(digests)[: SEARCHES - 2] if asked else ():
        stored = await asyncio.to_thread(evidence.get, digest, SearchResult)
        found = await _send(_request(stored, procedure), session)
        reruns.append((digest, await asyncio.to_thread(evidence.put, found)))
    return Again(
        events=await asyncio.to_thread(evidence.put, events) if events else None,
        narrowed=narrowed,
        reruns=tuple(reruns) if asked else None,
    )


def _request(result: SearchResult, procedure: Procedure, spl: str | None = None) -> SearchRequest:
    return SearchRequest(
        spl=spl or result.spl,
        earliest=result.earliest,
        latest=result.latest,
        row_limit=procedure.budget.rows,
        timeout_s=TIMEOUT_S,
    )


async def _send(request: SearchRequest, session: SearchSession) -> SearchResult:
    return (await session.search(request)).result


async def _events(
    procedure: Procedure, query: SearchResult, judgement: Judgement, session: SearchSession
) -> tuple[SearchResult | None, bool]:
    """Return the events before the `stats`: all, or those of findings above none where all are too many."""
    search = parsed(query.spl)
    parts = counting(search) if search is not None else None
    if parts is None or query.status is not SearchStatus.OK:
        return None, False
    before, stats = parts
    fields = dict.fromkeys([*stats.by, *(part.field for part in stats.aggregates if part.field)])
    columns = " ".join(_field(name) for name in fields) or "_time"
    every = await _send(_request(query, procedure, f"{before} | table {columns}"), session)
    if every.status is not SearchStatus.TRUNCATED:
        return every, False
    condition = _of_findings(stats, judgement)
    if condition is None:
        return every, False
    spl = f"{before} | where {condition} | table {columns}"
    return await _send(_request(query, procedure, spl), session), True


def _of_findings(stats: Stats, judgement: Judgement) -> str | None:
    """Return the condition that keeps the events of findings above none; None when their key cannot say it."""
    above = [entry.key for entry in judgement.findings if entry.unsuppressed is not Verdict.NONE]
    for name in stats.by:
        values = [key.get(name) for key in above]
        if values and all(isinstance(value, str) for value in values):
            listed = ", ".join(quote(str(value)) for value in dict.fromkeys(values))
            return f"'{name}' IN ({listed})"
    return None


def _field(name: str) -> str:
    return name if name.replace("_", "").isalnum() else f'"{name}"'
