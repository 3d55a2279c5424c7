"""Windows of rounds and items: computed in the procedure's time zone, given as epochs, half-open."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from procedures.model import Bound, Procedure, Window
from spl.errors import TimeError
from spl.timerange import parse_duration, resolve

DAY_S = 86400


@dataclass(frozen=True, slots=True)
class RoundWindow:
    """The window of one round, epochs; `ad_hoc` when it is not one period of the procedure."""

    start: float
    end: float
    ad_hoc: bool = False


class WindowError(ValueError):
    """The asked-for window cannot be used; the text says what would be."""


def _back(moment: float, seconds: float, zone: ZoneInfo) -> float:
    """Move back; whole days keep the local clock time."""
    if seconds % DAY_S:
        return moment - seconds
    return (dt.datetime.fromtimestamp(moment, zone) - dt.timedelta(seconds=seconds)).timestamp()


def last_boundary(procedure: Procedure, now: float) -> float:
    """Return the end of the last complete period at `now`."""
    zone = ZoneInfo(procedure.timezone)
    local = dt.datetime.fromtimestamp(now, zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if procedure.period_s >= DAY_S:
        return midnight.timestamp()
    return midnight.timestamp() + (now - midnight.timestamp()) // procedure.period_s * procedure.period_s


def last_period(procedure: Procedure, now: float) -> RoundWindow:
    """Return the last complete period."""
    end = last_boundary(procedure, now)
    return RoundWindow(_back(end, procedure.period_s, ZoneInfo(procedure.timezone)), end)


def round_windows(
    procedure: Procedure,
    *,
    now: float,
    from_: str | None = None,
    to: str | None = None,
    last: str | None = None,
) -> tuple[RoundWindow, ...]:
    """Return the windows of the rounds that are asked for, oldest first.

    `last` of a multiple of the period is one round per period, since thresholds belong to the period; a
    `from_`/`to` window that is no single period is ad hoc.

    Raises:
        WindowError: The window is empty, or `last` is no multiple of the period.
        TimeError: A time cannot be read.
    """
    zone = ZoneInfo(procedure.timezone)
    if last is not None:
        return _last(procedure, last, now, zone)
    if from_ is None and to is None:
        return (last_period(procedure, now),)
    if from_ is None or to is None:
        raise WindowError("a window needs both its ends. Give --from and --to, or --last.")
    start, end = resolve(from_, now=now, zone=zone), resolve(to, now=now, zone=zone)
    if start >= end:
        raise WindowError(f"the window from {from_} to {to} is empty. Expected --from before --to.")
    regular = start == _back(end, procedure.period_s, zone) and end == last_boundary(procedure, end)
    return (RoundWindow(start, end, ad_hoc=not regular),)


def _last(procedure: Procedure, last: str, now: float, zone: ZoneInfo) -> tuple[RoundWindow, ...]:
    try:
        length = parse_duration(last)
    except TimeError as error:
        raise WindowError(f"--last: {error.message}") from None
    count, rest = divmod(length, procedure.period_s)
    if rest or not count:
        raise WindowError(f"--last {last} is no multiple of the period ({procedure.period_s:g} s).")
    windows = []
    end = last_boundary(procedure, now)
    for _ in range(int(count)):
        start = _back(end, procedure.period_s, zone)
        windows.append(RoundWindow(start, end))
        end = start
    return tuple(reversed(windows))


def item_window(window: Window, *, start: float, end: float, now: float) -> tuple[float, float]:
    """Return the epochs of an item's window in a round."""

    def edge(bound: Bound) -> float:
        return {"start": start, "end": end, "now": now}[bound.anchor] + bound.offset_s

    return edge(window.earliest), edge(window.latest)
