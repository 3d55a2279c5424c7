"""A splunkd on loopback: the REST calls that Splunk MCP servers make, over TLS, answered from the embedded engine.

What it cannot know it does not offer: any other path is a 404, so that a server which needs more is seen.

Source: Splunk REST API Reference, "Search endpoints"; the calls of the servers' sources.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape, quoteattr

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.siem.certificate import Certificate, make_certificate
from tests.siem.faulty import Switch, Wire
from tests.siem.searchhead import Message, Reply, Row, SearchHead

USER, PASSWORD = "tejun", "stand-in-password"
SESSION = "stand-in-session-key"
VERSION = "9.4.1"
_OWNED = {"app": "search", "owner": "tejun", "sharing": "global", "modifiable": "1"}
ATOM = 'xmlns="http://www.w3.org/2005/Atom" xmlns:s="http://dev.splunk.com/ns/rest"'


@dataclass
class Job:
    """One search job."""

    sid: str
    search: str
    reply: Reply
    arguments: Mapping[str, str]


@dataclass
class Splunkd:
    """The jobs of one splunkd, and what it was asked."""

    head: SearchHead
    switch: Switch
    jobs: dict[str, Job] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        path = "/" + request.path_params["path"]
        given = dict(request.query_params) | dict(
            parse_qsl((await request.body()).decode(), keep_blank_values=True)
        )
        parts = [part for part in path.split("/") if part]
        parts = parts[3:] if parts[:1] == ["servicesNS"] else parts[1:]
        name = "/".join("SID" if part in self.jobs else part for part in parts)
        self.calls.append(f"{request.method} {name}")
        if name == "auth/login":
            return self._login(given)
        if request.headers.get("authorization") not in {f"Splunk {SESSION}", f"Bearer {SESSION}"}:
            return _told(401, [("WARN", "call not properly authenticated")], given)
        return await self._answer(request.method, [part for part in parts if part != "v2"], given)

    def _login(self, given: Mapping[str, str]) -> Response:
        if (given.get("username"), given.get("password")) != (USER, PASSWORD):
            return _told(401, [("WARN", "Login failed")], {})
        return _xml(f"<response><sessionKey>{SESSION}</sessionKey></response>")

    async def _answer(self, method: str, parts: list[str], given: Mapping[str, str]) -> Response:
        match [method, *parts]:
            case ["GET", "server", "info"]:
                return _xml(_feed({"version": VERSION, "serverName": "sh1", "product_type": "enterprise"}))
            case ["GET", "authentication", "current-context"]:
                return _xml(_feed({"username": USER, "tz": self.head.zone}))
            case ["GET", "authentication", "users", *_]:
                return _xml(_feed({"realname": "Tejun", "tz": self.head.zone, "type": "Splunk"}, title=USER))
            case ["POST", "search", "jobs"]:
                return await self._create(given)
            case ["POST", "search", "jobs", "oneshot"]:
                return await self._create({**given, "exec_mode": "oneshot"})
            case ["GET", "search", "jobs", sid] if sid in self.jobs:
                return _xml(f'<?xml version="1.0"?>{_entry(sid, self._content(self.jobs[sid]))}')
            case ["GET" | "POST", "search", "jobs", sid, "results"] if sid in self.jobs:
                return await self._results(self.jobs[sid], given)
            case ["POST", "search", "jobs", sid, "control"] if sid in self.jobs:
                return _told(200, [("INFO", f"Search job {given.get('action', '')} done.")], {})
        return _told(404, [("FATAL", f"Not Found: {'/'.join(parts)}")], given)

    async def _create(self, given: Mapping[str, str]) -> Response:
        search = given.get("search", "")
        if not search.startswith(("search ", "|")):
            return _told(400, [("FATAL", f"Unknown search command '{search.split(' ')[0]}'.")], given)
        earliest, latest = given.get("earliest_time", "0"), given.get("latest_time", "now")
        reply = await asyncio.to_thread(self.switch.searched, self.head, search, earliest, latest)
        await asyncio.sleep(reply.delay_s)
        if reply.http >= 400:
            return _told(reply.http, list(reply.messages), given, reply.headers)
        sid = f"1795.{next(self._numbers)}"
        job = Job(sid, search, reply, given)
        if given.get("exec_mode") == "oneshot":
            return await self._results(job, given)
        self.jobs[sid] = job
        if given.get("output_mode") == "json":
            return Response(json.dumps({"sid": sid}), status_code=201, media_type="application/json")
        return _xml(f"<response><sid>{sid}</sid></response>", 201)

    def _content(self, job: Job) -> dict[str, str]:
        reply = job.reply
        return {
            "dispatchState": reply.state,
            "isDone": "0" if reply.state == "RUNNING" else "1",
            "isFailed": "1" if reply.failed else "0",
            "isFinalized": "1" if reply.state == "FINALIZED" else "0",
            "doneProgress": "1.00000",
            "resultCount": str(len(reply.rows)),
            "eventCount": str(reply.events),
            "scanCount": str(reply.scanned),
            "runDuration": "0.100",
            "diskUsage": "49152",
            "sid": job.sid,
        }

    async def _results(self, job: Job, given: Mapping[str, str]) -> Response:
        offset, count = int(given.get("offset", 0)), int(given.get("count", 100))
        rows = job.reply.rows[offset : offset + count if count else None]
        as_json = given.get("output_mode") == "json"
        body = (_json_rows if as_json else _xml_rows)(rows, job.reply, offset)
        kind = "application/json" if as_json else "text/xml"
        fault = self.switch.strike(job.search, "wire")
        wire = fault.wire() if fault and fault.wire else Wire()
        await asyncio.sleep(wire.delay_s)
        if wire.status != 200:
            return _told(wire.status, [("FATAL", "stand-in")], given, wire.headers)
        sent = wire.body if wire.body is not None else body.encode("utf-8", "surrogatepass")
        if wire.keep < 1:
            headers = {"content-length": str(len(sent))}
            return StreamingResponse(_broken(sent, wire.keep), media_type=kind, headers=headers)
        return Response(sent, media_type=kind)


async def _broken(body: bytes, keep: float) -> AsyncIterator[bytes]:
    yield body[: int(len(body) * keep)]
    raise ConnectionResetError("stand-in: the connection breaks here")


def _xml(body: str, status: int = 200) -> Response:
    return Response(body, status_code=status, media_type="text/xml")


def _told(
    status: int, messages: list[Message], given: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> Response:
    """Return messages alone, in the form that was asked for."""
    if given.get("output_mode") == "json":
        body = json.dumps({"messages": [{"type": kind, "text": text} for kind, text in messages]})
        return Response(body, status_code=status, media_type="application/json", headers=dict(headers or {}))
    response = _xml(f"<response>{_messages(messages)}</response>", status)
    response.headers.update(headers or {})
    return response


def _messages(messages: tuple[Message, ...] | list[Message]) -> str:
    told = "".join(f'<msg type="{kind}">{escape(text)}</msg>' for kind, text in messages)
    return f"<messages>{told}</messages>"


def _entry(title: str, content: Mapping[str, str]) -> str:
    owned = "".join(f'<s:key name="{name}">{text}</s:key>' for name, text in _OWNED.items())
    acl = f'<s:key name="eai:acl"><s:dict>{owned}</s:dict></s:key>'
    keys = "".join(f"<s:key name={quoteattr(name)}>{escape(text)}</s:key>" for name, text in content.items())
    return (
        f"<entry {ATOM}><title>{escape(title)}</title><id>https://localhost/{escape(title)}</id>"
        f'<content type="text/xml"><s:dict>{keys}{acl}</s:dict></content></entry>'
    )


def _feed(content: Mapping[str, str], title: str = "server-info") -> str:
    return f'<?xml version="1.0"?><feed {ATOM}><title>{title}</title>{_entry(title, content)}</feed>'


def _json_rows(rows: tuple[Row, ...], reply: Reply, offset: int) -> str:
    shown: dict[str, Any] = {
        "preview": reply.preview,
        "init_offset": offset,
        "messages": [{"type": kind, "text": text} for kind, text in reply.messages],
        "fields": [{"name": name} for name in reply.fields],
        "results": list(rows),
        "highlighted": {},
    }
    return json.dumps(shown)


def _xml_rows(rows: tuple[Row, ...], reply: Reply, offset: int) -> str:
    order = "".join(f"<field>{escape(name)}</field>" for name in reply.fields)
    body = "".join(_xml_row(row, number) for number, row in enumerate(rows, offset))
    preview = int(reply.preview)
    return (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<results preview='{preview}'>\n"
        f"<meta><fieldOrder>{order}</fieldOrder></meta>\n{_messages(reply.messages)}\n{body}</results>"
    )


def _xml_row(row: Row, number: int) -> str:
    fields = "".join(
        f"<field k={quoteattr(name)}>{_xml_values(name, value)}</field>\n" for name, value in row.items()
    )
    return f"<result offset='{number}'>\n{fields}</result>\n"


def _xml_values(name: str, value: Any) -> str:
    parts = value if isinstance(value, list) else [value]
    if name == "_raw":
        return f"<v xml:space='preserve' trunc='0'>{_legal(str(parts[0]))}</v>"
    return "".join(f"<value><text>{_legal(str(part))}</text></value>" for part in parts)


def _legal(text: str) -> str:
    """Return text as XML may hold it; what it may not hold is left out, as splunkd does."""
    return escape(
        "".join(
            char for char in text if char in "\t\n\r" or (char >= " " and not 0xD800 <= ord(char) < 0xE000)
        )
    )


@dataclass(frozen=True)
class Listening:
    """A splunkd that answers on this machine."""

    port: int
    certificate: Certificate
    splunkd: Splunkd

    def environment(self, *, trusted: bool = True) -> dict[str, str]:
        """Return the variables that tell an MCP server where it is."""
        told = {
            "SPLUNK_HOST": "localhost",
            "SPLUNK_PORT": str(self.port),
            "SPLUNK_USERNAME": USER,
            "SPLUNK_PASSWORD": PASSWORD,
            "SPLUNK_SCHEME": "https",
            "SPLUNK_VERIFY_SSL": "true",
            "SPLUNK_CONNECT_RETRY_COUNT": "1",
        }
        return told | ({"SSL_CERT_FILE": str(self.certificate.ca)} if trusted else {})


@contextmanager
def splunkd_over(head: SearchHead, switch: Switch, folder: Path) -> Iterator[Listening]:
    """Serve a splunkd over TLS on loopback for the length of a block."""
    certificate = make_certificate(folder)
    splunkd = Splunkd(head, switch)
    application = Starlette(
        routes=[Route("/{path:path}", splunkd.__call__, methods=["GET", "POST", "DELETE"])]
    )
    config = uvicorn.Config(
        application, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ws="none",
        ssl_certfile=str(certificate.chain), ssl_keyfile=str(certificate.key), timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("splunkd's stand-in did not start")
        threading.Event().wait(0.02)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Listening(port, certificate, splunkd)
    finally:
        server.should_exit = True
        thread.join(timeout=10)
