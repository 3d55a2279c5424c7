"""Opening what a command needs, and closing it again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from sqlalchemy import make_url

from agents.asking import AnsweringModel
from agents.searching import Clock
from graph.build import ItemGraph, build_item_graph
from graph.resources import Resources
from spl.lookups import NO_LOOKUPS, Lookups
from tejun.settings import Settings
from tools.logstore.server import build_server
from tools.logstore.store import LogStore
from tools.model.settings import ModelSettings
from tools.records.casebook import Casebook
from tools.records.evidence import EvidenceStore
from tools.search.client import McpSession, open_session
from tools.search.result import SearchSession
from tools.search.transport import InMemory


@dataclass(frozen=True)
class Tejun:
    """Everything open: the graph with its checkpoints, and the resources that it is bound to."""

    settings: Settings
    resources: Resources
    graph: ItemGraph


class RemoteSession:
    """One Splunk MCP server, whatever the zone."""

    def __init__(self, session: McpSession) -> None:
        self._session = session

    async def session(self, zone: str, lookups: Lookups = NO_LOOKUPS) -> SearchSession:
        """Return the one session; zone and lookups are the server's own."""
        return self._session


class LocalSessions:
    """Embedded servers over the local log store, one for each zone and set of lookups that is asked for."""

    def __init__(self, store: LogStore, source: str, stack: AsyncExitStack) -> None:
        self._store, self._source, self._stack = store, source, stack
        self._open: list[tuple[str, Lookups, McpSession]] = []

    async def session(self, zone: str, lookups: Lookups = NO_LOOKUPS) -> SearchSession:
        """Return a session whose clock times are read in `zone` and whose searches may use `lookups`."""
        for known_zone, known_lookups, session in self._open:
            if (known_zone, known_lookups) == (zone, lookups):
                return session
        server = build_server(self._store, zone=await asyncio.to_thread(ZoneInfo, zone), lookups=lookups)
        opened = await self._stack.enter_async_context(open_session(InMemory(server), source=self._source))
        self._open.append((zone, lookups, opened))
        return opened


async def _open_models(
    models: Mapping[str, ModelSettings], stack: AsyncExitStack
) -> dict[str, AnsweringModel]:
    """Return a client for each agent's model; the library is loaded only when one is configured."""
    if not models:
        return {}
    from openai import DefaultAsyncHttpxClient

    from tools.model.client import ChatModel

    http = await stack.enter_async_context(DefaultAsyncHttpxClient())
    return {agent: ChatModel(model, http) for agent, model in models.items()}


def _open_casebook(settings: Settings) -> Casebook:
    settings.home.mkdir(parents=True, exist_ok=True)
    return Casebook(settings.casebook_url)


@asynccontextmanager
async def open_resources(settings: Settings, *, clock: Clock = time.time) -> AsyncIterator[Resources]:
    """Open stores and the way to the SIEM for the length of a block; `clock` tells what time it is."""
    casebook = await asyncio.to_thread(_open_casebook, settings)
    async with AsyncExitStack() as stack:
        stack.callback(casebook.close)
        sessions: RemoteSession | LocalSessions
        if settings.siem:
            transport = settings.siem.transport()
            sessions = RemoteSession(
                await stack.enter_async_context(open_session(transport, source=settings.source))
            )
        else:
            store = stack.enter_context(
                await asyncio.to_thread(LogStore, settings.logs, knowledge=settings.home)
            )
            sessions = LocalSessions(store, settings.source, stack)
        yield Resources(
            evidence=EvidenceStore(settings.evidence),
            casebook=casebook,
            sessions=sessions,
            clock=clock,
            source=settings.source,
            reviewer=lambda: settings.user,
            models=await _open_models(settings.models, stack),
        )


@asynccontextmanager
async def open_tejun(settings: Settings, *, clock: Clock = time.time) -> AsyncIterator[Tejun]:
    """Open everything that running and answering items takes."""
    async with (
        open_resources(settings, clock=clock) as resources,
        _open_checkpoints(settings) as saver,
    ):
        yield Tejun(settings, resources, build_item_graph(resources, saver))


@asynccontextmanager
async def _open_checkpoints(settings: Settings) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """Open the checkpoints: a file of their own, or the casebook's PostgreSQL database."""
    serde = JsonPlusSerializer(allowed_msgpack_modules=None)
    if settings.casebook_url.startswith("postgresql"):
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

        address = make_url(settings.casebook_url).set(drivername="postgresql")
        text = address.render_as_string(hide_password=False)
        async with AsyncPostgresSaver.from_conn_string(text, serde=serde) as shared:
            await shared.setup()
            yield shared
        return
    async with AsyncSqliteSaver.from_conn_string(str(settings.checkpoints)) as own:
        own.serde = serde
        await own.conn.execute("PRAGMA busy_timeout=5000")
        await own.conn.execute("PRAGMA synchronous=NORMAL")  # a lost checkpoint only repeats a node
        yield own
