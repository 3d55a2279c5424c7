"""Run a search over a catalog: parse, compile, execute, and give the rows back as Python values."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import duckdb

from spl.catalog import Catalog
from spl.compile import Compiled, compile_search
from spl.errors import SearchFailedError, SearchTimeoutError, Span, TimeError
from spl.macros import MacroTable
from spl.parse import parse_search
from spl.plan import Search, indexes, sourcetypes
from spl.sql_expr import Kind
from spl.timerange import resolve
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
    earliest: float
    latest: float
    seconds: float


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
        timeout_s: After this many seconds the search is interrupted.

    Raises:
        SplError: The search is at fault, or did not finish; nothing runs when it is at fault.
    """
    started = time.monotonic()
    search = parse_search(text, macros=macros)
    window = inline_window(search, earliest, latest, now=now, zone=zone)
    relation = catalog.relation(
        indexes=indexes(search), sourcetypes=sourcetypes(search), earliest=window[0], latest=window[1]
    )
    compiled = compile_search(search, relation, earliest=window[0], latest=window[1], zone=zone, now=now)
    with interrupted_after(connection, timeout_s):
        rows, total = _fetch(connection, compiled, limit)
        messages = [*_limit_messages(connection, compiled, total), *_unknown_messages(compiled)]
    cut = any(message.startswith("limit:") for message in messages)
    return Result(
        fields=compiled.fields,
        rows=rows,
        total=total,
        truncated=total > len(rows) or cut,
        scanned=relation.scanned,
        messages=tuple(messages),
        spl=search.text,
        sql=compiled.sql,
        earliest=window[0],
        latest=window[1],
        seconds=time.monotonic() - started,
    )


def inline_window(
    search: Search, earliest: float, latest: float, *, now: float, zone: ZoneInfo
) -> tuple[float, float]:
    """Return the window after inline times.

    Raises:
        TimeError: An inline time cannot be read.
    """
    if search.earliest is not None:
        earliest = resolve(search.earliest, now=now, zone=zone)
        latest = now if search.latest is None else latest
    if search.latest is not None:
        latest = resolve(search.latest, now=now, zone=zone)
    if latest < earliest:
        raise TimeError(f"the window ends ({latest}) before it begins ({earliest}).", span=Span(0, 1))
    return earliest, latest


@contextmanager
def interrupted_after(connection: duckdb.DuckDBPyConnection, timeout_s: float | None) -> Iterator[None]:
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
        raise SearchFailedError(f"the database could not finish the search: {error}") from error
    finally:
        over.set()
        if timer:
            timer.cancel()
            timer.join()


def _fetch(
    connection: duckdb.DuckDBPyConnection, compiled: Compiled, limit: int | None
) -> tuple[list[dict[str, Value]], int]:
    sql = compiled.sql if limit is None else f"{compiled.sql} LIMIT {limit + 1}"
    fetched = connection.execute(sql).fetchall()
    total = len(fetched)
    if limit is not None and total > limit:
        fetched = fetched[:limit]
        counted = connection.execute(compiled.count_sql).fetchone()
        total = int(counted[0]) if counted else total
    convert = [_CONVERT[kind] for kind in compiled.kinds]
    cells = list(zip(compiled.fields, convert, strict=True))
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


def _limit_messages(connection: duckdb.DuckDBPyConnection, compiled: Compiled, total: int) -> Iterator[str]:
    """Say where a command kept only its first rows without having been told to."""
    for limit in compiled.limited:
        if limit.in_total and total < limit.rows:
            continue
        counted = connection.execute(limit.count_sql).fetchone()
        if counted and counted[0] > limit.rows:
            yield (
                f"limit: {limit.command} kept {limit.rows:,} of {counted[0]:,} rows; "
                f"write `{limit.command} 0` to keep all."
            )


def _unknown_messages(compiled: Compiled) -> Iterator[str]:
    for name in compiled.unknown:
        yield f"no event searched here has the field {name!r}."
