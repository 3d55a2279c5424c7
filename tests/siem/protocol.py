"""The Model Context Protocol as far as a server with tools needs it: requests to answers, as JSON values."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Payload = dict[str, Any]
VERSIONS = ("2025-06-18", "2025-03-26", "2024-11-05")


@dataclass(frozen=True, slots=True)
class Answered:
    """The result of a tool call: what stands in `content` and in `structuredContent`."""

    texts: tuple[str, ...]
    structured: Payload | None = None
    error: bool = False


class RpcError(Exception):
    """A JSON-RPC error in place of a result."""

    def __init__(
        self, code: int, message: str, *, status: int = 200, headers: Mapping[str, str] = {}
    ) -> None:
        super().__init__(message)
        self.code, self.status, self.headers = code, status, headers


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool with its schema; `call` gets the arguments, defaults filled in."""

    name: str
    properties: Mapping[str, Mapping[str, Any]]
    call: Callable[[Payload], Awaitable[Answered]]
    required: tuple[str, ...] = ()
    output_schema: Payload | None = None
    searches: bool = False

    def listed(self) -> Payload:
        """Return the tool as `tools/list` gives it."""
        schema = {"type": "object", "properties": dict(self.properties), "required": list(self.required)}
        shown: Payload = {"name": self.name, "description": self.name, "inputSchema": schema}
        return shown | ({"outputSchema": self.output_schema} if self.output_schema else {})


class ToolServer(Protocol):
    """A server of tools."""

    name: str
    version: str

    def tools(self) -> dict[str, Tool]:
        """Return the tools by name."""
        ...


def structured(payload: Payload, *, error: bool = False) -> Answered:
    """Return a payload as text and as structured content."""
    return Answered((dumped(payload),), payload, error)


def dumped(value: Any) -> str:
    """Return JSON text; lone surrogates stay escaped."""
    return json.dumps(value, ensure_ascii=True)


async def respond(server: ToolServer, request: Payload) -> Payload | None:
    """Return the response to a request; None for a notification."""
    if "id" not in request:
        return None
    try:
        result = await _result(server, str(request.get("method")), request.get("params") or {})
    except RpcError as error:
        raise_with = {"code": error.code, "message": str(error)}
        return {
            "jsonrpc": "2.0",
            "id": request["id"],
            "error": raise_with,
            "_status": error.status,
            "_headers": dict(error.headers),
        }
    return {"jsonrpc": "2.0", "id": request["id"], "result": result}


async def _result(server: ToolServer, method: str, params: Payload) -> Payload:
    match method:
        case "initialize":
            wanted = str(params.get("protocolVersion"))
            return {
                "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
                "capabilities": {"tools": {"listChanged": False}},
                "serverInfo": {"name": server.name, "version": server.version},
            }
        case "ping":
            return {}
        case "tools/list":
            return {"tools": [tool.listed() for tool in server.tools().values()]}
        case "tools/call":
            return await _called(server, params)
    raise RpcError(-32601, f"Method not found: {method}")


async def _called(server: ToolServer, params: Payload) -> Payload:
    tool = server.tools().get(str(params.get("name")))
    if tool is None:
        raise RpcError(-32004, f"Unknown tool: {params.get('name')}", status=404)
    given = params.get("arguments") or {}
    if missing := [name for name in tool.required if name not in given]:
        raise RpcError(-32602, f"Invalid params: missing {', '.join(missing)}")
    arguments = {name: given.get(name, spec.get("default")) for name, spec in tool.properties.items()}
    answered = await tool.call(arguments)
    content = [{"type": "text", "text": text} for text in answered.texts]
    result: Payload = {"content": content, "isError": answered.error}
    return result | ({"structuredContent": answered.structured} if answered.structured is not None else {})
