"""Connections to an MCP server, opened and closed by one task of their own.

An MCP session lives in cancel scopes that must be left by the task that entered them; so one owner task
holds the session, and any task may call its tools. A call ends with its answer or with the session,
whichever comes first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langchain_mcp_adapters.tools import load_mcp_tools
from mcp import ClientSession, StdioServerParameters, types
from mcp.client.session import MessageHandlerFnT
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.fastmcp import FastMCP
from mcp.shared.memory import create_connected_server_and_client_session
from pydantic import ValidationError

from tools.search.failure import NoAnswerError, in_words
from tools.search.http import TIMEOUT, client_of
from tools.search.last_words import listening
from tools.search.result import SearchStatus

PAGES = 100
"""Most pages of a server's list of tools."""


@dataclass(frozen=True, slots=True)
class InMemory:
    """A server in this process."""

    server: FastMCP


@dataclass(frozen=True, slots=True)
class Stdio:
    """A server that is started as a process; `env` may hold secrets and is never shown."""

    command: str
    args: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Http:
    """A server at a URL; `headers` may hold a token and are never shown."""

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    ca: str | None = None
    """File of certificates that are trusted besides the usual ones."""


@dataclass(frozen=True, slots=True)
class Sse:
    """A server at a URL that sends its answers on a stream of its own, as MCP did before 2025."""

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    ca: str | None = None


T = TypeVar("T")
Transport = InMemory | Stdio | Http | Sse
Lost = Callable[[str], None]
"""Takes why the session can be used no more."""


@dataclass(frozen=True, slots=True)
class Live:
    """An open session."""

    session: ClientSession
    tools: Mapping[str, types.Tool]
    server: str
    """The name that the server gives itself."""
    lost: asyncio.Future[str]
    """Why the session ended, once it did."""


@asynccontextmanager
async def _connected(transport: Transport, lost: Lost) -> AsyncIterator[tuple[ClientSession, str]]:
    match transport:
        case InMemory(server):
            async with create_connected_server_and_client_session(server) as session:
                yield session, server.name
        case Stdio(command, args, env):
            async with _process(command, args, env, lost) as opened:
                yield opened
        case Http(url, headers, ca):
            async with (
                client_of(headers, ca) as client,
                streamable_http_client(url, http_client=client) as (read, write, _),
                ClientSession(read, write, message_handler=_watching(lost)) as session,
            ):
                yield session, await _greeted(session)
        case Sse(url, headers, ca):

            def factory(
                headers: dict[str, str] | None = None,
                timeout: httpx.Timeout | None = None,
                auth: httpx.Auth | None = None,
            ) -> httpx.AsyncClient:
                return client_of(headers or {}, ca, on_failure=lost)

            async with (
                sse_client(
                    url, headers, sse_read_timeout=TIMEOUT.read or 0, httpx_client_factory=factory
                ) as (
                    read,
                    write,
                ),
                ClientSession(read, write, message_handler=_watching(lost)) as session,
            ):
                yield session, await _greeted(session)


@asynccontextmanager
async def _process(
    command: str, args: tuple[str, ...], env: Mapping[str, str], lost: Lost
) -> AsyncIterator[tuple[ClientSession, str]]:
    """Start a server; where it ends at once, its last words say why."""
    parameters = StdioServerParameters(
        command=command, args=list(args), env=dict(env), encoding_error_handler="replace"
    )
    with listening() as errors:
        try:
            async with (
                stdio_client(parameters, errlog=errors.file) as (read, write),
                ClientSession(read, write, message_handler=_watching(lost)) as session,
            ):
                yield session, await _greeted(session)
        except Exception as error:
            if words := errors.last():
                error.add_note(words)
            raise


async def _greeted(session: ClientSession) -> str:
    return (await session.initialize()).serverInfo.name


def _watching(lost: Lost) -> MessageHandlerFnT:
    """Return a handler that ends the session at an answer that cannot be read: nobody knows whose it was."""

    async def handle(message: Any) -> None:
        await asyncio.sleep(0)
        if isinstance(message, ValidationError):
            given = message.errors(include_url=False, include_context=False)[0].get("input")
            if not isinstance(given, str) or given.lstrip()[:1] == "{":  # else a line that a server printed
                lost("an answer cannot be read: it is cut, or no JSON")
        elif isinstance(message, Exception) and not isinstance(message, RuntimeError):
            lost(f"{type(message).__name__}: {message}")

    return handle


class Connection:
    """A session that is opened when it is needed, and held by an owner task."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._lock = asyncio.Lock()
        self._live: Live | None = None

    async def live(self) -> Live:
        """Return the session; it is opened when it is not open."""
        async with self._lock:
            if self._live is None or self._live.lost.done():
                await self.close()
                self._live = await self._open()
            return self._live

    async def tools(self) -> dict[str, BaseTool]:
        """Return the server's tools in the form that a chat model is given."""
        live = await self.live()
        return {tool.name: tool for tool in await load_mcp_tools(live.session)}

    async def call(self, tool: str, arguments: dict[str, Any]) -> types.CallToolResult:
        """Call a tool; its answer is not held against an output schema.

        Raises:
            NoAnswerError: The session ended before the answer came.
            McpError: The server answered with an error of the protocol.
        """
        live = await self.live()
        # Not `session.call_tool`: it validates every row against the schema, minutes for a large answer.
        params = types.CallToolRequestParams(name=tool, arguments=arguments)
        request = types.ClientRequest(types.CallToolRequest(params=params))
        call = asyncio.ensure_future(live.session.send_request(request, types.CallToolResult))
        try:
            return await _or_lost(call, live.lost)
        finally:
            if not call.done():
                call.cancel()
                await asyncio.wait({call})

    async def _open(self) -> Live:
        self._closing = asyncio.Event()
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[Live] = loop.create_future()
        lost: asyncio.Future[str] = loop.create_future()
        self._task = asyncio.create_task(self._own(ready, lost, self._closing))
        try:
            return await _or_lost(ready, lost)
        except BaseException:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.wait({task})
            if ready.done() and not ready.cancelled():
                ready.exception()
            raise

    async def _own(
        self, ready: asyncio.Future[Live], lost: asyncio.Future[str], closing: asyncio.Event
    ) -> None:
        """Hold the session until it is closed or ends by itself."""

        def lose(why: str) -> None:
            if not lost.done():
                lost.set_result(why)

        try:
            async with _connected(self._transport, lose) as (session, server):
                tools = {tool.name: tool for tool in await _listed(session)}
                ready.set_result(Live(session, tools, server, lost))
                await closing.wait()
                lose("the connection was closed")
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error if isinstance(error, Exception) else ConnectionError(_why(error)))
            lose(_why(error))
            if isinstance(error, asyncio.CancelledError):
                raise

    async def close(self, seen: Live | None = None) -> None:
        """Close the session; calling a tool opens a new one.

        Args:
            seen: Close only this one; another task may have opened a new one since.
        """
        if seen is not None and seen is not self._live:
            return
        task, self._task, self._live = self._task, None, None
        if task is not None:
            self._closing.set()
            await asyncio.wait([task])


async def _or_lost(work: asyncio.Future[T], lost: asyncio.Future[str]) -> T:
    """Return what `work` brings, unless the session ends before.

    Raises:
        NoAnswerError: It did.
    """
    either: set[asyncio.Future[Any]] = {work, lost}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        return work.result()
    raise NoAnswerError(SearchStatus.FAILED, in_words(lost.result()), again=True, lost=True)


def _why(error: BaseException) -> str:
    notes = "; ".join(getattr(error, "__notes__", ()))
    if isinstance(error, BaseExceptionGroup):
        return "; ".join([*(_why(inner) for inner in error.exceptions), *([notes] if notes else [])])
    return f"{type(error).__name__}: {error}" + (f" ({notes})" if notes else "")


async def _listed(session: ClientSession) -> list[types.Tool]:
    found: list[types.Tool] = []
    cursor: str | None = None
    for _ in range(PAGES):
        params = types.PaginatedRequestParams(cursor=cursor) if cursor else None
        page = await session.list_tools(params=params)
        found += page.tools
        cursor = page.nextCursor
        if not cursor:
            break
    return found


@asynccontextmanager
async def open_connection(transport: Transport) -> AsyncIterator[Connection]:
    """Open a connection for the length of a block."""
    # Its log repeats, with stack traces, what becomes a result's status and message here.
    logging.getLogger("mcp.client").setLevel(logging.CRITICAL)
    connection = Connection(transport)
    try:
        yield connection
    finally:
        await connection.close()


async def call_tool(tool: BaseTool, arguments: dict[str, Any]) -> ToolMessage:
    """Call a tool in the form that a chat model is given, and return its whole answer."""
    call = {"type": "tool_call", "id": "1", "name": tool.name, "args": arguments}
    answer = await tool.ainvoke(call)
    if not isinstance(answer, ToolMessage):
        raise TypeError(f"tool {tool.name!r} answered with {type(answer).__name__}")
    return answer
