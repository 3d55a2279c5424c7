"""The MCP server over its three transports, seen through the client that the product uses."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from tools.demo import plan
from tools.logstore.server import build_server
from tools.logstore.store import LogStore
from tools.search.client import McpSession, open_session
from tools.search.result import SearchRequest, SearchStatus
from tools.search.transport import Http, InMemory, Stdio

TEJUN = str(Path(sys.executable).with_name("tejun"))
DAY = (plan.tokyo(0), plan.tokyo(0) + 86400)


def environment(demo_logs: Path) -> dict[str, str]:
    return {**os.environ, "TEJUN_HOME": str(demo_logs.parent)}


@asynccontextmanager
async def served(transport: str, demo_logs: Path) -> AsyncIterator[McpSession]:
    if transport == "memory":
        with LogStore(demo_logs) as store:
            async with open_session(
                InMemory(build_server(store, zone=ZoneInfo("Asia/Tokyo"))), source="t"
            ) as session:
                yield session
    elif transport == "stdio":
        command = Stdio(TEJUN, ("logs", "serve", "--timezone", "Asia/Tokyo"), environment(demo_logs))
        async with open_session(command, source="t") as session:
            yield session
    else:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command_line = [TEJUN, "logs", "serve", "--http", str(port), "--timezone", "Asia/Tokyo"]
        process = await asyncio.to_thread(
            subprocess.Popen, command_line, env=environment(demo_logs), stderr=subprocess.DEVNULL
        )
        try:
            await asyncio.to_thread(wait_for, port)
            async with open_session(Http(f"http://127.0.0.1:{port}/mcp"), source="t") as session:
                yield session
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 20)


def wait_for(port: int) -> None:
    for _ in range(100):
        try:
            httpx.get(f"http://127.0.0.1:{port}/mcp", timeout=1)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(port)


@pytest.mark.parametrize("transport", ["memory", "stdio", "http"])
async def test_the_contract_over_every_transport(transport: str, demo_logs: Path) -> None:
    async with served(transport, demo_logs) as session:

        async def run(
            spl: str, window: tuple[float, float] = DAY, rows: int = 1000
        ) -> tuple[SearchStatus, object, tuple[str, ...]]:
            timed = await session.search(
                SearchRequest(spl=spl, earliest=window[0], latest=window[1], row_limit=rows)
            )
            return timed.result.status, timed.result.rows, timed.result.messages

        status, rows, _ = await run(
            f'index=os src_ip={plan.ATTACKER} vendor_action="Failed password" | stats count BY src_ip'
        )
        assert (status, rows) == (SearchStatus.OK, ({"src_ip": plan.ATTACKER, "count": 200},))
        assert (await run("index=os src_ip=192.0.2.99"))[:2] == (SearchStatus.OK, ())
        assert (await run("index=os | stats count", (0, 1000)))[0] is SearchStatus.NO_DATA
        assert (await run("index=os | head 50", rows=10))[0] is SearchStatus.TRUNCATED
        status, _, messages = await run("index=os | delete")
        assert status is SearchStatus.REFUSED
        assert "refused always" in messages[0]
        assert (await run("index=moon"))[0] is SearchStatus.REFUSED
        assert await session.utc_offset_s(DAY[0]) == 32400
        results = await asyncio.gather(*(run("index=os | stats count") for _ in range(20)))
        assert len({str(rows) for _, rows, _ in results}) == 1


async def test_a_lost_server_is_reopened(demo_logs: Path) -> None:
    async with served("stdio", demo_logs) as session:
        request = SearchRequest(spl="index=os | stats count", earliest=DAY[0], latest=DAY[1])
        first = await session.search(request)
        await session._connection.close()
        again = await session.search(request)
        assert first.result == again.result


async def test_no_server_is_a_failed_search_and_not_an_error() -> None:
    async with open_session(
        Http("http://127.0.0.1:9/mcp", {"Authorization": "Bearer hunter2"}), source="t"
    ) as session:
        timed = await session.search(SearchRequest(spl="index=a", earliest=0, latest=1, timeout_s=20))
        assert timed.result.status in {SearchStatus.FAILED, SearchStatus.TIMED_OUT}
        assert "hunter2" not in timed.result.model_dump_json()
