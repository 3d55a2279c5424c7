"""The SIEM client: one search over MCP to one `SearchResult`, whatever the server and however it fails."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

from tools.search.coerce import coerce_row
from tools.search.dialects import Dialect, find_dialect
from tools.search.result import SearchRequest, SearchResult, SearchStatus, TimedResult
from tools.search.transport import Connection, Transport, open_connection

RETRIES = 2
BACKOFF_S = 1.0
_OUR_STATUS = re.compile(r"\b(refused|failed|timed_out): ")
_SECRET = re.compile(r"(?i)(bearer|authorization|token|password)([\"'\s:=]+)[^\s\"',;}]+")


class SearchToolMissingError(Exception):
    """The MCP server offers no search tool that is known here."""


class McpSession:
    """A `SearchSession` over one connection. Safe to use from several tasks at once."""

    def __init__(self, connection: Connection, source: str) -> None:
        self._connection = connection
        self._source = source
        self._zone: dict[str, str | None] = {}

    @property
    def source(self) -> str:
        """A stable name of what is searched."""
        return self._source

    async def search(self, request: SearchRequest) -> TimedResult:
        """Run one search; a refusal, failure or timeout is a status of the result."""
        executed_at, started = time.time(), time.monotonic()
        try:
            async with asyncio.timeout(request.timeout_s):
                result = await self._attempts(request)
        except TimeoutError:
            result = _unusable(request, SearchStatus.TIMED_OUT, f"no answer within {request.timeout_s:g} s")
        return TimedResult(result=result, executed_at=executed_at, duration_s=time.monotonic() - started)

    async def _attempts(self, request: SearchRequest) -> SearchResult:
        """Try again, with a pause, after a lost connection or a server that asks for patience."""
        for attempt in range(RETRIES + 1):
            try:
                return await self._once(request)
            except SearchToolMissingError as error:
                return _unusable(request, SearchStatus.FAILED, str(error))
            except Exception as error:  # the edge to a foreign server, whose client raises anything
                reason = _explain(error)
            if attempt < RETRIES:
                await self._connection.close()
                await asyncio.sleep(BACKOFF_S * 2**attempt)
        return _unusable(request, SearchStatus.FAILED, reason)

    async def _once(self, request: SearchRequest) -> SearchResult:
        tools = await self._connection.tools()
        dialect = find_dialect(tools)
        if dialect is None:
            raise SearchToolMissingError(
                f"the MCP server offers no known search tool. It offers: {', '.join(sorted(tools)) or 'nothing'}."
            )
        arguments = {
            dialect.query: request.spl,
            dialect.earliest: _epoch_text(request.earliest),
            dialect.latest: _epoch_text(request.latest),
            dialect.limit: min(request.row_limit, dialect.cap),
        }
        message = await call_tool(tools[dialect.tool], arguments)
        if message.status == "error":
            return _from_error(request, str(message.text))
        return _from_answer(request, dialect, _payload(message))

    async def utc_offset_s(self, at: float) -> int | None:
        """Return the UTC offset of the SIEM user's zone at epoch `at`; None when it cannot be told."""
        if "tz" not in self._zone:
            self._zone["tz"] = await self._probe_zone()
        name = self._zone["tz"]
        if not name:
            return None
        try:
            offset = dt.datetime.fromtimestamp(at, ZoneInfo(name)).utcoffset()
        except (ZoneInfoNotFoundError, ValueError):
            return None
        return None if offset is None else int(offset.total_seconds())

    async def _probe_zone(self) -> str | None:
        tools = await self._connection.tools()
        tool = tools.get("splunk_get_user_info") or tools.get("get_user_info")
        if tool is None:
            return None
        payload = _payload(await call_tool(tool, {}))
        rows = payload.get("results") if isinstance(payload, dict) else None
        row = rows[0] if isinstance(rows, list) and rows else payload
        return str(row["tz"]) if isinstance(row, dict) and row.get("tz") else None


@asynccontextmanager
async def open_session(transport: Transport, *, source: str) -> AsyncIterator[McpSession]:
    """Open a session for the length of a block.

    Args:
        transport: How to reach the server.
        source: A stable name of what is searched, part of a round's identity.
    """
    async with open_connection(transport) as connection:
        yield McpSession(connection, source)


async def call_tool(tool: BaseTool, arguments: dict[str, Any]) -> ToolMessage:
    """Call an MCP tool and return its whole answer."""
    call = {"type": "tool_call", "id": "1", "name": tool.name, "args": arguments}
    answer = await tool.ainvoke(call)
    if not isinstance(answer, ToolMessage):
        raise TypeError(f"tool {tool.name!r} answered with {type(answer).__name__}")
    return answer


def _payload(message: ToolMessage) -> Any:
    """Return the structured answer, or the JSON in the text of servers that send none."""
    artifact = message.artifact
    structured = artifact.get("structured_content") if isinstance(artifact, dict) else None
    if structured is not None:
        inner = structured.get("result") if set(structured) == {"result"} else None
        return structured if inner is None else inner
    try:
        return json.loads(str(message.text))
    except json.JSONDecodeError:
        return {"status_code": 500, "content": str(message.text)}


def _epoch_text(epoch: float) -> str:
    return f"{epoch:.6f}".rstrip("0").rstrip(".")


def redact(text: str) -> str:
    """Return `text` without what looks like a credential.

    >>> redact("Authorization: Bearer abc.def")
    'Authorization: [redacted]'
    """
    return re.sub(r"(\[redacted\])\s+\S+", r"\1", _SECRET.sub(r"\1\2[redacted]", text))


def _explain(error: BaseException) -> str:
    causes = list(_leaves(error))
    return redact("; ".join(f"{type(cause).__name__}: {cause}" for cause in causes)[:500])


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _unusable(request: SearchRequest, status: SearchStatus, message: str) -> SearchResult:
    return SearchResult(
        status=status, spl=request.spl, earliest=request.earliest, latest=request.latest, messages=(message,)
    )


def _from_error(request: SearchRequest, text: str) -> SearchResult:
    match = _OUR_STATUS.search(text)
    status = SearchStatus(match.group(1)) if match else _status_of_message(text)
    return _unusable(request, status, redact(text[match.end() :] if match else text))


def _status_of_message(text: str) -> SearchStatus:
    lowered = text.lower()
    if "forbidden" in lowered or "not allowed" in lowered or "blocked" in lowered:
        return SearchStatus.REFUSED
    return SearchStatus.TIMED_OUT if "timed out" in lowered or "timeout" in lowered else SearchStatus.FAILED


def _from_answer(request: SearchRequest, dialect: Dialect, payload: Any) -> SearchResult:
    """Read an answer; a refusal may arrive as a success that holds a status code."""
    if isinstance(payload, dict) and int(payload.get("status_code") or 0) >= 400:
        return _from_error(request, str(payload.get("content", payload)))
    raw = (
        payload if dialect.rows is None else payload.get(dialect.rows) if isinstance(payload, dict) else None
    )
    if not isinstance(raw, list) or not all(isinstance(row, dict) for row in raw):
        return _unusable(
            request, SearchStatus.FAILED, redact(f"the answer holds no rows: {str(payload)[:300]}")
        )
    rows = tuple(coerce_row(row) for row in raw)
    extra = payload if isinstance(payload, dict) else {}
    return SearchResult(
        status=_status(request, dialect, extra, len(rows)),
        spl=str(extra.get("query", request.spl)),
        earliest=float(extra.get("earliest", request.earliest)),
        latest=float(extra.get("latest", request.latest)),
        fields=tuple(extra.get("fields") or dict.fromkeys(name for row in rows for name in row)),
        rows=rows,
        total=next((int(extra[key]) for key in dialect.total if str(extra.get(key, "")).isdigit()), None),
        scanned=extra.get("scanned"),
        messages=tuple(redact(str(message)) for message in extra.get("messages") or ()),
        server=dialect.name,
    )


def _status(request: SearchRequest, dialect: Dialect, extra: dict[str, Any], count: int) -> SearchStatus:
    if dialect.truncated and extra.get(dialect.truncated):
        return SearchStatus.TRUNCATED
    if not dialect.truncated and count >= min(request.row_limit, dialect.cap):
        return SearchStatus.TRUNCATED
    if "approx_total" in extra and str(extra["approx_total"]).endswith("+"):
        return SearchStatus.TRUNCATED
    return SearchStatus.NO_DATA if extra.get("scanned") == 0 else SearchStatus.OK
