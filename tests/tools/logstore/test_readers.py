"""What a file holds is read for what it is, damaged or not."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from itertools import dropwhile
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.logstore.building import Defaults
from tools.logstore.events import Event
from tools.logstore.lines import Reject, blocks_of, lines_of, open_plain
from tools.logstore.readers import read_events
from tools.logstore.readers_json import read_objects
from tools.logstore.readers_ready import read_ready

READY = {"_time": 1600000000, "index": "i", "sourcetype": "s", "_raw": "r"}


def read(data: bytes, sourcetype: str | None = "json", **given_by_caller: object) -> list[Event | Reject]:
    defaults = Defaults("i", sourcetype, None, "x", 1.5e9)
    for name, value in given_by_caller.items():
        object.__setattr__(defaults, name, value)
    stream = io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]
    return [one for part in read_events(stream, defaults) for one in one_by_one(part)]


def one_by_one(part: Event | Reject | pa.Table) -> Iterator[Event | Reject]:
    """Yield the events of a table as the reader of single lines would."""
    if not isinstance(part, pa.Table):
        yield part
        return
    for row in part.to_pylist():
        own = [row.pop(name) for name in ("_time", "_raw", "index", "sourcetype", "host", "source")]
        fields = {name: value for name, value in row.items() if value is not None}
        yield Event(*own[:4], own[4] or "", own[5] or "", fields)


def events(reads: list[Event | Reject]) -> list[Event]:
    return [one for one in reads if isinstance(one, Event)]


def rejects(reads: list[Event | Reject]) -> list[Reject]:
    return [one for one in reads if isinstance(one, Reject)]


def ready(**changes: object) -> bytes:
    return json.dumps({**READY, **changes}).encode()


def test_the_torn_last_line_of_a_cut_gzip_file_is_kept() -> None:
    whole = b"".join(b'{"_time": %d, "a": "x%d"}\n' % (1600000000 + n, n) for n in range(1000))
    packed = gzip.compress(whole)
    reads = read(packed[: len(packed) // 2])
    (reject,) = rejects(reads)
    kept = b"".join(event.raw.encode() + b"\n" for event in events(reads)) + reject.data
    assert reject.data
    assert whole.startswith(kept)


@pytest.mark.parametrize(
    "time", [1e300, -1e14, 99999999999999999999, True, None, {}, "0001-01-01", "99999999999.5"]
)
def test_a_time_that_no_calendar_has_is_kept_aside(time: object) -> None:
    reads = read(ready(_time=time))
    assert len(rejects(reads)) == 1 or events(reads)[0].time < 253402214400


@pytest.mark.parametrize("change", [{"_raw": None}, {"index": 7}, {"sourcetype": None}, {"index": ""}])
def test_metadata_that_is_no_text_never_becomes_text(change: dict[str, object]) -> None:
    assert [reject.line for reject in rejects(read(ready(**change)))] == [1]


def test_a_host_that_is_no_text_stays_as_a_field() -> None:
    (event,) = events(read(ready(host=7, source=["a", "b"])))
    assert (event.host, event.source) == ("", "x")
    assert event.fields == {"extracted_host": "7", "extracted_source": ["a", "b"]}


def test_a_damaged_first_line_costs_that_line_only() -> None:
    reads = read(b'{"_time":16000\n' + ready() + b"\n" + ready())
    assert [reject.line for reject in rejects(reads)] == [1]
    assert len(events(reads)) == 2


def test_documents_with_records_may_follow_each_other() -> None:
    one = b'{"Records":[{"eventTime":"2023-07-10T11:42:18Z","gone":null,"on":true}]}\n'
    found = events(read(one + one, "aws:cloudtrail"))
    assert [event.fields for event in found] == [{"eventTime": "2023-07-10T11:42:18Z", "on": "true"}] * 2


def test_a_bad_record_names_its_place_in_the_document() -> None:
    reads = read(b'[{"_time":1600000000},\n{"_time":"bad"},\n5]')
    assert [reject.reason.split(":")[0] for reject in rejects(reads)] == [
        "record 2 of the document",
        "record 3 of the document",
    ]


def test_a_text_line_that_begins_like_json_stays_text() -> None:
    reads = read(b"{odd\nMar 27 13:06:56 h sshd[1]: x\n", "syslog")
    assert [event.host for event in events(reads)] == ["h"]
    assert [reject.data for reject in rejects(reads)] == [b"{odd"]


def test_a_quoted_csv_value_may_span_lines() -> None:
    reads = read(b'time,a,b\n1600000000,"x\n\n1600000001,y",2\n1600000002,1,2\n', "csv")
    assert [event.fields["a"] for event in events(reads)] == ["x\n\n1600000001,y", "1"]
    assert not rejects(reads)


def test_a_quote_that_never_closes_costs_its_line_only() -> None:
    reads = read(b'time,a\n1600000000,"x\n1600000001,y\n1600000002,z\n', "csv")
    assert [reject.line for reject in rejects(reads)] == [2]
    assert [event.fields["a"] for event in events(reads)] == ["y", "z"]


def test_names_of_metadata_in_a_record_are_not_lost() -> None:
    (event,) = events(read(b'{"_time":1600000000,"host":"h1","source":"s1","index":"z"}'))
    assert (event.host, event.index) == ("h1", "i")
    assert event.fields == {"extracted_source": "s1", "extracted_index": "z"}


def test_the_zone_of_clock_times_can_be_given_and_is_reported() -> None:
    line = b"Mar 27 13:06:56 h sshd[1]: x\n"
    (utc,) = events(read(line, "syslog"))
    (tokyo,) = events(read(line, "syslog", zone=ZoneInfo("Asia/Tokyo")))
    assert utc.time - tokyo.time == 9 * 3600


def test_an_object_nested_beyond_reason_is_kept_aside_or_read() -> None:
    data = b'{"_time":1600000000,"a":' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}"
    assert len(read(data)) == 1


VALUES = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["", "2026-01-01", "2026-01-01T00:00:00Z", "1", "\0", "\ud800", "é", "a\nb"]),
    st.none(),
    st.sampled_from([1, 1.5, True, ["x"], ["x", "y"], [], {"b": "c"}, float("nan")]),
)
LINES = st.one_of(
    st.dictionaries(
        st.sampled_from(["a", "b", "host", "source", "_seq", "extracted_host", "名"]), VALUES, max_size=4
    ).map(lambda changes: ready(**changes)),
    st.dictionaries(
        st.sampled_from(["a", "b", "host"]), st.sampled_from(["", "x", "2026-01-01", "\0"]), max_size=3
    ).map(lambda changes: ready(**changes)),
    st.sampled_from([1.5, 1e300, -1e15, "1600000000", "2026-01-01T00:00:00Z", None]).map(
        lambda time: ready(_time=time)
    ),
    st.sampled_from(["index", "sourcetype", "_raw"]).map(lambda name: ready(**{name: ""})),
    st.sampled_from(
        [b"", b"{", b"[1]", b"1", b"\xff", b"{} {}", ready() + ready(), ready() + b"\r", b"{\n}"]
    ),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=6))
def test_a_block_read_at_once_gives_the_events_of_its_lines(lines: list[bytes]) -> None:
    defaults = Defaults("i", None, "h", "x", 1.5e9)
    data = b"\n".join([ready(), *lines]) + b"\n"
    at_once = [one for part in read_ready([(1, data, None)], defaults) for one in one_by_one(part)]
    singly: list[Event | Reject] = []
    single_lines = dropwhile(lambda line: not line[1].strip(), lines_of([(1, data, None)]))
    for one in read_objects(single_lines, defaults):
        assert not isinstance(one, pa.Table)
        singly.append(one)
    assert at_once == singly


def test_plain_events_are_read_at_once_whatever_their_texts_look_like() -> None:
    defaults = Defaults("i", None, None, "x", 1.5e9)
    data = b"\n".join([ready(a="2026-01-01"), ready(a="é", b="2026-01-01T00:00:00Z"), ready(host="h")])
    (table,) = read_ready([(1, data, None)], defaults)
    assert isinstance(table, pa.Table)
    assert table["b"].to_pylist() == [None, "2026-01-01T00:00:00Z", None]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_lines_are_those_of_a_split(data: bytes, packed: bool) -> None:
    stream = io.BufferedReader(io.BytesIO(gzip.compress(data) if packed else b"x" + data))  # type: ignore[arg-type]
    expected = (data if packed else b"x" + data).split(b"\n")
    if not expected[-1]:
        expected.pop()
    found: Iterator[tuple[int, bytes, str | None]] = lines_of(blocks_of(open_plain(stream)))
    assert list(found) == [(n, line.rstrip(b"\r"), None) for n, line in enumerate(expected, 1)]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    b'{"_time":1600000000}',
                    b"{",
                    b"[",
                    b'"',
                    b'1600000000,"a',
                    b'x"',
                    b"\xff",
                    b'{"Records":[1,{}]}',
                    b"null",
                    b"{}",
                ]
            ),
            st.binary(max_size=12).filter(
                lambda line: b"\n" not in line and line[:1] not in {b"\x1f", b"\xef", b"E"}
            ),
        ),
        max_size=10,
    ),
    st.sampled_from(["json", "csv", "syslog", "key_value", "aws:cloudtrail"]),
)
def test_no_bytes_vanish_whatever_the_reader(lines: list[bytes], sourcetype: str) -> None:
    header = [b"time,a"] if sourcetype == "csv" else []
    reads = read(b"\n".join([*header, *lines]), sourcetype)
    kept = b"\n".join(one.raw.encode() if isinstance(one, Event) else one.data for one in reads)
    for line in lines:
        if line.strip() and b"Records" not in line:
            assert line.rstrip(b"\r") in kept


def test_no_row_takes_the_place_of_a_header_that_cannot_be_read() -> None:
    reads = read(b'"time\n1600000000,1\n1600000001,2\n', "csv")
    assert [reject.line for reject in rejects(reads)] == [1, 2, 3]
    assert not events(reads)
