"""Reading the time of an event: epochs, ISO 8601, and strptime formats with or without a year and a zone."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from zoneinfo import ZoneInfo

from tools.logstore.events import UnreadableEventError

_EPOCH = re.compile(r"\d{9,11}(?:\.\d+)?|\d{12,13}")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?")
_MILLISECONDS = 1e11
"""A whole number above this is read as milliseconds."""


_ZONE = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")
FIRST_EPOCH, END_EPOCH = -62135510400, 253402214400
"""Epochs that have a clock time in every zone: the years 1 to 9999, less a day at each end."""


class UnreadableTimeError(UnreadableEventError):
    """An event's time cannot be found or read."""


def checked(epoch: float) -> float:
    """Return `epoch`.

    Raises:
        UnreadableTimeError: No calendar has this time.
    """
    if not FIRST_EPOCH <= epoch < END_EPOCH:
        raise UnreadableTimeError(f"time {epoch!r} is outside the years 1 to 9999")
    return epoch


def lacks_zone(text: str) -> bool:
    """Tell whether a time that `parse_time` reads is a clock time without a zone."""
    cleaned = text.strip()
    return not _EPOCH.fullmatch(cleaned) and not _ZONE.search(cleaned)


def _epoch_of(moment: dt.datetime, zone: ZoneInfo) -> float:
    try:
        return checked((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())
    except OverflowError:
        raise UnreadableTimeError(f"time {moment.isoformat()} has no epoch") from None


def parse_time(text: str, zone: ZoneInfo) -> float:
    """Return the epoch seconds of an epoch or ISO 8601 text.

    Raises:
        UnreadableTimeError: It is neither.
    """
    cleaned = text.strip()
    if _EPOCH.fullmatch(cleaned):
        number = float(cleaned)
        return number / 1000 if number > _MILLISECONDS else number
    try:
        moment = dt.datetime.fromisoformat(cleaned.replace(",", "."))
    except ValueError:
        raise UnreadableTimeError(f"time {text[:60]!r} cannot be read") from None
    return _epoch_of(moment, zone)


def find_iso(raw: str) -> str:
    """Return the first ISO 8601 time in `raw`.

    Raises:
        UnreadableTimeError: There is none.
    """
    match = _ISO.search(raw)
    if match is None:
        raise UnreadableTimeError("no time found in the line")
    return match.group()


@lru_cache(maxsize=4096)
def parse_format(text: str, pattern: str, zone: ZoneInfo, reference: float) -> float:
    """Return the epoch seconds of `text` by a strptime format.

    A format without a year takes the newest year that does not put the event after `reference` (the time
    at which the file was written) by more than a day.

    Raises:
        UnreadableTimeError: The text does not fit.
    """
    try:
        if "%Y" in pattern or "%y" in pattern:
            moment = dt.datetime.strptime(text, pattern)  # noqa: DTZ007 - a zone is given below
            return _epoch_of(moment, zone)
        newest = dt.datetime.fromtimestamp(reference, zone) + dt.timedelta(days=1)
        for year in range(newest.year, newest.year - 5, -1):
            try:
                moment = dt.datetime.strptime(f"{year} {text}", f"%Y {pattern}").replace(tzinfo=zone)
            except ValueError:
                continue  # 29 February in a year that has none
            if moment <= newest:
                return moment.timestamp()
    except UnreadableTimeError:
        raise
    except ValueError:
        pass
    raise UnreadableTimeError(f"time {text[:60]!r} does not fit {pattern!r}")


@lru_cache(maxsize=64)
def shape_of(pattern: str) -> re.Pattern[str]:
    """Return a regular expression for where a strptime format's text ends."""
    shapes = {
        "Y": r"\d{4}",
        "y": r"\d\d",
        "b": r"[A-Za-z]{3}",
        "B": r"[A-Za-z]+",
        "z": r"(?:Z|[+-]\d\d:?\d\d)",
        "f": r"\d{1,6}",
        "p": "[AaPp][Mm]",
    }
    parts = re.split(r"(%.)", pattern)
    text = "".join(
        (
            shapes.get(part[1], r"\s?\d{1,2}")
            if part.startswith("%")
            else re.escape(part).replace(r"\ ", r"\s+")
        )
        for part in parts
    )
    return re.compile(text)
