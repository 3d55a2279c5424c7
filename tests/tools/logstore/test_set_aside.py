"""What is set aside is kept by index, sourcetype and time, and every search that may have missed it says so."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.logstore.errors import LogImportError, LogStoreError
from tools.logstore.lines import Reject
from tools.logstore.manifest import SetAside
from tools.logstore.rejects import DAY, WIDE, Rejects
from tools.logstore.server import answer_of
from tools.logstore.store import LogStore

UTC = ZoneInfo("UTC")
NOON = 1_600_000_000.0
WRITTEN = NOON + 5 * DAY


def ready(time: object, **changes: object) -> str:
    event = {"_time": time, "index": "i", "sourcetype": "s", "_raw": "r", "a": "b"}
    return json.dumps(event | changes)


def fill(folder: Path, *lines: str, name: str = "e.ndjson", **given_by_caller: str) -> LogStore:
    (folder / name).write_text("\n".join(lines))
    store = LogStore(folder / "s")
    store.import_paths([str(folder / name)], written_at=WRITTEN, **given_by_caller)  # type: ignore[arg-type]
    return store


def told(
    store: LogStore, spl: str, earliest: float = NOON - 40 * DAY, latest: float = NOON + 40 * DAY
) -> int:
    return store.search(spl, earliest=earliest, latest=latest, zone=UTC).set_aside


@pytest.mark.parametrize(
    ("times", "at", "span"),
    [
        ([0, None, 100], None, (0, 100)),
        ([100, None, 0], None, (0, 100)),
        ([0, None, None, 100], None, (0, 100)),
        ([None, 100], None, (100 - DAY, 100 + DAY)),
        ([100, None], None, (100 - DAY, 100 + DAY)),
        ([0, 50, 20, 60, None, 100], None, (60 - 30, 100 + 30)),
        ([0, 9 * DAY, 2 * DAY, None, 7 * DAY, 1], None, (2 * DAY - 7 * DAY, 14 * DAY)),
        ([None], None, (5 * DAY - WIDE, 6 * DAY)),
        ([0, None, 100], 30.0, (20, 80)),
    ],
    ids=[
        "between",
        "newest first",
        "two",
        "at the start",
        "at the end",
        "nearly in order",
        "in no order",
        "alone",
        "own",
    ],
)
def test_a_line_lies_where_its_neighbours_do(
    tmp_path: Path, times: list[float | None], at: float | None, span: tuple[float, float]
) -> None:
    rejects = Rejects(tmp_path, "x", WRITTEN)
    for time in times:
        if time is None:
            rejects.add(Reject(1, "r", b"x", "i", "s", at if at is None else NOON + at))
        else:
            rejects.saw(NOON + time, NOON + time)
    (place,) = rejects.places()
    rejects.discard()
    assert place.lines == times.count(None)
    assert (place.first, place.last) == (NOON + span[0], NOON + span[1])


def test_where_the_input_breaks_off_everything_behind_may_be_missing(tmp_path: Path) -> None:
    lines = "\n".join(ready(NOON + number, n=str(number)) for number in range(5000))
    packed = gzip.compress(lines.encode())
    (tmp_path / "e.gz").write_bytes(packed[: len(packed) // 2])
    with LogStore(tmp_path / "s") as store:
        store.import_paths([str(tmp_path / "e.gz")], written_at=WRITTEN)
        assert told(store, "index=i", WRITTEN - 60, WRITTEN) == 1
        assert told(store, "index=i", WRITTEN + 1, WRITTEN + DAY) == 0


@pytest.mark.parametrize(
    ("spl", "expected"),
    [
        ("index=i", 4),
        ("index=I", 4),
        ("index=i sourcetype=s", 3),
        ("index=i sourcetype=t", 3),
        ("index=j", 1),
        ("index=*", 4),
        ("index=i | append [search index=i]", 4),
        ("index=i sourcetype=s | append [search index=i sourcetype=t]", 4),
        ("index=j [search index=i sourcetype=s | return a]", 3),
        ("| tstats count WHERE index=i", 4),
        ("| metadata type=hosts index=j", 1),
    ],
)
def test_a_search_tells_each_line_that_it_may_have_missed_once(
    tmp_path: Path, spl: str, expected: int
) -> None:
    """Of index i: a line of s, one of t, one that may be any sourcetype; and one that may be anything."""
    lines = [
        ready(NOON),
        ready(NOON, sourcetype="t"),
        ready(NOON, index="j"),
        ready("bad"),
        ready("bad", sourcetype="t"),
        ready(None, index="i", sourcetype=5),
        "{torn",
        ready(NOON),
    ]
    with fill(tmp_path, *lines) as store:
        assert told(store, spl) == expected
        assert told(store, "index=i", NOON + 1, NOON + 2) == 0
        result = store.search("index=j", earliest=NOON - 1, latest=NOON + 1, zone=UTC)
        assert answer_of(result)["set_aside"] == 1


@given(st.floats(-100, 100), st.floats(0, 100), st.floats(-100, 100), st.floats(0.001, 100))
def test_a_line_concerns_every_window_that_it_may_lie_in(
    first: float, wide: float, earliest: float, long: float
) -> None:
    aside = SetAside("I", "S", first, first + wide, 1)
    inside = any(
        earliest <= moment < earliest + long
        for moment in (first, first + wide, earliest)
        if first <= moment <= first + wide
    )
    assert aside.concerns(frozenset({"i"}), frozenset({"s"}), earliest, earliest + long) == inside
    assert not aside.concerns(frozenset({"j"}), None, first, first + 1)
    assert not aside.concerns(None, frozenset({"t"}), first, first + 1)
    assert SetAside(None, None, first, first, 1).concerns(
        frozenset({"j"}), frozenset({"t"}), first, first + 1
    )


@pytest.mark.parametrize(
    ("sourcetype", "line", "time"),
    [
        ("linux_secure", "Sep 13 12:26:40 h sshd", None),
        ("json", '{"timestamp": "2020-09-13T12:26:40Z", "a": ', NOON),
        ("json", '{"a": "\\"timestamp\\": \\"2001-01-01T00:00:00Z\\"", "timestamp": 1600000000, ', NOON),
        ("json", '{"timestamp": 1600000000, "timestamp": 1700000000, ', None),
        ("XmlWinEventLog", "<Event><System><TimeCreated SystemTime='2020-09-13T12:26:40Z'/><Bad></System></Event>", NOON),
        ("XmlWinEventLog", "<Event>&lt;TimeCreated SystemTime='2020-09-13T12:26:40Z'/></Event>", None),
    ],
)  # fmt: skip
def test_the_own_time_is_one_that_no_text_in_the_line_can_forge(
    tmp_path: Path, sourcetype: str, line: str, time: float | None
) -> None:
    first = {"linux_secure": "x"}.get(sourcetype, line)
    with fill(tmp_path, first, index="i", sourcetype=sourcetype) as store:
        ((_, lines),) = store.rejected()
    assert lines[0]["time"] == (None if sourcetype == "linux_secure" else time)
    assert (lines[0]["index"], lines[0]["sourcetype"]) == ("i", sourcetype)


def test_the_same_file_again_neither_loses_nor_doubles(tmp_path: Path) -> None:
    with fill(tmp_path, ready(NOON), ready("bad")) as store:
        assert told(store, "index=i") == 1
        (again,) = store.import_paths([str(tmp_path / "e.ndjson")], written_at=WRITTEN)
        assert (again.duplicate, told(store, "index=i")) == (True, 1)
        (tmp_path / "mended").write_text(ready(NOON + 5))
        store.import_paths([str(tmp_path / "mended")])
        assert told(store, "index=i") == 1  # nothing clears a line but a person who looked
    with LogStore(tmp_path / "s") as reopened:
        assert told(reopened, "index=i") == 1


def test_a_person_who_looked_settles_an_import_and_its_lines_stay(tmp_path: Path) -> None:
    with fill(tmp_path, ready(NOON), ready("bad")) as store:
        fill(tmp_path, ready(NOON + 1), ready("worse"), name="f.ndjson").close()
        assert told(store, "index=i") == 2
        (one, _), _ = store.rejected()
        store.settle(one.id, by="sato", because="test entry of the vendor")
        assert told(store, "index=i") == 1
        (settled, lines), (open_one, _) = store.rejected()
        assert (settled.settled_by, settled.because, len(lines)) == ("sato", "test entry of the vendor", 1)
        assert open_one.settled_by is None
        with pytest.raises(LogStoreError, match="settled before"):
            store.settle(one.id, by="eve", because="x")
        with pytest.raises(LogStoreError, match="set no line aside"):
            store.settle(99, by="eve", because="x")


def test_an_import_that_fails_sets_nothing_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LogStore(tmp_path / "s") as store:
        monkeypatch.setattr(
            "tools.logstore.batch.write_parquet",
            lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")),
        )
        (tmp_path / "e").write_text("\n".join([ready(NOON), ready("bad")]))
        with pytest.raises(LogImportError):
            store.import_paths([str(tmp_path / "e")])
        assert store.set_aside() == ()
        assert list(store.rejected()) == []
        assert not list((tmp_path / "s").rglob("rejects/*"))


def test_a_store_from_before_opens_and_tells_what_it_knows(tmp_path: Path) -> None:
    fill(tmp_path, ready(NOON), ready("bad")).close()
    with sqlite3.connect(tmp_path / "s" / "manifest.sqlite") as manifest:
        manifest.executescript(
            "DROP TABLE set_aside; DROP TABLE settled; ALTER TABLE imports DROP COLUMN kept_in"
        )
    manifest.close()
    with LogStore(tmp_path / "s") as store:
        assert told(store, "index=i") == 0
        ((one, lines),) = store.rejected()
        assert (one.rejected, one.kept_in, lines) == (1, None, [])
        fill(tmp_path, ready(NOON), ready("worse"), name="f.ndjson").close()
        assert told(store, "index=i") == 1


def test_lines_of_one_minute_are_counted_together(tmp_path: Path) -> None:
    many = [ready(NOON + number % 60, a={"b": 1}, index=7) for number in range(3000)]
    with fill(tmp_path, ready(NOON), *many) as store:
        assert len(store.set_aside()) <= 3
        assert told(store, "index=i") == 3000
