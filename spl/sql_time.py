"""Time functions as DuckDB SQL. Epochs are doubles; clock times are read and written in a zone."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from spl.functions import plain_directives
from spl.sql_text import text_literal
from spl.timerange import SECONDS, step_list

_TRUNC = {"s": "second", "m": "minute", "h": "hour", "d": "day", "mon": "month", "q": "quarter", "y": "year"}
_INTERVAL = {"d": "DAY", "w": "WEEK", "mon": "MONTH", "y": "YEAR"}


def local(epoch: str, zone: ZoneInfo) -> str:
    """Return the clock time of `epoch` in `zone`, as a TIMESTAMP."""
    return f"(to_timestamp(spl_epoch({epoch})) AT TIME ZONE {text_literal(zone.key)})"


def to_epoch(timestamp: str, zone: ZoneInfo) -> str:
    """Return the epoch of a clock time in `zone`."""
    return f"epoch({timestamp} AT TIME ZONE {text_literal(zone.key)})"


def strftime_sql(epoch: str, pattern: str, zone: ZoneInfo) -> str:
    """Return `strftime(epoch, pattern)`."""
    return f"strftime({local(epoch, zone)}, {text_literal(plain_directives(pattern))})"


def strptime_sql(text: str, pattern: str, zone: ZoneInfo) -> str:
    """Return `strptime(text, pattern)`; null when the text does not fit."""
    return to_epoch(f"try_strptime({text}, {text_literal(plain_directives(pattern))})", zone)


def relative_sql(epoch: str, modifier: str, zone: ZoneInfo) -> str:
    """Return `relative_time(epoch, modifier)`: its steps from left to right."""
    for amount, unit, weekday in step_list(modifier):
        epoch = snap_sql(epoch, unit, weekday, zone) if amount is None else _shift(epoch, amount, unit, zone)
    return epoch


def _shift(epoch: str, amount: int, unit: str, zone: ZoneInfo) -> str:
    if unit in {"s", "m", "h"}:
        return f"({epoch} + {amount * SECONDS[unit]})"
    if unit == "q":
        amount, unit = amount * 3, "mon"
    return to_epoch(f"({local(epoch, zone)} + INTERVAL '{amount}' {_INTERVAL[unit]})", zone)


def snap_sql(epoch: str, unit: str, weekday: int | None, zone: ZoneInfo) -> str:
    """Return `epoch` rounded down to the start of its unit in `zone`; weeks start on Sunday unless told."""
    if unit in {"s", "m"}:
        return f"(floor({epoch} / {SECONDS[unit]}) * {SECONDS[unit]})"
    if unit == "h":
        second = f"floor(spl_epoch({epoch}))"
        return f"({second} - (epoch({local(second, zone)}) % 3600 + 3600) % 3600)"
    clock = local(epoch, zone)
    if unit == "w":
        back = f"((dayofweek({clock}) - {weekday or 0} + 7) % 7)"
        return to_epoch(f"(date_trunc('day', {clock}) - to_days(CAST({back} AS INTEGER)))", zone)
    return to_epoch(f"date_trunc('{_TRUNC[unit]}', {clock})", zone)


def bin_sql(epoch: str, amount: int, unit: str, zone: ZoneInfo, *, align: float | None = None) -> str:
    """Return the start of the time bin of `epoch`: fixed spans from the epoch, days and longer in `zone`.

    Args:
        epoch: SQL of an epoch.
        amount: Units of a bin.
        unit: `s`, `m`, `h`, `d`, `w`, `mon`, `q` or `y`.
        zone: Zone of days and longer units.
        align: A time at which a bin begins; it makes days and weeks of fixed length.
    """
    if align is not None and unit in SECONDS:
        width = amount * SECONDS[unit]
        return f"(floor(({epoch} - {align!r}) / {width}) * {width} + {align!r})"
    if unit in {"s", "m", "h"}:
        width = amount * SECONDS[unit]
        return f"(floor({epoch} / {width}) * {width})"
    if amount == 1:
        return snap_sql(epoch, unit, None, zone)
    if unit in {"mon", "q", "y"}:
        months = amount * {"mon": 1, "q": 3, "y": 12}[unit]
        clock = local(epoch, zone)
        index = f"(floor((year({clock}) * 12 + month({clock}) - 1) / {months}) * {months})"
        start = f"make_timestamp(CAST(floor({index} / 12) AS BIGINT), CAST({index} % 12 AS BIGINT) + 1, 1, 0, 0, 0)"
        return to_epoch(start, zone)
    days = amount * (7 if unit == "w" else 1)
    first = "DATE '1970-01-04'" if unit == "w" else "DATE '1970-01-01'"
    count = f"(floor((CAST({local(epoch, zone)} AS DATE) - {first}) / {days}) * {days})"
    return to_epoch(f"CAST({first} + CAST({count} AS INTEGER) AS TIMESTAMP)", zone)
