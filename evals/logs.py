"""The logs of a generated case: the generator's background and what the case plants, written and imported."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from evals.case import Case, CaseError, Logs
from evals.losing import without_fields
from evals.planting import AlertPlanted, AuthPlanted, Calls, ConsoleLogin, Hits, Plant, WindowsPlanted
from tools.demo import auth, cloudtrail, ids, web, windows
from tools.logstore.store import LogStore

DAY_S = 86400


@dataclass(frozen=True)
class Events:
    """Events as the generator made them, before they became lines of a log."""

    auth: list[auth.Line] = field(default_factory=list)
    web: list[web.Hit] = field(default_factory=list)
    aws: list[cloudtrail.Timed] = field(default_factory=list)
    windows: list[windows.WindowsEvent] = field(default_factory=list)
    ids: list[ids.Alert] = field(default_factory=list)

    def __add__(self, other: Events) -> Events:
        return Events(
            self.auth + other.auth,
            self.web + other.web,
            self.aws + other.aws,
            self.windows + other.windows,
            self.ids + other.ids,
        )


@dataclass(frozen=True)
class Prepared:
    """A case with its window worked out."""

    case: Case
    zone: ZoneInfo
    start: float
    end: float
    run_at: float

    @property
    def indexes(self) -> frozenset[str]:
        """The indexes that the case's procedure reads."""
        return frozenset(source.index for source in self.case.parsed().data_sources)


def epoch(moment: dt.datetime, zone: ZoneInfo) -> float:
    """Return the epoch of a clock time in the procedure's zone."""
    return moment.replace(tzinfo=moment.tzinfo or zone).timestamp()


def prepare(case: Case) -> Prepared:
    """Work out the window of a generated case.

    Raises:
        CaseError: The case has no window of its own.
    """
    if case.window is None:
        raise CaseError(f"{case.id}: a set of reference data is measured with --data, not as a case.")
    zone = ZoneInfo(case.parsed().timezone)
    start, end = epoch(case.window.start, zone), epoch(case.window.end, zone)
    run_at = epoch(case.run_at, zone) if case.run_at else end + DAY_S
    return Prepared(case, zone, start, end, run_at)


def background(prepared: Prepared) -> Events:
    """Return the benign background of a case, silences cut out."""
    return _background(_without_plants(prepared), prepared.indexes, prepared.end, prepared.zone)


def _without_plants(prepared: Prepared) -> Logs:
    return prepared.case.logs.model_copy(update={"plant": (), "copies": 1})


@lru_cache(maxsize=4)
def _background(logs: Logs, wanted: frozenset[str], end: float, zone: ZoneInfo) -> Events:
    if not logs.background:
        return Events()
    start, seed = end - logs.days * DAY_S, logs.seed
    start -= start % 3600
    cut = [(epoch(one.start, zone), epoch(one.end, zone), one.host) for one in logs.silent]

    def kept(moment: float, host: str = "") -> bool:
        quiet = any(first <= moment < last and name in {None, host} for first, last, name in cut)
        return start <= moment < end and not quiet

    lines = auth.background(Random(f"{seed}/auth"), start, end) if "os" in wanted else ()
    hits = web.background(Random(f"{seed}/web"), start, end) if "web" in wanted else ()
    records = cloudtrail.background(Random(f"{seed}/aws"), start, end) if "aws" in wanted else ()
    computers = windows.background(Random(f"{seed}/windows"), start, end) if "wineventlog" in wanted else ()
    sensors = ids.background(Random(f"{seed}/ids"), start, end) if "ids" in wanted else ()
    return Events(
        [line for line in lines if kept(line[0], line[1])],
        [hit for hit in hits if kept(hit.time)],
        [timed for timed in records if kept(timed[0])],
        [event for event in computers if kept(event.time, event.host)],
        [alert for alert in sensors if kept(alert.time, alert.sensor)],
    )


def planted(plants: Iterable[Plant], zone: ZoneInfo) -> Events:
    """Return what `plants` describe."""
    events = Events()
    rng = Random("planted")
    for plant in plants:
        match plant:
            case AuthPlanted():
                events.auth.extend(plant.lines(zone))
            case Hits():
                events.web.extend(plant.hits(zone))
            case Calls() | ConsoleLogin():
                events.aws.extend(plant.records(rng, zone))
            case WindowsPlanted():
                events.windows.extend(plant.events(zone))
            case AlertPlanted():
                events.ids.extend(plant.alerts(zone))
    return events


def events_of(prepared: Prepared) -> Events:
    """Return every event that a round of the case can see."""
    return background(prepared) + planted(prepared.case.logs.plant, prepared.zone)


def fill_home(prepared: Prepared, home: Path, cache: Path) -> None:
    """Write and import the logs of a case below `home`; backgrounds are imported once and kept in `cache`."""
    store = home / "logs"
    shutil.copytree(background_store(prepared, cache), store)
    logs = prepared.case.logs
    events = _as_logged(planted(logs.plant, prepared.zone), prepared)
    files = write_files(events, home / "files", written_at=prepared.end + 60, raw_only=logs.raw_only)
    for _ in range(logs.copies):
        import_files(store, files)


def background_key(prepared: Prepared) -> str:
    """Return what is the same for cases with the same background."""
    parts = (_without_plants(prepared).model_dump_json(), str(prepared.end), str(prepared.zone))
    return hashlib.sha256("|".join((*parts, *sorted(prepared.indexes))).encode()).hexdigest()[:16]


def background_store(prepared: Prepared, cache: Path) -> Path:
    """Return a store in `cache` that holds the background of a case, made when it is the first of its kind."""
    folder = cache / background_key(prepared)
    if not folder.exists():
        making = folder.with_name(f"{folder.name}.{os.getpid()}")
        events = _as_logged(background(prepared), prepared)
        raw_only = prepared.case.logs.raw_only
        files = write_files(events, making / "files", written_at=prepared.end + 60, raw_only=raw_only)
        with LogStore(making / "logs"):
            pass
        import_files(making / "logs", files)
        _publish(making, folder)
    return folder / "logs"


def _as_logged(events: Events, prepared: Prepared) -> Events:
    """Return the events without the fields that the case's logs have lost."""
    calls, computers = without_fields(events.aws, events.windows, prepared.case.logs.lost, prepared.zone)
    return replace(events, aws=calls, windows=computers)


def _publish(making: Path, folder: Path) -> None:
    """Give a finished store its name; where another process was quicker, keep that one."""
    try:
        making.rename(folder)
    except OSError:
        if not folder.exists():
            raise
        shutil.rmtree(making)


_FILES = (
    ("auth.log", "os", "linux_secure"),
    ("access.log", "web", "access_combined"),
    ("aws.json.gz", "aws", "aws:cloudtrail"),
    ("windows.xml", "wineventlog", "XmlWinEventLog"),
    ("eve.json", "ids", "suricata"),
)

LogFile = tuple[Path, str, str]
"""Path, index and sourcetype."""


def write_files(events: Events, folder: Path, *, written_at: float, raw_only: bool = False) -> list[LogFile]:
    """Write events in the formats of their sources; sources without events get no file.

    Args:
        events: What to write.
        folder: Where to.
        written_at: Time of the files, epoch seconds.
        raw_only: Whether AWS calls are written as events that have nothing but their raw text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = [auth.render(line) for line in sorted(events.auth, key=lambda line: line[0])]
    hits = [web.render(hit) for hit in sorted(events.web)]
    calls = sorted(events.aws, key=lambda timed: timed[0])
    contents = (
        _joined(lines),
        _joined(hits),
        gzip.compress(_calls(calls, raw_only=raw_only), mtime=0) if calls else b"",
        _joined([windows.render(one) for one in sorted(events.windows, key=lambda one: one.time)]),
        _joined([ids.render(one) for one in sorted(events.ids, key=lambda one: one.time)]),
    )
    for (name, _, _), content in zip(_FILES, contents, strict=True):
        if content:
            (folder / name).write_bytes(content)
            os.utime(folder / name, (written_at, written_at))
    return _written(folder)


def _calls(calls: Sequence[cloudtrail.Timed], *, raw_only: bool) -> bytes:
    """Return the file of AWS calls: as CloudTrail writes it, or as an export of raw events."""
    if not raw_only:
        records = {"Records": [record for _, record in calls]}
        return json.dumps(records, ensure_ascii=False).encode()
    place = {"index": "aws", "sourcetype": "aws:cloudtrail"}
    raw = [(int(moment), json.dumps(record, ensure_ascii=False)) for moment, record in calls]
    return _joined([json.dumps({"_time": moment, **place, "_raw": text}) for moment, text in raw])


def _joined(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _written(folder: Path) -> list[LogFile]:
    return [
        (folder / name, index, sourcetype) for name, index, sourcetype in _FILES if (folder / name).is_file()
    ]


def import_files(store: Path, files: Iterable[LogFile]) -> None:
    """Import files into the log store at `store`."""
    with LogStore(store) as opened:
        for path, index, sourcetype in files:
            opened.import_paths([str(path)], index=index, sourcetype=sourcetype)
