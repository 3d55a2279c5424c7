"""Stand-ins for the official Splunk MCP server, after its source (1.2), its documentation and what clients of it read (2.x)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from tests.siem.faulty import Payload, Shape
from tests.siem.protocol import Answered, RpcError, Tool, structured
from tests.siem.searchhead import Reply, Row
from tests.siem.stand_in import TEXT, StandIn, constant, http_error, prefixed, text, whole


class Official(StandIn):
    """Splunk MCP Server 1.2 (app 7931): plain JSON over POST."""

    name, version = "Splunk_MCP_Server", "1.2.0"
    shape = Shape("results", total="total_rows", more="truncated")
    search_tool, prefix = "splunk_run_query", "splunk_"
    levels = False
    """Whether Splunk's messages come with their severity; what is public does not say."""
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
                    constant({"results": rows, "truncated": False, "total_rows": len(rows)}),
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
        told = [
            f"{kind}: {words}" if self.levels else words
            for kind, words in reply.messages
            if kind in {"ERROR", "FATAL", "WARN"}
        ]
        if not reply.rows and told:
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
    levels = True
    extra: ClassVar[Mapping[str, Payload]] = {"app": text("search")}

    def tools(self) -> dict[str, Tool]:
        """Return the tools of 1.2 and the lists of alerts."""
        empty = constant({"results": [], "total": 0, "page_info": {"offset": 0}})
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
