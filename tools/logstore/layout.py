"""How events lie in Parquet: a column for each frequent field, two maps for the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tools.durable import write_durably
from tools.logstore.events import Event, FieldValue

FREQUENT = 0.01
"""Share of a file's events from which on a field gets a column of its own."""

ROW_GROUP = 50_000
METADATA = ("_time", "_seq", "_raw", "index", "sourcetype", "host", "source")
"""The columns of every file."""
_DISTINCT = ("_time", "_seq", "_raw")
"""Columns whose values hardly repeat: a dictionary of them would be built for nothing."""
_TEXT, _MANY = pa.string(), pa.list_(pa.string())
_PLAIN = re.compile(r"[^a-z0-9_]")


def column_name(field: str, kind: str = "text") -> str:
    """Return the column of a field: injective, also for readers that ignore case.

    A multivalue has a column of its own: one name with two types in two files could not be read at once.

    >>> column_name("eventName"), column_name("eventname"), column_name("a{}.b", "multi")
    ('f_event%4eame', 'f_eventname', 'm_a%7b%7d%2eb')
    """
    return ("m_" if kind == "multi" else "f_") + _PLAIN.sub(
        lambda match: "".join(f"%{byte:02x}" for byte in match.group().encode()), field
    )


def split_fields(events: Sequence[Event]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the frequent and the rare fields of `events`, each with its kind, `text` or `multi`."""
    counts: Counter[str] = Counter()
    for names, number in Counter(tuple(event.fields) for event in events).items():
        counts.update(dict.fromkeys(names, number))
    multi: set[str] = set()
    for event in events:
        if list in set(map(type, event.fields.values())):
            multi.update(name for name, value in event.fields.items() if isinstance(value, list))
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
            values = [[v] if isinstance(v, str) else v for v in values]
        data[column_name(name, kind)] = pa.array(values, _MANY if kind == "multi" else _TEXT)
    return pa.table(data | _maps(fields, columns))


def arrange(table: pa.Table) -> tuple[pa.Table, dict[str, str], dict[str, str]]:
    """Lay out a table with a text column for each field.

    Args:
        table: `METADATA`, and the fields under their own names, ordered by time.

    Returns:
        The table as it is stored, the frequent fields and the rare ones, each with its kind.
    """
    counts = {
        name: table.num_rows - table[name].null_count
        for name in sorted(set(table.column_names) - set(METADATA))
    }
    least = table.num_rows * FREQUENT
    columns = {name: "text" for name, count in counts.items() if count and count >= least}
    rest = {name: "text" for name, count in counts.items() if count and name not in columns}
    rows: list[list[tuple[str, str]] | None] = [None] * table.num_rows
    for name in rest:
        for position in pc.indices_nonzero(pc.is_valid(table[name])).to_pylist():
            rows[position] = [*(rows[position] or ()), (name, table[name][position].as_py())]
    data = {name: table[name] for name in METADATA}
    data |= {column_name(name): table[name] for name in columns}
    data["_rest"] = pa.array(rows, pa.map_(_TEXT, _TEXT))
    data["_many"] = pa.nulls(table.num_rows, pa.map_(_TEXT, _MANY))
    return pa.table(data), columns, rest


def _maps(fields: Sequence[dict[str, FieldValue]], columns: dict[str, str]) -> dict[str, pa.Array]:
    """Return the maps of the fields without a column; an event without such a field has no map."""
    own = columns.keys()
    rest = [
        () if row.keys() <= own else [pair for pair in row.items() if pair[0] not in own] for row in fields
    ]
    if not any(rest):
        return {
            "_rest": pa.nulls(len(rest), pa.map_(_TEXT, _TEXT)),
            "_many": pa.nulls(len(rest), pa.map_(_TEXT, _MANY)),
        }
    texts = [[(name, value) for name, value in row if isinstance(value, str)] or None for row in rest]
    lists = [[(name, value) for name, value in row if isinstance(value, list)] or None for row in rest]
    return {
        "_rest": pa.array(texts, pa.map_(_TEXT, _TEXT)),
        "_many": pa.array(lists, pa.map_(_TEXT, _MANY)),
    }


def _leaves(path: str, kind: pa.DataType) -> Iterator[str]:
    """Yield the columns that Parquet makes of one of ours, by their paths."""
    if pa.types.is_map(kind):
        yield from _leaves(f"{path}.key_value.key", kind.key_type)
        yield from _leaves(f"{path}.key_value.value", kind.item_type)
    elif pa.types.is_list(kind):
        yield from _leaves(f"{path}.list.element", kind.value_type)
    else:
        yield path


def write_parquet(table: pa.Table, path: Path) -> int:
    """Write `table` so that it is whole and on disk before it has its name; return its size in bytes."""
    repeated = [
        leaf
        for column in table.schema
        if column.name not in _DISTINCT
        for leaf in _leaves(column.name, column.type)
    ]

    def write(temporary: Path) -> None:
        pq.write_table(
            table, temporary, compression="zstd", row_group_size=ROW_GROUP, use_dictionary=repeated
        )

    write_durably(path, write)
    return path.stat().st_size
