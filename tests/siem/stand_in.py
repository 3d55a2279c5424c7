"""What all stand-ins of Splunk MCP servers share."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.siem.faulty import Payload, Shape, Switch
from tests.siem.protocol import Answered, Tool, structured
from tests.siem.searchhead import Reply, SearchHead

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


def constant(payload: Payload) -> Any:
    """Return a tool that answers always the same."""

    async def call(arguments: Payload) -> Answered:
        return structured(payload)

    return call
