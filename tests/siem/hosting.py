"""Stand-ins on loopback, each over the transports that it really offers: JSON over POST, streamable HTTP, SSE, stdio.

They run on a thread with a loop of their own, so that a client may block. What is offered over stdio is
started as a process that does nothing but carry bytes to and from its stand-in.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.siem.faulty import Switch, Wire
from tests.siem.protocol import Payload, dumped, respond
from tests.siem.searchhead import SearchHead
from tests.siem.servers import STAND_INS
from tests.siem.stand_in import StandIn

TOKEN = "stand-in-token"
PIPE = """
import socket, sys, threading, os
link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
link.sendall((sys.argv[2] + "\\n").encode())
def up():
    while part := os.read(0, 65536):
        link.sendall(part)
    os._exit(0)
threading.Thread(target=up, daemon=True).start()
while part := link.recv(65536):
    os.write(1, part)
"""
"""The program of a stdio server: carries bytes between its pipes and a port."""


@dataclass
class Hosted:
    """Stand-ins that answer on this machine."""

    port: int
    pipe_port: int
    servers: dict[str, StandIn]
    head: SearchHead
    switch: Switch

    def url(self, name: str, wire: str) -> str:
        """Return the address of a stand-in over HTTP or SSE."""
        return f"http://127.0.0.1:{self.port}/{name}/{'sse' if wire == 'sse' else wire}"

    def command(self, name: str) -> tuple[str, tuple[str, ...]]:
        """Return the command line that starts a stand-in over stdio."""
        return sys.executable, ("-S", "-E", "-c", PIPE, str(self.pipe_port), name)


@dataclass
class Wires:
    """The transports over the stand-ins."""

    servers: dict[str, StandIn]
    switch: Switch
    streams: dict[str, asyncio.Queue[bytes | None]] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)

    def wire(self, request: Payload, server: StandIn) -> Wire:
        """Return what happens on the way back of one request."""
        name = str((request.get("params") or {}).get("name")) if request.get("method") == "tools/call" else ""
        tool = server.tools().get(name)
        if tool is None or not tool.searches:
            return Wire()
        search = str(next(iter(request["params"].get("arguments", {}).values()), ""))
        fault = self.switch.strike(search, "wire")
        return fault.wire() if fault and fault.wire else Wire()

    async def answer(
        self, server: StandIn, request: Payload
    ) -> tuple[Wire, bytes | None, int, Mapping[str, str]]:
        """Return what the wire does, the answer's bytes, and its HTTP status and headers."""
        wire = self.wire(request, server)
        if wire.status != 200:
            await asyncio.sleep(wire.delay_s)
            return wire, wire.body or b'{"error": "stand-in"}', wire.status, wire.headers
        response = await respond(server, request)
        await asyncio.sleep(wire.delay_s)
        if response is None:
            return wire, None, 202, {}
        status, headers = response.pop("_status", 200), response.pop("_headers", {})
        return wire, wire.body or dumped(response).encode(), status, headers

    async def http(self, request: Request) -> Response:
        """Answer one POST with plain JSON; without a session."""
        return await self._http(request, stream=False)

    async def stream(self, request: Request) -> Response:
        """Answer one POST with a stream of one event, within a session."""
        return await self._http(request, stream=True)

    async def _http(self, request: Request, *, stream: bool) -> Response:
        server = self.servers[request.path_params["server"]]
        if request.method == "DELETE":
            return Response(status_code=200)
        if request.method != "POST":
            return Response(status_code=405)
        if server.token and request.headers.get("authorization") != f"Bearer {server.token}":
            return Response(b'{"detail": "Unauthorized"}', status_code=401, media_type="application/json")
        message = json.loads(await request.body())
        session = request.headers.get("mcp-session-id")
        if stream and message.get("method") != "initialize" and session not in self.sessions:
            return Response(b'{"error": "Session not found"}', status_code=404, media_type="application/json")
        wire, body, status, headers = await self.answer(server, message)
        extra = dict(headers)
        if stream and message.get("method") == "initialize":
            self.sessions.add(session := uuid.uuid4().hex)
            extra["mcp-session-id"] = session
        if wire.forget_session and session:
            self.sessions.discard(session)
            return Response(b'{"error": "Session not found"}', status_code=404, media_type="application/json")
        if body is None or status != 200:
            return Response(body or b"", status_code=status, headers=extra, media_type="application/json")
        if stream:
            body = b"event: message\r\ndata: " + body + b"\r\n\r\n"
        kind = "text/event-stream" if stream else wire.headers.get("content-type", "application/json")
        if wire.keep < 1:
            return StreamingResponse(
                _broken(body, wire.keep), headers=extra | {"content-length": str(len(body))}, media_type=kind
            )
        return Response(body, headers=extra, media_type=kind)

    async def sse(self, request: Request) -> Response:
        """Open a stream of answers; requests are posted beside it."""
        name, ident = request.path_params["server"], uuid.uuid4().hex
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.streams[ident] = queue

        async def events() -> AsyncIterator[bytes]:
            yield f"event: endpoint\r\ndata: /{name}/messages?session_id={ident}\r\n\r\n".encode()
            while (part := await queue.get()) is not None:
                yield part

        return StreamingResponse(events(), media_type="text/event-stream")

    async def posted(self, request: Request) -> Response:
        """Take a request whose answer goes to the open stream."""
        server = self.servers[request.path_params["server"]]
        queue = self.streams[request.query_params["session_id"]]
        message = json.loads(await request.body())
        wire = self.wire(message, server)
        if wire.status != 200:
            return Response(b"stand-in", status_code=wire.status, headers=dict(wire.headers))
        task = asyncio.create_task(self._later(server, message, wire, queue))
        _KEPT.add(task)
        task.add_done_callback(_KEPT.discard)
        return Response(b"Accepted", status_code=202)

    async def _later(
        self, server: StandIn, message: Payload, wire: Wire, queue: asyncio.Queue[bytes | None]
    ) -> None:
        response = await respond(server, message)
        await asyncio.sleep(wire.delay_s)
        if response is None:
            return
        response.pop("_status", None), response.pop("_headers", None)
        body = b"event: message\r\ndata: " + (wire.body or dumped(response).encode()) + b"\r\n\r\n"
        if wire.keep < 1 or wire.forget_session:
            await queue.put(body[: int(len(body) * wire.keep)] if wire.keep < 1 else b"")
            await queue.put(None)
            return
        await queue.put(body)

    async def pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak over a pipe: one JSON value a line; requests are answered side by side."""
        server = self.servers[(await reader.readline()).decode().strip()]
        tasks = set()
        try:
            while line := await reader.readline():
                task = asyncio.create_task(self._line(server, json.loads(line), writer))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        except (ConnectionError, ValueError):
            pass
        finally:
            for task in tasks:
                task.cancel()
            writer.close()

    async def _line(self, server: StandIn, message: Payload, writer: asyncio.StreamWriter) -> None:
        wire, body, _, _ = await self.answer(server, message)
        if body is None:
            return
        if wire.keep < 1 or wire.forget_session or wire.status != 200:
            writer.write(body[: int(len(body) * wire.keep)])
            writer.close()
            return
        writer.write(body + b"\n")
        await writer.drain()


_KEPT: set[asyncio.Task[None]] = set()


async def _broken(body: bytes, keep: float) -> AsyncIterator[bytes]:
    yield body[: int(len(body) * keep)]
    raise ConnectionResetError("stand-in: the connection breaks here")


def _free_socket() -> socket.socket:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    return listening


@contextmanager
def hosting(head: SearchHead, switch: Switch) -> Iterator[Hosted]:
    """Serve all stand-ins for the length of a block."""
    servers = {name: kind(head, switch) for name, kind in STAND_INS.items()}
    wires = Wires(servers, switch)
    methods = ["GET", "POST", "DELETE"]
    application = Starlette(
        routes=[
            Route("/{server}/http", wires.http, methods=methods),
            Route("/{server}/stream", wires.stream, methods=methods),
            Route("/{server}/sse", wires.sse),
            Route("/{server}/messages", wires.posted, methods=["POST"]),
        ]
    )
    listening, piped = _free_socket(), _free_socket()
    config = uvicorn.Config(
        application, log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)

    async def serve() -> None:
        pipes = await asyncio.start_server(wires.pipe, sock=piped, limit=2**28)
        async with pipes:
            await server.serve(sockets=[listening])

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        yield Hosted(listening.getsockname()[1], piped.getsockname()[1], servers, head, switch)
    finally:
        server.should_exit = True
        thread.join(timeout=10)
