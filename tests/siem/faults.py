"""The ways to fail: at splunkd, in the server's answer, on the wire. Each is one row of the matrix."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.siem.faulty import Fault, Payload, Shape, Wire
from tests.siem.searchhead import ALL, Asked, Message, Reply, Row, SearchHead

PEER = "Search results might be incomplete: the search process on the peer idx3 ended prematurely."
QUOTA = "The maximum disk usage quota for this user has been reached."
CONCURRENT = "The maximum number of concurrent historical searches for this user has been reached."
FINALIZED = "Search auto-finalized after time limit (30 seconds) reached."
BROKEN = "Error in 'lookup' command: Could not construct lookup 'hosts'."
ELSEWHERE = "Could not load lookup=LOOKUP-unrelated for an event that this search does not read."

OFFICIAL = frozenset({"official-1.2", "official-2.x", "official-0.2.2"})
FOR_SPLUNK = frozenset({"mcp-for-splunk-0.6.10", "mcp-for-splunk-0.6.13"})
BARE = frozenset({"livehybrid"})
STDIO = frozenset({"mcp-server-splunk-0.3.0"})
SSE = frozenset({"splunk-mcp-server2", "livehybrid"})
OBJECTS = OFFICIAL | FOR_SPLUNK | STDIO | frozenset({"splunk-mcp-server2"})
HTTP = OFFICIAL | FOR_SPLUNK
PAGED = frozenset({"mcp-for-splunk-0.6.13"})
MUTE = FOR_SPLUNK | STDIO | SSE
"""Servers that never pass Splunk's messages on."""

BUT_COMPLETENESS = frozenset({"query", "drill_down", "total", "baseline", "again"})
"""What searches are for that do not watch the sources: their silence does not tell of the fault."""

AtSplunkd = Callable[[SearchHead, Asked, Reply], Reply]
InAnswer = Callable[[Shape, Payload, Payload], Any]


def empty(*messages: Message, state: str = "DONE") -> AtSplunkd:
    """No row at all, with messages."""
    return lambda head, asked, reply: replace(reply, rows=(), messages=messages, state=state)


def blinded(*messages: Message, state: str = "DONE") -> AtSplunkd:
    """The search ran to its end over no event."""
    return lambda head, asked, reply: replace(head.run(asked, blind=True), messages=messages, state=state)


def beside(*messages: Message) -> AtSplunkd:
    """The rows are whole, and messages came with them."""
    return lambda head, asked, reply: replace(reply, messages=messages)


def refused(status: int, told: str, **headers: str) -> AtSplunkd:
    """Splunkd did not take the search."""
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda head, asked, reply: Reply(http=status, messages=(("FATAL", told),), headers=shown)


def delayed(seconds: float) -> AtSplunkd:
    """The reply is right, and late."""
    return lambda head, asked, reply: replace(reply, delay_s=seconds)


def elsewhen(head: SearchHead, asked: Asked, reply: Reply) -> Reply:
    """The role may search the last minute of any window only."""
    return head.run(replace(asked, earliest=str(float(asked.latest) - 60)))


def late(head: SearchHead, asked: Asked, reply: Reply) -> Reply:
    """The events arrive after the first time that a search runs."""
    return reply if asked.seen_before else head.run(asked, blind=True)


def rows_of(shape: Shape, answer: Payload) -> list[Row]:
    """Return the rows of an answer; none when it has none."""
    found = answer.get(shape.rows or "results")
    return found if isinstance(found, list) else []


def with_rows(change: Callable[[list[Row]], Any], *, totals: bool = True) -> InAnswer:
    """Change the rows, and by default whatever tells how many there are."""

    def spoil(shape: Shape, arguments: Payload, answer: Payload) -> Payload:
        key = shape.rows or "results"
        if not isinstance(answer.get(key), list):
            return answer
        rows = change(answer[key])
        told: Payload = {}
        if totals and isinstance(rows, list):
            counts = (
                "total_rows",
                "total",
                "total_available",
                "results_count",
                "count",
                "event_count",
                "result_count",
            )
            told = {name: len(rows) for name in counts if name in answer}
            told |= {name: False for name in ("truncated", "has_more") if name in answer}
            told |= {"next_offset": None} if "next_offset" in answer else {}
        return {**answer, key: rows, **told}

    return spoil


def with_keys(**keys: Any) -> InAnswer:
    """Add keys beside the rows, which stay."""
    return lambda shape, arguments, answer: {**answer, **keys}


def instead(**keys: Any) -> InAnswer:
    """No rows, and keys that say why."""
    return lambda shape, arguments, answer: {**answer, **(answer and {shape.rows or "results": []}), **keys}


def emptied(shape: Shape, arguments: Payload, answer: Payload) -> Payload:
    """No rows, though the total still says that there are some."""
    rows = rows_of(shape, answer)
    return {**answer, shape.rows or "results": [], shape.total or "total_rows": max(len(rows), 1)}


def other_nonce(rows: list[Row]) -> list[Row]:
    """Return the rows with another random name in the last of them."""
    names = {name.removesuffix("_tz") for name in rows[-1] if name.endswith("_tz")} if rows else set()

    def changed(name: str) -> str:
        return next((name.replace(own, own[::-1]) for own in names if name.startswith(own)), name)

    return [*rows[:-1], *({changed(name): value for name, value in row.items()} for row in rows[-1:])]


def without_first_column(rows: list[Row]) -> list[Row]:
    """Return the rows, the last excepted, without the first of their columns."""
    return [*(dict(list(row.items())[1:]) for row in rows[:-1]), *rows[-1:]]


def many(rows: list[Row]) -> list[Row]:
    """Return two hundred thousand rows."""
    return [{"n": str(number), "filler": "x" * 40} for number in range(200_000)] + rows[-1:]


def numbered(rows: list[Row]) -> list[Row]:
    """Return the rows with numbers where text looks like one."""

    def number(value: Any) -> Any:
        return int(value) if isinstance(value, str) and re.fullmatch(r"[1-9]\d{0,8}", value) else value

    return [{name: number(value) for name, value in row.items()} for row in rows]


def wire(**what: Any) -> Callable[[], Wire]:
    """Return what the transport does."""
    return lambda: Wire(**what)


def _splunkd() -> list[Fault]:
    fatal, warn = ("FATAL", BROKEN), ("WARN", PEER)
    return [
        Fault("fatal, no row", "failed", "Splunk says FATAL and sends no row", splunk=empty(fatal)),
        Fault("fatal, all but completeness", "failed", "as above, completeness answered", splunk=empty(fatal),
              purposes=BUT_COMPLETENESS),
        Fault("fatal, drill-downs only", "failed", "as above", splunk=empty(fatal), purposes=frozenset({"drill_down"})),
        Fault("fatal, baseline only", "failed", "as above", splunk=empty(fatal), purposes=frozenset({"baseline"})),
        Fault("error, no row", "failed", "Splunk says ERROR and sends no row", splunk=empty(("ERROR", BROKEN))),
        Fault("job failed", "failed", "the job ends as FAILED", splunk=empty(fatal, state="FAILED")),
        Fault("peer lost, its events missing", "blind", "a peer ended prematurely", splunk=blinded(warn), unknowable=MUTE),
        Fault("peer lost, no row", "blind", "a peer ended prematurely, no row came", splunk=empty(warn)),
        Fault("peer lost, rows whole", "told", "a peer ended prematurely after it had sent all", splunk=beside(warn)),
        Fault("disk quota", "failed", "the user's disk quota is used up", splunk=empty(("WARN", QUOTA))),
        Fault("finalized early", "blind", "the search was ended before it had read", splunk=blinded(("WARN", FINALIZED), state="FINALIZED"), unknowable=MUTE),
        Fault("too many searches", "failed", "503 and the quota's words", splunk=refused(503, CONCURRENT)),
        Fault("splunkd 401", "failed", "the session is not valid", splunk=refused(401, "call not properly authenticated")),
        Fault("splunkd 403", "failed", "the user may not search", splunk=refused(403, "insufficient permission")),
        Fault("splunkd 429", "failed", "too many requests", splunk=refused(429, "Too many requests", Retry_After="30")),
        Fault("splunkd 500", "failed", "splunkd failed", splunk=refused(500, "Internal Server Error")),
        Fault("splunkd 503", "failed", "splunkd is down", splunk=refused(503, "Service Unavailable")),
        Fault("splunkd 503 once", "harmless", "splunkd was busy once", splunk=refused(503, "Service Unavailable"), once=True, only=OFFICIAL),
        Fault("macro missing", "failed", "a macro that Splunk does not know", splunk=refused(400, "Error in 'SearchParser': The search specifies a macro 'x' that cannot be found.")),
        Fault("index without permission", "blind", "the index gives nothing, silently", splunk=blinded()),
        Fault("window cut by the role", "blind", "only the last minute was searched", splunk=elsewhen),
        Fault("late events", "blind", "the events came after the first search", splunk=late, purposes=frozenset({"query"})),
        Fault("slow but finished", "harmless", "the answer takes 0.2 s", splunk=delayed(0.2)),
        Fault("hang", "failed", "no answer", splunk=delayed(20), hangs=True),
        Fault("warning about something else", "harmless", "a WARN that has nothing to do with it", splunk=beside(("WARN", ELSEWHERE))),
        Fault("info message", "harmless", "an INFO beside the rows", splunk=beside(("INFO", "Your timerange was substituted based on your search string"))),
        Fault("add-on lost", "blind", "no field is extracted any more", head={"lost": ALL}),
        Fault("field renamed", "blind", "one field has another name", head={"lost": frozenset({"user", "src_ip", "TargetUserName", "userIdentity.arn", "clientip", "signature"})}),
        Fault("zone of the user", "told", "the SIEM's user reads clock times in New York", head={"zone": "America/New_York"}),
        Fault("clock of the server", "harmless", "the server's clock is three hours ahead", head={"ahead_s": 10_800.0}),
    ]  # fmt: skip


def _answers() -> list[Fault]:
    half, fatal = (lambda rows: rows[: len(rows) // 2]), [{"type": "FATAL", "text": BROKEN}]
    return [
        Fault("status error", "failed", "a success that says error", answer=instead(status="error", error="boom"), only=OBJECTS),
        Fault("success false", "failed", "a success that says it was none", answer=instead(success=False, error="boom"), only=OBJECTS),
        Fault("error beside no rows", "failed", "an error text", answer=instead(error="boom"), only=OBJECTS),
        Fault("not done", "failed", "the job still runs", answer=instead(is_done=False), only=OBJECTS),
        Fault("not executed", "failed", "the search was not run", answer=instead(search_executed=False, data_returned=None), only=OBJECTS),
        Fault("dispatch state failed", "failed", "the job's state is beside the rows", answer=instead(dispatchState="FAILED"), only=OBJECTS),
        Fault("fatal message in the answer", "failed", "FATAL in messages, total 0", answer=instead(messages=fatal, total_rows=0), only=OBJECTS),
        Fault("error message in the answer", "failed", "ERROR in messages, total 0", answer=instead(messages=[{"type": "ERROR", "text": BROKEN}]), only=OBJECTS),
        Fault("peer message in the answer", "failed", "WARN about a peer in messages", answer=instead(messages=[{"type": "WARN", "text": PEER}]), only=OBJECTS),
        Fault("partial", "failed", "the answer calls itself partial", answer=with_keys(isPartial=True, is_partial=True), only=OBJECTS),
        Fault("preview", "cut", "the rows are a preview", answer=lambda shape, arguments, answer: {**with_rows(half)(shape, arguments, answer), "is_preview": True}, only=OBJECTS),
        Fault("rows missing, total not", "cut", "no rows, total above zero", answer=emptied, only=OFFICIAL | PAGED | frozenset({"splunk-mcp-server2"})),
        Fault("refusal as a success", "failed", "Forbidden command found", answer=lambda shape, arguments, answer: {"status_code": 400, "content": "Forbidden command found: stats"}, only=OBJECTS),
        Fault("unknown shape", "failed", "keys that nobody knows", answer=lambda shape, arguments, answer: {"payload": {"hits": 0}}),
        Fault("rows are no list", "failed", "an object of rows", answer=with_rows(lambda rows: {"rows": rows}), only=OBJECTS),
        Fault("rows are null", "failed", "null in place of rows", answer=with_rows(lambda rows: None), only=OBJECTS),
        Fault("rows are lists", "failed", "rows without names", answer=with_rows(lambda rows: [list(row.values()) for row in rows])),
        Fault("no rows at all", "failed", "an empty list in place of the rows", answer=with_rows(lambda rows: [])),
        Fault("page cut", "cut", "half of the rows, no sign of it", answer=with_rows(half)),
        Fault("last row cut", "cut", "one row too few, as head or a limit leaves it", answer=with_rows(lambda rows: rows[:-1])),
        Fault("first rows lost", "cut", "the rows lost at the front", answer=with_rows(lambda rows: rows[-1:])),
        Fault("duplicate rows", "blind", "each row twice", answer=with_rows(lambda rows: [row for row in rows for _ in range(2)])),
        Fault("last row twice", "failed", "the last row twice", answer=with_rows(lambda rows: rows + rows[-1:])),
        Fault("answer to another search", "failed", "rows that count another search's rows", answer=with_rows(other_nonce)),
        Fault("key column lost", "blind", "the first column is missing", answer=with_rows(without_first_column)),
        Fault("echo of another query", "failed", "the answer names another search", answer=with_keys(query="index=other | stats count", query_executed="search index=other | stats count"), only=OBJECTS),
        Fault("echo of another window", "failed", "the answer names another window", answer=with_keys(earliest=0, latest=1, search_params={"earliest_time": "0", "latest_time": "1"}, stats={"earliest_time": "0", "latest_time": "1"}), only=OBJECTS),
        Fault("two hundred thousand rows", "told", "far more rows than were asked for", answer=with_rows(many), purposes=frozenset({"query"}), only=frozenset({"mcp-server-splunk-0.3.0", "splunk-mcp-server2", "mcp-for-splunk-0.6.10"})),
        Fault("lone surrogate", "told", "a value that is no Unicode", answer=with_rows(lambda rows: [{**row, "zz_note": "a\ud800b"} for row in rows[:-1]] + rows[-1:], totals=False)),
        Fault("nested values", "told", "an object in place of a value", answer=with_rows(lambda rows: [{name: {"v": value} for name, value in row.items()} for row in rows[:-1]] + rows[-1:], totals=False)),
        Fault("numbers as numbers", "harmless", "numbers where Splunk sends text", answer=with_rows(numbered, totals=False)),
        Fault("null and internal fields", "harmless", "null values and Splunk's own fields", answer=with_rows(lambda rows: [{**row, "_serial": "0", "zz_null": None} for row in rows[:-1]] + rows[-1:], totals=False)),
    ]  # fmt: skip


def _told() -> list[Fault]:
    """Return faults in which a proven answer over no event says itself that it is none; only those words tell."""
    blind, rest = blinded(), BUT_COMPLETENESS
    peer = [{"type": "WARN", "text": PEER}]
    return [
        Fault("blind, peers in messages", "blind", "a whole answer over no event; its messages tell", splunk=blind, answer=with_keys(messages=peer), only=OBJECTS, purposes=rest),
        Fault("blind, still running", "blind", "a whole answer over no event; is_done tells", splunk=blind, answer=with_keys(is_done=False), only=OBJECTS, purposes=rest),
        Fault("blind, a preview", "blind", "a whole answer over no event; is_preview tells", splunk=blind, answer=with_keys(is_preview=True), only=OBJECTS, purposes=rest),
        Fault("blind, another query", "blind", "a whole answer over no event; the echoed query tells", splunk=blind, answer=with_keys(query="index=os host=other"), only=OBJECTS, purposes=rest),
        Fault("window cut, all but completeness", "blind", "the last minute only, where the sources are not watched", splunk=elsewhen, purposes=rest),
        Fault("rows lost, all but completeness", "cut", "no row, not even the counting one", answer=with_rows(lambda rows: []), purposes=rest),
        Fault("all but the count lost", "cut", "the counting row alone", answer=with_rows(lambda rows: rows[-1:]), purposes=rest),
        Fault("peer lost, all but completeness", "blind", "Splunk tells of the peer, where a row is missing", splunk=blinded(("WARN", PEER)), purposes=rest, unknowable=MUTE),
        Fault("pages of ten", "harmless", "more pages than usual", head={"page": 10}, only=PAGED),
    ]  # fmt: skip


def _wires() -> list[Fault]:
    login = b"<!doctype html><title>Sign in</title>"
    return [
        Fault("mcp 401", "failed", "the token is not accepted", wire=wire(status=401), only=HTTP),
        Fault("mcp 401 once", "harmless", "the token was being renewed", wire=wire(status=401), once=True, only=HTTP),
        Fault("mcp 403", "failed", "a proxy refuses", wire=wire(status=403), only=HTTP),
        Fault("mcp 429", "failed", "the server's rate limit", wire=wire(status=429, headers={"retry-after": "30"}), only=HTTP),
        Fault("mcp 429 once", "harmless", "one request too many", wire=wire(status=429, headers={"retry-after": "0"}), once=True, only=HTTP),
        Fault("mcp 500", "failed", "the server failed", wire=wire(status=500), only=HTTP | SSE),
        Fault("mcp 503", "failed", "the server is down", wire=wire(status=503), only=HTTP | SSE),
        Fault("mcp 503 once", "harmless", "the server was busy once", wire=wire(status=503), once=True, only=HTTP),
        Fault("page of a login", "failed", "HTML with status 200", wire=wire(body=login, headers={"content-type": "text/html"}), only=HTTP),
        Fault("empty body", "failed", "200 without a body", wire=wire(body=b" "), only=HTTP),
        Fault("cut JSON", "failed", "half of the answer, whole as a message", wire=wire(body=b'{"jsonrpc": "2.0", "id": 1, "result": {"content": [')),
        Fault("broken off", "failed", "the connection breaks in the answer", wire=wire(keep=0.5)),
        Fault("broken off once", "harmless", "the connection broke once", wire=wire(keep=0.5), once=True),
        Fault("session lost", "failed", "the server ends the session with each search", wire=wire(forget_session=True), only=SSE | STDIO),
        Fault("wire hangs", "failed", "no byte of an answer", wire=wire(delay_s=20), hangs=True),
    ]  # fmt: skip


FAULTS: tuple[Fault, ...] = (*_splunkd(), *_answers(), *_told(), *_wires())
"""All faults, in the order of the table."""
