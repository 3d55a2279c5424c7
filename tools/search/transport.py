"""Connections to an MCP server, opened and closed by one task of their own.

An MCP session lives in cancel scopes that must be left by the task that entered them; so one owner task
holds the session, and any task may call its tools.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from langchain_core.tools import BaseTool
from langchain_mcp_adapters.sessions import StdioConnection, StreamableHttpConnection, create_session
from langchain_mcp_adapters.tools import load_mcp_tools
from mcp import ClientSession
from mcp.server.fastmcp import FastMCP
from mcp.shared.memory import create_connected_server_and_client_session


@dataclass(frozen=True, slots=True)
class InMemory:
    """A server in this process."""

    server: FastMCP


@dataclass(frozen=True, slots=True)
class Stdio:
    """A server that is started as a process."""

    command: str
    args: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Http:
    """A server at a URL; `headers` may hold a token and are never shown."""

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)


Transport = InMemory | Stdio | Http


@asynccontextmanager
async def _connected(transport: Transport) -> AsyncIterator[ClientSession]:
    match transport:
        case InMemory(server):
            async with create_connected_server_and_client_session(server) as session:
                yield session
        case Stdio(command, args, env):
            stdio: StdioConnection = {
                "transport": "stdio",
                "command": command,
                "args": list(args),
                "env": env,
            }
            async with create_session(stdio) as session:
                await session.initialize()
                yield session
        case Http(url, headers):
            http: StreamableHttpConnection = {"transport": "streamable_http", "url": url, "headers": headers}
            async with create_session(http) as session:
                await session.initialize()
                yield session


class Connection:
    """An open session's tools by name, held by an owner task."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._lock = asyncio.Lock()
        self._tools: dict[str, BaseTool] = {}

    async def tools(self) -> dict[str, BaseTool]:
        """Return the server's tools; the session is opened when it is not open."""
        async with self._lock:
            if self._task is None or self._task.done():
                await self._open()
            return self._tools

    async def _open(self) -> None:
        self._closing = asyncio.Event()
        ready: asyncio.Future[dict[str, BaseTool]] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._own(ready, self._closing))
        self._tools = await ready

    async def _own(self, ready: asyncio.Future[dict[str, BaseTool]], closing: asyncio.Event) -> None:
        try:
            async with _connected(self._transport) as session:
                tools = await load_mcp_tools(session)
                ready.set_result({tool.name: tool for tool in tools})
                await closing.wait()
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def close(self) -> None:
        """Close the session; calling a tool opens a new one."""
        task, self._task = self._task, None
        if task is not None:
            self._closing.set()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # a session that broke has been reported to its callers


@asynccontextmanager
async def open_connection(transport: Transport) -> AsyncIterator[Connection]:
    """Open a connection for the length of a block."""
    connection = Connection(transport)
    try:
        yield connection
    finally:
        await connection.close()
