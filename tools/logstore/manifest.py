"""The manifest: which Parquet files the store consists of. Readers take file lists from here, never from a folder.

A SQLite file, so that several processes can import at once: a file exists for readers from the commit that
names it, and an import that dies before its commit has changed nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.logstore.errors import LogStoreError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    name TEXT PRIMARY KEY, idx TEXT NOT NULL, sourcetype TEXT NOT NULL, day TEXT NOT NULL,
    first REAL NOT NULL, last REAL NOT NULL, events INTEGER NOT NULL, bytes INTEGER NOT NULL,
    columns TEXT NOT NULL, rest TEXT NOT NULL, import_id INTEGER NOT NULL REFERENCES imports(id));
CREATE TABLE IF NOT EXISTS imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT NOT NULL UNIQUE, source TEXT NOT NULL,
    events INTEGER NOT NULL, rejected INTEGER NOT NULL, imported_at REAL NOT NULL, size INTEGER);
CREATE TABLE IF NOT EXISTS tickets (last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS set_aside (
    id INTEGER PRIMARY KEY AUTOINCREMENT, import_id INTEGER NOT NULL REFERENCES imports(id), idx TEXT, sourcetype TEXT,
    first REAL NOT NULL, last REAL NOT NULL, lines INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS settled (
    import_id INTEGER PRIMARY KEY REFERENCES imports(id), by TEXT NOT NULL, because TEXT NOT NULL, at REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One Parquet file: events of one index, sourcetype and UTC day from one import."""

    name: str
    index: str
    sourcetype: str
    day: str
    first: float
    last: float
    events: int
    bytes: int
    columns: dict[str, str]
    """Field name to `text` or `multi`, for fields with a column of their own."""
    rest: dict[str, str]
    """The same for fields in the maps."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """Lines of one import that are no events, by where and when they belong; None means that it may be any."""

    index: str | None
    sourcetype: str | None
    first: float
    last: float
    """Epoch seconds, both included: they belong somewhere between."""
    lines: int
    import_id: int = 0
    id: int = 0

    def concerns(
        self,
        indexes: frozenset[str] | None,
        sourcetypes: frozenset[str] | None,
        earliest: float,
        latest: float,
    ) -> bool:
        """Tell whether a search in these indexes and sourcetypes (lower case; None means all) may have missed them."""
        return (
            (indexes is None or self.index is None or self.index.lower() in indexes)
            and (sourcetypes is None or self.sourcetype is None or self.sourcetype.lower() in sourcetypes)
            and self.first < latest
            and self.last >= earliest
        )


@dataclass(frozen=True, slots=True)
class ImportWithRejects:
    """An import that set lines aside."""

    id: int
    source: str
    rejected: int
    imported_at: float
    kept_in: str | None
    """Name of the file in `rejects`; None for an import from before names were kept."""
    settled_by: str | None
    because: str | None


LAYOUT = 2
"""Number of the layout of the Parquet files; 2 keeps multivalues in columns of their own."""


class Manifest:
    """The list of files, in `folder/manifest.sqlite`.

    Raises:
        LogStoreError: The store was written in an older layout.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "manifest.sqlite"
        with self._connect() as connection:
            connection.executescript(_SCHEMA)
            connection.execute("BEGIN IMMEDIATE")
            known = {row[1] for row in connection.execute("PRAGMA table_info(imports)")}
            for name, kind in (("size", "INTEGER"), ("kept_in", "TEXT")):
                if name not in known:
                    connection.execute(f"ALTER TABLE imports ADD COLUMN {name} {kind}")
            connection.execute("COMMIT")
            written_in = connection.execute("PRAGMA user_version").fetchone()[0]
            if written_in == LAYOUT:
                return
            if connection.execute("SELECT 1 FROM files LIMIT 1").fetchone():
                raise LogStoreError(
                    f"cannot open the log store {str(folder)!r}: it was written in layout {written_in}. "
                    f"Expected layout {LAYOUT}. Move the folder away and import the logs again."
                )
            connection.execute(f"PRAGMA user_version = {LAYOUT}")

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            yield connection
        finally:
            connection.close()

    def version(self) -> int:
        """Return a number that grows with every committed import and with every one that is settled."""
        query = "SELECT (SELECT coalesce(max(id), 0) FROM imports) + (SELECT count(*) FROM settled)"
        with self._connect() as connection:
            return int(connection.execute(query).fetchone()[0])

    def may_know(self, size: int) -> bool:
        """Tell whether a file of so many bytes can have been imported before; if not, it need not be hashed to know."""
        with self._connect() as connection:
            query = "SELECT 1 FROM imports WHERE size = ? OR size IS NULL"
            return connection.execute(query, (size,)).fetchone() is not None

    def knows(self, content: str) -> bool:
        """Tell whether this content was imported before."""
        with self._connect() as connection:
            return (
                connection.execute("SELECT 1 FROM imports WHERE content = ?", (content,)).fetchone()
                is not None
            )

    def take_ticket(self) -> int:
        """Return a number for the order of arrival that no other import gets, above all earlier ones."""
        with self._connect() as connection:
            connection.execute("BEGIN IMMEDIATE")
            last = connection.execute(
                "SELECT max(coalesce((SELECT max(last) FROM tickets), 0), coalesce(max(id), 0)) FROM imports"
            ).fetchone()[0]
            connection.execute("DELETE FROM tickets")
            connection.execute("INSERT INTO tickets VALUES (?)", (last + 1,))
            connection.execute("COMMIT")
            return int(last) + 1

    def commit(
        self,
        files: Sequence[StoredFile],
        *,
        content: str,
        size: int,
        source: str,
        rejected: int,
        imported_at: float,
        set_aside: Sequence[SetAside] = (),
        kept_in: str | None = None,
    ) -> bool:
        """Add the files of one import, all or none; False when the same content was committed meanwhile."""
        events = sum(file.events for file in files)
        with self._connect() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                cursor = connection.execute(
                    "INSERT INTO imports (content, source, events, rejected, imported_at, size, kept_in) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (content, source, events, rejected, imported_at, size, kept_in),
                )
                connection.executemany(
                    "INSERT INTO set_aside (import_id, idx, sourcetype, first, last, lines) VALUES (?, ?, ?, ?, ?, ?)",
                    [
                        (cursor.lastrowid, one.index, one.sourcetype, one.first, one.last, one.lines)
                        for one in set_aside
                    ],
                )
                connection.executemany(
                    "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [(*_to_row(file), cursor.lastrowid) for file in files],
                )
            except sqlite3.IntegrityError:
                connection.execute("ROLLBACK")
                return False
            connection.execute("COMMIT")
            return True

    def files(self) -> tuple[StoredFile, ...]:
        """Return every file, in order of arrival."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT name, idx, sourcetype, day, first, last, events, bytes, columns, rest FROM files ORDER BY import_id, name"
            ).fetchall()
        return tuple(_from_row(row) for row in rows)

    def set_aside(self) -> tuple[SetAside, ...]:
        """Return what is set aside and not settled."""
        query = (
            "SELECT idx, sourcetype, first, last, lines, import_id, id FROM set_aside "
            "WHERE import_id NOT IN (SELECT import_id FROM settled) ORDER BY id"
        )
        with self._connect() as connection:
            return tuple(SetAside(*row) for row in connection.execute(query))

    def imports_with_rejects(self) -> tuple[ImportWithRejects, ...]:
        """Return every import that set lines aside, settled or not, in order of arrival."""
        query = (
            "SELECT id, source, rejected, imported_at, kept_in, by, because FROM imports "
            "LEFT JOIN settled ON import_id = id WHERE rejected > 0 ORDER BY id"
        )
        with self._connect() as connection:
            return tuple(ImportWithRejects(*row) for row in connection.execute(query))

    def settle(self, import_id: int, *, by: str, because: str, at: float) -> bool:
        """Keep who looked at what an import set aside, and why it need not be told any more.

        Returns:
            False when no import of this number set lines aside, or someone settled it before.
        """
        query = "INSERT OR IGNORE INTO settled SELECT id, ?, ?, ? FROM imports WHERE id = ? AND rejected > 0"
        with self._connect() as connection:
            return connection.execute(query, (by, because, at, import_id)).rowcount == 1


def _to_row(file: StoredFile) -> tuple[object, ...]:
    return (
        file.name,
        file.index,
        file.sourcetype,
        file.day,
        file.first,
        file.last,
        file.events,
        file.bytes,
        json.dumps(file.columns),
        json.dumps(file.rest),
    )


def _from_row(row: tuple[Any, ...]) -> StoredFile:
    name, index, sourcetype, day, first, last, events, size, columns, rest = row
    return StoredFile(
        name, index, sourcetype, day, first, last, events, size, json.loads(columns), json.loads(rest)
    )
