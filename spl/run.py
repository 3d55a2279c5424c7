"""Run a search over a catalog: parse, compile, execute, and give the rows back as Python values."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import duckdb

from spl.catalog import Catalog, Relation
from spl.commands.lookup import InputLookup, LookupCommand
from spl.compile import inline_window, ordered_names, run_pipeline
from spl.datamodels import Dataset
from spl.errors import SearchFailedError, SearchTimeoutError, SplError
from spl.lookups import Lookups
from spl.macros import MacroTable
from spl.parse import parse_search
from spl.plan import Search, indexes, own_indexes, tables, walk_commands, walk_searches
from spl.python_calls import Kind, PythonCalls
from spl.stage import Builder, Runtime, Stage
from spl.values import Value

INTERRUPT_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a search, in order. A missing field is an absent key."""

    fields: tuple[str, ...]
    rows: list[dict[str, Value]]
    total: int
    """Rows of the whole result, also when `limit` cut it."""
    truncated: bool
    scanned: int | None
    """Events of the searched indexes and sourcetypes in the window, before the search's own filter."""
    messages: tuple[str, ...]
    spl: str
    """The search as it ran, macros expanded."""
    sql: str
    """The statement that gave the rows."""
    statements: tuple[str, ...]
    """Every statement that was run, in order; the last gave the rows."""
    earliest: float
    latest: float
    seconds: float
    set_aside: int = 0
    """Lines of the searched indexes and sourcetypes that may belong in the window, and could not be read as events."""


def run_search(
    text: str,
    *,
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    earliest: float,
    latest: float,
    zone: ZoneInfo,
    now: float,
    limit: int | None = None,
    macros: MacroTable | None = None,
    lookups: Lookups | None = None,
    datasets: Mapping[str, Dataset] | None = None,
    locate: Callable[[str], Mapping[str, str]] | None = None,
    timeout_s: float | None = None,
) -> Result:
    """Run one search.

    Args:
        text: The search as written.
        connection: A cursor of its own on a database with `spl.sql_text.install_macros`.
        catalog: Where the events are.
        earliest: Window start, epoch seconds; an inline `earliest=` replaces it.
        latest: Window end, epoch seconds, exclusive; an inline `latest=` replaces it, and an inline
            `earliest=` alone moves it to `now`.
        zone: Zone of clock times.
        now: Epoch seconds of relative times and `now()`.
        limit: Most rows returned; None returns all.
        macros: Macros that the search may call.
        lookups: Lookup tables that the search may use.
        datasets: Datasets of the data models; None means the bundled ones.
        locate: Where an address is, for `iplocation`; None when there is no database of places.
        timeout_s: After this many seconds the search is stopped.

    Raises:
        SplError: The search is at fault, or did not finish; nothing runs when it is at fault.
    """
    started = time.monotonic()
    search = parse_search(text, macros=macros, datasets=datasets)
    runtime = Runtime(
        connection=connection,
        catalog=OnlySeen(catalog, indexes(search)),
        zone=zone,
        now=now,
        given=(earliest, latest),
        earliest=earliest,
        latest=latest,
        source=search.text,
        lookups=lookups or Lookups(),
        python=PythonCalls(connection, timeout_s=timeout_s),
        run_pipeline=run_pipeline,
        locate=locate,
    )
    runtime.earliest, runtime.latest = inline_window(search, runtime)
    check_sources(runtime, search)
    runtime.lookups = runtime.lookups.only(tables(search))
    try:
        with interrupted_after(connection, timeout_s, runtime.python):
            fetched = _run_and_fetch(runtime, search, limit)
    finally:
        runtime.close()
    return _result(runtime, search, fetched, seconds=time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class OnlySeen:
    """A catalog that gives no event of an index which the walk over the search did not see.

    The guard and lint rest on that walk; a command that it overlooked fails here instead of reading.
    """

    catalog: Catalog
    seen: frozenset[str] | None
    """The indexes of the search and all searches in it; None when one is not bounded."""

    def relation(
        self,
        *,
        indexes: frozenset[str] | None,
        sourcetypes: frozenset[str] | None,
        earliest: float,
        latest: float,
    ) -> Relation:
        """Return the events, as the catalog does.

        Raises:
            SplError: An index is asked for that was not seen.
        """
        if self.seen is not None and (indexes is None or indexes - self.seen):
            asked = "every index" if indexes is None else ", ".join(sorted(indexes - self.seen))
            raise SplError(f"a command reads {asked}, which the search was not seen to name.")
        return self.catalog.relation(
            indexes=indexes, sourcetypes=sourcetypes, earliest=earliest, latest=latest
        )

    def sourcetypes(self) -> frozenset[str]:
        """Return the sourcetypes of all stored events."""
        return self.catalog.sourcetypes()


@dataclass(frozen=True, slots=True)
class _Fetched:
    """What came out of the database."""

    fields: tuple[str, ...]
    rows: list[dict[str, Value]]
    total: int
    messages: tuple[str, ...]


def _run_and_fetch(runtime: Runtime, search: Search, limit: int | None) -> _Fetched:
    builder, stage = run_pipeline(runtime, search)
    names = ordered_names(search.commands, stage)
    rows, total = _fetch(runtime, builder, stage, names, limit)
    messages = (*_limit_messages(runtime, total), *runtime.messages, *_unknown_messages(runtime))
    return _Fetched(names, rows, total, messages)


def _result(runtime: Runtime, search: Search, fetched: _Fetched, *, seconds: float) -> Result:
    cut = any(message.startswith("limit:") for message in fetched.messages)
    return Result(
        fields=fetched.fields,
        rows=fetched.rows,
        total=fetched.total,
        truncated=fetched.total > len(fetched.rows) or cut,
        scanned=runtime.scanned,
        set_aside=sum(runtime.set_aside.values()),
        messages=fetched.messages,
        spl=search.text,
        sql=runtime.statements[-1],
        statements=tuple(runtime.statements),
        earliest=runtime.earliest,
        latest=runtime.latest,
        seconds=seconds,
    )


def check_sources(runtime: Runtime, search: Search) -> None:
    """Refuse an index, a lookup or an inline time that does not exist, before anything runs.

    Raises:
        SplError: The search or a subsearch names one.
    """
    for part in walk_searches(search):
        inline_window(part, runtime)
        wanted = own_indexes(part)
        if wanted:
            runtime.catalog.relation(indexes=wanted, sourcetypes=None, earliest=0.0, latest=0.0)
        for command in walk_commands(part):
            if isinstance(command, LookupCommand | InputLookup):
                runtime.lookups.find(command.table, text=search.text, span=command.table_span)


@contextmanager
def interrupted_after(
    connection: duckdb.DuckDBPyConnection, timeout_s: float | None, python: PythonCalls
) -> Iterator[None]:
    """Interrupt what runs on `connection` after `timeout_s` seconds, and say so.

    Raises:
        SearchTimeoutError: The time was up.
        SearchFailedError: DuckDB reported an error.
    """
    fired, over = threading.Event(), threading.Event()

    def interrupt() -> None:
        """Interrupt until the search is over: one interrupt between two statements would be lost."""
        fired.set()
        connection.interrupt()
        while not over.wait(INTERRUPT_AGAIN_S):
            connection.interrupt()

    timer = threading.Timer(timeout_s, interrupt) if timeout_s is not None else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        yield
    except duckdb.InterruptException:
        if fired.is_set():
            raise SearchTimeoutError(f"the search ran longer than {timeout_s:g} s and was stopped.") from None
        raise
    except duckdb.Error as error:
        if python.error is not None:
            raise python.error from None
        if isinstance(error, duckdb.OutOfMemoryException):
            raise SearchFailedError(
                "the search needs more memory than it may have. Narrow its window or its fields, or aggregate earlier."
            ) from error
        raise SearchFailedError(f"the database could not finish the search: {error}") from error
    finally:
        over.set()
        if timer:
            timer.cancel()
            timer.join()


def _fetch(
    runtime: Runtime, builder: Builder, stage: Stage, names: tuple[str, ...], limit: int | None
) -> tuple[list[dict[str, Value]], int]:
    values = [stage.columns[name] for name in names]
    columns = ", ".join(value.text for value in values) or "NULL"
    cut = "" if limit is None else f" LIMIT {limit + 1}"
    sql = builder.statement(f"SELECT {columns} FROM {stage.cte}{stage.order_by}{cut}")
    fetched = runtime.run(sql).fetchall()
    total = len(fetched)
    if limit is not None and total > limit:
        fetched = fetched[:limit]
        counted = builder.statement(f"SELECT count(*) FROM {stage.cte}")
        total = int(runtime.connection.execute(counted).fetchall()[0][0])
    cells = [(name, _CONVERT[value.kind]) for name, value in zip(names, values, strict=True)]
    rows = [
        {
            name: to_python(value)
            for (name, to_python), value in zip(cells, row, strict=False)
            if value is not None
        }
        for row in fetched
    ]
    return rows, total


def _number(value: float) -> Value:
    return int(value) if value == int(value) and abs(value) < 1e15 else float(value)


def _same(value: Value) -> Value:
    return value


_CONVERT = {Kind.NUMBER: _number, Kind.TEXT: _same, Kind.MULTI: _same, Kind.NULL: _same, Kind.BOOL: _same}


def _limit_messages(runtime: Runtime, total: int) -> Iterator[str]:
    """Say where a command kept only its first rows without having been told to."""
    for limit in runtime.limited:
        if limit.in_total and total < limit.rows:
            continue
        counted = runtime.connection.execute(limit.count_sql).fetchall()[0][0]
        if counted > limit.rows:
            yield (
                f"limit: {limit.command} kept {limit.rows:,} of {counted:,} rows; "
                f"write `{limit.command} 0` to keep all."
            )


def _unknown_messages(runtime: Runtime) -> Iterator[str]:
    for name in sorted(runtime.unknown):
        yield f"no event searched here has the field {name!r}."
