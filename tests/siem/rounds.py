"""Rounds of the library over one server, in this process: what each item said, and which searches it needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

from agents.context import ItemContext
from agents.searching import Searcher
from graph.build import build_item_graph
from graph.resources import Resources
from graph.rounds import config_of, plan_round, run_round
from procedures.archive import load_procedure
from procedures.schedule import RoundWindow
from procedures.source import read_source
from spl.lookups import NO_LOOKUPS, Lookups
from tejun.opening import open_resources
from tejun.settings import Settings
from tests.siem.hosting import Hosted
from tools.demo import plan
from tools.records.finding import Judgement
from tools.search.client import open_session
from tools.search.result import SearchRequest, SearchResult, SearchSession, TimedResult

LIBRARY = Path(__file__).resolve().parent.parent.parent / "procedures" / "library"
PROCEDURES = tuple(sorted(folder.name for folder in LIBRARY.iterdir() if folder.is_dir()))
TIMEOUT_S = 1.0
CONCURRENCY = 8
SETTLED_AT = plan.tokyo(0) + 3 * 86400
"""When the rounds run: long after their day."""

_PURPOSE: ContextVar[str] = ContextVar("purpose", default="again")


@dataclass(frozen=True, slots=True)
class Said:
    """What became of one item."""

    verdict: str
    complete: bool
    state: str
    findings: tuple[tuple[str, str], ...] = ()
    """Keys of the findings with their verdicts."""
    rows: int = 0
    searches: frozenset[str] = frozenset()
    """Texts that the item rests on or asked for a second time."""
    error: str = ""

    @property
    def told(self) -> tuple[Any, ...]:
        """What a person is told; equal over two healthy servers."""
        return self.verdict, self.complete, self.state, self.findings, self.rows


@dataclass
class Tagged:
    """A session that gives up after a second, and notes what each search is for."""

    inner: SearchSession
    purposes: dict[str, str]
    timeout_s: float
    seen: set[str] = field(default_factory=set)

    @property
    def source(self) -> str:
        """What is searched."""
        return self.inner.source

    async def search(self, request: SearchRequest) -> TimedResult:
        """Search, for a second at most."""
        self.purposes[request.spl] = _PURPOSE.get()
        self.seen.add(request.spl)
        shorter = request.model_copy(update={"timeout_s": min(self.timeout_s, request.timeout_s)})
        return await self.inner.search(shorter)

    async def utc_offset_s(self, at: float) -> int | None:
        """Return the offset of the SIEM user's zone."""
        async with asyncio.timeout(self.timeout_s):
            return await self.inner.utc_offset_s(at)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@dataclass
class OneSession:
    """The same session for every zone."""

    inner: SearchSession

    async def session(self, zone: str, lookups: Lookups = NO_LOOKUPS) -> SearchSession:
        """Return the session."""
        return self.inner


@contextmanager
def purposes_noted() -> Iterator[None]:
    """Let a session know what a search is for."""
    plain = Searcher.run

    async def run(self: Searcher, purpose: str, *args: Any, **kwargs: Any) -> Any:
        token = _PURPOSE.set(purpose.partition(":")[0])
        try:
            return await plain(self, purpose, *args, **kwargs)
        finally:
            _PURPOSE.reset(token)

    Searcher.run = run  # type: ignore[method-assign]
    try:
        yield
    finally:
        Searcher.run = plain  # type: ignore[method-assign]


def window_of(procedure: str) -> RoundWindow:
    """Return the demo's day in the zone of a procedure."""
    start = plan.utc(0) if procedure == plan.AWS else plan.tokyo(0)
    return RoundWindow(start, start + 86400)


@asynccontextmanager
async def local(home: Path) -> AsyncIterator[Resources]:
    """Open the log store of `home`."""
    settings = Settings(home=home, casebook_url=f"sqlite:///{home / 'casebook.sqlite'}", user="analyst")
    async with open_resources(settings, clock=lambda: SETTLED_AT) as resources:
        yield resources


async def ran(
    resources: Resources,
    procedure: str,
    session: SearchSession | None,
    purposes: dict[str, str],
    *,
    timeout_s: float = TIMEOUT_S,
    only: Sequence[str] = (),
) -> dict[str, Said]:
    """Run one round and say what became of its items.

    Args:
        resources: Where evidence and casebook are.
        procedure: Name in the library.
        session: The way to the SIEM; None: that of `resources`.
        purposes: Grows by what each search is for.
        timeout_s: Most seconds of one search.
        only: Items; none means all.
    """
    source = read_source(LIBRARY / procedure)
    tagged: Tagged | None = None
    if session is not None:
        tagged = Tagged(session, purposes, timeout_s)
        resources = replace(resources, sessions=OneSession(tagged), source=f"stand-in {id(tagged)}")
    graph = build_item_graph(resources, InMemorySaver())
    with purposes_noted():
        round_ = plan_round(resources, source, window_of(procedure))
        outcomes = await run_round(graph, resources, round_, only=only, concurrency=CONCURRENCY)
    details = {outcome.item: outcome for outcome in outcomes}
    said: dict[str, Said] = {}
    for row in resources.casebook.items(round_.id):
        if row.item_id not in details:
            continue
        outcome = details[row.item_id]
        values = (await graph.aget_state(config_of(row))).values
        if outcome.state == "failed" or "judgement" not in values:
            said[row.item_id] = Said("failed", False, outcome.state, error=outcome.detail)
            continue
        judgement = resources.evidence.get(values["judgement"], Judgement)
        said[row.item_id] = Said(
            verdict=judgement.verdict.value,
            complete=judgement.complete,
            state=outcome.state,
            findings=tuple(
                sorted(
                    (
                        str(sorted((name, str(value)) for name, value in entry.key.items())),
                        entry.verdict.value,
                    )
                    for entry in judgement.findings
                )
            ),
            rows=next((entry["rows"] for entry in values["searches"] if entry["purpose"] == "query"), 0),
            searches=frozenset(
                resources.evidence.get(entry["evidence"], SearchResult).spl for entry in values["searches"]
            ),
        )
    return said


def lookups_of(procedure: str) -> tuple[str, Lookups]:
    """Return the zone of a procedure and the lookups beside it, which its SIEM has too."""
    source = read_source(LIBRARY / procedure)
    loaded = load_procedure(source)
    window = window_of(procedure)
    context = ItemContext(source=source, item_id=loaded.items[0].id, start=window.start, end=window.end)
    return loaded.timezone, context.lookups


def transport_of(hosted: Hosted, name: str, wire: str) -> Any:
    """Return how a client reaches a stand-in."""
    from tools.search import transport

    match wire:
        case "http" | "stream":
            return transport.Http(hosted.url(name, wire))
        case "sse":
            return transport.Sse(hosted.url(name, wire))
        case _:
            command, args = hosted.command(name)
            return transport.Stdio(command, args)


@asynccontextmanager
async def reached(hosted: Hosted, name: str, wire: str) -> AsyncIterator[SearchSession]:
    """Open a session to a stand-in."""
    async with open_session(transport_of(hosted, name, wire), source=name) as session:
        yield session
