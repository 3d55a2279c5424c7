"""A scripted chat model behind the real protocol: an OpenAI-compatible HTTP server on loopback."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

Request = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the server does with one request."""

    content: str = "{}"
    status: int = 200
    refusal: str | None = None
    finish: str = "stop"
    delay_s: float = 0.0
    raw: bytes | None = None
    """Sent instead of a chat completion."""
    cut_at: int | None = None
    """Bytes of the body after which the connection is reset."""
    headers: dict[str, str] = field(default_factory=dict)
    usage: dict[str, Any] | None = field(
        default_factory=lambda: {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 40},
        }
    )

    def body(self, model: str) -> bytes:
        """Return the body as sent."""
        if self.raw is not None:
            return self.raw
        if self.status != 200:
            return json.dumps({"error": {"message": f"scripted {self.status}", "type": "x"}}).encode()
        message = {"role": "assistant", "content": self.content, "refusal": self.refusal}
        choice = {"index": 0, "finish_reason": self.finish, "message": message}
        whole = {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [choice],
            "usage": self.usage,
        }
        return json.dumps(whole).encode()


Script = Callable[[Request], Answer]


def says(value: object) -> Answer:
    """Return an answer with a JSON content."""
    return Answer(json.dumps(value, ensure_ascii=False))


@dataclass
class ModelServer:
    """A running server; `requests` grows by every body that came in."""

    script: Script
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    stop: Callable[[], None] = lambda: None
    stopped: threading.Event = field(default_factory=threading.Event)

    def asked(self, agent: str) -> list[Request]:
        """Return the requests of one agent, by the word that its instructions begin with."""
        return [request for request in self.requests if request["messages"][0]["content"].startswith(agent)]


def _handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize: ClassVar[int] = -1

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            server.requests.append(request)
            answer = server.script(request)
            time.sleep(answer.delay_s)
            body = answer.body(request.get("model", ""))
            if server.stopped.is_set():
                self._reset()
                return
            try:
                self._send(answer, body)
            except OSError:
                self.close_connection = True

        def _send(self, answer: Answer, body: bytes) -> None:
            self.send_response(answer.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: answer.cut_at])
            self.wfile.flush()
            if answer.cut_at is not None:
                self._reset()

        def _reset(self) -> None:
            """Close so that the client sees a reset, as from a process that died."""
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            """Print nothing."""

    return Handler


@contextmanager
def serve_model(script: Script) -> Iterator[ModelServer]:
    """Serve `script` on a free port of loopback for the length of a block."""
    server = ModelServer(script)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(server)) as http:
        http.daemon_threads = True
        server.url = f"http://127.0.0.1:{http.server_port}/v1"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()

        def stop() -> None:
            if not server.stopped.is_set():
                server.stopped.set()
                http.shutdown()
                http.socket.close()

        server.stop = stop
        yield server
        stop()
        thread.join(5)
