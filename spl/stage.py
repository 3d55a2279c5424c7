"""What commands are compiled into: a chain of CTEs, the fields after each, and the order of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from spl.catalog import Catalog, Relation
from spl.lookups import Lookups
from spl.python_calls import ARROW_TYPES, Kind, PythonCalls
from spl.sql_text import in_window
from spl.sql_values import Sql, SqlContext

if TYPE_CHECKING:
    from spl.plan import Command, Search

_SCHEMAS = count(1)
_BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One key of the current row order: a column of the stage, and its direction."""

    column: str
    direction: str = "ASC NULLS LAST"

    def reversed(self) -> OrderKey:
        """Return the key of the opposite order."""
        opposite = {"ASC": "DESC", "DESC": "ASC", "LAST": "FIRST", "FIRST": "LAST"}
        return OrderKey(self.column, " ".join(opposite.get(word, word) for word in self.direction.split()))


@dataclass(frozen=True, slots=True)
class Stage:
    """The rows after a command: a CTE or table, its fields, and the order of its rows."""

    cte: str
    columns: dict[str, Sql]
    order: tuple[OrderKey, ...]

    @property
    def order_by(self) -> str:
        """The ORDER BY clause that gives the rows their order; empty when there is none."""
        keys = ", ".join(f"{key.column} {key.direction}" for key in self.order)
        return f" ORDER BY {keys}" if keys else ""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that a command sets without having been told to."""

    count_sql: str
    """Counts the rows before the limit."""
    rows: int
    command: str
    in_total: bool
    """Whether every row that is kept reaches the result: then a total below the limit proves that none was cut."""


@dataclass(slots=True)
class Runtime:
    """One search as it runs: where its events, tables and helpers are, and what it has to tell."""

    connection: duckdb.DuckDBPyConnection
    catalog: Catalog
    zone: ZoneInfo
    now: float
    given: tuple[float, float]
    """The window of the search as it was asked for."""
    earliest: float
    """Start of the window of the search or subsearch that is being compiled."""
    latest: float
    source: str
    lookups: Lookups
    python: PythonCalls
    run_pipeline: Callable[[Runtime, Search], tuple[Builder, Stage]]
    """Compiles a subsearch."""
    locate: Callable[[str], Mapping[str, str]] | None = None
    """Where an address is: City, Country, Region, lat, lon; None without a database of places."""
    limited: list[Limit] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    """Every SQL statement that was run, in order."""
    scanned: int | None = None
    set_aside: dict[int, int] = field(default_factory=dict)
    """Lines that were set aside where the search and its subsearches read, by key: none is counted twice."""
    unknown: set[str] = field(default_factory=set)
    """Event fields that the search reads and no event here has."""
    _schema: str | None = None
    _tables: Iterator[int] = field(default_factory=lambda: count(1))

    def table(self, statement: str) -> tuple[str, int]:
        """Keep the rows of a statement in a table; return its name and their number."""
        name = self._new_table()
        self.run(f"CREATE TABLE {name} AS {statement}")
        return name, int(self.connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])

    def arrow_table(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> str:
        """Keep batches, pulled one at a time, in a table; return its name."""
        name = self._new_table()
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        view = name.replace(".", "_")
        self.connection.register(view, reader)
        try:
            self.connection.execute(f"CREATE TABLE {name} AS SELECT * FROM {view}")
        finally:
            self.connection.unregister(view)
        return name

    def values_table(self, columns: Mapping[str, Kind], rows: Sequence[Sequence[Any]]) -> Stage:
        """Keep Python rows in a table, in their order."""
        names = [f"v{place}" for place in range(len(columns))]
        data = {
            name: pa.array([row[place] for row in rows], ARROW_TYPES[kind])
            for place, (name, kind) in enumerate(zip(names, columns.values(), strict=True))
        }
        data["o_n"] = pa.array(range(len(rows)), pa.int64())
        table = pa.table(data)
        name = self.arrow_table(table.schema, table.to_batches())
        fields = {
            field: Sql(column, kind) for column, (field, kind) in zip(names, columns.items(), strict=True)
        }
        return Stage(name, fields, (OrderKey("o_n"),))

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        return self.run(statement).fetchall()

    def batches(self, statement: str) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of a statement in batches, read while earlier ones are being worked on."""
        cursor = self.connection.cursor()
        self.statements.append(statement)
        try:
            reader: pa.RecordBatchReader = cursor.sql(statement).to_arrow_reader(_BATCH_ROWS)
            for batch in reader:
                self.python.check_time()
                yield batch.to_pylist()
        finally:
            cursor.close()

    def run(self, statement: str) -> duckdb.DuckDBPyConnection:
        """Execute a statement."""
        self.python.check_time()
        self.statements.append(statement)
        return self.connection.execute(statement)

    def close(self) -> None:
        """Drop everything that the search made in the database."""
        self.python.close()
        if self._schema is not None:
            self.connection.execute(f"DROP SCHEMA {self._schema} CASCADE")
            self._schema = None

    def _new_table(self) -> str:
        if self._schema is None:
            schema = f"spl_w{next(_SCHEMAS)}"
            self.connection.execute(f"CREATE SCHEMA {schema}")
            self._schema = schema
        return f"{self._schema}.t{next(self._tables)}"


@dataclass(slots=True)
class Builder:
    """Collects the CTEs of one pipeline and hands out names."""

    runtime: Runtime
    ctes: list[str] = field(default_factory=list)
    rest: tuple[Command, ...] = ()
    """The commands after the one that is being compiled."""
    computed: set[str] = field(default_factory=set)
    """Columns that hold an expression, which the database would compute again for a filter."""
    _columns: int = 0
    _ctes: int = 0

    @property
    def zone(self) -> ZoneInfo:
        """Zone of clock times."""
        return self.runtime.zone

    @property
    def source(self) -> str:
        """Text of the search, for errors."""
        return self.runtime.source

    def adopt(self, other: Builder) -> None:
        """Go on where another pipeline ended, as its only successor."""
        self.ctes, self.computed = other.ctes, other.computed
        self._columns, self._ctes = other._columns, other._ctes

    def column(self) -> str:
        """Return a fresh column name."""
        self._columns += 1
        return f"c{self._columns}"

    def add(self, select: str) -> str:
        """Add a CTE and return its name."""
        self._ctes += 1
        name = f"s{self._ctes}"
        self.ctes.append(f"{name} AS NOT MATERIALIZED ({select})")
        return name

    def context(self, stage: Stage) -> SqlContext:
        """Return what expressions of the next command may refer to."""
        return SqlContext(stage.columns, self.runtime.now, self.zone, self.source, self.runtime.python)

    def extend(self, stage: Stage, added: Iterable[tuple[str, Sql]]) -> Stage:
        """Return `stage` with new or replaced fields."""
        items, columns = [], dict(stage.columns)
        for name, value in added:
            column = self.column()
            items.append(f"{value.text} AS {column}")
            columns[name] = Sql(column, value.kind)
            self.computed.add(column)
        if not items:
            return stage
        return Stage(self.add(f"SELECT *, {', '.join(items)} FROM {stage.cte}"), columns, stage.order)

    def filter(self, stage: Stage, condition: str) -> Stage:
        """Return the rows of `stage` for which `condition` holds."""
        return replace(stage, cte=self.add(f"SELECT * FROM {stage.cte} WHERE {condition}"))

    def statement(self, select: str) -> str:
        """Return a whole statement over the CTEs so far."""
        return f"WITH {', '.join(self.ctes)} {select}" if self.ctes else select

    def numbered(self, stage: Stage) -> Stage:
        """Return `stage` with the place of each row as its order, in the column `o_n`."""
        kept = ", ".join(dict.fromkeys(value.text for value in stage.columns.values()))
        number = f"row_number() OVER ({stage.order_by.strip()}) AS o_n"
        select = f"SELECT {f'{kept}, ' if kept else ''}{number} FROM {stage.cte}"
        return Stage(self.add(select), stage.columns, (OrderKey("o_n"),))

    def keep(self, stage: Stage, rows: int | None = None) -> tuple[Stage, int]:
        """Run the pipeline up to here and keep its rows in a table, at most `rows`; return their number too.

        For commands whose fields depend on the values, or that look at the rows more than once.
        """
        stage = self.numbered(stage)
        limit = f" ORDER BY o_n LIMIT {rows}" if rows is not None else ""
        name, number = self.runtime.table(self.statement(f"SELECT * FROM {stage.cte}{limit}"))
        self.ctes.clear()
        self.computed.clear()
        return Stage(name, stage.columns, stage.order), number

    def subsearch(self, search: Search, limit: int, command: str) -> tuple[Stage, int]:
        """Run a subsearch and keep at most `limit` of its rows; a reached limit is told."""
        inner, stage = self.runtime.run_pipeline(self.runtime, search)
        kept, number = inner.keep(stage, limit + 1)
        if number > limit:
            self.runtime.messages.append(
                f"limit: the subsearch of {command} gave more than {limit:,} rows; the first {limit:,} were used."
            )
            kept = replace(kept, cte=self.add(f"SELECT * FROM {kept.cte} WHERE o_n <= {limit}"))
        return kept, min(number, limit)

    def renamed(self, stage: Stage) -> Stage:
        """Return `stage` with columns of this pipeline's own, so that stages can be joined."""
        columns = {name: Sql(self.column(), value.kind) for name, value in stage.columns.items()}
        items = [f"{stage.columns[name].text} AS {value.text}" for name, value in columns.items()]
        keys = [self.column() for _ in stage.order]
        items += [f"{key.column} AS {name}" for key, name in zip(stage.order, keys, strict=True)]
        order = tuple(OrderKey(name, key.direction) for key, name in zip(stage.order, keys, strict=True))
        return Stage(self.add(f"SELECT {', '.join(items) or '1'} FROM {stage.cte}"), columns, order)


def time_window(relation: Relation, earliest: float, latest: float) -> str:
    """Return the condition that an event of `relation` lies in the window."""
    return "TRUE" if relation.inside else in_window(earliest, latest)
