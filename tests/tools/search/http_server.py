"""A Splunk MCP server over plain HTTP, as the official one is: JSON for JSON, no session, and faults on request."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.tools.search.answering import Asked, official

TOOL = {
    "name": "splunk_run_query",
    "inputSchema": {
        "type": "object",
        "properties": {name: {} for name in ("query", "earliest_time", "latest_time", "row_limit")},
    },
}


@dataclass(frozen=True)
class Reply:
    """What is sent for one search."""

    status: int = 200
    body: bytes | None = None
    """None: a healthy answer."""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0
    drop: bool = False
    """Close the connection in the middle of the answer."""
    kind: str = "application/json"


Script = Callable[[int], Reply]
"""Says what the n-th search is answered, from 0."""


@dataclass
class Served:
    url: str
    searches: int = 0
    requests: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)


def healthy(message: dict[str, Any]) -> bytes:
    given = message["params"]["arguments"]
    asked = Asked(given["query"], given["earliest_time"], given["latest_time"], given["row_limit"])
    answer = official(asked.counted([{"user": "sato", "count": "3"}]))
    result = {"content": [{"type": "text", "text": json.dumps(answer)}], "structuredContent": answer}
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()


def _reply(message: dict[str, Any], served: Served, script: Script) -> Reply:
    served.requests.append(message["method"])
    if message["method"] == "initialize":
        result: Any = {
            "protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "splunk", "version": "1"},
        }  # fmt: skip
    elif message["method"] == "tools/list":
        result = {"tools": [TOOL]}
    elif message["method"] == "tools/call":
        reply = script(served.searches)
        served.searches += 1
        if reply.body is None and reply.status == 200:
            return Reply(200, healthy(message), reply.headers, reply.seconds, reply.drop)
        body = (reply.body or b"").replace(b"ID", str(message["id"]).encode())
        return Reply(reply.status, body, reply.headers, reply.seconds, reply.drop, reply.kind)
    else:
        return Reply(202, b"")
    return Reply(200, json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode())


@contextmanager
def serve(script: Script, wrap: Callable[[socket.socket], socket.socket] | None = None) -> Iterator[Served]:
    """Serve for the length of a block; `wrap` may put TLS around the socket."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            return

        def do_GET(self) -> None:
            self.send_response(405)
            self.send_header("content-length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            served.tokens.add(self.headers.get("authorization"))
            message = json.loads(self.rfile.read(int(self.headers["content-length"])))
            reply = _reply(message, served, script)
            time.sleep(reply.seconds)
            body = reply.body or b""
            self.send_response(reply.status)
            for name, value in {"content-type": reply.kind, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # who asked may have gone
                self.wfile.write(body[: len(body) // 2] if reply.drop else body)
            self.close_connection = reply.drop

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if wrap is not None:
        server.socket = wrap(server.socket)
    scheme = "https" if wrap is not None else "http"
    served = Served(f"{scheme}://localhost:{server.server_port}/mcp")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
