"""A small catalog over events in memory: frequent fields are columns, the others live in two maps."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import orjson
import pyarrow as pa
import pytest

from spl.catalog import FieldKind, Relation, StoredField, UnknownIndexError
from spl.run import Result, run_search
from spl.sql_text import identifier, install_macros, number_literal, text_literal

Event = dict[str, Any]
METADATA = ("_raw", "index", "sourcetype", "host", "source")
FREQUENT = 0.01


def column_name(field: str) -> str:
    """Encode a field name so that names that differ in case only stay different."""
    return "f_" + "".join(char if char.islower() or char.isdigit() else f"_{ord(char):x}_" for char in field)


@dataclass(frozen=True)
class TableCatalog:
    """Implements `spl.catalog.Catalog` over one table."""

    connection: duckdb.DuckDBPyConnection
    fields: dict[str, StoredField]
    table: str = "events"

    def relation(
        self,
        *,
        indexes: frozenset[str] | None,
        sourcetypes: frozenset[str] | None,
        earliest: float,
        latest: float,
    ) -> Relation:
        found = self.connection.execute(f"SELECT DISTINCT lower(index) FROM {self.table}").fetchall()
        known = {str(row[0]) for row in found}
        if indexes is not None and not indexes & known:
            raise UnknownIndexError("no such index.", supported=tuple(sorted(known)))
        wanted = [f"lower(index) IN ({_list(indexes)})"] if indexes is not None else []
        wanted += [f"lower(sourcetype) IN ({_list(sourcetypes)})"] if sourcetypes is not None else []
        sql = f"(SELECT * FROM {self.table} WHERE {' AND '.join(wanted) or 'TRUE'})"
        window = f"_time >= {number_literal(earliest)} AND _time < {number_literal(latest)}"
        counted = self.connection.execute(f"SELECT count(*) FROM {sql} WHERE {window}").fetchall()
        return Relation(sql, self.fields, int(counted[0][0]))

    def sourcetypes(self) -> frozenset[str]:
        found = self.connection.execute(f"SELECT DISTINCT sourcetype FROM {self.table}").fetchall()
        return frozenset(str(row[0]) for row in found)


def _list(values: frozenset[str]) -> str:
    return ", ".join(text_literal(value) for value in sorted(values))


def load_table(connection: duckdb.DuckDBPyConnection, events: Sequence[Event]) -> TableCatalog:
    """Store `events` in the table `events` of `connection`; `_seq` is their order."""
    counts = Counter(name for event in events for name in event if name not in {*METADATA, "_time"})
    multi = {name for event in events for name, value in event.items() if isinstance(value, list)}
    frequent = {name for name, count in counts.items() if count >= FREQUENT * len(events)}
    text, many = pa.string(), pa.list_(pa.string())
    columns: dict[str, pa.Array] = {
        "_time": pa.array([float(event["_time"]) for event in events], pa.float64()),
        "_seq": pa.array(range(len(events)), pa.int64()),
    }
    columns |= {name: pa.array([event.get(name) for event in events], text) for name in METADATA}
    fields = {name: StoredField(name, identifier(name), FieldKind.TEXT) for name in METADATA}
    for name in sorted(counts):
        home = identifier(column_name(name))
        kind = FieldKind.MULTI if name in multi else FieldKind.TEXT
        if name in frequent:
            values = [_as(kind, event.get(name)) for event in events]
            columns[column_name(name)] = pa.array(values, many if kind is FieldKind.MULTI else text)
        else:
            home = f"{'_many' if kind is FieldKind.MULTI else '_rest'}[{text_literal(name)}]"
        fields[name] = StoredField(name, home, kind)
    for home, kind, value in (("_rest", FieldKind.TEXT, text), ("_many", FieldKind.MULTI, many)):
        rare = [
            name for name in counts if name not in frequent and (name in multi) == (kind is FieldKind.MULTI)
        ]
        rows = [[(name, _as(kind, event[name])) for name in rare if name in event] for event in events]
        columns[home] = pa.array(rows, pa.map_(text, value))
    table = pa.table(columns)
    connection.register("loading", table)
    connection.execute("CREATE OR REPLACE TABLE events AS SELECT * FROM loading")
    connection.unregister("loading")
    return TableCatalog(connection, fields)


def _as(kind: FieldKind, value: Any) -> Any:
    if value is None or kind is FieldKind.TEXT:
        return value
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True)
class Bench:
    """Events in a database, ready to be searched."""

    connection: duckdb.DuckDBPyConnection
    catalog: TableCatalog

    def search(self, text: str, **options: Any) -> Result:
        """Run `text` over all time in UTC unless `options` say otherwise."""
        settings: dict[str, Any] = {"earliest": 0.0, "latest": 4e9, "zone": ZoneInfo("UTC"), "now": 1.7e9}
        cursor = self.connection.cursor()
        return run_search(text, connection=cursor, catalog=self.catalog, **(settings | options))

    def rows(self, text: str, **options: Any) -> list[dict[str, Any]]:
        """Return the rows of a search."""
        return self.search(text, **options).rows


@pytest.fixture
def over() -> Iterator[Callable[[Sequence[Event]], Bench]]:
    """Return a function that makes events searchable."""
    yield from loader()


@pytest.fixture(scope="module")
def over_module() -> Iterator[Callable[[Sequence[Event]], Bench]]:
    """Return a function that makes events searchable by all tests of a module."""
    yield from loader()


def loader() -> Iterator[Callable[[Sequence[Event]], Bench]]:
    """Yield a function that makes events searchable, and close what it opened."""
    opened: list[duckdb.DuckDBPyConnection] = []

    def load(events: Sequence[Event]) -> Bench:
        connection = duckdb.connect()
        opened.append(connection)
        install_macros(connection)
        stamped = [
            {"index": "main", "sourcetype": "test", "_time": 1000 + place} | event
            for place, event in enumerate(events)
        ]
        return Bench(connection, load_table(connection, stamped))

    yield load
    for connection in opened:
        connection.close()


@pytest.fixture(scope="session")
def read_events() -> Callable[[Path], list[Event]]:
    """Return a reader of `.ndjson.gz` files."""

    def read(path: Path) -> list[Event]:
        with gzip.open(path, "rb") as lines:
            return [orjson.loads(line) for line in lines]

    return read
