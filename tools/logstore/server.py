"""The MCP server over the local log store, in the shape of the official Splunk MCP server.

Same tool names, arguments, defaults and result keys, so that a procedure moves to Splunk without a change.
On top, deliberately: a refusal is a real error, and a result carries `status`, `messages`, the window as
epochs, the number of events scanned, the number of lines that the import had to set aside where the search read, and
the search as it ran.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import anyio
import orjson
from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.types import CallToolResult, TextContent

from spl.errors import SearchFailedError, SearchTimeoutError, SplError
from spl.lookups import NO_LOOKUPS, Lookups
from spl.run import Result
from spl.timerange import resolve
from spl.values import Value, to_text
from tools.logstore.sourcetypes import all_sourcetypes
from tools.logstore.store import LogStore

NAME = "tejun-logstore"
QUERY_LIMIT = 5_000
ROW_LIMIT = 1_000
CONCURRENT = 32
"""Searches at a time; more of them wait."""
TIMEOUT_S = 60.0

Answer = dict[str, Any]


def build_server(
    store: LogStore,
    *,
    zone: ZoneInfo,
    clock: Callable[[], float] = time.time,
    port: int = 8000,
    lookups: Lookups = NO_LOOKUPS,
) -> FastMCP:
    """Return the server.

    Args:
        store: Where the events are.
        zone: The zone in which its user reads clock times, as a Splunk user's setting would be.
        clock: Current time, epoch seconds.
        port: Loopback port, when served over HTTP.
        lookups: Tables that searches may use beside the store's own; of the same name, these are taken.
    """
    server = FastMCP(NAME, log_level="WARNING", host="127.0.0.1", port=port)
    limiter = anyio.CapacityLimiter(CONCURRENT)

    async def in_thread(work: Callable[[], Answer]) -> CallToolResult:
        return await anyio.to_thread.run_sync(lambda: _sent(work()), limiter=limiter)

    @server.tool()
    async def splunk_run_query(
        query: str, earliest_time: str = "-24h", latest_time: str = "now", row_limit: int = 100
    ) -> CallToolResult:
        """Run one SPL search and return its rows. `row_limit` is 1 to 1000."""
        return await in_thread(
            lambda: _run(store, zone, clock(), query, earliest_time, latest_time, row_limit, lookups)
        )

    @server.tool()
    async def splunk_get_indexes(row_limit: int = 100) -> CallToolResult:
        """List the indexes with their number of events and time range."""
        return await in_thread(lambda: _capped(_indexes(store), row_limit))

    @server.tool()
    async def splunk_get_index_info(index_name: str) -> CallToolResult:
        """Tell about one index: sourcetypes, events, time range."""
        return await in_thread(lambda: _index_info(store, index_name))

    @server.tool()
    async def splunk_get_metadata(
        type: str,
        index: str = "*",
        earliest_time: str = "-24h",
        latest_time: str = "now",
        row_limit: int = 100,
    ) -> CallToolResult:
        """List hosts, sources or sourcetypes with their number of events and first and last time."""
        return await in_thread(
            lambda: _metadata(store, zone, clock(), type, index, earliest_time, latest_time, row_limit)
        )

    _add_descriptions(server, zone)
    return server


def _add_descriptions(server: FastMCP, zone: ZoneInfo) -> None:
    """Add the tools that tell what this server is."""

    @server.tool()
    async def splunk_get_knowledge_objects(type: str, row_limit: int = 100) -> CallToolResult:
        """List knowledge objects; a local store only knows `sourcetypes`."""
        rows = [
            {"name": name, "description": sourcetype.settings.get("DESCRIPTION", "")}
            for name, sourcetype in sorted(all_sourcetypes().items())
        ]
        return _sent(_capped(rows if type == "sourcetypes" else [], row_limit))

    @server.tool()
    async def splunk_get_info() -> CallToolResult:
        """Tell what this server is."""
        return _sent(_capped([{"serverName": NAME, "product_type": "tejun", "version": "1"}], 1))

    @server.tool()
    async def splunk_get_user_info() -> CallToolResult:
        """Tell who searches here and in which zone clock times are read."""
        return _sent(_capped([{"username": "local", "tz": zone.key}], 1))


def serve_stdio(server: FastMCP) -> None:
    """Serve on standard input and output until they close."""
    server.run(transport="stdio")


def serve_http(server: FastMCP) -> None:
    """Serve streamable HTTP on loopback, at `/mcp`."""
    server.run(transport="streamable-http")


def _run(
    store: LogStore,
    zone: ZoneInfo,
    now: float,
    query: str,
    earliest: str,
    latest: str,
    row_limit: int,
    lookups: Lookups = NO_LOOKUPS,
) -> Answer:
    if len(query) > QUERY_LIMIT:
        raise ToolError(f"refused: the query has {len(query)} characters. At most {QUERY_LIMIT} are taken.")
    if not 1 <= row_limit <= ROW_LIMIT:
        raise ToolError(f"refused: row_limit {row_limit} is out of range. Expected 1 to {ROW_LIMIT}.")
    try:
        result = store.search(
            query,
            earliest=resolve(earliest, now=now, zone=zone),
            latest=resolve(latest, now=now, zone=zone),
            zone=zone,
            limit=row_limit,
            lookups=lookups,
            now=now,
            timeout_s=TIMEOUT_S,
        )
    except SearchTimeoutError as error:
        raise ToolError(f"timed_out: {error}") from None
    except SearchFailedError as error:
        raise ToolError(f"failed: {error}") from None
    except SplError as error:
        raise ToolError(f"refused: {error}") from None
    return answer_of(result)


def _sent(answer: Answer) -> CallToolResult:
    """Return `answer` as text and as structured content, as the official server does.

    Without an output schema: client and server would each validate the schema itself with every answer, which
    took a tenth of a round.
    """
    text = TextContent(type="text", text=orjson.dumps(answer).decode())
    return CallToolResult(content=[text], structuredContent=answer)


def answer_of(result: Result) -> Answer:
    """Return `result` in the official server's shape, with our additions."""
    answer: Answer = {
        "results": [{name: _shown(value) for name, value in row.items()} for row in result.rows],
        "truncated": result.truncated,
        "status": status_of(result),
        "fields": list(result.fields),
        "messages": list(result.messages),
        "earliest": result.earliest,
        "latest": result.latest,
        "scanned": result.scanned,
        "set_aside": result.set_aside,
        "query": result.spl,
        "total_rows": result.total,
    }
    return answer


def status_of(result: Result) -> str:
    """Return `truncated`, `no_data` (nothing at all in scope) or `ok`."""
    if result.truncated:
        return "truncated"
    return "no_data" if result.scanned == 0 else "ok"


def _shown(value: Value) -> str | list[str]:
    """Return a value as Splunk would: a text, or a list where there are several."""
    if isinstance(value, list):
        return value[0] if len(value) == 1 else value
    return to_text(value) or ""


def _capped(rows: list[dict[str, str]], limit: int) -> Answer:
    return {"results": rows[:limit], "truncated": len(rows) > limit, "total_rows": len(rows)}


def _indexes(store: LogStore) -> list[dict[str, str]]:
    groups: dict[str, list[Any]] = {}
    for source in store.sources():
        groups.setdefault(source.index, []).append(source)
    return [
        {
            "title": index,
            "totalEventCount": str(sum(source.events for source in sources)),
            "minTime": _iso(min(source.first for source in sources)),
            "maxTime": _iso(max(source.last for source in sources)),
        }
        for index, sources in groups.items()
    ]


def _index_info(store: LogStore, name: str) -> Answer:
    rows = [
        {
            "sourcetype": source.sourcetype,
            "totalCount": str(source.events),
            "minTime": _iso(source.first),
            "maxTime": _iso(source.last),
        }
        for source in store.sources()
        if source.index == name
    ]
    if not rows:
        known = ", ".join(sorted({source.index for source in store.sources()})) or "none"
        raise ToolError(f"failed: index {name!r} does not exist. Indexes: {known}.")
    return _capped(rows, ROW_LIMIT)


_METADATA_FIELD = {"hosts": "host", "sources": "source", "sourcetypes": "sourcetype"}


def _metadata(
    store: LogStore,
    zone: ZoneInfo,
    now: float,
    kind: str,
    index: str,
    earliest: str,
    latest: str,
    row_limit: int,
) -> Answer:
    field = _METADATA_FIELD.get(kind)
    if field is None:
        raise ToolError(f"refused: type {kind!r} is unknown. Expected {', '.join(_METADATA_FIELD)}.")
    if not all(char.isalnum() or char in "_-*:" for char in index):
        raise ToolError(f"refused: index {index!r} is no index name.")
    query = (
        f"index={index} | stats count AS totalCount min(_time) AS firstTime max(_time) AS lastTime BY {field}"
    )
    return _run(store, zone, now, query, earliest, latest, row_limit)


def _iso(epoch: float) -> str:
    return dt.datetime.fromtimestamp(epoch, dt.UTC).isoformat()
