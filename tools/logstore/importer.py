"""Import: read a file, write Parquet, commit to the manifest; what is no event is kept aside."""

from __future__ import annotations

import datetime as dt
import gc
import hashlib
import io
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from tools.logstore.batch import Batch
from tools.logstore.building import Defaults
from tools.logstore.errors import LogImportError
from tools.logstore.flaws import FIELD as FLAW
from tools.logstore.lines import Reject
from tools.logstore.manifest import Manifest, StoredFile
from tools.logstore.readers import read_events
from tools.logstore.rejects import Rejects
from tools.logstore.sourcetypes import all_sourcetypes

_CHUNK = 1 << 20

Progress = Callable[[str, int, int], None]
"""Called with the file's name, its bytes read so far, and the events read so far."""


@dataclass(frozen=True, slots=True)
class SourceOfFile:
    """Events of one index and sourcetype in one file."""

    index: str
    sourcetype: str
    events: int


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file."""

    path: str
    events: int
    rejected: int
    duplicate: bool = False
    rejects: tuple[tuple[int, str], ...] = ()
    """Line number and reason of the first few; all of them are in `rejects_file`."""
    rejects_file: str | None = None
    first: float | None = None
    last: float | None = None
    assumed_zone: str | None = None
    """Zone that was assumed for times without one."""
    assumed_years: tuple[int, ...] = ()
    """Years that were assumed for times without one, first and last."""
    flagged: int = 0
    """Events that are kept although something in them is broken; `_flaw` says what."""
    from_raw: int = 0
    """Ready events that got fields from their `_raw`."""
    without_fields: tuple[SourceOfFile, ...] = ()
    """Index and sourcetype of events none of which has a field."""
    undescribed: tuple[SourceOfFile, ...] = ()
    """Index and sourcetype of events whose sourcetype is not described: their fields are those that came with them."""


def expand_paths(paths: Iterable[str]) -> Iterator[str]:
    """Yield the files that `paths` mean: themselves, the files below a folder, `-` for standard input.

    Raises:
        LogImportError: A path does not exist or holds no file.
    """
    for text in paths:
        path = Path(text)
        if text == "-" or path.is_file():
            yield text
        elif path.is_dir():
            found = sorted(
                str(inner) for inner in path.rglob("*") if inner.is_file() and not inner.name.startswith(".")
            )
            if not found:
                raise LogImportError(f"folder {text!r} holds no file to import.")
            yield from found
        else:
            raise LogImportError(f"cannot import {text!r}: there is no such file or folder.")


def import_file(
    folder: Path, manifest: Manifest, path: str, defaults: Defaults, progress: Progress | None = None
) -> FileReport:
    """Import one file; a content that is already there adds nothing.

    Raises:
        LogImportError: The file cannot be read or the store cannot be written; nothing was added.
    """
    try:
        with _opened(path) as stream, _without_collections():
            return _import_stream(folder, manifest, path, stream, defaults, progress)
    except OSError as error:
        raise LogImportError(
            f"cannot import {path!r} into {str(folder)!r}: {error.strerror or error}. Nothing of this file was added; "
            "mend the cause (permissions, free space) and import it again."
        ) from error
    except sqlite3.Error as error:
        raise LogImportError(
            f"cannot write the manifest in {str(folder)!r}: {error}. Nothing of {path!r} was added; "
            "mend the cause (free space, permissions, another import that hangs) and import it again."
        ) from error


@contextmanager
def _without_collections() -> Iterator[None]:
    """Pause the garbage collector: it would walk every event held, again and again, and events form no cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _opened(path: str) -> BinaryIO:
    return sys.stdin.buffer if path == "-" else Path(path).open("rb")


class _Counting(io.RawIOBase):
    """A raw stream that counts and hashes the bytes that pass."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self.count = 0
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        self.digest.update(data)
        return len(data)

    def drain(self) -> None:
        """Take the rest of a stream that its reader gave up, so that the digest is that of the whole."""
        while self.read(_CHUNK):
            pass


def _import_stream(
    folder: Path,
    manifest: Manifest,
    path: str,
    stream: BinaryIO,
    defaults: Defaults,
    progress: Progress | None,
) -> FileReport:
    prefix = f"{defaults.index}|{defaults.sourcetype}|{defaults.host}|"
    if (
        path != "-"
        and manifest.may_know(Path(path).stat().st_size)
        and manifest.knows(prefix + hash_file(path))
    ):
        return FileReport(path=path, events=0, rejected=0, duplicate=True)
    counting = _Counting(stream)
    batch = Batch(folder, manifest.take_ticket() << 36)
    rejects = Rejects(folder, path, defaults.written_at)
    try:
        for read in read_events(io.BufferedReader(counting, _CHUNK), defaults):
            if isinstance(read, Reject):
                rejects.add(read)
                continue
            if isinstance(read, pa.Table):
                batch.add_table(read)
                rejects.saw(*_ends(read), **_steps(read))
            else:
                batch.add(read)
                rejects.saw(read.time, read.time)
            if progress and (batch.count % 5000 == 0 or isinstance(read, pa.Table)):
                progress(path, counting.count, batch.count)
        counting.drain()
        batch.finish()
        rejects.finish()
        content = prefix + counting.digest.hexdigest()
        added = manifest.commit(
            batch.written,
            content=content,
            size=counting.count,
            source=path,
            rejected=rejects.count,
            imported_at=time.time(),
            set_aside=rejects.places(),
            kept_in=Path(rejects.kept_in).name if rejects.kept_in else None,
        )
    except BaseException:
        batch.discard()
        rejects.discard()
        raise
    if progress:
        progress(path, counting.count, batch.count)
    if not added:
        batch.discard()
        rejects.discard()
        return FileReport(path=path, events=0, rejected=0, duplicate=True)
    return _report(path, batch, rejects, defaults)


def _ends(table: pa.Table) -> tuple[float, float]:
    return table["_time"][0].as_py(), table["_time"][-1].as_py()


def _steps(table: pa.Table) -> dict[str, float]:
    """Return the largest steps of time from one event to the next, back and forth."""
    if table.num_rows < 2:
        return {}
    found = pc.min_max(pc.subtract(table["_time"][1:], table["_time"][:-1])).as_py()
    return {"back": max(0.0, -found["min"]), "forth": max(0.0, found["max"])}


def _sources(batch: Batch) -> Iterator[tuple[SourceOfFile, bool]]:
    """Yield the index and sourcetype of all events of a file, and whether one of them has a field."""
    groups: dict[tuple[str, str], list[StoredFile]] = {}
    for file in batch.written:
        groups.setdefault((file.index, file.sourcetype), []).append(file)
    for (index, sourcetype), files in sorted(groups.items()):
        fields = {name for file in files for name in (*file.columns, *file.rest)}
        yield SourceOfFile(index, sourcetype, sum(file.events for file in files)), bool(fields - {FLAW})


def _report(path: str, batch: Batch, rejects: Rejects, defaults: Defaults) -> FileReport:
    first = min((file.first for file in batch.written), default=None)
    last = max((file.last for file in batch.written), default=None)
    assumed = defaults.assumed
    years: tuple[int, ...] = ()
    if assumed.year and first is not None and last is not None:
        zone = ZoneInfo(assumed.zone or "UTC")
        years = tuple(sorted({dt.datetime.fromtimestamp(at, zone).year for at in (first, last)}))
    return FileReport(
        path=path,
        events=batch.count,
        rejected=rejects.count,
        rejects=tuple(rejects.shown),
        rejects_file=rejects.kept_in,
        first=first,
        last=last,
        assumed_zone=assumed.zone,
        assumed_years=years,
        flagged=batch.flagged,
        from_raw=defaults.from_raw.added,
        without_fields=tuple(source for source, has_fields in _sources(batch) if not has_fields),
        undescribed=tuple(
            source for source, _ in _sources(batch) if source.sourcetype not in all_sourcetypes()
        ),
    )


def hash_file(path: str) -> str:
    """Return the sha256 of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
