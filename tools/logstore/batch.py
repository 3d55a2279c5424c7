"""Events on their way to Parquet: held until there are enough, then written by index, sourcetype and day."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections import defaultdict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tools.logstore.events import Event
from tools.logstore.flaws import FIELD as FLAW
from tools.logstore.layout import arrange, column_name, split_fields, to_table, write_parquet
from tools.logstore.manifest import StoredFile

BATCH, BATCH_BYTES = 100_000, 128 << 20
"""Events, and bytes of raw text, held in memory before they are written."""

MOST_PENDING = 2
"""Files that wait in memory to be written."""

_LONGEST_NAME = 200


@dataclass(slots=True)
class Batch:
    """Events on their way to Parquet, and what has been written of this file."""

    folder: Path
    first_sequence: int
    events: list[Event] = field(default_factory=list)
    count: int = 0
    bytes: int = 0
    flagged: int = 0
    """Events with a flaw."""
    written: list[StoredFile] = field(default_factory=list)
    """What is on disk; complete after `finish`."""
    _pending: deque[Future[StoredFile]] = field(default_factory=deque)
    _writer: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "parquet"))

    def add(self, event: Event) -> None:
        """Take one event; write when there are enough."""
        self.events.append(event)
        self.count += 1
        self.bytes += len(event.raw)
        self.flagged += FLAW in event.fields
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
            columns, rest = split_fields(chosen)
            table = to_table(chosen, sequence, columns)
            self._write(index, sourcetype, day, table, columns, rest)
        self.events.clear()
        self.bytes = 0

    def add_table(self, table: pa.Table) -> None:
        """Take many events at once, as `readers_ready` yields them, and write them."""
        self.flush()
        first = self.first_sequence + self.count
        self.count += table.num_rows
        table = table.append_column("_seq", pa.arange(first, first + table.num_rows))
        days = pc.floor(pc.divide(table["_time"], 86400.0)).cast(pa.int64())
        groups = pa.table([table["index"], table["sourcetype"], days], names=["index", "sourcetype", "day"])
        kinds = groups.group_by(groups.column_names, use_threads=False).aggregate([]).to_pylist()
        for kind in kinds:
            mine = (pc.equal(groups[name], value) for name, value in kind.items())
            chosen = table if len(kinds) == 1 else table.filter(reduce(pc.and_, mine))
            if not _is_sorted(chosen["_time"]):
                chosen = chosen.take(pc.sort_indices(chosen["_time"]))
            self._write(kind["index"], kind["sourcetype"], kind["day"], *arrange(chosen))

    def finish(self) -> None:
        """Write what is held, and wait until all of it is on disk."""
        self.flush()
        self._wait(0)
        self._writer.shutdown()

    def discard(self) -> None:
        """Remove what was written."""
        self._writer.shutdown(cancel_futures=True)
        done = [part.result() for part in self._pending if not part.cancelled() and part.exception() is None]
        for file in (*self.written, *done):
            (self.folder / file.name).unlink(missing_ok=True)

    def _write(
        self,
        index: str,
        sourcetype: str,
        day: int,
        table: pa.Table,
        columns: dict[str, str],
        rest: dict[str, str],
    ) -> None:
        """Begin to write the events of one file, ordered by time, while the next are read."""
        date = (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()
        parts = (_folder_name(index), _folder_name(sourcetype), date, f"{uuid.uuid4().hex}.parquet")
        name = "/".join(("events", *parts))

        def write() -> StoredFile:
            return StoredFile(
                name=name,
                index=index,
                sourcetype=sourcetype,
                day=date,
                first=table["_time"][0].as_py(),
                last=table["_time"][-1].as_py(),
                events=table.num_rows,
                bytes=write_parquet(table, self.folder / name),
                columns=columns,
                rest=rest,
            )

        self._pending.append(self._writer.submit(write))
        self._wait(MOST_PENDING)

    def _wait(self, left: int) -> None:
        """Wait until at most `left` files are still being written."""
        while len(self._pending) > left:
            self.written.append(self._pending.popleft().result())


def _is_sorted(times: pa.ChunkedArray) -> bool:
    """Tell whether no time is smaller than the one before it."""
    return not pc.any(pc.less(times[1:], times[:-1])).as_py()


def _folder_name(text: str) -> str:
    """Return a folder for an index or a sourcetype; the manifest knows the name itself."""
    name = column_name(text)
    return name if len(name) <= _LONGEST_NAME else f"h_{hashlib.sha256(text.encode()).hexdigest()}"
