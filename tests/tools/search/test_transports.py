"""The same search over a stream of events and over a started process; faults there end no later than over HTTP."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from mcp.server.fastmcp import FastMCP

from tests.tools.search.answering import SHAPES, Asked, build
from tools.search import retries
from tools.search.client import open_session
from tools.search.result import SearchRequest, SearchResult, SearchStatus
from tools.search.transport import Http, Sse, Stdio, Transport

REQUEST = SearchRequest(spl="index=a", earliest=0, latest=86400, timeout_s=10)
ROWS = [{"user": "sato", "count": "3"}]


def answer(asked: Asked) -> Any:
    return SHAPES["livehybrid"](asked.counted(ROWS), asked)


@contextmanager
def serving(server: FastMCP, way: str, refuse: bool = False) -> Iterator[str]:
    app: Any = server.sse_app() if way == "sse" else server.streamable_http_app()

    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        if refuse and scope["type"] == "http" and scope["method"] == "POST":
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b"busy"})
            return
        await app(scope, receive, send)

    config = uvicorn.Config(refusing, port=0, log_level="error", timeout_graceful_shutdown=1)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.02)
    port = running.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/{'sse' if way == 'sse' else 'mcp'}"
    finally:
        running.should_exit = True
        thread.join(5)


async def searched(transport: Transport, request: SearchRequest = REQUEST) -> tuple[SearchResult, float]:
    async with open_session(transport, source="t") as session:
        started = time.monotonic()
        return (await session.search(request)).result, time.monotonic() - started


@pytest.mark.parametrize("way", ["sse", "http"])
async def test_a_search_over_a_stream_of_events(way: str) -> None:
    with serving(build("livehybrid", answer), way) as url:
        result, _ = await searched(Sse(url) if way == "sse" else Http(url))
    assert result.status is SearchStatus.OK, result.messages
    assert result.rows == ({"user": "sato", "count": 3},)


async def test_a_refused_message_ends_the_wait_for_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "PAUSES_S", (0.01,))
    with serving(build("livehybrid", answer), "sse", refuse=True) as url:
        result, seconds = await searched(Sse(url))
    assert result.status is SearchStatus.FAILED
    assert "HTTP 503: busy" in result.messages[0]
    assert seconds < 5


SERVER = """
import sys
from tests.tools.search.answering import SHAPES, build
print("a banner that is no message", flush=True)
fault = sys.argv[1] if len(sys.argv) > 1 else ""
def answer(asked):
    if fault == "die":
        sys.stderr.write("out of memory\\n"); sys.stderr.flush()
        import os; os._exit(1)
    if fault == "cut":
        sys.stdout.write('{"jsonrpc": "2.0", "id": 2, "resu\\n'); sys.stdout.flush()
        import time; time.sleep(30)
    return SHAPES["mcp-server-splunk"](asked.counted([{"user": "sato", "count": "3"}]), asked)
build("mcp-server-splunk", answer).run("stdio")
"""


def started(tmp_path: Path, fault: str) -> Stdio:
    (tmp_path / "server.py").write_text(SERVER)
    root = str(Path(__file__).parents[3])
    return Stdio(sys.executable, (str(tmp_path / "server.py"), fault), {"PYTHONPATH": root})


async def test_a_search_over_a_started_process(tmp_path: Path) -> None:
    result, _ = await searched(started(tmp_path, ""), REQUEST.model_copy(update={"timeout_s": 60}))
    assert result.status is SearchStatus.OK, result.messages


@pytest.mark.parametrize("fault", ["die", "cut"])
async def test_a_process_that_dies_or_speaks_nonsense_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: str
) -> None:
    monkeypatch.setattr(retries, "PAUSES_S", ())
    result, seconds = await searched(started(tmp_path, fault), REQUEST.model_copy(update={"timeout_s": 60}))
    assert result.status is SearchStatus.FAILED, result.messages
    assert seconds < 25


async def test_a_search_that_is_given_up_leaves_no_task_behind(tmp_path: Path) -> None:
    def slow(asked: Asked) -> Any:
        time.sleep(1)
        return answer(asked)

    before = len(asyncio.all_tasks())
    with serving(build("livehybrid", slow), "sse") as url:
        result, _ = await searched(Sse(url), REQUEST.model_copy(update={"timeout_s": 0.3}))
    assert result.status is SearchStatus.TIMED_OUT
    assert len(asyncio.all_tasks()) == before
