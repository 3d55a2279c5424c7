"""How events lie in Parquet: a column for each frequent field, two maps for the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tools.durable import write_durably
from tools.logstore.events import Event

FREQUENT = 0.01
"""Share of a file's events from which on a field gets a column of its own."""

ROW_GROUP = 50_000
_TEXT, _MANY = pa.string(), pa.list_(pa.string())
_PLAIN = re.compile(r"[^a-z0-9_]")


def column_name(field: str) -> str:
    """Return the column of a field: injective, also for readers that ignore case.

    >>> column_name("eventName"), column_name("eventname")
    ('f_event%4eame', 'f_eventname')
    """
    return "f_" + _PLAIN.sub(lambda match: "".join(f"%{byte:02x}" for byte in match.group().encode()), field)


def split_fields(events: Sequence[Event]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the frequent and the rare fields of `events`, each with its kind, `text` or `multi`."""
    counts = Counter(chain.from_iterable(event.fields for event in events))
    multi = {
        name
        for event in events
        if list in map(type, event.fields.values())
        for name, value in event.fields.items()
        if isinstance(value, list)
    }
    least = len(events) * FREQUENT
    kinds = {name: "multi" if name in multi else "text" for name in counts}
    frequent = {name: kinds[name] for name, count in sorted(counts.items()) if count >= least}
    return frequent, {name: kinds[name] for name in sorted(counts) if name not in frequent}


def to_table(events: Sequence[Event], sequence: Sequence[int], columns: dict[str, str]) -> pa.Table:
    """Return `events` as an Arrow table.

    Args:
        events: Ordered by time.
        sequence: Order of arrival of each.
        columns: Fields with a column of their own, and their kinds.
    """
    fields = [event.fields for event in events]
    data: dict[str, pa.Array] = {
        "_time": pa.array([event.time for event in events], pa.float64()),
        "_seq": pa.array(sequence, pa.int64()),
        "_raw": pa.array([event.raw for event in events], _TEXT),
        "index": pa.array([event.index for event in events], _TEXT),
        "sourcetype": pa.array([event.sourcetype for event in events], _TEXT),
        "host": pa.array([event.host or None for event in events], _TEXT),
        "source": pa.array([event.source or None for event in events], _TEXT),
    }
    for name, kind in columns.items():
        values = [row.get(name) for row in fields]
        if kind == "multi":
            data[column_name(name)] = pa.array([[v] if isinstance(v, str) else v for v in values], _MANY)
        else:
            data[column_name(name)] = pa.array(values, _TEXT)
    rest = [
        [(n, row[n]) for n in row.keys() - columns.keys()] if not row.keys() <= columns.keys() else []
        for row in fields
    ]
    data["_rest"] = pa.array(
        [[(n, v) for n, v in row if isinstance(v, str)] for row in rest], pa.map_(_TEXT, _TEXT)
    )
    data["_many"] = pa.array(
        [[(n, v) for n, v in row if isinstance(v, list)] for row in rest], pa.map_(_TEXT, _MANY)
    )
    return pa.table(data)


def write_parquet(table: pa.Table, path: Path) -> int:
    """Write `table` so that it is whole and on disk before it has its name; return its size in bytes."""

    def write(temporary: Path) -> None:
        pq.write_table(table, temporary, compression="zstd", row_group_size=ROW_GROUP)

    write_durably(path, write)
    return path.stat().st_size
