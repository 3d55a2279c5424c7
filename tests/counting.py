"""How many searches a day of the library's procedures sends, of each kind, on the first day and on the second."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from graph.build import build_item_graph
from graph.resources import Sessions
from graph.rounds import config_of, plan_round, run_round
from procedures.schedule import RoundWindow
from procedures.source import read_source
from spl.lookups import NO_LOOKUPS, Lookups
from tejun.opening import Tejun
from tools.checks.again import Again
from tools.demo import plan
from tools.records.finding import LoggedSearch
from tools.search.result import SearchRequest, SearchSession, TimedResult

LIBRARY = Path(__file__).resolve().parent.parent / "procedures" / "library"
DAY_S = 86400
KINDS = {
    "query": "query",
    "completeness": "completeness",
    "fields": "fields",
    "seen_before": "seen before",
    "fields_before": "fields before",
    "total": "independent total",
    "baseline": "baseline",
    "drill_down": "drill-down",
}
SECOND_LOOK = ("recount", "re-run")


@dataclass
class TimedSessions:
    """Sessions that count their searches and add up how long they take, those of a second look included."""

    inner: Sessions
    seconds: float = 0.0
    count: int = 0

    async def session(self, zone: str, lookups: Lookups = NO_LOOKUPS) -> SearchSession:
        """Return the session of `zone`, timed."""
        return TimedSession(await self.inner.session(zone, lookups), self)


@dataclass
class TimedSession:
    """A session whose searches are timed from call to answer, the MCP transport included."""

    inner: SearchSession
    total: TimedSessions

    @property
    def source(self) -> str:
        """What is searched."""
        return self.inner.source

    async def search(self, request: SearchRequest) -> TimedResult:
        """Search, and add the time."""
        started = time.perf_counter()
        try:
            return await self.inner.search(request)
        finally:
            self.total.seconds += time.perf_counter() - started
            self.total.count += 1

    async def utc_offset_s(self, at: float) -> int | None:
        """Return the offset of the SIEM user's zone."""
        return await self.inner.utc_offset_s(at)


@dataclass
class Day:
    """What one day of all procedures of the library cost."""

    items: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    """Searches by kind."""
    taken: Counter[str] = field(default_factory=Counter)
    """Answers by kind that were shared within the round or came from an earlier one."""
    seconds: float = 0.0
    """What the SIEM took to answer, all searches added up."""

    @property
    def per_item(self) -> float:
        """Searches per item, second looks included."""
        return self.sent.total() / self.items


async def count_day(tejun: Tejun, *, days_before: int = 0) -> Day:
    """Run all procedures of the library over one day of the demo logs, and count."""
    day = Day()
    sessions = TimedSessions(tejun.resources.sessions)
    resources = replace(tejun.resources, sessions=sessions)
    graph = build_item_graph(resources, tejun.graph.checkpointer)  # type: ignore[arg-type]
    for procedure in plan.PROCEDURES:
        start = (plan.utc(0) if procedure == plan.AWS else plan.tokyo(0)) - days_before * DAY_S
        round_ = plan_round(resources, read_source(LIBRARY / procedure), RoundWindow(start, start + DAY_S))
        before, known = sessions.count, day.sent.total()
        await run_round(graph, resources, round_)
        reruns = 0
        for row in resources.casebook.items(round_.id):
            values = (await graph.aget_state(config_of(row))).values
            for entry in map(LoggedSearch.model_validate, values["searches"]):
                counted = day.sent if entry.taken_from is None else day.taken
                counted[KINDS[entry.purpose.split(":")[0]]] += 1
            reruns += len(Again.model_validate(values["again"]).reruns or ())
            day.items += 1
        logged = day.sent.total() - known
        day.sent["re-run"] += reruns
        day.sent["recount"] += sessions.count - before - logged - reruns
    day.seconds = sessions.seconds
    return day


def table_of(first: Day, second: Day) -> str:
    """Return both days as a Markdown table, one line per kind."""
    lines = [
        "| kind | first day: sent | taken | second day: sent | taken |",
        "|---|---|---|---|---|",
    ]
    for kind in (*KINDS.values(), *SECOND_LOOK):
        cells = (first.sent[kind], first.taken[kind], second.sent[kind], second.taken[kind])
        lines.append(f"| {kind} | {' | '.join(map(str, cells))} |")
    totals = (first.sent.total(), first.taken.total(), second.sent.total(), second.taken.total())
    lines.append(f"| all | {' | '.join(map(str, totals))} |")
    each = (f"{first.per_item:.2f}", "", f"{second.per_item:.2f}", "")
    lines.append(f"| per item ({first.items}) | {' | '.join(each)} |")
    return "\n".join(lines) + "\n"
