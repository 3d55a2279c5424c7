"""Several processes, a full disk and a kill: the store is as before, or holds the whole file once."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from tools.logstore.errors import LogStoreError
from tools.logstore.manifest import Manifest
from tools.logstore.store import LogStore

UTC = ZoneInfo("UTC")
IMPORT = """
import sys
from pathlib import Path
from tools.logstore.errors import LogImportError
from tools.logstore.store import LogStore
with LogStore(Path(sys.argv[1])) as store:
    print("open", flush=True)
    try:
        print(store.import_paths(sys.argv[2:])[0].events)
    except LogImportError as error:
        print("refused:", error)
"""


def write(path: Path, count: int, **fields: str) -> str:
    with path.open("w") as file:
        for number in range(count):
            event = {"_time": 1600000000, "index": "i", "sourcetype": "s", "_raw": "r", "n": str(number)}
            file.write(json.dumps(event | fields) + "\n")
    return str(path)


def start(store: Path, *paths: str, largest_file: int | None = None) -> subprocess.Popen[str]:
    def limit() -> None:
        if largest_file:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.Popen(
        [sys.executable, "-c", IMPORT, str(store), *paths],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=120)
    return output


def count(folder: Path) -> int:
    with LogStore(folder) as store:
        return sum(source.events for source in store.sources())


@pytest.mark.kill
def test_imports_at_once_into_a_new_store_give_each_event_a_place_of_its_own(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{number}.ndjson", 2000, k=str(number)) for number in range(4)]
    outputs = [finish(process) for process in [start(tmp_path / "s", path) for path in paths]]
    assert outputs == ["open\n2000\n"] * 4
    files = [str(tmp_path / "s" / file.name) for file in Manifest(tmp_path / "s").files()]
    with duckdb.connect() as database:
        row = database.execute(
            "SELECT count(*), count(DISTINCT _seq) FROM read_parquet(?)", [files]
        ).fetchone()
    assert row == (8000, 8000)


@pytest.mark.kill
def test_the_same_file_at_once_is_added_once(tmp_path: Path) -> None:
    path = write(tmp_path / "e.ndjson", 5000)
    for process in [start(tmp_path / "s", path) for _ in range(3)]:
        finish(process)
    assert count(tmp_path / "s") == 5000


@pytest.mark.kill
def test_a_disk_that_takes_no_more_leaves_the_store_as_before(tmp_path: Path) -> None:
    path = write(tmp_path / "e.ndjson", 60_000)
    with LogStore(tmp_path / "s"):
        pass
    output = finish(start(tmp_path / "s", path, largest_file=100_000))
    assert "refused: cannot" in output
    assert "import it again" in output
    assert count(tmp_path / "s") == 0
    assert not [file for file in (tmp_path / "s").rglob("*") if file.suffix in {".parquet", ".tmp"}]
    assert finish(start(tmp_path / "s", path)) == "open\n60000\n"


@pytest.mark.kill
@pytest.mark.parametrize("after_s", [0.0, 0.2, 0.5])
def test_a_killed_import_adds_nothing_or_everything(tmp_path: Path, after_s: float) -> None:
    path = write(tmp_path / "e.ndjson", 60_000)
    process = start(tmp_path / "s", path)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(after_s)
    process.kill()
    finish(process)
    assert count(tmp_path / "s") in {0, 60_000}
    finish(start(tmp_path / "s", path))
    assert count(tmp_path / "s") == 60_000


def test_one_field_may_be_a_text_in_one_file_and_a_list_in_another(tmp_path: Path) -> None:
    plain = {"_time": 1600000000, "index": "i", "sourcetype": "s", "_raw": "r", "x": "[a, b]"}
    (tmp_path / "1").write_text(json.dumps(plain))
    (tmp_path / "2").write_text(json.dumps(plain | {"_time": 1600000001, "x": ["p", "q"]}))
    with LogStore(tmp_path / "s") as store:
        store.import_paths([str(tmp_path / "1"), str(tmp_path / "2")])
        rows = store.search("index=i | stats count BY x", earliest=0, latest=2e9, zone=UTC).rows
    assert rows == [{"x": "[a, b]", "count": 1}, {"x": "p", "count": 1}, {"x": "q", "count": 1}]


def test_the_report_states_the_year_and_the_zone_that_were_assumed(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("Dec 31 23:59:59 h sshd[1]: a\nJan  1 00:00:01 h sshd[1]: b\n")
    with LogStore(tmp_path / "s") as store:
        (report,) = store.import_paths(
            [str(tmp_path / "a.log")],
            index="os",
            sourcetype="syslog",
            written_at=1767312000,
            zone=ZoneInfo("Asia/Tokyo"),
        )
    assert (report.assumed_zone, report.assumed_years) == ("Asia/Tokyo", (2025, 2026))


def test_scanned_counts_the_window_and_not_the_files(tmp_path: Path) -> None:
    lines = [
        json.dumps({"_time": 1600000000 + n, "index": "i", "sourcetype": "s", "_raw": "r"}) for n in range(10)
    ]
    (tmp_path / "e").write_text("\n".join(lines))
    with LogStore(tmp_path / "s") as store:
        store.import_paths([str(tmp_path / "e")])

        def scanned(earliest: float, latest: float) -> int | None:
            result = store.search("index=i x=1", earliest=earliest, latest=latest, zone=UTC)
            return result.scanned

        assert [scanned(0, 2e9), scanned(1600000002, 1600000009), scanned(1600000010, 2e9)] == [10, 7, 0]
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: scanned(0, 2e9), range(40))) == {10}


def test_a_store_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "manifest.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(LogStoreError, match="cannot open the log store"):
        LogStore(tmp_path / "s")


def test_a_store_of_an_older_layout_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "e").write_text(json.dumps({"_time": 1, "index": "i", "sourcetype": "s", "_raw": "r"}))
    with LogStore(tmp_path / "s") as store:
        store.import_paths([str(tmp_path / "e")])
    with sqlite3.connect(tmp_path / "s" / "manifest.sqlite") as connection:
        connection.execute("PRAGMA user_version = 0")
    connection.close()
    with pytest.raises(LogStoreError, match="layout"):
        LogStore(tmp_path / "s")


def test_a_window_without_any_file_gives_nothing_and_no_error(tmp_path: Path) -> None:
    event = {"_time": 1600000000, "index": "i", "sourcetype": "s", "_raw": "r", "x": "1", "m": ["a", "b"]}
    (tmp_path / "e").write_text(json.dumps(event))
    with LogStore(tmp_path / "s") as store:
        store.import_paths([str(tmp_path / "e")])
        found = store.search("index=i x=1 m=a | stats count BY x", earliest=0, latest=1e9, zone=UTC)
    assert (found.rows, found.scanned, found.messages) == ([], 0, ())
