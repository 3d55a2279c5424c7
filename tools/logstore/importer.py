"""Import: read every file once, write Parquet, commit to the manifest; what is no event is kept aside."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import io
import os
import sqlite3
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import orjson

from tools.logstore.errors import LogImportError
from tools.logstore.events import Event
from tools.logstore.layout import column_name, split_fields, to_table, write_parquet
from tools.logstore.manifest import Manifest, StoredFile
from tools.logstore.readers import Defaults, Reject, read_events

BATCH = 100_000
"""Events held in memory before they are written."""

SHOWN_REJECTS = 10
_CHUNK = 1 << 20

Progress = Callable[[str, int, int], None]
"""Called with the file's name, its bytes read so far, and the events read so far."""


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


@dataclass(slots=True)
class _Batch:
    """Events on their way to Parquet, and what has been written of this file."""

    folder: Path
    first_sequence: int
    events: list[Event] = field(default_factory=list)
    count: int = 0
    written: list[StoredFile] = field(default_factory=list)

    def add(self, event: Event) -> None:
        self.events.append(event)
        self.count += 1
        if len(self.events) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Write one Parquet file for every index, sourcetype and UTC day of the batch."""
        groups: dict[tuple[str, str, int], list[int]] = defaultdict(list)
        start = self.count - len(self.events)
        for position, event in enumerate(self.events):
            groups[event.index, event.sourcetype, int(event.time // 86400)].append(position)
        for (index, sourcetype, day), positions in groups.items():
            positions.sort(key=lambda position: self.events[position].time)
            chosen = [self.events[position] for position in positions]
            sequence = [self.first_sequence + start + position for position in positions]
            self.written.append(self._write(index, sourcetype, day, chosen, sequence))
        self.events.clear()

    def _write(
        self, index: str, sourcetype: str, day: int, events: list[Event], sequence: list[int]
    ) -> StoredFile:
        columns, rest = split_fields(events)
        date = (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()
        parts = (column_name(index), column_name(sourcetype), date, f"{uuid.uuid4().hex}.parquet")
        name = "/".join(("events", *parts))
        size = write_parquet(to_table(events, sequence, columns), self.folder / name)
        return StoredFile(
            name=name,
            index=index,
            sourcetype=sourcetype,
            day=date,
            first=events[0].time,
            last=events[-1].time,
            events=len(events),
            bytes=size,
            columns=columns,
            rest=rest,
        )

    def discard(self) -> None:
        """Remove what was written."""
        for file in self.written:
            (self.folder / file.name).unlink(missing_ok=True)


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
        with _opened(path) as stream:
            return _import_stream(folder, manifest, path, stream, defaults, progress)
    except OSError as error:
        raise LogImportError(
            f"cannot import {path!r} into {str(folder)!r}: {error.strerror or error}. Nothing of this file was added; "
            "mend the cause (permissions, free space) and import it again."
        ) from error
    except sqlite3.OperationalError as error:
        raise LogImportError(
            f"cannot write the manifest in {str(folder)!r}: {error}. Nothing of {path!r} was added."
        ) from error


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


def _import_stream(
    folder: Path,
    manifest: Manifest,
    path: str,
    stream: BinaryIO,
    defaults: Defaults,
    progress: Progress | None,
) -> FileReport:
    prefix = f"{defaults.index}|{defaults.sourcetype}|{defaults.host}|"
    if path != "-" and manifest.knows(prefix + hash_file(path)):
        return FileReport(path=path, events=0, rejected=0, duplicate=True)
    counting = _Counting(stream)
    batch = _Batch(folder, manifest.next_import() << 36)
    rejects: list[Reject] = []
    try:
        for read in read_events(io.BufferedReader(counting, _CHUNK), defaults):
            if isinstance(read, Reject):
                rejects.append(read)
                continue
            batch.add(read)
            if progress and batch.count % 5000 == 0:
                progress(path, counting.count, batch.count)
        batch.flush()
        kept_aside = _keep_aside(folder, path, rejects)
        content = prefix + counting.digest.hexdigest()
        added = manifest.commit(
            batch.written, content=content, source=path, rejected=len(rejects), imported_at=time.time()
        )
    except BaseException:
        batch.discard()
        raise
    if progress:
        progress(path, counting.count, batch.count)
    if not added:
        batch.discard()
        return FileReport(path=path, events=0, rejected=0, duplicate=True)
    return FileReport(
        path=path,
        events=batch.count,
        rejected=len(rejects),
        rejects=tuple((reject.line, reject.reason) for reject in rejects[:SHOWN_REJECTS]),
        rejects_file=kept_aside,
        first=min((file.first for file in batch.written), default=None),
        last=max((file.last for file in batch.written), default=None),
    )


def hash_file(path: str) -> str:
    """Return the sha256 of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _keep_aside(folder: Path, path: str, rejects: list[Reject]) -> str | None:
    """Write what could not be used as NDJSON: file, line, reason and the bytes in base64."""
    if not rejects:
        return None
    target = folder / "rejects" / f"{uuid.uuid4().hex}.ndjson"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for reject in rejects:
            data = base64.b64encode(reject.data).decode()
            entry = {"file": path, "line": reject.line, "reason": reject.reason, "base64": data}
            file.write(orjson.dumps(entry) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return str(target)
