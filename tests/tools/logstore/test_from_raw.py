"""`_raw` alone is enough: an event of a known sourcetype has its fields wherever it comes from."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.logstore.building import Defaults
from tools.logstore.errors import LogImportError
from tools.logstore.events import Event
from tools.logstore.from_raw import TRIED
from tools.logstore.importer import FileReport
from tools.logstore.readers import read_events
from tools.logstore.store import LogStore

UTC = ZoneInfo("UTC")
XML = (
    "<Event><System><EventID>4625</EventID><TimeCreated SystemTime='2020-09-13T12:26:40Z'/><Channel>Security</Channel>"
    "<Computer>pc1</Computer></System><EventData><Data Name='TargetUserName'>bob</Data></EventData></Event>"
)
RAWS = {
    "linux_secure": (
        "Sep 13 12:26:40 h1 sshd[1]: Failed password for root from 192.0.2.7 port 22 ssh2",
        {"user": "root", "src_ip": "192.0.2.7", "action": "failure"},
    ),
    "access_combined": (
        '192.0.2.1 - - [13/Sep/2020:12:26:40 +0000] "GET /a?b=c HTTP/1.1" 404 1 "-" "curl"',
        {"status": "404", "uri_path": "/a", "useragent": "curl"},
    ),
    "aws:cloudtrail": (
        '{"eventTime":"2020-09-13T12:26:40Z","userIdentity":{"userName":"eve"},"r":[{"t":"a"},{"t":"b"}]}',
        {"userIdentity.userName": "eve", "r{}.t": ["a", "b"]},
    ),
    "XmlWinEventLog": (XML, {"EventCode": "4625", "user": "bob", "dest": "pc1"}),
    "suricata": ('{"timestamp":"2020-09-13T12:26:40Z","alert":{"signature":"x"}}', {"alert.signature": "x"}),
    "o365:management:activity": (
        '{"CreationTime":"2020-09-13T12:26:40","UserId":"a@x","ClientIP":"192.0.2.1"}',
        {"user": "a@x", "src_ip": "192.0.2.1"},
    ),
    "nxlog:winevent:json": (
        '{"EventTime":"2020-09-13 12:26:40","EventID":4625,"Hostname":"pc1.example"}',
        {"EventCode": "4625", "ComputerName": "pc1.example"},
    ),
    "key_value": ('time=1600000000 user="A B" n=1', {"user": "A B", "n": "1"}),
}


def ready(sourcetype: str, raw: str, **fields: Any) -> dict[str, Any]:
    return {"_time": 1600000000.0, "index": "i", "sourcetype": sourcetype, "_raw": raw} | fields


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_ndjson(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


def fill(folder: Path, data: bytes, **given_by_caller: str) -> tuple[LogStore, FileReport]:
    (folder / "e").write_bytes(data)
    store = LogStore(folder / "s")
    (report,) = store.import_paths([str(folder / "e")], written_at=1.6e9, **given_by_caller)  # type: ignore[arg-type]
    return store, report


def rows_of(store: LogStore, names: list[str]) -> list[dict[str, Any]]:
    spl = f"index=i | table {' '.join(json.dumps(name) for name in names)}"
    return store.search(spl, earliest=0, latest=2e9, zone=UTC).rows


@pytest.mark.parametrize("sourcetype", RAWS)
@pytest.mark.parametrize("way", ["block", "single lines", "one of many", "some fields", "csv", "options"])
def test_a_known_sourcetype_has_its_fields_from_raw(tmp_path: Path, sourcetype: str, way: str) -> None:
    raw, wanted = RAWS[sourcetype]
    bare = ready(sourcetype, raw)
    other = ready("other", "x", a="b")
    named: dict[str, str] = {}
    if way == "options":
        named = {"index": "i", "sourcetype": sourcetype}
    rows = {
        "block": [bare] * 3,
        "single lines": [bare, {**other, "slow": 7}],
        "one of many": [other] * 300 + [bare],
        "some fields": [bare | {"mine": "x"}] * (2 * TRIED),
        "csv": [bare, other],
        "options": [{name: bare[name] for name in ("_time", "_raw")}],
    }[way]
    store, report = fill(tmp_path, (as_csv if way == "csv" else as_ndjson)(rows), **named)
    with store:
        found = [row for row in rows_of(store, list(wanted)) if row]
    assert found == [wanted] * sum(row.get("sourcetype", sourcetype) == sourcetype for row in rows)
    assert (report.from_raw, report.without_fields) == (len(found), ())


def test_given_fields_win_and_a_given_host_and_source_stay(tmp_path: Path) -> None:
    raw = RAWS["linux_secure"][0]
    rows = [
        ready("linux_secure", raw, user="given", host="H"),
        ready("linux_secure", raw),
        ready("XmlWinEventLog", XML, source="S"),
        ready("XmlWinEventLog", XML),
    ]
    store, _ = fill(tmp_path, as_ndjson(rows))
    with store:
        found = rows_of(store, ["sourcetype", "user", "src_ip", "host", "source"])
    by_source = sorted(found, key=lambda row: (row["sourcetype"], row["source"], row.get("user", "")))
    assert [(row["user"], row.get("host"), row.get("src_ip")) for row in by_source] == [
        ("bob", "pc1", None),
        ("bob", "pc1", None),
        ("given", "H", "192.0.2.7"),
        ("root", "h1", "192.0.2.7"),
    ]
    assert [row["source"] for row in by_source[:2]] == ["S", "XmlWinEventLog:Security"]


def test_rare_rows_without_fields_are_found_among_many_that_have_theirs(tmp_path: Path) -> None:
    raw, wanted = RAWS["linux_secure"]
    store, report = fill(
        tmp_path, as_ndjson([ready("linux_secure", "Sep 13 12:26:40 h1 su: x", process="su")] * 5000)
    )
    store.close()
    assert report.from_raw == 0
    bare = ready("linux_secure", raw)
    full = ready("linux_secure", "Sep 13 12:26:40 h1 su: x", process="su")
    (tmp_path / "f").write_bytes(as_ndjson([full] * 4999 + [bare] + [full] * 10))
    with LogStore(tmp_path / "s") as again:
        (report,) = again.import_paths([str(tmp_path / "f")])
        found = again.search("index=i user=root | stats count", earliest=0, latest=2e9, zone=UTC)
    assert (report.from_raw, found.rows) == (1, [{"count": 1}])
    assert wanted["user"] == "root"


def test_events_that_have_their_fields_are_still_read_at_once() -> None:
    raw, wanted = RAWS["linux_secure"]
    full = ready("linux_secure", raw, process="sshd", pid="1", vendor_action="Failed password", auth_method="password",
                 src_port="22", app="sshd", **wanted)  # fmt: skip
    for rows in ([full] * 500, [ready("other", "no text of ours")] * 500):
        stream = io.BufferedReader(io.BytesIO(as_ndjson(rows)))  # type: ignore[arg-type]
        defaults = Defaults(None, None, None, "x", 1.6e9)
        (table,) = read_events(stream, defaults)
        assert isinstance(table, pa.Table)
        assert defaults.from_raw.added == 0


def test_a_raw_text_that_is_not_what_its_sourcetype_says_is_kept_and_flagged(tmp_path: Path) -> None:
    store, report = fill(
        tmp_path, as_ndjson([ready("aws:cloudtrail", "no JSON"), ready("XmlWinEventLog", "<x")])
    )
    with store:
        found = store.search("index=i _flaw=raw | stats count", earliest=0, latest=2e9, zone=UTC).rows
    assert found == [{"count": 2}]
    assert [source.sourcetype for source in report.without_fields] == ["XmlWinEventLog", "aws:cloudtrail"]
    assert report.undescribed == ()


def test_sourcetypes_without_a_field_and_unknown_ones_are_told(tmp_path: Path) -> None:
    rows = [
        ready("odd", "x"),
        ready("odd", "y"),
        ready("strange", "x", a="b"),
        ready("linux_secure", "?", c="d"),
    ]
    store, report = fill(tmp_path, as_ndjson(rows))
    store.close()
    assert [(source.sourcetype, source.events) for source in report.without_fields] == [("odd", 2)]
    assert [(source.sourcetype, source.events) for source in report.undescribed] == [
        ("odd", 2),
        ("strange", 1),
    ]


def test_an_export_of_splunk_keeps_lists_and_says_what_it_lacks(tmp_path: Path) -> None:
    data = b'"_raw","_time",sourcetype,index,m,"__mv_m"\n"a ""b""\nc","2020-09-13T12:26:40.000+0000",o,i,"x\ny","$x$;$y$$z$"\n'
    store, report = fill(tmp_path, data + b'"r","never",o,i,,\n"r","1600000000",,i,,\n')
    with store:
        assert rows_of(store, ["_time", "_raw", "m"]) == [
            {"_time": 1600000000, "_raw": 'a "b"\nc', "m": ["x", "y$z"]}
        ]
        assert [(one.index, one.sourcetype) for one in store.set_aside()] == [("i", "o"), ("i", None)]
    assert [line for line, _ in report.rejects] == [5, 6]
    (tmp_path / "f").write_bytes(b"_raw,_time\nx,1600000000\n")
    with LogStore(tmp_path / "s") as again, pytest.raises(LogImportError, match="--index and --sourcetype"):
        again.import_paths([str(tmp_path / "f")])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(RAWS)), st.booleans(), st.booleans()), min_size=1, max_size=30)
)
def test_however_files_are_mixed_every_event_has_what_its_text_holds(
    kinds: list[tuple[str, bool, bool]],
) -> None:
    rows = [
        ready(kind, RAWS[kind][0], **({"mine": "x"} if some else {}), **({"slow": 7} if slow else {}))
        for kind, some, slow in kinds
    ]
    stream = io.BufferedReader(io.BytesIO(as_ndjson(rows)))  # type: ignore[arg-type]
    events = list(read_events(stream, Defaults(None, None, None, "x", 1.6e9)))
    for (kind, some, _), event in zip(kinds, events, strict=True):
        assert isinstance(event, Event)
        assert RAWS[kind][1].items() <= event.fields.items()
        assert event.fields.get("mine") == ("x" if some else None)
