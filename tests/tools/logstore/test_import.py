"""Import keeps every line: as an event, or aside with its number and the reason."""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spl.errors import SplError
from tools.logstore.errors import LogImportError, UnknownSourcetypeError
from tools.logstore.events import collect, flatten
from tools.logstore.layout import column_name
from tools.logstore.sourcetypes import all_sourcetypes, find_sourcetype
from tools.logstore.store import LogStore

UTC = ZoneInfo("UTC")
META = {"_time", "index", "sourcetype", "host", "source", "_raw"}
READY = {"_time": 1000.0, "index": "a", "sourcetype": "b", "_raw": "x", "user": "Bob"}


def write(folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


def search(store: LogStore, spl: str) -> list[dict[str, object]]:
    return store.search(spl, earliest=0, latest=4e9, zone=UTC).rows


def test_ready_events_need_no_option(tmp_path: Path) -> None:
    path = write(tmp_path, "e.ndjson", json.dumps(READY).encode() + b"\n")
    with LogStore(tmp_path / "s") as store:
        (report,) = store.import_paths([path])
        assert (report.events, report.rejected) == (1, 0)
        assert search(store, "index=a user=bob | table _time user") == [{"_time": 1000, "user": "Bob"}]


def test_the_same_file_twice_adds_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "e.ndjson", json.dumps(READY).encode())
    with LogStore(tmp_path / "s") as store:
        store.import_paths([path])
        (again,) = store.import_paths([path])
        assert (again.duplicate, again.events) == (True, 0)
        assert store.sources()[0].events == 1


def test_a_store_from_before_sizes_were_kept_knows_its_files(tmp_path: Path) -> None:
    path = write(tmp_path, "e.ndjson", json.dumps(READY).encode())
    with LogStore(tmp_path / "s") as store:
        store.import_paths([path])
    with sqlite3.connect(tmp_path / "s" / "manifest.sqlite") as manifest:
        manifest.execute("ALTER TABLE imports DROP COLUMN size")
    with LogStore(tmp_path / "s") as store:
        assert store.import_paths([path])[0].duplicate
        other = write(tmp_path, "f.ndjson", json.dumps(READY | {"user": "Eve"}).encode())
        assert not store.import_paths([other])[0].duplicate
        assert store.import_paths([other])[0].duplicate


def test_bad_lines_are_kept_aside_with_their_number_and_bytes(tmp_path: Path) -> None:
    lines = [
        json.dumps(READY).encode(),
        b"{broken",
        b"\xff\xfe",
        b"[1]",
        b'{"_time":"never","index":"a","sourcetype":"b","_raw":"x"}',
    ]
    path = write(tmp_path, "e.ndjson", b"\n".join(lines))
    with LogStore(tmp_path / "s") as store:
        (report,) = store.import_paths([path], index="a", sourcetype="json")
    assert report.events == 1
    assert [line for line, _ in report.rejects] == [2, 3, 4, 5]
    assert report.rejects_file is not None
    kept = [json.loads(line) for line in Path(report.rejects_file).read_text().splitlines()]
    assert [base64.b64decode(entry["base64"]) for entry in kept] == lines[1:]


def test_a_gzip_file_that_breaks_off_keeps_what_came_before(tmp_path: Path) -> None:
    whole = gzip.compress(
        b"".join(json.dumps({**READY, "n": str(n)}).encode() + b"\n" for n in range(20_000))
    )
    path = write(tmp_path, "e.ndjson.gz", whole[: len(whole) // 2])
    with LogStore(tmp_path / "s") as store:
        (report,) = store.import_paths([path])
    assert report.events > 1000
    assert report.rejected == 1
    assert "cut off" in report.rejects[0][1]


def test_cloudtrail_records_arrays_csv_and_key_value(tmp_path: Path) -> None:
    record = {
        "eventTime": "2023-07-10T11:42:18Z",
        "userIdentity": {"userName": "eve"},
        "items": [{"v": 1}, {"v": 2}],
        "gone": None,
    }
    trail = write(tmp_path, "t.json", json.dumps({"Records": [record, record]}).encode())
    array = write(tmp_path, "a.json", json.dumps([{"time": 5, "k": "v"}]).replace("5", "1500000000").encode())
    table = write(tmp_path, "t.csv", b"time,name\n1500000001,ann\n1500000002\n")
    pairs = write(tmp_path, "k.log", b'time=1500000003 user="A B" action=ok\n')
    with LogStore(tmp_path / "s") as store:
        reports = [
            *store.import_paths([trail], index="aws", sourcetype="aws:cloudtrail"),
            *store.import_paths([array], index="j", sourcetype="json"),
            *store.import_paths([table], index="c", sourcetype="csv"),
            *store.import_paths([pairs], index="k", sourcetype="key_value"),
        ]
        assert [(report.events, report.rejected) for report in reports] == [(2, 0), (1, 0), (1, 1), (1, 0)]
        (row,) = search(store, "index=aws | head 1 | table userIdentity.userName items{}.v gone")
        assert row == {"userIdentity.userName": "eve", "items{}.v": ["1", "2"]}
        assert search(store, "index=k | table user action") == [{"user": "A B", "action": "ok"}]


def test_years_that_a_log_does_not_write_come_from_when_it_was_written(tmp_path: Path) -> None:
    path = write(tmp_path, "auth.log", b"Dec 31 23:59:59 h sshd[1]: a\nJan  1 00:00:01 h sshd[1]: b\n")
    with LogStore(tmp_path / "s") as store:
        (report,) = store.import_paths(
            [path], index="os", sourcetype="linux_secure", written_at=1767312000
        )  # 2026-01-02
        assert (report.first, report.last) == (1767225599.0, 1767225601.0)


def test_a_killed_import_leaves_nothing_for_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "e.ndjson", json.dumps(READY).encode())
    with LogStore(tmp_path / "s") as store:
        monkeypatch.setattr(
            "tools.logstore.manifest.Manifest.commit",
            lambda *args, **kwargs: (_ for _ in ()).throw(OSError(28, "No space left on device")),
        )
        with pytest.raises(LogImportError, match="No space left"):
            store.import_paths([path])
        assert store.sources() == []
        assert not list((tmp_path / "s").rglob("*.parquet"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.one_of(
            st.just(json.dumps(READY).encode()),
            st.binary(max_size=30).filter(lambda line: b"\n" not in line and b"\r" not in line),
        ),
        max_size=12,
    )
)
def test_every_line_is_an_event_or_kept_aside(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    first = json.dumps(READY).encode()
    path = write(folder, "e.ndjson", b"\n".join([first, *lines]))
    with LogStore(folder / "s") as store:
        (report,) = store.import_paths([path], index="a", sourcetype="json")
    assert report.events + report.rejected == 1 + sum(1 for line in lines if line.strip())


def test_unknown_places_and_sourcetypes_are_told(tmp_path: Path) -> None:
    with LogStore(tmp_path / "s") as store:
        with pytest.raises(LogImportError, match="no such file"):
            store.import_paths([str(tmp_path / "nothing")])
        (tmp_path / "empty").mkdir()
        with pytest.raises(LogImportError, match="holds no file"):
            store.import_paths([str(tmp_path / "empty")])
        path = write(tmp_path, "x.log", b"text\n")
        with pytest.raises(LogImportError, match="--index and --sourcetype"):
            store.import_paths([path])
        with pytest.raises(UnknownSourcetypeError, match="Known: "):
            store.import_paths([path], index="a", sourcetype="nonsense")


@given(st.text(min_size=1), st.text(min_size=1))
def test_column_names_are_injective_without_regard_to_case(one: str, other: str) -> None:
    assert (column_name(one).lower() == column_name(other).lower()) == (one == other)


def test_a_field_may_be_a_column_here_and_a_rare_field_there(tmp_path: Path) -> None:
    frequent = [json.dumps({**READY, "f": "1"}) for _ in range(10)]
    rare = [json.dumps({**READY, "_time": 2000, **({"f": ["2", "3"]} if n == 0 else {})}) for n in range(500)]
    with LogStore(tmp_path / "s") as store:
        store.import_paths([write(tmp_path, "1.ndjson", "\n".join(frequent).encode())])
        store.import_paths([write(tmp_path, "2.ndjson", "\n".join(rare).encode())])
        assert search(store, "index=a f=* | stats count BY f") == [
            {"f": "1", "count": 10},
            {"f": "2", "count": 1},
            {"f": "3", "count": 1},
        ]


def test_a_search_reaches_nothing_outside_the_store(tmp_path: Path) -> None:
    secret = write(tmp_path, "secret.csv", b"a,b\n1,2\n")
    with LogStore(tmp_path / "s") as store:
        store.import_paths([write(tmp_path, "e.ndjson", json.dumps(READY).encode())])
        cursor = store._database.cursor()
        for sql in (
            f"SELECT * FROM read_csv('{secret}')",
            f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
            "SET enable_external_access = true",
            "INSTALL httpfs",
        ):
            with pytest.raises(Exception, match=r"(?i)permission|disabled|locked"):
                cursor.execute(sql)
        for hostile in ("'; DROP TABLE x; --", "x' OR '1'='1", "read_text('/etc/passwd')"):
            assert search(store, f'index=a user="{hostile}" | stats count') == [{"count": 0}]
        with pytest.raises(SplError):
            search(store, "index=a | eval x=read_text(user)")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "sourcetype"),
    [("linux_auth", "linux_secure"), ("web_access", "access_combined"), ("aws_cloudtrail", "aws:cloudtrail")],
)
def test_fields_from_the_raw_text_are_those_that_others_extracted(
    shared_dir: Path, name: str, sourcetype: str
) -> None:
    found = find_sourcetype(sourcetype)
    with gzip.open(shared_dir / "data" / name / "events.ndjson.gz", "rt") as file:
        for line in file:
            event = json.loads(line)
            raw = event["_raw"]
            fields = found.extract(raw) if found.kv_mode == "none" else collect(flatten(json.loads(raw)))
            wanted = {field: value for field, value in event.items() if field not in META}
            assert {field: value for field, value in fields.items() if field not in META} == wanted, raw


def test_every_sourcetype_is_readable() -> None:
    for sourcetype in all_sourcetypes().values():
        assert sourcetype.settings["DESCRIPTION"]
        assert sourcetype.extractions is not None
        assert sourcetype.evaluations is not None
        assert sourcetype.zone.key
