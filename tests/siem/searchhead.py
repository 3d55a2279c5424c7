"""A search head that answers from the embedded engine: what splunkd makes of one search, before any server passes it on."""

from __future__ import annotations

import datetime as dt
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from spl.catalog import Relation, UnknownIndexError
from spl.errors import SplError
from spl.lookups import Lookups
from spl.run import Result, run_search
from spl.timerange import resolve
from spl.values import to_text
from tools.logstore.catalog import METADATA, StoreCatalog
from tools.logstore.store import LogStore

Cell = str | list[str]
Row = dict[str, Any]
Message = tuple[str, str]
"""Severity (`WARN`, `ERROR`, `FATAL`, `INFO`) and text."""

_NONCE = re.compile(r"appendpipe\s*\[\s*stats count AS (\w+)")
STAND_IN = "zzcountedzz"


@dataclass(frozen=True, slots=True)
class Asked:
    """One search as it reaches splunkd; times are the texts of the call."""

    search: str
    earliest: str
    latest: str
    seen_before: bool = False
    """Whether the same search over the same window was asked for earlier."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What splunkd has of one search."""

    rows: tuple[Row, ...] = ()
    fields: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    scanned: int = 0
    events: int = 0
    state: str = "DONE"
    """`DONE`, `FAILED`, `FINALIZED` or, while it runs, `RUNNING`."""
    preview: bool = False
    http: int = 200
    """Another status means that splunkd did not take the search; `messages` say why."""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether the job failed."""
        return self.state == "FAILED"

    def texts(self, *severities: str) -> list[str]:
        """Return the messages of some severities."""
        return [text for severity, text in self.messages if severity in severities]


ALL = frozenset({"*"})
"""Every field that is extracted from the events."""


class Forgetful(StoreCatalog):
    """A catalog in which some fields do not exist, as after an add-on was removed."""

    lost: frozenset[str] = frozenset()
    blind: bool = False

    def relation(self, **wanted: Any) -> Relation:
        """Return the events without the lost fields; none of them when blind."""
        blind = self.blind
        try:
            found = super().relation(**wanted)
        except UnknownIndexError:  # splunkd finds nothing there, and says nothing
            found, blind = super().relation(**(wanted | {"indexes": None})), True
        gone = self.lost if self.lost != ALL else found.fields.keys() - set(METADATA)
        kept = {name: stored for name, stored in found.fields.items() if name not in gone}
        if not blind:
            return replace(found, fields=kept)
        sql = f"(SELECT * FROM {found.sql} WHERE FALSE)"
        return replace(found, sql=sql, fields=kept, scanned=0, inside=False)


class SearchHead:
    """Searches one log store as splunkd would: values as text, `_time` as ISO 8601, a bad search as HTTP 400.

    The same search over the same window runs once; the random name of a row that a client
    lets it count is taken for a variable.
    """

    def __init__(self, folder: Path, *, zone: str = "UTC") -> None:
        self._store = LogStore(folder)
        self._known: dict[tuple[Any, ...], Reply] = {}
        self._asked: set[tuple[str, str, str]] = set()
        self._lock = threading.Lock()
        self.zone = zone
        self.lookups = Lookups({})
        self.lost: frozenset[str] = frozenset()
        self.blind = False
        self.page = 100
        """Most rows of one page of a job's results."""
        self.ahead_s = 0.0
        """How far its clock is ahead."""

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def forget_asked(self) -> None:
        """Take every search for a new one again."""
        self._asked.clear()

    def asked(self, search: str, earliest: str, latest: str) -> Asked:
        """Return a search with whether it was asked for before."""
        key = (templated(search)[0], earliest, latest)
        with self._lock:
            before = key in self._asked
            self._asked.add(key)
        return Asked(search, earliest, latest, before)

    def run(self, asked: Asked, *, blind: bool = False) -> Reply:
        """Run one search, or say what was wrong with it as splunkd does."""
        template, nonces = templated(asked.search)
        blind = blind or self.blind
        key = (template, asked.earliest, asked.latest, self.zone, self.lost, blind, self.ahead_s)
        with self._lock:
            reply = self._known.get(key)
        if reply is None:
            reply = self._execute(template, asked, blind)
            with self._lock:
                self._known[key] = reply
        return filled(reply, nonces)

    def _execute(self, text: str, asked: Asked, blind: bool) -> Reply:
        zone = ZoneInfo(self.zone)
        now = time.time() + self.ahead_s
        cursor = self._store._database.cursor()
        catalog = Forgetful(self._store.folder, self._store.files(), lambda sql: _count(cursor, sql))
        catalog.lost, catalog.blind = self.lost, blind
        try:
            result = run_search(
                text.removeprefix("search ").strip(),
                connection=cursor,
                catalog=catalog,
                earliest=resolve(asked.earliest, now=now, zone=zone),
                latest=resolve(asked.latest, now=now, zone=zone),
                zone=zone,
                lookups=self.lookups,
                now=now,
            )
        except SplError as error:
            return Reply(http=400, messages=(("FATAL", f"Error in 'search' command: {error}"),))
        finally:
            cursor.close()
        return reply_of(result, zone)


def _count(cursor: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(cursor.execute(sql).fetchall()[0][0])


def templated(search: str) -> tuple[str, list[str]]:
    """Return a search with the random name of its counting row replaced by a fixed one, and the name."""
    found = _NONCE.search(search)
    if found is None:
        return search, []
    place, name = found.start(), found[1]
    return search[:place] + search[place:].replace(name, STAND_IN), [name]


def filled(reply: Reply, nonces: list[str]) -> Reply:
    """Put the random names back."""
    if not nonces:
        return reply

    def named(text: Any) -> Any:
        return text.replace(STAND_IN, nonces[0]) if isinstance(text, str) else text

    rows = tuple({named(name): named(value) for name, value in row.items()} for row in reply.rows[-3:])
    return replace(reply, rows=reply.rows[:-3] + rows, fields=tuple(named(name) for name in reply.fields))


def reply_of(result: Result, zone: ZoneInfo) -> Reply:
    """Return the rows of the engine in splunkd's writing."""
    rows = tuple({name: _written(name, value, zone) for name, value in row.items()} for row in result.rows)
    return Reply(rows=rows, fields=result.fields, scanned=result.scanned or 0, events=result.scanned or 0)


def _written(name: str, value: Any, zone: ZoneInfo) -> Cell:
    if isinstance(value, list):
        return [str(part) for part in value] if len(value) > 1 else str(value[0])
    if name == "_time" and isinstance(value, int | float):
        return dt.datetime.fromtimestamp(value, zone).isoformat(timespec="milliseconds")
    return to_text(value) or ""
