"""Stand-ins for Splunk MCP servers, each written after its source or documentation.

They offer what the real ones offer and answer as those do, also where that is unfortunate: failures as
successes, pages of a hundred, dropped messages. Behind all of them is one search head.
"""

from __future__ import annotations

import itertools
import re
from typing import ClassVar

from tests.siem.faulty import Payload, Shape, Switch
from tests.siem.official import Official, Official022, Official2
from tests.siem.protocol import Answered, Tool, dumped, structured
from tests.siem.searchhead import Reply, SearchHead
from tests.siem.stand_in import TEXT, StandIn, constant, http_error, text, whole


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
                constant({"status": "connected", "version": "9.4.1"}),
                (),
                self.schema,
            ),
            Tool(
                "me",
                {},
                constant(
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
        count = min(50 if not size or size < 1 else size, self.head.page)
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
            Tool("get_indexes", {}, constant({"indexes": [], "count": 0}), (), schema),
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
            Tool("list_indexes", {}, constant({"indexes": ["main"]})),
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
