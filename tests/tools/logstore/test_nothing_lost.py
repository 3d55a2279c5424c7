"""Whatever bytes a file holds: its lines are events or set aside, counted by a reading of its own, and nothing is raised."""

from __future__ import annotations

import io
import json
import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.logstore.building import Defaults
from tools.logstore.events import Event
from tools.logstore.lines import Reject
from tools.logstore.readers import Read, read_events

FIRST = {
    "linux_secure": b"Mar 27 13:06:56 h sshd[1]: x",
    "access_combined": b'192.0.2.1 - - [17/May/2015:10:05:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-"',
    "key_value": b"time=1600000000 a=b",
    "json": b'{"timestamp":1600000000}',
    "aws:cloudtrail": b'{"eventTime":"2023-07-10T11:42:18Z"}',
    "ready": b'{"_time":1600000000,"index":"i","sourcetype":"s","_raw":"r","a":"b"}',
    "ready linux_secure": json.dumps(
        {"_time": 1, "index": "i", "sourcetype": "linux_secure", "_raw": "Mar 27 13:06:56 h su: x"}
    ).encode(),
    "csv": b"time,a",
    "export": b"_time,_raw,index,sourcetype",
    "XmlWinEventLog": b"<Event><System><EventID>1</EventID><TimeCreated SystemTime='2020-01-01T00:00:00Z'/></System></Event>",
}
"""A sound first line for each reader."""

SPLICED = [
    b"\xff",
    b"\0",
    b"\\ud800",
    b"\\",
    b'"',
    b"{",
    b"[" * 150,
    b"NaN",
    b"9" * 25,
    b"<",
    b"&#0;",
    b"\xed\xa0\x80",
    b"\r",
]


def read(data: bytes, kind: str) -> list[Read]:
    sourcetype = None if kind.startswith("ready") or kind == "export" else kind
    stream = io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]
    return list(read_events(stream, Defaults("i", sourcetype, None, "x", 1.6e9)))


def spoiled(first: bytes) -> st.SearchStrategy[bytes]:
    """Lines that are the sound one with something broken somewhere, or any bytes."""
    splice = st.builds(
        lambda at, part: first[: at % (len(first) + 1)] + part + first[at % (len(first) + 1) :],
        st.integers(0, 400),
        st.sampled_from(SPLICED),
    )
    cut = st.builds(lambda at: first[: at % len(first)], st.integers(1, 400))
    return st.one_of(
        st.just(first), splice, splice, cut, st.binary(max_size=30).map(lambda line: line.replace(b"\n", b""))
    )


def counted(reads: list[Read]) -> int:
    return sum(one.num_rows if isinstance(one, pa.Table) else 1 for one in reads)


@pytest.mark.parametrize("kind", sorted(set(FIRST) - {"csv", "export", "XmlWinEventLog"}))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_line_is_one_event_or_one_line_aside(kind: str, data: st.DataObject) -> None:
    lines = [FIRST[kind], *data.draw(st.lists(spoiled(FIRST[kind]), max_size=6))]
    reads = read(b"\n".join(lines), kind)
    blank = re.compile(rb"[\s]*")
    assert counted(reads) == sum(not blank.fullmatch(line) for line in lines)


@pytest.mark.parametrize("kind", ["csv", "export", "XmlWinEventLog"])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_no_byte_vanishes_where_a_row_may_span_lines(kind: str, data: st.DataObject) -> None:
    row = b"1600000000,x" if kind == "csv" else b"1600000000,x,i,s"
    sound = FIRST[kind] if kind == "XmlWinEventLog" else row
    lines = data.draw(st.lists(spoiled(sound), max_size=6))
    whole = b"\n".join([FIRST[kind], *lines])
    kept = sorted(b"".join(map(bytes_of, read(whole, kind))))
    for byte in set(b"0123456789") | {0xFF, 0x22}:
        lost = FIRST[kind].count(byte) if kind == "csv" else 0
        if kind != "export":
            assert kept.count(byte) >= whole.count(byte) - lost


def bytes_of(read: Read) -> bytes:
    """Return what was read as bytes, broken ones as themselves."""
    assert not isinstance(read, pa.Table)
    if isinstance(read, Reject):
        return read.data
    assert isinstance(read, Event)
    return re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), read.raw.encode())
