"""Windows events in XML and in EVTX files are read completely, safely, and with their fields."""

from __future__ import annotations

import gzip
import io
import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from zlib import crc32
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.logstore.building import Defaults
from tools.logstore.errors import LogImportError
from tools.logstore.events import Event
from tools.logstore.lines import Reject
from tools.logstore.readers import read_events
from tools.logstore.readers_xml import LONGEST
from tools.logstore.store import LogStore
from tools.logstore.windows_xml import UnreadableXmlError, fields_of_event

WriteEvtx = Callable[[Sequence[str]], bytes]


def event(data: str = "", *, code: int = 1, system: str = "", body: str | None = None) -> str:
    inner = f"<EventData>{data}</EventData>" if body is None else body
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        "<Provider Name='Prov' Guid='{1}'/><EventID Qualifiers='7'>" + str(code) + "</EventID>"
        "<TimeCreated SystemTime='2026-01-02T03:04:05.1234567Z'/><EventRecordID>9</EventRecordID>"
        f"<Correlation/><Channel>Security</Channel><Computer>pc1.example.net</Computer>{system}</System>{inner}</Event>"
    )


def read(data: bytes, sourcetype: str = "XmlWinEventLog") -> tuple[list[Event], list[Reject]]:
    defaults = Defaults("i", sourcetype, None, "x", 1.5e9)
    reads = list(read_events(io.BufferedReader(io.BytesIO(data)), defaults))  # type: ignore[arg-type]
    return [one for one in reads if isinstance(one, Event)], [one for one in reads if isinstance(one, Reject)]


def test_an_event_has_the_fields_of_system_and_of_its_data() -> None:
    ((one,), rejects) = read(
        event(
            "<Data Name='SubjectUserName'>ann</Data><Data Name='TargetUserName'>bob</Data>"
            "<Data Name='Empty'/><Data Name='Dash'>-</Data><Data>free</Data><Data>text</Data>",
            code=4624,
        ).encode()
    )
    assert not rejects
    assert (one.time, one.host, one.source) == (
        1767323045.123456,
        "pc1.example.net",
        "XmlWinEventLog:Security",
    )
    assert one.fields == {
        "Name": "Prov",
        "Provider": "Prov",
        "Guid": "{1}",
        "Qualifiers": "7",
        "EventID": "4624",
        "EventCode": "4624",
        "SystemTime": "2026-01-02T03:04:05.1234567Z",
        "EventRecordID": "9",
        "RecordNumber": "9",
        "Channel": "Security",
        "Computer": "pc1.example.net",
        "SubjectUserName": "ann",
        "TargetUserName": "bob",
        "Dash": "-",
        "Data": ["free", "text"],
        "dest": "pc1.example.net",
        "dvc": "pc1.example.net",
        "signature_id": "4624",
        "src_user": "ann",
        "user": "bob",
    }


def test_data_can_forge_neither_what_an_event_is_nor_where_and_when_it_was_written() -> None:
    names = ("Channel", "Computer", "EventID", "EventCode", "EventRecordID", "SystemTime", "host", "_time")
    data = "".join(f"<Data Name='{name}'>2001-01-01T00:00:00Z</Data>" for name in names)
    ((honest,), _) = read(event("<Data Name='n'>1</Data>", code=104).encode())
    ((one,), rejects) = read(event(data, code=104).encode())
    assert not rejects
    assert (one.time, one.host, one.source) == (honest.time, honest.host, honest.source)
    for name in (*names, "RecordNumber", "dest", "signature_id"):
        assert one.fields.get(name) == honest.fields.get(name)
    assert one.fields["extracted_Channel"] == "2001-01-01T00:00:00Z"
    ((bare,), _) = read(
        event("<Data Name='Channel'>Application</Data><Data Name='ProcessID'>7</Data>")
        .replace("<Channel>Security</Channel>", "")
        .encode()
    )
    assert ("Channel" in bare.fields, bare.fields["ProcessID"]) == (False, "7")


def test_a_second_system_element_replaces_nothing_and_is_flagged() -> None:
    ((one,), _) = read(event(system="<EventID>1102</EventID><Computer>other</Computer>", code=4624).encode())
    assert (one.fields["EventID"], one.host, one.fields["_flaw"]) == ("4624", "pc1.example.net", "repeated")


def test_user_data_and_the_rendered_message_are_fields() -> None:
    body = "<UserData><LogFileCleared xmlns='x'><SubjectUserName>eve</SubjectUserName></LogFileCleared></UserData>"
    body += (
        "<RenderingInfo><Message>The log\nwas cleared.</Message><Level>Information</Level></RenderingInfo>"
    )
    ((one,), _) = read(event(code=1102, body=body).encode())
    assert (one.fields["SubjectUserName"], one.fields["Message"]) == ("eve", "The log\nwas cleared.")
    assert "Level" not in one.fields


WAYS = {
    "one a line": lambda events: "\n".join(events),
    "one line": lambda events: "".join(events),
    "a document": lambda events: '<?xml version="1.0"?><Events>' + "\n\n".join(events) + "</Events>\n",
    "over many lines": lambda events: "<Events>\r\n" + "\r\n".join(e.replace("><", ">\r\n<") for e in events),
}


@pytest.mark.parametrize("way", WAYS)
def test_events_are_found_however_they_are_laid_out(way: str) -> None:
    texts = [event(f"<Data Name='n'>{number} &lt;Event&gt; &#38;</Data>") for number in range(3)]
    events, rejects = read(WAYS[way](texts).encode())
    assert [one.fields["n"] for one in events] == [f"{number} <Event> &" for number in range(3)]
    assert not rejects


def test_what_is_no_event_is_kept_aside_with_its_line() -> None:
    good = event("<Data Name='n'>1</Data>")
    lines = ["stray", good, "<Event><System>", good, "<Event>\n<System></Event>", good[:200]]
    events, rejects = read("\n".join(lines).encode())
    assert len(events) == 2
    assert [(one.line, one.reason.split(":")[0]) for one in rejects] == [
        (1, "no <Event> here"),
        (3, "the event that begins here does not end"),
        (6, "no XML"),
        (7, "the event that begins here does not end"),
    ]


def test_an_event_that_never_ends_costs_a_bounded_number_of_lines() -> None:
    data = b"<Event>\n" + b"x\n" * (LONGEST + 5) + event().encode()
    events, rejects = read(data)
    assert len(events) == 1
    assert sum(one.data.count(b"x") for one in rejects) == LONGEST + 5


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE Event [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Event><System><EventID>&b;</EventID></System></Event>',
        '<!DOCTYPE Event SYSTEM "file:///etc/passwd"><Event><System><EventID>1</EventID></System></Event>',
        "<Event><System><EventID>&unknown;</EventID></System></Event>",
        "<Event>" + "<a>" * 200 + "</a>" * 200 + "</Event>",
        "<Other><System><EventID>1</EventID></System></Other>",
        "<Event><System/></Event>",
    ],
)
def test_xml_that_is_hostile_or_no_event_is_refused(text: str) -> None:
    with pytest.raises(UnreadableXmlError):
        fields_of_event(text)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [event(), "<Event>", "</Event>", "<EventData>", "<Events>", "<Event ", "</Events>", "\n"]
            ),
            st.text(alphabet="<>E/&; \nx", max_size=8),
        ),
        max_size=12,
    )
)
def test_no_bytes_of_xml_vanish(parts: list[str]) -> None:
    data = "".join(["<Event/>", *parts]).encode()
    events, rejects = read(data)
    kept = sorted(b"".join([*(one.raw.encode() for one in events), *(one.data for one in rejects)]))
    around = b"".join(data.split(b"<Events>")).replace(b"</Events>", b"")
    for byte in set(b"E&;x"):
        assert kept.count(byte) >= around.count(byte)


def test_an_evtx_file_gives_the_same_fields_as_its_xml(write_evtx: WriteEvtx) -> None:
    texts = [event(f"<Data Name='n'>{number} ü</Data>", code=4624) for number in range(20)]
    from_xml, _ = read("\n".join(texts).encode())
    for data in (write_evtx(texts), gzip.compress(write_evtx(texts))):
        events, rejects = read(data)
        assert not rejects
        assert [one.fields for one in events] == [one.fields for one in from_xml]
        assert events[0].raw.startswith("<Event><System>")


def test_a_damaged_record_of_an_evtx_file_costs_that_record_only(write_evtx: WriteEvtx) -> None:
    data = bytearray(write_evtx([event(f"<Data Name='n'>{number}</Data>") for number in range(5)]))
    second = data.index(b"**\0\0", data.index(b"**\0\0") + 4)
    data[second + 28 : second + 60] = b"\xff" * 32
    events, rejects = read(bytes(data))
    assert [one.fields["n"] for one in events] == ["0", "2", "3", "4"]
    assert [(one.line, one.reason.split(":")[0]) for one in rejects] == [
        (2, "damaged record or chunk of the event log")
    ]


def test_an_evtx_file_that_breaks_off_says_so(write_evtx: WriteEvtx) -> None:
    data = write_evtx([event(f"<Data Name='n'>{number}</Data>") for number in range(5)])
    assert read(data)[1] == []
    two = bytearray(data + data[4096:])
    two[42:44] = b"\2\0"
    struct.pack_into("<I", two, 124, crc32(two[:120]))
    events, (reject,) = read(bytes(two[: 4096 + 65536]))
    assert (len(events), reject.cut, reject.reason) == (
        5,
        True,
        "the event log breaks off: 1 of 2 chunks are whole",
    )


def test_an_evtx_file_whose_header_is_damaged_adds_nothing(tmp_path: Path) -> None:
    (tmp_path / "log.evtx").write_bytes(b"ElfFile\0" + b"\xff" * 200)
    with (
        LogStore(tmp_path / "store") as store,
        pytest.raises(LogImportError, match=r"cannot read .* Windows event log"),
    ):
        store.import_paths([str(tmp_path / "log.evtx")], index="w", sourcetype="XmlWinEventLog")


def test_an_evtx_file_under_another_sourcetype_names_the_right_one(write_evtx: WriteEvtx) -> None:
    with pytest.raises(LogImportError, match="--sourcetype XmlWinEventLog"):
        read(write_evtx([event()]), "syslog")


def test_an_imported_evtx_file_is_searched_as_splunk_would(write_evtx: WriteEvtx, tmp_path: Path) -> None:
    texts = [event(f"<Data Name='TargetUserName'>u{number % 2}</Data>", code=4625) for number in range(5)]
    (tmp_path / "log.evtx").write_bytes(write_evtx(texts))
    with LogStore(tmp_path / "store") as store:
        (report,) = store.import_paths([str(tmp_path / "log.evtx")], index="w", sourcetype="XmlWinEventLog")
        found = store.search(
            'index=w source="XmlWinEventLog:Security" EventCode=4625 | stats count BY user, dest',
            earliest=0.0,
            latest=4e9,
            zone=ZoneInfo("UTC"),
        )
    assert (report.events, report.rejected) == (5, 0)
    assert [(row["user"], int(row["count"])) for row in found.rows] == [("u0", 3), ("u1", 2)]


@pytest.mark.shared
def test_the_xml_of_real_events_has_the_fields_that_their_authors_extracted(shared_dir: Path) -> None:
    with gzip.open(shared_dir / "data" / "sigma_regression" / "events.ndjson.gz") as lines:
        given_events = [json.loads(line) for line in lines]
    events, rejects = read("\n".join(one["_raw"] for one in given_events).encode())
    assert not rejects
    for one, known in zip(events, given_events, strict=True):
        assert one.time == pytest.approx(known["_time"], abs=1e-3)
        assert one.source == known["source"]
        for name, value in known.items():
            nested_wmi = name.startswith(
                "Operation_ClientFailure."
            )  # a name that only this set's converter makes
            if (
                name.startswith("_")
                or name in {"index", "sourcetype", "host", "source", "evid"}
                or nested_wmi
            ):
                continue
            assert one.fields[name] == value.replace("\r\n", "\n"), name  # XML itself folds line ends


NXLOG = {
    "EventID": 4625,
    "Channel": "security",
    "Hostname": "dc1.example.net",
    "EventTime": "2026-01-02 03:04:05",
}
EVE = {
    "timestamp": "2026-01-02T03:04:05.000000+0000",
    "event_type": "dns",
    "dns": {"rrname": "x", "answers": [{"a": 1}]},
}
OFFICE = {
    "CreationTime": "2026-01-02T03:04:05",
    "Operation": "UserLoggedIn",
    "UserId": "a@x",
    "ClientIP": "192.0.2.1",
}


@pytest.mark.parametrize(
    ("sourcetype", "record", "source", "host", "fields"),
    [
        (
            "nxlog:winevent:json",
            NXLOG,
            "WinEventLog:Security",
            "DC1",
            {"EventCode": "4625", "Channel": "security"},
        ),
        ("suricata", EVE, "x", "", {"dns.rrname": "x", "dns.answers{}.a": "1"}),
        ("o365:management:activity", OFFICE, "x", "", {"user": "a@x", "src_ip": "192.0.2.1"}),
    ],
)
def test_json_of_products_has_its_time_source_and_fields(
    sourcetype: str, record: dict[str, object], source: str, host: str, fields: dict[str, str]
) -> None:
    ((one,), rejects) = read(json.dumps(record).encode(), sourcetype)
    assert not rejects
    assert (one.time, one.source, one.host) == (1767323045.0, source, host)
    assert fields.items() <= one.fields.items()
