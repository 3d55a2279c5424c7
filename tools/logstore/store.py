"""The local log store: import, list and search events below one folder."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

import duckdb

from spl.lookups import NO_LOOKUPS, Lookups
from spl.macros import MacroTable
from spl.run import Result, run_search
from spl.sql_text import install_macros, text_literal
from tools.logstore.building import Defaults
from tools.logstore.catalog import Remembered, StoreCatalog
from tools.logstore.errors import LogStoreError
from tools.logstore.importer import FileReport, Progress, expand_paths, import_file
from tools.logstore.knowledge import Knowledge
from tools.logstore.manifest import ImportWithRejects, Manifest, SetAside, StoredFile
from tools.logstore.rejects import read_rejects

MEMORY_LIMIT = "1500MB"
"""What the database holds in memory; the rest of the process comes on top."""
SPILL_LIMIT = "20GB"
"""What a search may put on disk when memory is not enough."""


@dataclass(frozen=True, slots=True)
class StoredSource:
    """What the store holds of one index and sourcetype; times are epochs."""

    index: str
    sourcetype: str
    events: int
    first: float
    last: float
    files: int
    bytes: int


class LogStore:
    """Events in Parquet below a folder, searched with SPL. Safe to use from several threads.

    The database that reads them is locked down: it opens files below the folder only, reaches nothing
    outside, and its settings cannot be changed by a search.

    Args:
        folder: Where the events are; made when it is missing.
        knowledge: A folder with `macros.conf`, `lookups/` and `models/` for all searches; None has none.
    """

    def __init__(self, folder: Path, *, knowledge: Path | None = None) -> None:
        self.folder = folder.resolve()
        self._knowledge = Knowledge(knowledge)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._manifest = Manifest(self.folder)
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise LogStoreError(
                f"cannot open the log store {str(folder)!r}: {reason}. "
                "Expected a folder that can be written, with free space."
            ) from error
        self._database = _locked_database(self.folder)
        self._lock = threading.Lock()
        self._version = -1
        self._files: tuple[StoredFile, ...] = ()
        self._set_aside: tuple[SetAside, ...] = ()
        self._remembered = Remembered()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; the store cannot be used afterwards."""
        self._database.close()

    def import_paths(
        self,
        paths: Iterable[str],
        *,
        index: str | None = None,
        sourcetype: str | None = None,
        host: str | None = None,
        written_at: float | None = None,
        zone: ZoneInfo | None = None,
        progress: Progress | None = None,
        each: Callable[[FileReport], None] | None = None,
    ) -> list[FileReport]:
        """Import files, folders or `-` (standard input), one after another.

        Args:
            paths: What to import.
            index: Index of events that do not name one.
            sourcetype: Sourcetype of events that do not name one.
            host: Host of events that do not name one.
            written_at: When year-less logs were written, epoch seconds; by default the file's own time.
            zone: Zone of times that carry none; by default the sourcetype's.
            progress: Called now and then while a file is read.
            each: Called with the report of each finished file.

        Raises:
            LogImportError: A file could not be imported; files before it stay imported.
        """
        reports = []
        for path in expand_paths(paths):
            defaults = Defaults(index, sourcetype, host, path, _written_at(path, written_at), zone)
            report = import_file(self.folder, self._manifest, path, defaults, progress)
            reports.append(report)
            if each:
                each(report)
        return reports

    def files(self) -> tuple[StoredFile, ...]:
        """Return the files of the store as of now."""
        return self._current()[0]

    def set_aside(self) -> tuple[SetAside, ...]:
        """Return what imports set aside and nobody has settled, as of now."""
        return self._current()[1]

    def _current(self) -> tuple[tuple[StoredFile, ...], tuple[SetAside, ...]]:
        with self._lock:
            version = self._manifest.version()
            if version != self._version:
                self._files, self._set_aside = self._manifest.files(), self._manifest.set_aside()
                self._version = version
            return self._files, self._set_aside

    def rejected(self) -> Iterator[tuple[ImportWithRejects, list[dict[str, object]]]]:
        """Yield every import that set lines aside, with the lines: `file`, `line`, `reason`, `index`, …, `base64`."""
        for one in self._manifest.imports_with_rejects():
            yield one, read_rejects(self.folder / "rejects" / one.kept_in) if one.kept_in else []

    def settle(self, import_id: int, *, by: str, because: str) -> None:
        """Tell no longer of what an import set aside: `by` has looked at it.

        Raises:
            LogStoreError: There is nothing to settle under this number.
        """
        if not self._manifest.settle(import_id, by=by, because=because, at=time.time()):
            raise LogStoreError(
                f"cannot settle import {import_id}: it set no line aside, or was settled before. "
                "`tejun logs set-aside` lists the imports that did."
            )

    def sources(self) -> list[StoredSource]:
        """Return what is stored, by index and sourcetype."""
        groups: dict[tuple[str, str], list[StoredFile]] = {}
        for file in self.files():
            groups.setdefault((file.index, file.sourcetype), []).append(file)
        return [
            StoredSource(
                index=index,
                sourcetype=sourcetype,
                events=sum(file.events for file in files),
                first=min(file.first for file in files),
                last=max(file.last for file in files),
                files=len(files),
                bytes=sum(file.bytes for file in files),
            )
            for (index, sourcetype), files in sorted(groups.items())
        ]

    def catalog(self) -> StoreCatalog:
        """Return the events of the store as of now."""
        cursor = self._database.cursor()
        return StoreCatalog(self.folder, self.files(), lambda sql: _count(cursor, sql), self._remembered)

    def search(
        self,
        text: str,
        *,
        earliest: float,
        latest: float,
        zone: ZoneInfo,
        limit: int | None = None,
        macros: MacroTable | None = None,
        lookups: Lookups = NO_LOOKUPS,
        now: float | None = None,
        timeout_s: float | None = None,
    ) -> Result:
        """Run one search; see `spl.run.run_search`."""
        cursor = self._database.cursor()
        files, aside = self._current()
        try:
            return run_search(
                text,
                connection=cursor,
                catalog=StoreCatalog(
                    self.folder, files, lambda sql: _count(cursor, sql), self._remembered, aside
                ),
                earliest=earliest,
                latest=latest,
                zone=zone,
                limit=limit,
                macros=self._knowledge.macros() | dict(macros or {}),
                lookups=self._knowledge.lookups() | lookups,
                datasets=self._knowledge.datasets(),
                locate=self._knowledge.locate(),
                now=time.time() if now is None else now,
                timeout_s=timeout_s,
            )
        finally:
            cursor.close()


def _written_at(path: str, given: float | None) -> float:
    if given is not None:
        return given
    return time.time() if path == "-" else Path(path).stat().st_mtime


def _count(cursor: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(cursor.execute(sql).fetchall()[0][0])


def _locked_database(folder: Path) -> duckdb.DuckDBPyConnection:
    database = duckdb.connect(":memory:")
    install_macros(database)
    database.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    database.execute("SET TimeZone = 'UTC'")
    database.execute("SET preserve_insertion_order = false")
    database.execute("SET parquet_metadata_cache = true")
    spill = folder / "tmp"
    database.execute(f"SET temp_directory = {text_literal(str(spill))}")
    database.execute(f"SET max_temp_directory_size = '{SPILL_LIMIT}'")
    folders = ", ".join(text_literal(str(path)) for path in (folder / "events", spill))
    database.execute(f"SET allowed_directories = [{folders}]")
    database.execute("SET enable_external_access = false")
    database.execute("SET autoinstall_known_extensions = false")
    database.execute("SET autoload_known_extensions = false")
    database.execute("SET lock_configuration = true")
    return database
