"""The time engine: relative, snapped and absolute times in a zone."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

from spl.errors import Span, TimeError

_UNITS = {
    "s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "m": "m", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
    "h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "d": "d", "day": "d", "days": "d",
    "w": "w", "week": "w", "weeks": "w",
    "mon": "mon", "month": "mon", "months": "mon",
    "q": "q", "qtr": "q", "qtrs": "q", "quarter": "q", "quarters": "q",
    "y": "y", "yr": "y", "yrs": "y", "year": "y", "years": "y",
}  # fmt: skip
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_MONTHS = {"mon": 1, "q": 3, "y": 12}
_STEP = re.compile(r"([+-])(\d*)([a-zA-Z]+)|@([a-zA-Z]+)([0-7])?")
_ABSOLUTE = (
    "%m/%d/%Y:%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
)
LAST_EPOCH = 253_402_214_400
"""The end of the calendar, with a day to spare for zones."""

_SHOWN = 40
_LONGEST = 12
_EPOCH = re.compile(r"\d+(?:\.\d+)?")


def resolve(text: str, *, now: float, zone: ZoneInfo) -> float:
    """Return the epoch seconds that a time modifier or absolute time means.

    Args:
        text: `now`, `-24h@h`, `@w0`, an epoch, `2017-03-27`, `2017-03-27T00:00:00`, `03/27/2017:00:00:00`.
        now: The moment that relative times start from, epoch seconds.
        zone: Zone of snaps and of absolute times without an offset.

    Raises:
        TimeError: It is none of these.
    """
    cleaned = text.strip()
    if cleaned in {"", "now", "now()"}:
        return now
    if _EPOCH.fullmatch(cleaned):
        if float(cleaned) > LAST_EPOCH:
            raise _beyond(cleaned)
        return float(cleaned)
    if cleaned[0] in "+-@":
        try:
            return move(cleaned, start=now, zone=zone)
        except (OverflowError, ValueError, OSError):
            raise _beyond(cleaned) from None
    if (moment := _absolute(cleaned, zone)) is not None:
        return moment
    raise TimeError(
        f"time {text!r} cannot be read. Expected now, -24h@h, an epoch, 2017-03-27, 2017-03-27T00:00:00 or 03/27/2017:00:00:00.",
        text=text,
        span=Span(0, len(text)),
    )


def _absolute(text: str, zone: ZoneInfo) -> float | None:
    for pattern in _ABSOLUTE:
        try:
            return dt.datetime.strptime(text, pattern).replace(tzinfo=zone).timestamp()
        except ValueError:
            continue
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()


def move(text: str, *, start: float, zone: ZoneInfo) -> float:
    """Apply the steps of a time modifier to `start`, left to right: `-24h@h` subtracts, then snaps.

    >>> move("-1d@d", start=90000.0, zone=ZoneInfo("UTC"))
    0.0

    Raises:
        TimeError: It is no time modifier.
    """
    moment = start
    for amount, unit, weekday in step_list(text):
        moment = snap_to(moment, unit, weekday, zone) if amount is None else shift(moment, amount, unit, zone)
    return moment


def step_list(text: str) -> list[tuple[int | None, str, int | None]]:
    """Return the steps of a time modifier: (amount, unit, None) to move, (None, unit, weekday) to snap.

    >>> step_list("-24h@h")
    [(-24, 'h', None), (None, 'h', None)]

    Raises:
        TimeError: It is no time modifier.
    """
    steps: list[tuple[int | None, str, int | None]] = []
    position = 3 if text.startswith("now") else 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise _unreadable(text)
        sign, amount, unit, snap, weekday = match.groups()
        if unit is not None:
            steps.append(((-1 if sign == "-" else 1) * _amount(amount, text), _unit(unit, text), None))
        else:
            steps.append((None, _unit(snap, text), int(weekday) % 7 if weekday else None))
        position = match.end()
    return steps


def _amount(digits: str, text: str) -> int:
    if len(digits) > _LONGEST:
        raise _beyond(text)
    return int(digits or 1)


def _beyond(text: str) -> TimeError:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return TimeError(
        f"time {shown!r} lies beyond the calendar (years 1 to 9999).", text=text, span=Span(0, len(text))
    )


def _unit(name: str, text: str) -> str:
    unit = _UNITS.get(name.lower())
    if unit is None:
        raise _unreadable(text)
    return unit


def _unreadable(text: str) -> TimeError:
    return TimeError(
        f"time modifier {text!r} cannot be read. Expected steps such as -24h, +1mon, @d, @w1; units s m h d w mon q y.",
        text=text,
        span=Span(0, len(text)),
    )


def shift(moment: float, amount: int, unit: str, zone: ZoneInfo) -> float:
    """Move `moment` by `amount` units; days and longer keep the local clock time."""
    if unit in {"s", "m", "h"}:
        return moment + amount * SECONDS[unit]
    local = dt.datetime.fromtimestamp(moment, zone)
    if unit in _MONTHS:
        return _add_months(local, amount * _MONTHS[unit]).timestamp()
    return (local + dt.timedelta(days=amount * (7 if unit == "w" else 1))).timestamp()


def _add_months(local: dt.datetime, months: int) -> dt.datetime:
    index = local.year * 12 + local.month - 1 + months
    year, month = divmod(index, 12)
    last = ((dt.date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)) - dt.timedelta(days=1)).day
    return local.replace(year=year, month=month + 1, day=min(local.day, last))


def snap_to(moment: float, unit: str, weekday: int | None, zone: ZoneInfo) -> float:
    """Round `moment` down to the start of its unit in `zone`; weeks start on Sunday (0) unless told."""
    if unit in {"s", "m"}:
        return moment - moment % SECONDS[unit]
    local = dt.datetime.fromtimestamp(moment, zone)
    if unit == "h":
        return local.replace(minute=0, second=0, microsecond=0).timestamp()
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if unit == "w":
        since_sunday = (day.weekday() + 1) % 7
        return (day - dt.timedelta(days=(since_sunday - (weekday or 0)) % 7)).timestamp()
    if unit == "d":
        return day.timestamp()
    month = {"mon": day.month, "q": (day.month - 1) // 3 * 3 + 1, "y": 1}[unit]
    return day.replace(month=month, day=1).timestamp()


_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]+)")


def parse_duration(text: str) -> float:
    """Return the seconds of a duration such as `10m`, `24h`, `1d`.

    >>> parse_duration("90m")
    5400.0

    Raises:
        TimeError: It is no duration of fixed length.
    """
    match = _DURATION.fullmatch(text.strip())
    unit = _UNITS.get(match.group(2).lower()) if match else None
    if match is None or unit not in SECONDS:
        raise TimeError(
            f"duration {text!r} cannot be read. Expected a number and s, m, h, d or w.",
            text=text,
            span=Span(0, len(text)),
        )
    return float(match.group(1)) * SECONDS[unit]


def parse_span(text: str) -> tuple[int, str] | None:
    """Return amount and unit of a `bin` span such as `5m`, `1d`, `1mon`; None when it is no time span."""
    match = re.fullmatch(r"(\d*)([a-zA-Z]+)", text.strip())
    unit = _UNITS.get(match.group(2).lower()) if match else None
    if match is None or unit is None:
        return None
    return int(match.group(1) or 1), unit


def bin_starts(start: float, end: float, amount: int, unit: str, zone: ZoneInfo, *, most: int) -> list[float]:
    """Return the starts of the bins from the one at `start` up to before `end`, at most `most`."""
    starts: list[float] = []
    at = start
    while at < end and len(starts) < most:
        starts.append(at)
        at = shift(start, amount * len(starts), unit, zone)
    return starts


def seconds_of(unit: str) -> float:
    """Return the seconds of a unit; months and longer by their average.

    >>> seconds_of("h")
    3600
    """
    return SECONDS[unit] if unit in SECONDS else _MONTHS[unit] * 2_629_746.0
