"""The SIEM client: one search over MCP to one `SearchResult`, whatever the server and however it fails."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.types import CallToolResult, TextContent

from tools.search.dialects import Dialect, find_dialect
from tools.search.failure import NoAnswerError, SearchToolMissingError, of_exception
from tools.search.gather import Gathered, as_sent, gather
from tools.search.messages import read_messages
from tools.search.proving import conclude
from tools.search.result import SearchRequest, SearchResult, SearchStatus, TimedResult
from tools.search.retries import pause_s
from tools.search.sentinel import Sentinel, draw
from tools.search.transport import Connection, Live, Transport, open_connection
from tools.search.zone import PROBE, USER_TOOLS, Zones, zone_in

PROBE_S = 30.0
_FAILING = re.compile(r"(?i)^error\b|\berror in\b|\bfailed\b|unknown search|internal error|exception")

__all__ = ["McpSession", "SearchToolMissingError", "open_session"]


class McpSession:
    """A `SearchSession` over one connection. Safe to use from several tasks at once."""

    def __init__(self, connection: Connection, source: str) -> None:
        self._connection = connection
        self._source = source
        self._zones = Zones()
        self._zone_lock = asyncio.Lock()
        self._counting: bool | None = None
        self.uncounted: str | None = None
        """Why the server's searches do not count their own rows, in its words; None where they do."""

    @property
    def source(self) -> str:
        """A stable name of what is searched."""
        return self._source

    async def search(self, request: SearchRequest) -> TimedResult:
        """Run one search; a refusal, failure or timeout is a status of the result."""
        executed_at, started = time.time(), time.monotonic()
        seen: list[NoAnswerError] = []
        try:
            async with asyncio.timeout(request.timeout_s):
                result = await self._attempts(request, seen, started + request.timeout_s)
        except TimeoutError:
            last = f"; before that: {seen[-1]}" if seen else ""
            text = f"no answer within {request.timeout_s:g} s{last}"
            result = _unusable(request, NoAnswerError(SearchStatus.TIMED_OUT, text))
        self._zones.learn(result.proof)
        return TimedResult(result=result, executed_at=executed_at, duration_s=time.monotonic() - started)

    async def dialect(self) -> Dialect:
        """Return how the server is asked.

        Raises:
            SearchToolMissingError: It offers no search that is known here.
        """
        live = await self._connection.live()
        return find_dialect(live.tools, live.server)

    async def _attempts(self, request: SearchRequest, seen: list[NoAnswerError], end: float) -> SearchResult:
        """Try until there is an answer or no use in trying; every failure is added to `seen`."""
        while True:
            live: Live | None = None
            try:
                live = await self._connection.live()
                return await self._once(request, find_dialect(live.tools, live.server))
            except Exception as error:  # the edge to a foreign server, whose client raises anything
                failure = of_exception(error)
            seen.append(failure)
            pause = pause_s(failure, len(seen), end - time.monotonic())
            if pause is None:
                return _unusable(request, failure)
            if failure.lost and live is not None:
                await self._connection.close(live)
            await asyncio.sleep(pause)

    async def _once(self, request: SearchRequest, dialect: Dialect) -> SearchResult:
        spl = as_sent(request.spl, dialect)
        sentinel = draw() if dialect.sentinel and self._counting is not False else None
        _check_length(spl, sentinel, dialect)
        if sentinel is None:
            return conclude(request, dialect, await self._gather(dialect, spl, request, 0), None)
        try:
            found = await self._gather(dialect, sentinel.added_to(spl), request, 1)
        except NoAnswerError as failure:
            if failure.status is not SearchStatus.REFUSED or self._counting:
                raise
            return await self._uncounted(request, dialect, spl, failure)
        self._counting = True
        result = conclude(request, dialect, found, sentinel)
        return await self._asked_bare(request, dialect, spl, result) if _is_mute(dialect, result) else result

    async def _gather(self, dialect: Dialect, spl: str, request: SearchRequest, added: int) -> Gathered:
        return await gather(self._connection, dialect, spl, request, request.row_limit + added)

    async def _uncounted(
        self, request: SearchRequest, dialect: Dialect, spl: str, refusal: NoAnswerError
    ) -> SearchResult:
        """Ask without the counting row; where that is answered, the server does not take the row."""
        try:
            found = await self._gather(dialect, spl, request, 0)
        except NoAnswerError:
            raise refusal from None
        self._counting, self.uncounted = False, refusal.text
        return conclude(request, dialect, found, None)

    async def _asked_bare(
        self, request: SearchRequest, dialect: Dialect, spl: str, empty: SearchResult
    ) -> SearchResult:
        """Ask once more for an empty result, without the row behind which the server keeps Splunk's messages.

        No row and no error is then the server's word that Splunk had nothing to say.
        """
        proof = empty.proof.model_copy(update={"peers": True}) if empty.proof else None
        try:
            found = await self._gather(dialect, spl, request, 0)
        except NoAnswerError as failure:
            return _with_words(empty, failure)
        if found.rows:
            text = f"no row at first, and {len(found.rows)} when asked again: events arrived in between"
            return empty.model_copy(update={"status": SearchStatus.PARTIAL, "messages": (text,)})
        return empty.model_copy(update={"proof": proof})

    async def utc_offset_s(self, at: float) -> int | None:
        """Return the UTC offset of the SIEM user's zone at epoch `at`; None when it cannot be told."""
        async with self._zone_lock:
            if not self._zones.asked:
                self._zones.name = await self._user_zone()
                self._zones.asked = True
            offset = self._zones.offset_s(at)
            if offset is None and not self._zones.name and not self._zones.probed:
                self._zones.probed = True
                await self.search(
                    SearchRequest(spl=PROBE, earliest=at, latest=at + 1, row_limit=10, timeout_s=PROBE_S)
                )
                offset = self._zones.offset_s(at)
            return offset

    async def _user_zone(self) -> str | None:
        try:
            tools = (await self._connection.live()).tools
            tool = next((name for name in USER_TOOLS if name in tools), None)
            return zone_in(_json_of(await self._connection.call(tool, {}))) if tool else None
        except Exception:  # the edge to a foreign server; without an answer the zone is not known from here
            return None


def _with_words(empty: SearchResult, failure: NoAnswerError) -> SearchResult:
    """Return a proven empty result with what Splunk said about it.

    The server does not say how grave its words are. What the row proved stands, unless they speak of missing
    rows or of a failure; that every indexer answered is then not shown.

    Raises:
        NoAnswerError: The second question failed by itself.
    """
    said = [one for line in failure.text.split("; ") for one in read_messages(line)]
    broke = failure.status is not SearchStatus.FAILED or failure.http or failure.again
    if any(one.incomplete for one in said) and not failure.http:
        return empty.model_copy(update={"status": SearchStatus.PARTIAL, "messages": (failure.text,)})
    if broke or any(one.fails or _FAILING.search(one.text) for one in said):
        raise failure
    return empty.model_copy(update={"messages": (failure.text,)})


def _is_mute(dialect: Dialect, result: SearchResult) -> bool:
    """Tell whether the counting row may have kept back what Splunk said about an empty result."""
    return dialect.speaks_when_empty and result.status is SearchStatus.OK and not result.rows


def _check_length(spl: str, sentinel: Sentinel | None, dialect: Dialect) -> None:
    """Refuse a search that the server would not take."""
    room = len(sentinel.text) + 1 if sentinel else 0
    if dialect.longest is not None and len(spl) + room > dialect.longest:
        raise NoAnswerError(
            SearchStatus.REFUSED,
            f"the search has {len(spl)} characters, and the server takes {dialect.longest - room}: {dialect.longest}"
            + (f" less {room} for the row that counts" if room else "")
            + ". Shorten it, or move a part of it into a macro of the server",
        )


def _json_of(answer: CallToolResult) -> Any:
    if answer.isError:
        return None
    if answer.structuredContent is not None:
        return answer.structuredContent
    return json.loads(next(block.text for block in answer.content if isinstance(block, TextContent)))


@asynccontextmanager
async def open_session(transport: Transport, *, source: str) -> AsyncIterator[McpSession]:
    """Open a session for the length of a block.

    Args:
        transport: How to reach the server.
        source: A stable name of what is searched, part of a round's identity.
    """
    async with open_connection(transport) as connection:
        yield McpSession(connection, source)


def _unusable(request: SearchRequest, failure: NoAnswerError) -> SearchResult:
    return SearchResult(
        status=failure.status,
        spl=request.spl,
        earliest=request.earliest,
        latest=request.latest,
        messages=(failure.text,),
    )
