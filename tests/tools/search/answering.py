"""Servers in this process that answer searches as each dialect does, from a script."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from mcp.server.fastmcp import FastMCP

from tools.search.client import McpSession, open_session
from tools.search.result import SearchRequest, SearchResult
from tools.search.transport import InMemory

WINDOW = (1_700_000_000.0, 1_700_086_400.0)
_ADDED = re.compile(r"\s*\| appendpipe \[stats count AS (\w+)\|addinfo\|eval \1_tz=.*\]$")

Row = dict[str, Any]
Answer = Callable[["Asked"], Any]


@dataclass(frozen=True)
class Asked:
    """One call as it reached the server."""

    query: str
    earliest: str
    latest: str
    limit: int
    offset: int = 0

    @property
    def counting(self) -> str | None:
        """The name of the row that is to be added; None where none is."""
        found = _ADDED.search(self.query)
        return found.group(1) if found else None

    def counted(
        self, rows: list[Row], *, count: int | None = None, zone: str = "+0900", **other: Any
    ) -> list[Row]:
        """Return rows as a SIEM would: with the row that counts them, where it was asked for."""
        if self.counting is None:
            return list(rows)
        row = {
            self.counting: str(len(rows) if count is None else count),
            "info_min_time": f"{float(self.earliest):.3f}",
            "info_max_time": f"{float(self.latest):.3f}",
            "info_sid": "1700000000.1",
            f"{self.counting}_tz": zone * 2,
        }
        return [*rows, {name: value for name, value in (row | other).items() if value is not None}]


def official(rows: list[Row], **more: Any) -> dict[str, Any]:
    return {"results": rows, "truncated": False, "total_rows": len(rows), **more}


def server2(rows: list[Row], asked: Asked, **more: Any) -> dict[str, Any]:
    params = {"earliest_time": asked.earliest, "latest_time": asked.latest, "max_count": asked.limit}
    return {"query": asked.query, "event_count": len(rows), "events": rows, "search_params": params, **more}


def paged(rows: list[Row], asked: Asked, **more: Any) -> dict[str, Any]:
    part = rows[asked.offset : asked.offset + min(asked.limit, 100)]
    has_more = asked.offset + len(part) < len(rows)
    return {
        "status": "success", "results": part, "results_count": len(part), "query_executed": f"search {asked.query}",
        "count": len(part), "total_available": len(rows), "offset": asked.offset, "has_more": has_more,
        "next_offset": asked.offset + len(part) if has_more else None, "job_id": "1", **more,
    }  # fmt: skip


def flat(rows: list[Row], asked: Asked, **more: Any) -> dict[str, Any]:
    return {
        "status": "success", "results": rows, "results_count": len(rows),
        "query_executed": f"search {asked.query}", "duration": 0.1, **more,
    }  # fmt: skip


def counted(rows: list[Row], asked: Asked, **more: Any) -> dict[str, Any]:
    stats = {
        "result_count": str(len(rows)), "scan_count": "9", "event_count": "9",
        "earliest_time": asked.earliest, "latest_time": asked.latest,
    }  # fmt: skip
    return {"success": True, "results": rows, "stats": stats, "result_count": len(rows), **more}


SHAPES: dict[str, Callable[..., Any]] = {
    "splunk": lambda rows, asked, **more: official(rows, **more),
    "splunk-2": lambda rows, asked, **more: official(rows, page_info={"offset": 0}, total=len(rows), **more),
    "splunk-old": lambda rows, asked, **more: official(rows, **more),
    "mcp-for-splunk": paged,
    "mcp-for-splunk-0.6.10": flat,
    "livehybrid": lambda rows, asked: rows,
    "mcp-server-splunk": counted,
    "splunk-mcp-server2": server2,
}
"""By dialect, how rows are answered."""


def build(dialect: str, answer: Answer, calls: list[Asked] | None = None, name: str = "a server") -> FastMCP:
    """Return a server with the search tool of a dialect; `answer` says what it answers."""
    server = FastMCP(name, log_level="WARNING")

    def told(*given: Any) -> Any:
        asked = Asked(*given)
        if calls is not None:
            calls.append(asked)
        found = answer(asked)
        if isinstance(found, Exception):
            raise found
        return found

    def splunk_run_query(
        query: str, earliest_time: str = "", latest_time: str = "", row_limit: int = 100
    ) -> dict[str, Any]:
        return told(query, earliest_time, latest_time, row_limit)

    def in_app(
        query: str, earliest_time: str = "", latest_time: str = "", row_limit: int = 100, app: str = ""
    ) -> dict[str, Any]:
        return told(query, earliest_time, latest_time, row_limit)

    def by_page(
        query: str, earliest_time: str = "-15m", latest_time: str = "now", count: int | None = None,
        max_results: int | None = None, offset: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        return told(query, earliest_time, latest_time, count or 50, offset)

    def at_once(
        query: str, earliest_time: str = "-15m", latest_time: str = "now", max_results: int = 100
    ) -> dict[str, Any]:
        return told(query, earliest_time, latest_time, max_results)

    def listing(
        search_query: str, earliest_time: str = "-24h", latest_time: str = "now", max_results: int = 100
    ) -> list[dict[str, Any]]:
        return told(search_query, earliest_time, latest_time, max_results)

    def with_stats(
        query: str, earliest_time: str = "-24h", latest_time: str = "now", max_count: int = 0,
        timeout_seconds: float | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        return told(query, earliest_time, latest_time, max_count)

    tools: dict[str, tuple[str, Callable[..., Any]]] = {
        "tejun-logstore": ("splunk_run_query", splunk_run_query),
        "splunk": ("splunk_run_query", splunk_run_query),
        "splunk-2": ("splunk_run_query", in_app),
        "splunk-old": ("run_splunk_query", splunk_run_query),
        "mcp-for-splunk": ("run_oneshot_search", by_page),
        "mcp-for-splunk-0.6.10": ("run_oneshot_search", at_once),
        "livehybrid": ("search_splunk", listing),
        "mcp-server-splunk": ("search_splunk", with_stats),
        "splunk-mcp-server2": ("search_oneshot", with_stats),
    }
    tool, function = tools[dialect]
    server.add_tool(function, name=tool, structured_output=dialect != "livehybrid")
    return server


@asynccontextmanager
async def session(server: FastMCP) -> AsyncIterator[McpSession]:
    async with open_session(InMemory(server), source="t") as opened:
        yield opened


async def ask(
    dialect: str,
    answer: Answer,
    spl: str = "index=a",
    *,
    limit: int = 1000,
    timeout_s: float = 10,
    calls: list[Asked] | None = None,
) -> SearchResult:
    """Return what the client makes of a server's answer to one search."""
    name = "tejun-logstore" if dialect == "tejun-logstore" else "a server"
    async with session(build(dialect, answer, calls, name)) as opened:
        request = SearchRequest(
            spl=spl, earliest=WINDOW[0], latest=WINDOW[1], row_limit=limit, timeout_s=timeout_s
        )
        return (await opened.search(request)).result
