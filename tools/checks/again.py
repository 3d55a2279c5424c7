"""Searches that are sent a second time: the events behind a count, and the searches that a verdict hangs on.

They are stored like every other evidence, but stand in no search log: no figure of the report comes from them.
None is ever answered from the search that it checks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from procedures.archive import load_procedure
from procedures.filling import literal
from procedures.model import DECIDING, Item, Procedure
from procedures.source import ProcedureSource
from procedures.verdict import Verdict
from tools.checks.counted import EVENTS, asked_groups, counting, differences, listing, parsed
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
class EventsSearch:
    """The search for the events that an item's own search counts or lists."""

    before: str
    """The item's search up to its events."""
    columns: tuple[str, ...]
    """What is counted from; `_time` stands for nothing but the event."""
    listing: bool
    """Whether the item's rows are its events, so that only their number is asked for."""

    @property
    def text(self) -> str:
        """Return the search as it is sent."""
        if self.listing:
            return f"{self.before} | stats count AS {EVENTS}"
        return f"{self.before} | table {' '.join(map(_field, self.columns))}"


def events_search(spl: str) -> EventsSearch | None:
    """Return the search for the events behind another; None when they cannot be asked for."""
    search = parsed(spl)
    if search is None:
        return None
    if listed := listing(search):
        return EventsSearch(listed, ("_time",), listing=True)
    parts = counting(search)
    if parts is None:
        return None
    before, stats = parts
    fields = dict.fromkeys([*stats.by, *(part.field for part in stats.aggregates if part.field)])
    return EventsSearch(before, tuple(fields) or ("_time",), listing=False)


class Together(Protocol):
    """Events that were asked for together with those of other items; they only ever confirm."""

    async def events(self, query: SearchResult) -> tuple[str, SearchResult] | None:
        """Return the events behind a search and the digest of where they are; None: ask for them."""
        ...


@dataclass(frozen=True, slots=True)
class Asking:
    """One item's way of asking again."""

    procedure: Procedure
    session: SearchSession
    evidence: EvidenceStore
    together: Together | None = None

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

    async def events(self, query: SearchResult, search: EventsSearch) -> tuple[str, SearchResult]:
        """Return the events behind a search, asked for together with others where that confirms it."""
        found = await self.together.events(query) if self.together else None
        return found or await self.send(query, search.text)

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
    together: Together | None = None,
) -> Again:
    """Ask the SIEM again for what the item's counts and its verdict rest on.

    Args:
        source: The archived procedure.
        findings: What the item's search established.
        judgement: What was judged from it.
        runs: The drill-downs that ran.
        session: A guarded way to the SIEM.
        evidence: Where the answers are kept.
        together: Events that several items ask for at once; None: each asks for its own.
    """
    procedure = await asyncio.to_thread(load_procedure, source)
    asking = Asking(procedure, session, evidence, together)
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
    search = events_search(query.spl)
    if search is None or query.status is not SearchStatus.OK:
        return None, False
    every = await asking.events(query, search)
    condition = _of_findings(query, judgement) if every[1].status is SearchStatus.TRUNCATED else None
    if condition is None:
        return every, False
    narrowed = replace(search, before=f"{search.before} | where {condition}")
    return await asking.send(query, narrowed.text), True


def _of_findings(query: SearchResult, judgement: Judgement) -> str | None:
    """Return the condition that keeps the events of findings above none; None when their key cannot say it."""
    search = parsed(query.spl)
    parts = counting(search) if search is not None and not listing(search) else None
    if parts is None:
        return None
    above = [entry.key for entry in judgement.findings if entry.unsuppressed is not Verdict.NONE]
    for name in parts[1].by:
        values = [key.get(name) for key in above]
        if values and all(isinstance(value, str) for value in values):
            listed = ", ".join(literal(str(value)) for value in dict.fromkeys(values))
            return f"'{name}' IN ({listed})"
    return None


def _field(name: str) -> str:
    return name if name.replace("_", "").isalnum() else f'"{name}"'
