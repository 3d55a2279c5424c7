"""Searches that are sent a second time: the events behind a count, and the searches that a verdict hangs on.

They are stored like every other evidence, but stand in no search log: no figure of the report comes from them.
None is ever answered from the search that it checks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from procedures.archive import load_procedure
from procedures.filling import literal
from procedures.model import DECIDING, Item, Procedure
from procedures.source import ProcedureSource
from procedures.verdict import Verdict
from spl.commands.aggregate import Stats
from tools.checks.counted import asked_groups, counting, differences, listing, parsed
from tools.records.evidence import EvidenceStore
from tools.records.finding import DrillDownRun, FindingJudgement, Findings, Judgement
from tools.search.result import SearchRequest, SearchResult, SearchSession, SearchStatus

SEARCHES = 12
"""Most searches that the second look at one item sends."""

COUNTING = 3
"""Of these, most that count again: the events, those of findings above none alone, and the item's own search."""

TIMEOUT_S = 30.0


class Again(BaseModel):
    """What the SIEM answered when it was asked a second time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: str | None = None
    """Digest of the search for the events that the item's own search counts or lists."""
    narrowed: bool = False
    """Whether only the events of findings above none were asked for."""
    reruns: tuple[tuple[str, str], ...] | None = None
    """Digests of a search and of its re-run; None where nothing is to run again."""

    def rerun_of(self, digest: str) -> str | None:
        """Return the digest of the re-run of a search; None when it did not run again."""
        return dict(self.reruns or ()).get(digest)


@dataclass(frozen=True, slots=True)
class Asking:
    """One item's way of asking again."""

    procedure: Procedure
    session: SearchSession
    evidence: EvidenceStore

    async def send(self, first: SearchResult, spl: str | None = None) -> tuple[str, SearchResult]:
        """Send a search over the window of `first`; return the digest of the answer, and the answer."""
        request = SearchRequest(
            spl=spl or first.spl,
            earliest=first.earliest,
            latest=first.latest,
            row_limit=self.procedure.budget.rows,
            timeout_s=TIMEOUT_S,
        )
        found = (await self.session.search(request)).result
        return await asyncio.to_thread(self.evidence.put, found), found

    async def read(self, digest: str) -> SearchResult:
        """Return a stored search."""
        return await asyncio.to_thread(self.evidence.get, digest, SearchResult)


async def search_again(
    source: ProcedureSource,
    findings: Findings,
    judgement: Judgement,
    runs: Sequence[DrillDownRun],
    session: SearchSession,
    evidence: EvidenceStore,
) -> Again:
    """Ask the SIEM again for what the item's counts and its verdict rest on.

    Args:
        source: The archived procedure.
        findings: What the item's search established.
        judgement: What was judged from it.
        runs: The drill-downs that ran.
        session: A guarded way to the SIEM.
        evidence: Where the answers are kept.
    """
    procedure = await asyncio.to_thread(load_procedure, source)
    asking = Asking(procedure, session, evidence)
    query = await asking.read(findings.evidence)
    events, narrowed = await _events(asking, query, judgement)
    reruns: dict[str, str] = {}
    if events is not None and events[1].status is SearchStatus.OK:
        wanted = asked_groups(query, findings, judgement) if narrowed else None
        if any(differences(query, events[1], wanted)):
            reruns[findings.evidence] = (await asking.send(query))[0]
    hanging = list(_hanging(procedure, findings, judgement, runs))
    for digest in hanging[: SEARCHES - COUNTING]:
        if digest not in reruns:
            reruns[digest] = (await asking.send(await asking.read(digest)))[0]
    return Again(
        events=events[0] if events else None,
        narrowed=narrowed,
        reruns=tuple(reruns.items()) if reruns or _asks_for_all(procedure, judgement) else None,
    )


def _asks_for_all(procedure: Procedure, judgement: Judgement) -> bool:
    """Tell whether the procedure wants every search of this item to run again."""
    policy = procedure.recheck
    return policy not in {None, DECIDING} and judgement.verdict.severity >= Verdict(policy).severity


def _hanging(
    procedure: Procedure, findings: Findings, judgement: Judgement, runs: Sequence[DrillDownRun]
) -> Iterator[str]:
    """Yield the searches that must run again, each once: all, or the drill-downs that decide a verdict."""
    if _asks_for_all(procedure, judgement):
        yield from dict.fromkeys([findings.evidence, *(run.evidence for run in runs if run.evidence)])
    elif procedure.recheck is not None:
        item = procedure.item(judgement.item)
        yield from dict.fromkeys(
            run.evidence
            for entry in judgement.findings
            for run in runs
            if entry.finding in run.findings and run.status is SearchStatus.OK and _decides(item, entry, run)
        )


def _decides(item: Item, entry: FindingJudgement, run: DrillDownRun) -> bool:
    """Tell whether a finding's verdict hangs on a drill-down: it fired as gravely, or its silence keeps the verdict down."""
    names = {
        f"{part.id}/{criterion.id}": criterion.verdict
        for part in item.drill_downs
        if part.id == run.drill_down
        for criterion in part.criteria
    }
    fired = {result.id for result in entry.results if result.fired}
    return any(
        verdict.severity == entry.verdict.severity
        if name in fired
        else verdict.severity > entry.verdict.severity
        for name, verdict in names.items()
    )


async def _events(
    asking: Asking, query: SearchResult, judgement: Judgement
) -> tuple[tuple[str, SearchResult] | None, bool]:
    """Return the events before the `stats`: all, or those of findings above none where all are too many."""
    search = parsed(query.spl)
    if search is None or query.status is not SearchStatus.OK:
        return None, False
    if listed := listing(search):
        return await asking.send(query, f"{listed} | stats count AS events"), False
    parts = counting(search)
    if parts is None:
        return None, False
    before, stats = parts
    fields = dict.fromkeys([*stats.by, *(part.field for part in stats.aggregates if part.field)])
    columns = " ".join(_field(name) for name in fields) or "_time"
    every = await asking.send(query, f"{before} | table {columns}")
    condition = _of_findings(stats, judgement) if every[1].status is SearchStatus.TRUNCATED else None
    if condition is None:
        return every, False
    return await asking.send(query, f"{before} | where {condition} | table {columns}"), True


def _of_findings(stats: Stats, judgement: Judgement) -> str | None:
    """Return the condition that keeps the events of findings above none; None when their key cannot say it."""
    above = [entry.key for entry in judgement.findings if entry.unsuppressed is not Verdict.NONE]
    for name in stats.by:
        values = [key.get(name) for key in above]
        if values and all(isinstance(value, str) for value in values):
            listed = ", ".join(literal(str(value)) for value in dict.fromkeys(values))
            return f"'{name}' IN ({listed})"
    return None


def _field(name: str) -> str:
    return name if name.replace("_", "").isalnum() else f'"{name}"'
