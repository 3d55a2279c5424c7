"""Looking at the SIEM: one search, what proves it, what Splunk's own words are passed on, and the time zone."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator

from tejun.settings import Settings
from tejun.shapes import DiagnosisShape
from tejun.siem import SiemSettings
from tools.search.client import McpSession
from tools.search.result import SearchRequest, SearchResult, SearchSession, SearchStatus
from tools.search.zone import PROBE

PROBE_S = 30.0
WINDOW_S = 60
ANSWERED = {SearchStatus.OK, SearchStatus.NO_DATA}

_REMEDIES = (
    (r"CERTIFICATE_VERIFY_FAILED|certificate verify", "Its certificate is not trusted: set TEJUN_SIEM_CA to its authority's file."),
    (r"WRONG_VERSION_NUMBER|record layer", "It does not speak TLS there: begin TEJUN_SIEM_URL with http://, or mend the port."),
    (r"HTTP 401", "The token is not accepted: set TEJUN_SIEM_TOKEN, or TEJUN_SIEM_HEADERS, to a valid one."),
    (r"HTTP 403", "The token's user may not use it: give its role the right to call the MCP server."),
    (r"HTTP 40[45]", "Nothing takes messages at this path: mend TEJUN_SIEM_URL, or set TEJUN_SIEM_TRANSPORT=sse."),
    (r"HTTP 429", "It asks for fewer calls: wait a minute, or raise its rate limit."),
    (r"HTTP 5\d\d", "The server failed: look at its log."),
    (r"HTTPStatusError: Redirect", "Set TEJUN_SIEM_URL to the address that it redirects to, if that is your server."),
    (r"text/html", "That address is a web page: set TEJUN_SIEM_URL to the MCP endpoint."),
    (r"FileNotFoundError|PermissionError|No such file", "The command does not start: mend TEJUN_SIEM_COMMAND."),
    (r"ConnectError|ConnectTimeout", "Nothing answers there: start the server, or mend TEJUN_SIEM_URL."),
    (r"no known search tool|cannot search|other arguments", "Use a server that docs/siem.md lists."),
    (r"Allow appendpipe", "docs/siem.md says where."),
    (r"counting row|counted \d", "Rows are lost or made on the way: look at the server's limits and caches."),
    (r"searched from|another window", "It does not search the window that it is given: look at the role's time limits."),
    (r"another search", "It answers another search than it was asked: look for a cache or a proxy between."),
    (r"no answer within", "It is reached but does not answer in time: look at the server's load."),
    (r"Connection closed|ended in its middle|connection was closed", "It ended the connection: look at the server's log."),
)  # fmt: skip
"""Patterns of what the client tells, and what to do about each."""


async def examine_siem(settings: Settings, session: SearchSession) -> AsyncIterator[DiagnosisShape]:
    """Yield what is found of the SIEM, one part at a time; one search is sent, two where it is refused."""
    result = await _probe(session, "index=* | stats count")
    if settings.siem is None:
        yield _local(settings, result)
        return
    if result.status is SearchStatus.REFUSED:  # some servers take no search over every index
        second = await _probe(session, PROBE)
        result = second if second.status in ANSWERED else result
    yield _reached(settings.siem, result)
    if result.status not in ANSWERED or not isinstance(session, McpSession):
        return
    yield _proof(session, result)
    yield await _messages(session, result)
    yield await _zone(session)


async def _probe(session: SearchSession, spl: str) -> SearchResult:
    now = float(int(time.time()))
    request = SearchRequest(spl=spl, earliest=now - WINDOW_S, latest=now, row_limit=10, timeout_s=PROBE_S)
    return (await session.search(request)).result


def _local(settings: Settings, result: SearchResult) -> DiagnosisShape:
    where = f"local log store {settings.logs}"
    if result.status in ANSWERED:
        return DiagnosisShape(part="SIEM", state="ok", text=where)
    told = "; ".join(result.messages) or result.status.value
    return DiagnosisShape(part="SIEM", state="failed", text=f"{where}: {told}. Import logs first.")


def _reached(siem: SiemSettings, result: SearchResult) -> DiagnosisShape:
    where = f"{siem.where} (known as {siem.source})"
    if result.status in ANSWERED:
        return DiagnosisShape(
            part="SIEM", state="ok", text=f"{where} answers as {result.server} over {siem.way}"
        )
    told = "; ".join(result.messages).rstrip(".") or result.status.value
    return DiagnosisShape(part="SIEM", state="failed", text=f"{where}: {told}. {remedy(told)}")


def remedy(told: str) -> str:
    """Return what to do about a failure, by the client's words."""
    found = next((text for pattern, text in _REMEDIES if re.search(pattern, told)), None)
    return (
        found
        or "Look at the server's log; TEJUN_SIEM_URL and TEJUN_SIEM_TOKEN say where and as whom it is asked."
    )


def _proof(session: McpSession, result: SearchResult) -> DiagnosisShape:
    if result.proof is None or result.proof.kind != "sentinel":
        text = (
            f"the server does not take the row that counts the others: {session.uncounted or 'it was not sent'}. "
            "Allow appendpipe and addinfo; until then only its own signs say that a result is whole."
        )
        return DiagnosisShape(part="SIEM proof", state="absent", text=text)
    text = "searches count their own rows and tell their window"
    return DiagnosisShape(part="SIEM proof", state="ok", text=text)


async def _messages(session: McpSession, result: SearchResult) -> DiagnosisShape:
    if result.proof and result.proof.peers:
        return DiagnosisShape(
            part="SIEM messages", state="ok", text="what Splunk says of its indexers is passed on"
        )
    if (await session.dialect()).speaks_when_empty:
        text = "what Splunk says is passed on with empty results only; those are asked for it"
        return DiagnosisShape(part="SIEM messages", state="ok", text=text)
    text = (
        "this server keeps back what Splunk says: that every indexer answered is not shown, "
        "and zero waits for a person where nothing else counts it (docs/siem.md)"
    )
    return DiagnosisShape(part="SIEM messages", state="absent", text=text)


async def _zone(session: McpSession) -> DiagnosisShape:
    offset_s = await session.utc_offset_s(time.time() - WINDOW_S)
    if offset_s is None:
        text = (
            "not known: items with clock times in their searches are undetermined. "
            "Allow appendpipe and addinfo, or set the zone of the token's user."
        )
        return DiagnosisShape(part="SIEM time zone", state="absent", text=text)
    hours, minutes = divmod(abs(offset_s) // 60, 60)
    text = f"UTC{'-' if offset_s < 0 else '+'}{hours:02}:{minutes:02}; a procedure's own must be the same"
    return DiagnosisShape(part="SIEM time zone", state="ok", text=text)
