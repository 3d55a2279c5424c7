"""An event with broken bytes is kept, what is broken shown and flagged, whichever reader takes it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.logstore.building import Defaults
from tools.logstore.events import Event
from tools.logstore.flaws import FIELD, text_of
from tools.logstore.json_values import DEEPEST, read_json
from tools.logstore.lines import Reject
from tools.logstore.readers import read_events
from tools.logstore.store import LogStore

UTC = ZoneInfo("UTC")
SSH = b"Mar 27 13:06:56 h sshd[1]: Failed password for invalid user %s from 192.0.2.7 port 22 ssh2"
XML = (
    b"<Event><System><Provider Name='p'/><EventID>4625</EventID><TimeCreated SystemTime='2020-09-13T12:26:40Z'/>"
    b"<Channel>Security</Channel></System><EventData><Data Name='u'>%s</Data><Data Name='k'>v</Data></EventData></Event>"
)
READY = b'{"_time":1600000000,"index":"i","sourcetype":"other","_raw":"r","u":%s,"k":"v"}'
JSON = b'{"timestamp":1600000000,"u":%s,"k":"v"}'


def read(data: bytes, sourcetype: str | None) -> tuple[list[Event], list[Reject]]:
    """Return what one file holds; a table of ready events counts as its rows."""
    stream = io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]
    events: list[Event] = []
    rejects: list[Reject] = []
    for part in read_events(stream, Defaults("i", sourcetype, None, "x", 1.6e9)):
        if isinstance(part, pa.Table):
            events += [Event(row["_time"], row["_raw"], "", "", "", "", row) for row in part.to_pylist()]
        else:
            (events if isinstance(part, Event) else rejects).append(part)  # type: ignore[arg-type]
    return events, rejects


TEXTS = {
    "byte": (b"a\xffb", "a\\xffb", "bytes"),
    "cut character": (b"a\xe3\x81", "a\\xe3\\x81", "bytes"),
    "NUL": (b"a\0b", "a\\x00b", "control"),
    "escape sequence": (b"\x1b[2Jb", "\\x1b[2Jb", "control"),
}
JSON_VALUES = {
    **{name: (b'"%s"' % value, shown, flaw) for name, (value, shown, flaw) in TEXTS.items()},
    "half a pair": (b'"a\\ud800"', "a\\ud800", "bytes"),
    "NaN": (b"NaN", "NaN", "number"),
    "infinite": (b"-Infinity", "-Infinity", "number"),
    "too large": (b"1e999", "1e999", "number"),
    "long number": (b"7" * 5000, "7" * 5000, "number"),
    "21 digits": (b"123456789012345678901", "123456789012345678901", "number"),
    "twice": (b'"a","u":"b"', ["a", "b"], "repeated"),
    "no such escape": (b'"C:\\Users"', "C:\\Users", "escape"),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    ("sourcetype", "line", "field", "around"),
    [
        ("linux_secure", SSH + b"\n", "user", {"src_ip": "192.0.2.7", "action": "failure", "src_port": "22"}),
        ("key_value", b"time=1600000000 u=%s k=v\n", "u", {"k": "v"}),
        ("csv", b"time,u,k\n1600000000,%s,v\n", "u", {"k": "v"}),
        ("csv", b'time,u,k\n1600000000,"%s",v\n', "u", {"k": "v"}),
        ("XmlWinEventLog", XML, "u", {"k": "v", "EventCode": "4625"}),
    ],
    ids=["line", "key_value", "csv", "quoted csv", "xml"],
)
def test_a_broken_text_is_shown_and_its_event_flagged(
    sourcetype: str, line: bytes, field: str, around: dict[str, str], name: str
) -> None:
    value, shown, flaw = TEXTS[name]
    (event,), rejects = read(line.replace(b"%s", value), sourcetype)
    assert not rejects
    assert (event.fields[field], event.fields[FIELD]) == (shown, flaw)
    assert shown in event.raw
    assert around.items() <= event.fields.items()


@pytest.mark.parametrize("name", JSON_VALUES)
@pytest.mark.parametrize("way", ["a line", "later line", "ready", "document", "records"])
def test_a_broken_json_value_is_shown_and_its_event_flagged(way: str, name: str) -> None:
    value, shown, flaw = JSON_VALUES[name]
    whole = JSON.replace(b"%s", b'"x"')
    broken = JSON.replace(b"%s", value)
    data, count = {
        "a line": (broken, 1),
        "later line": (whole + b"\n" + broken, 2),
        "ready": (READY.replace(b"%s", b'"x"') + b"\n" + READY.replace(b"%s", value), 2),
        "document": (b"[" + whole + b",\n" + broken + b"]", 2),
        "records": (b'{"Records": [\n' + whole + b",\n" + broken + b"\n]}", 2),
    }[way]
    events, rejects = read(data, "json")
    assert (len(events), rejects) == (count, [])
    assert (events[-1].fields["u"], events[-1].fields[FIELD]) == (shown, flaw)
    assert events[-1].fields["k"] == "v"
    assert all(FIELD not in event.fields for event in events[:-1])


@pytest.mark.parametrize("depth", [DEEPEST + 1, 900, 1030, 100_000])
@pytest.mark.parametrize("bracket", ["[]", '{"a":}'], ids=["lists", "objects"])
@pytest.mark.parametrize("template", [JSON, READY], ids=["json", "ready"])
def test_nesting_beyond_reason_costs_no_field_beside_it(template: bytes, bracket: str, depth: int) -> None:
    opening, closing = bracket[:-1], bracket[-1]
    value = (opening * depth + '"x"' + closing * depth).encode()
    (event,), rejects = read(template.replace(b"%s", value), "json")
    assert not rejects
    assert event.fields["k"] == "v"
    assert event.fields.get(FIELD) in ({"depth"} if depth > 900 else {"depth", None})
    assert any('"x"' in text or text == "x" for text in event.fields.values())


@pytest.mark.parametrize(
    ("sourcetype", "data"),
    [
        ("key_value", b"time=1600000000 _flaw=bytes k=v\n"),
        ("csv", b"time,_flaw,k\n1600000000,bytes,v\n"),
        ("json", b'{"timestamp":1600000000,"_flaw":"bytes","k":"v"}'),
        ("XmlWinEventLog", XML.replace(b"Name='u'", b"Name='_flaw'").replace(b"%s", b"bytes")),
        (None, b'{"_time":1600000000,"index":"i","sourcetype":"o","_raw":"r","k":"v","_flaw":"bytes"}\n'),
        (None, b'_time,_raw,index,sourcetype,k,_flaw\n1600000000,r,i,o,v,"bytes"\n'),
    ],
    ids=["key_value", "csv", "json", "xml", "ready", "export"],
)
def test_no_log_can_forge_a_flaw(sourcetype: str | None, data: bytes) -> None:
    (event,), rejects = read(data, sourcetype)
    assert not rejects
    assert FIELD not in event.fields
    assert (event.fields["extracted__flaw"], event.fields["k"]) == ("bytes", "v")


def test_characters_that_no_xml_may_hold_are_shown(write_evtx: Callable[[Sequence[str]], bytes]) -> None:
    for value, shown in (
        (b"a&#1;b", "a\\x{1}b"),
        (b"a&#xD800;", "a\\x{d800}"),
        ("a\uffff".encode(), "a\\uffff"),
    ):
        (event,), rejects = read(XML.replace(b"%s", value), "XmlWinEventLog")
        assert not rejects
        assert (event.fields["u"], event.fields[FIELD]) == (shown, "control")
    (event,), _ = read(XML.replace(b"%s", b"a&#10;&#x1F600;"), "XmlWinEventLog")
    assert (event.fields["u"], FIELD in event.fields) == ("a\n\U0001f600", False)
    document = XML.decode().replace("%s", "@@")
    data = write_evtx([document, document]).replace("@@".encode("utf-16-le"), "a\x01".encode("utf-16-le"), 1)
    events, rejects = read(recounted(data), "XmlWinEventLog")
    assert [event.fields["k"] for event in events] + [reject.reason for reject in rejects[1:]] == ["v", "v"]
    assert any(FIELD in event.fields for event in events)


def recounted(data: bytes) -> bytes:
    """Return an EVTX file with the checksum of its first chunk made right again."""
    import struct
    from zlib import crc32

    changed = bytearray(data)
    chunk = 4096
    free = struct.unpack_from("<I", changed, chunk + 48)[0]
    struct.pack_into("<I", changed, chunk + 52, crc32(changed[chunk + 512 : chunk + free]))
    head = changed[chunk : chunk + 120] + changed[chunk + 128 : chunk + 512]
    struct.pack_into("<I", changed, chunk + 124, crc32(head))
    return bytes(changed)


def test_xml_nested_beyond_reason_keeps_its_other_fields() -> None:
    (event,), rejects = read(XML.replace(b"%s", b"<a>" * 500 + b"x" + b"</a>" * 500), "XmlWinEventLog")
    assert not rejects
    assert (event.fields["k"], event.fields[FIELD]) == ("v", "depth")


def test_a_cut_document_keeps_what_stood_before_the_cut() -> None:
    whole = json.dumps({"Records": [{"timestamp": 1600000000 + n, "n": n} for n in range(9)]}).encode()
    events, (reject,) = read(whole[:-20], "json")
    assert [event.fields["n"] for event in events] == [str(n) for n in range(8)]
    assert whole.startswith(reject.data[: reject.data.index(b"[") + 1])
    assert reject.data.endswith(b'{"timestamp": 1')


def test_many_failed_logins_with_a_broken_name_are_found_with_all_their_fields(tmp_path: Path) -> None:
    lines = b"\n".join(SSH.replace(b"%s", b"root\xff%d" % number) for number in range(50))
    (tmp_path / "auth.log").write_bytes(lines)
    with LogStore(tmp_path / "s") as store:
        (report,) = store.import_paths(
            [str(tmp_path / "auth.log")], index="os", sourcetype="linux_secure", written_at=1.5e9
        )
        found = store.search(
            "index=os sourcetype=linux_secure action=failure _flaw=bytes | stats count dc(user) AS users BY src_ip",
            earliest=0,
            latest=2e9,
            zone=UTC,
        )
    assert (report.events, report.flagged, report.rejected) == (50, 50, 0)
    assert found.rows == [{"src_ip": "192.0.2.7", "count": 50, "users": 50}]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_whatever_bytes_come_their_text_can_be_stored_and_nothing_of_it_is_alive(data: bytes) -> None:
    text, flaws = text_of(data)
    text.encode()
    assert all(char >= " " or char in "\t\n\r" for char in text)
    try:
        sound = data.decode() == text
    except UnicodeDecodeError:
        sound = False
    assert sound == (not flaws)


KEYS = st.text(alphabet='ab":\\ \x00é', max_size=3)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**18), 10**18),
        st.floats(allow_nan=False, allow_infinity=False),
        KEYS,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_sound_json_has_no_flaw_and_its_own_value(
    value: object, indent: int | None, ascii_only: bool
) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    found, flaws = read_json(data)
    assert (found, flaws) == (json.loads(data), ())


def test_a_number_of_twenty_digits_keeps_each_of_them() -> None:
    for digits in ("18446744073709551615", "-9214364837600034816", "12345678901234567890"):
        found, flaws = read_json(b'{"m": "\\"a\\": 1", "n": %s}' % digits.encode())
        assert (str(found["n"]), flaws) == (digits, ())


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3), KEYS, st.integers(0, 2))
def test_a_name_given_twice_is_never_lost(record: dict[str, object], value: str, depth: int) -> None:
    name = min(record)
    inner = json.dumps(record)[:-1] + f", {json.dumps(name)}: {json.dumps(value)}}}"
    found, flaws = read_json(('{"x": [' * depth + inner + "]}" * depth).encode())
    assert "repeated" in flaws
    for _ in range(depth):
        found = found["x"][0]
    assert list(found[name])[-1] == value
