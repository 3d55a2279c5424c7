"""Events on their way to Parquet: held until there are enough, then written by index, sourcetype and day."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tools.logstore.events import Event
from tools.logstore.layout import column_name, split_fields, to_table, write_parquet
from tools.logstore.manifest import StoredFile

BATCH, BATCH_BYTES = 100_000, 128 << 20
"""Events, and bytes of raw text, held in memory before they are written."""

_LONGEST_NAME = 200


@dataclass(slots=True)
class Batch:
    """Events on their way to Parquet, and what has been written of this file."""

    folder: Path
    first_sequence: int
    events: list[Event] = field(default_factory=list)
    count: int = 0
    bytes: int = 0
    written: list[StoredFile] = field(default_factory=list)

    def add(self, event: Event) -> None:
        """Take one event; write when there are enough."""
        self.events.append(event)
        self.count += 1
        self.bytes += len(event.raw)
        if len(self.events) >= BATCH or self.bytes >= BATCH_BYTES:
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
        self.bytes = 0

    def _write(
        self, index: str, sourcetype: str, day: int, events: list[Event], sequence: list[int]
    ) -> StoredFile:
        columns, rest = split_fields(events)
        date = (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()
        parts = (_folder_name(index), _folder_name(sourcetype), date, f"{uuid.uuid4().hex}.parquet")
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


def _folder_name(text: str) -> str:
    """Return a folder for an index or a sourcetype; the manifest knows the name itself."""
    name = column_name(text)
    return name if len(name) <= _LONGEST_NAME else f"h_{hashlib.sha256(text.encode()).hexdigest()}"
