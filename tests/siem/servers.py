"""Stand-ins for Splunk MCP servers, each written after its source or documentation.

They offer what the real ones offer and answer as those do, also where that is unfortunate: failures as
successes, pages of a hundred, dropped messages. Behind all of them is one search head.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from tests.siem.faulty import Payload, Shape, Switch
from tests.siem.protocol import Answered, RpcError, Tool, dumped, structured
from tests.siem.searchhead import Reply, Row, SearchHead

TEXT = {"type": "string"}


def text(default: str) -> Payload:
    """Return the schema of a text with a default."""
    return {"type": "string", "default": default}


def whole(default: int | None) -> Payload:
    """Return the schema of a whole number with a default."""
    return {"type": "integer", "default": default}


class StandIn:
    """What all stand-ins share: the way to the search head, past the switch."""

    name = ""
    version = ""
    wires: tuple[str, ...] = ("http",)
    """How it is really offered, the usual way first."""
    shape = Shape("results")
    passes_messages = False
    """Whether Splunk's messages beside rows, or about rows that are missing, can be seen by a client."""

    def __init__(self, head: SearchHead, switch: Switch) -> None:
        self.head, self.switch = head, switch
        self.token = ""

    def tools(self) -> dict[str, Tool]:
        """Return the tools by name."""
        raise NotImplementedError

    async def searched(self, search: str, arguments: Payload) -> Reply:
        """Run a search at splunkd."""
        earliest, latest = str(arguments["earliest_time"]), str(arguments["latest_time"])
        reply = await asyncio.to_thread(self.switch.searched, self.head, search, earliest, latest)
        await asyncio.sleep(reply.delay_s)
        return reply

    def spoiled(self, search: str, arguments: Payload, payload: Payload) -> Any:
        """Return the answer, with the fault where it is one of the server."""
        fault = self.switch.strike(search, "answer")
        return fault.answer(self.shape, arguments, payload) if fault and fault.answer else payload


def prefixed(query: str) -> str:
    """Return a query as servers send it on: `search` before whatever begins with no pipe."""
    return query if query.lstrip().startswith("|") else f"search {query}"


def http_error(reply: Reply) -> str:
    """Return what Splunk's SDK says about a refused request."""
    reasons = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests"}
    told = "; ".join(reply.texts("FATAL", "ERROR", "WARN")) or "call not properly authenticated"
    return f"HTTP {reply.http} {reasons.get(reply.http, 'Service Unavailable')} -- {told}"


class Official(StandIn):
    """Splunk MCP Server 1.2 (app 7931): plain JSON over POST."""

    name, version = "Splunk_MCP_Server", "1.2.0"
    shape = Shape("results", total="total_rows", more="truncated")
    search_tool, prefix = "splunk_run_query", "splunk_"
    extra: ClassVar[Mapping[str, Payload]] = {}
    forbidden = frozenset(
        {"delete", "collect", "outputlookup", "sendemail", "script", "map", "rest", "dbxquery"}
    )

    def tools(self) -> dict[str, Tool]:
        """Return the search tool and those that tell about the server."""
        query = {
            "query": TEXT,
            "earliest_time": text("-24h"),
            "latest_time": text("now"),
            "row_limit": whole(100),
            **self.extra,
        }
        found = [Tool(self.search_tool, query, self.run_query, ("query",), searches=True)]
        for name, rows in self._told().items():
            found.append(
                Tool(
                    f"{self.prefix}{name}",
                    {},
                    _constant({"results": rows, "truncated": False, "total_rows": len(rows)}),
                )
            )
        return {tool.name: tool for tool in found}

    def _told(self) -> dict[str, list[Row]]:
        return {
            "get_info": [{"serverName": "sh1", "version": "9.4.1", "product_type": "enterprise"}],
            "get_user_info": [{"username": "tejun", "roles": ["user"], "capabilities": ["search"]}],
            "get_indexes": [{"title": "main", "totalEventCount": "1"}],
        }

    async def run_query(self, arguments: Payload) -> Answered:
        """Answer a search."""
        query, limit = str(arguments["query"]), int(arguments["row_limit"])
        if refused := self._refusal(query, limit):
            return structured({"status_code": 400, "content": refused})
        reply = await self.searched(f"{prefixed(query)} | head 1001", arguments)
        if reply.http in {401, 403, 413}:
            raise RpcError(-32600, http_error(reply), status=reply.http)
        if reply.http in {429, 503}:
            raise RpcError(-32010, http_error(reply), status=reply.http, headers=reply.headers)
        if reply.http == 400:
            return structured({"status_code": 400, "content": "; ".join(reply.texts("FATAL", "ERROR"))})
        if reply.http >= 400:
            raise RpcError(-32603, "Internal error", status=500)
        if not reply.rows and (told := reply.texts("ERROR", "FATAL", "WARN")):
            return Answered(("; ".join(told),), error=True)
        return structured(self.spoiled(query, arguments, self._answer(reply, limit)))

    def _refusal(self, query: str, limit: int) -> str:
        if not 1 <= len(query) <= 5000:
            return "Query must have 1 to 5000 characters"
        if not 1 <= limit <= 1000:
            return "row_limit must be between 1 and 1000"
        commands = re.findall(r"\|\s*(\w+)", query)
        found = next((name for name in commands if name.lower() in self.forbidden), None)
        return f"Forbidden command found: {found}" if found else ""

    def _answer(self, reply: Reply, limit: int) -> Payload:
        count = len(reply.rows)
        total = {"approx_total": "1000+"} if count > 1000 else {"total_rows": count}
        return {"results": list(reply.rows[:limit]), "truncated": count > limit, **total}


class Official2(Official):
    """Splunk MCP Server 2.x, after what a client's code reads."""

    version = "2.0.1"
    extra: ClassVar[Mapping[str, Payload]] = {"app": text("search")}

    def tools(self) -> dict[str, Tool]:
        """Return the tools of 1.2 and the lists of alerts."""
        empty = _constant({"results": [], "total": 0, "page_info": {"offset": 0}})
        added = [
            Tool(name, {"offset": whole(0), "count": whole(50)}, empty)
            for name in ("splunk_list_alerts", "splunk_list_fired_alerts", "splunk_get_sourcetypes")
        ]
        return super().tools() | {tool.name: tool for tool in added}

    def _answer(self, reply: Reply, limit: int) -> Payload:
        answer = super()._answer(reply, limit)
        return {**answer, "total": answer.get("total_rows", 1000), "page_info": {"offset": 0}}


class Official022(Official):
    """Splunk MCP Server 0.2.2: the same without the prefix."""

    version = "0.2.2"
    search_tool, prefix = "run_splunk_query", ""


class ForSplunk(StandIn):
    """mcp-for-splunk (package mcp-server-for-splunk) 0.6.10."""

    name, version = "MCP Server for Splunk", "0.6.10"
    wires = ("http", "stdio")
    shape = Shape("results", success="status")
    forbidden = ("collect", "outputlookup", "outputcsv", "delete", "sendemail", "script", "run")
    schema: ClassVar[Payload] = {"type": "object", "additionalProperties": True}

    def tools(self) -> dict[str, Tool]:
        """Return the searching tools."""
        query = {
            "query": TEXT,
            "earliest_time": text("-15m"),
            "latest_time": text("now"),
            "max_results": whole(100),
        }
        found = [
            Tool("run_oneshot_search", query, self.oneshot, ("query",), self.schema, searches=True),
            Tool(
                "get_splunk_health",
                {},
                _constant({"status": "connected", "version": "9.4.1"}),
                (),
                self.schema,
            ),
            Tool(
                "me",
                {},
                _constant(
                    {
                        "status": "success",
                        "data": {"username": "tejun", "roles": ["user"], "tz": self.head.zone},
                    }
                ),
                (),
                self.schema,
            ),
        ]
        return {tool.name: tool for tool in found}

    def sanitized(self, query: str) -> str:
        """Return the query as it is sent on; `|tstats` without a space gets `search` before it.

        Raises:
            ValueError: It has a word of a forbidden command, wherever that stands.
        """
        for word in self.forbidden:
            if re.search(rf"\b{word}\b", query.lower()):
                raise ValueError(f"Forbidden command '{word}' detected")
        query = query.strip()
        return query if query.lower().startswith(("search ", "| ")) else f"search {query}"

    async def oneshot(self, arguments: Payload) -> Answered:
        """Answer a search; a failure is a success with `status: error`."""
        query, limit = str(arguments["query"]), int(arguments["max_results"])
        try:
            sent = self.sanitized(query)
        except ValueError as error:
            return Answered((f"Error calling tool 'run_oneshot_search': {error}",), error=True)
        reply = await self.searched(sent, arguments)
        if reply.http >= 400:
            failed = {
                "status": "error",
                "error": http_error(reply),
                "results": [],
                "results_count": 0,
                "query_executed": sent,
            }
            return structured(self.spoiled(query, arguments, failed))
        rows = list(reply.rows[:limit])
        answer = {
            "status": "success",
            "results": rows,
            "results_count": len(rows),
            "query_executed": sent,
            "duration": 0.1,
        }
        return structured(self.spoiled(query, arguments, answer))


class ForSplunk613(ForSplunk):
    """mcp-for-splunk 0.6.13: jobs, pages of at most a hundred rows, failures as tool errors."""

    version = "0.6.13"
    shape = Shape("results", total="total_available", more="has_more", success="status")

    def __init__(self, head: SearchHead, switch: Switch) -> None:
        super().__init__(head, switch)
        self._jobs: dict[str, tuple[Reply, str]] = {}
        self._numbers = itertools.count(1)

    def tools(self) -> dict[str, Tool]:
        """Return the searching tools; pages beyond the first are fetched by job."""
        paging = {
            "count": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
            "max_results": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
            "offset": whole(0),
        }
        query = {"query": TEXT, "earliest_time": text("-15m"), "latest_time": text("now"), **paging}
        page = {"job_id": TEXT, "count": whole(50), "offset": whole(0)}
        found = [
            Tool("run_oneshot_search", query, self.oneshot, ("query",), self.schema, searches=True),
            Tool("get_search_job_results", page, self.page, ("job_id",), self.schema),
        ]
        return super().tools() | {tool.name: tool for tool in found}

    async def oneshot(self, arguments: Payload) -> Answered:
        """Answer a search with its first page."""
        query = str(arguments["query"])
        try:
            sent = self.sanitized(query)
        except ValueError as error:
            return Answered((f"Error calling tool 'run_oneshot_search': {error}",), error=True)
        reply = await self.searched(sent, arguments)
        if reply.http >= 400 or reply.failed:
            stage = "job_creation" if reply.http >= 400 else "result_retrieval"
            code = {401: "authentication_failed", 403: "permission_denied"}.get(reply.http, "search_failed")
            told = "Search job failed" if reply.failed else http_error(reply)
            failed = {
                "status": "error", "error": told, "results": [], "count": 0, "query_executed": sent,
                "error_code": code, "execution_stage": stage, "search_started": None,
            }  # fmt: skip
            return Answered((told,), failed, error=True)
        sid = f"17.{next(self._numbers)}"
        self._jobs[sid] = (reply, query)
        size = arguments["count"] if arguments["count"] is not None else arguments["max_results"]
        first = self._page(reply, sid, size, int(arguments["offset"] or 0))
        answer = {
            "status": "success",
            **first,
            "results_count": first["count"],
            "query_executed": sent,
            "duration": 0.1,
        }
        return structured(self.spoiled(query, arguments, answer))

    async def page(self, arguments: Payload) -> Answered:
        """Answer with a later page of a job."""
        known = self._jobs.get(str(arguments["job_id"]))
        if known is None:
            return Answered((f"Unknown sid {arguments['job_id']}",), error=True)
        reply, query = known
        page = self._page(reply, str(arguments["job_id"]), arguments["count"], int(arguments["offset"] or 0))
        return structured(self.spoiled(query, arguments, {"status": "success", **page}))

    def _page(self, reply: Reply, sid: str, size: int | None, offset: int) -> Payload:
        count = 50 if not size or size < 1 else min(size, 100)
        rows = list(reply.rows[offset : offset + count])
        more = offset + len(rows) < len(reply.rows)
        return {
            "results": rows, "count": len(rows), "total_available": len(reply.rows), "offset": offset,
            "has_more": more, "next_offset": offset + len(rows) if more else None, "job_id": sid,
        }  # fmt: skip


class Pahar0(StandIn):
    """mcp-server-splunk 0.3.0."""

    name, version = "Splunk MCP Server", "0.3.0"
    wires = ("stdio",)
    shape = Shape("results", success="success")

    def tools(self) -> dict[str, Tool]:
        """Return the search tool."""
        query = {
            "query": TEXT,
            "earliest_time": text("-24h"),
            "latest_time": text("now"),
            "max_count": whole(0),
            "timeout_seconds": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": None},
        }
        schema = {"type": "object", "additionalProperties": True}
        return {"search_splunk": Tool("search_splunk", query, self.search, ("query",), schema, searches=True)}

    async def search(self, arguments: Payload) -> Answered:
        """Answer a search; a `max_count` above zero cuts without a sign."""
        query, most = str(arguments["query"]), int(arguments["max_count"])
        begins = query.strip().startswith(("search", "|", "from", "tstats", "inputlookup"))
        reply = await self.searched(query if begins else f"search {query}", arguments)
        if reply.http >= 400 or reply.failed:
            told = "Search job '17.1' failed" if reply.failed else http_error(reply)
            return structured(
                self.spoiled(query, arguments, {"success": False, "error": told, "results": []})
            )
        rows = list(reply.rows[:most] if most > 0 else reply.rows)
        stats = {
            "result_count": str(len(rows)), "scan_count": str(reply.scanned), "event_count": str(reply.events),
            "disk_usage": "4096", "run_duration": "0.1",
            "earliest_time": arguments["earliest_time"], "latest_time": arguments["latest_time"],
        }  # fmt: skip
        answer = {"success": True, "results": rows, "stats": stats, "result_count": len(rows)}
        return structured(self.spoiled(query, arguments, answer))


class Server2(StandIn):
    """splunk-mcp-server2 0.1.1: a FATAL in an answer is an empty list of events."""

    name, version = "Splunk MCP", "1.12.0"
    wires = ("sse", "stream", "stdio")
    shape = Shape("events", total="event_count")

    def tools(self) -> dict[str, Tool]:
        """Return the search tool and the list of indexes."""
        query = {
            "query": TEXT, "earliest_time": text("-24h"), "latest_time": text("now"), "max_count": whole(100),
            "output_format": text("json"),
            "risk_tolerance": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
            "sanitize_output": {"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": None},
        }  # fmt: skip
        schema = {"type": "object", "additionalProperties": True}
        found = [
            Tool("search_oneshot", query, self.search, ("query",), schema, searches=True),
            Tool("get_indexes", {}, _constant({"indexes": [], "count": 0}), (), schema),
        ]
        return {tool.name: tool for tool in found}

    async def search(self, arguments: Payload) -> Answered:
        """Answer a search; exactly 100 events stands for the server's own limit."""
        query, most = str(arguments["query"]), int(arguments["max_count"])
        if re.search(r"\|\s*delete\b", query) and (arguments["risk_tolerance"] or 75) < 100:
            return structured({
                "error": "Query exceeds risk tolerance (80 > 75). No search was executed and no data was returned.",
                "risk_score": 80, "risk_tolerance": 75, "risk_message": "delete",
                "search_executed": False, "data_returned": None,
            })  # fmt: skip
        most = 100_000 if most == 100 else most
        reply = await self.searched(query if query.strip().startswith("|") else f"search {query}", arguments)
        if reply.http >= 400:
            return structured(
                self.spoiled(
                    query, arguments, {"error": "Search failed", "details": {"error": http_error(reply)}}
                )
            )
        events = list(reply.rows[:most] if most > 0 else reply.rows)
        params = {
            "earliest_time": arguments["earliest_time"],
            "latest_time": arguments["latest_time"],
            "max_count": most,
        }
        answer = {"query": query, "event_count": len(events), "events": events, "search_params": params}
        return structured(self.spoiled(query, arguments, answer))


class Livehybrid(StandIn):
    """splunk-mcp of livehybrid: a bare list, one text block for each row, nothing else."""

    name, version = "splunk", "0.3.0"
    wires = ("sse", "stdio")
    shape = Shape(None)

    def tools(self) -> dict[str, Tool]:
        """Return the search tool."""
        query = {
            "search_query": TEXT, "earliest_time": text("-24h"), "latest_time": text("now"), "max_results": whole(100),
        }  # fmt: skip
        found = [
            Tool("search_splunk", query, self.search, ("search_query",), searches=True),
            Tool("list_indexes", {}, _constant({"indexes": ["main"]})),
        ]
        return {tool.name: tool for tool in found}

    async def search(self, arguments: Payload) -> Answered:
        """Answer a search; a failed request is a tool error, a failed job an empty list."""
        query = str(arguments["search_query"])
        begins = query.lstrip().startswith("|") or query.lstrip().lower().startswith("search")
        reply = await self.searched(query if begins else f"search {query}", arguments)
        if reply.http >= 400:
            return Answered((f"Error executing tool search_splunk: {http_error(reply)}",), error=True)
        rows = list(reply.rows[: int(arguments["max_results"])])
        spoiled = self.spoiled(query, arguments, {"results": rows})
        rows = spoiled["results"] if isinstance(spoiled, dict) and "results" in spoiled else [spoiled]
        if not isinstance(rows, list):
            return Answered((dumped(rows),))
        return Answered(tuple(dumped(row) for row in rows))


def _constant(payload: Payload) -> Any:
    async def call(arguments: Payload) -> Answered:
        return structured(payload)

    return call


STAND_INS: dict[str, type[StandIn]] = {
    "official-1.2": Official,
    "official-2.x": Official2,
    "official-0.2.2": Official022,
    "mcp-for-splunk-0.6.10": ForSplunk,
    "mcp-for-splunk-0.6.13": ForSplunk613,
    "mcp-server-splunk-0.3.0": Pahar0,
    "splunk-mcp-server2": Server2,
    "livehybrid": Livehybrid,
}
"""All stand-ins by name."""
