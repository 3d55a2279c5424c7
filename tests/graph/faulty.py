"""A SIEM that is not our own, and faults between it and the graph."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from graph.build import build_item_graph
from spl.lookups import NO_LOOKUPS, Lookups
from tejun.opening import Tejun
from tools.search.result import SearchRequest, SearchResult, SearchSession, SearchStatus, TimedResult

Fault = Callable[[SearchRequest, SearchResult], SearchResult]
"""Returns what arrives instead of an answer."""


@dataclass
class FaultySession:
    """A session whose answers pass through a fault; it keeps what was asked."""

    inner: SearchSession
    fault: Fault
    asked: list[SearchRequest]

    @property
    def source(self) -> str:
        return self.inner.source

    async def search(self, request: SearchRequest) -> TimedResult:
        self.asked.append(request)
        timed = await self.inner.search(request)
        return timed.model_copy(update={"result": self.fault(request, timed.result)})

    async def utc_offset_s(self, at: float) -> int | None:
        return await self.inner.utc_offset_s(at)


@dataclass
class FaultySiem:
    """Sessions with one fault, which a test may change while they are open."""

    tejun: Tejun
    fault: Fault
    asked: list[SearchRequest] = field(default_factory=list)

    async def session(self, zone: str, lookups: Lookups = NO_LOOKUPS) -> SearchSession:
        inner = await self.tejun.resources.sessions.session(zone, lookups)
        return FaultySession(inner, lambda request, result: self.fault(request, result), self.asked)


def over(tejun: Tejun, fault: Fault) -> tuple[Tejun, FaultySiem]:
    """Return `tejun` with its graph over a faulty SIEM, and that SIEM."""
    siem = FaultySiem(tejun, fault)
    resources = replace(tejun.resources, sessions=siem)
    graph = build_item_graph(resources, tejun.graph.checkpointer)  # type: ignore[arg-type]
    return Tejun(tejun.settings, resources, graph), siem


def foreign(request: SearchRequest, result: SearchResult) -> SearchResult:
    """A healthy SIEM that says no more than Splunk does: nothing about what it scanned."""
    status = SearchStatus.OK if result.status is SearchStatus.NO_DATA else result.status
    return result.model_copy(update={"status": status, "scanned": None, "server": "splunk"})


def failed(
    result: SearchResult, status: SearchStatus = SearchStatus.FAILED, text: str = "indexer gone"
) -> SearchResult:
    """An answer that is none."""
    return result.model_copy(
        update={
            "status": status,
            "rows": (),
            "fields": (),
            "scanned": None,
            "total": None,
            "messages": (text,),
        }
    )


def emptied(result: SearchResult) -> SearchResult:
    """The worst answer: a success that lost its rows."""
    return result.model_copy(update={"rows": (), "scanned": None, "total": None})


def own_text(request: SearchRequest) -> str:
    """Return a search without what counts fields, which repeats the conditions of every item."""
    return without_counts(request.spl)


def without_counts(spl: str) -> str:
    """Return a search for completeness as it is where no field is counted."""
    marked = re.sub(r" \| eval z[sf]\d+=.*?(?= \| )", "", spl)
    return re.sub(r" (?:count|sum|max)\(z[sft]\d+\) AS z[sft]\d+", "", marked)


def failing(*parts: str, status: SearchStatus = SearchStatus.FAILED) -> Fault:
    """Return a foreign SIEM that fails the searches which hold all `parts`."""

    def fault(request: SearchRequest, result: SearchResult) -> SearchResult:
        if all(part in own_text(request) for part in parts):
            return failed(result, status)
        return foreign(request, result)

    return fault
