"""Times as text and back, with Splunk's directives, in a zone."""

from __future__ import annotations

import datetime as dt
import math
import re
from functools import lru_cache
from zoneinfo import ZoneInfo

from spl.values import Value, to_number, to_text

_DIRECTIVE = re.compile(r"%(?P<digits>\d)?(?P<colons>:*)(?P<letter>[A-Za-z%+])")
_LONG = {
    "T": "%H:%M:%S", "F": "%Y-%m-%d", "D": "%m/%d/%y", "R": "%H:%M", "c": "%a %b %e %H:%M:%S %Y",
    "x": "%m/%d/%Y", "X": "%H:%M:%S", "h": "%b", "r": "%I:%M:%S %p", "+": "%a %b %e %H:%M:%S %Z %Y",
}  # fmt: skip
_SUBSECONDS = {"N": 9, "Q": 3, "f": 6}
DIRECTIVES = frozenset("YmdHMSyjbBaApIZzsekluwUVGgNQfnt%") | _LONG.keys()
"""Letters that may stand after %."""


def unknown_directive(pattern: str) -> str | None:
    """Return the first directive of `pattern` that has no meaning here."""
    for match in re.finditer(r"%\d?:*(.?)", pattern, re.DOTALL):
        if match[1] not in DIRECTIVES:
            return match.group()
    return None


def strftime(value: Value, pattern: str, zone: ZoneInfo) -> Value:
    """Return an epoch as text; missing when it is no time."""
    number = to_number(value)
    if number is None:
        return None
    try:
        moment = dt.datetime.fromtimestamp(math.floor(number), zone)
    except (ValueError, OverflowError, OSError):
        return None
    fraction = number - math.floor(number)

    def one(match: re.Match[str]) -> str:
        letter, digits = match["letter"], match["digits"]
        if letter in _LONG:
            return _DIRECTIVE.sub(one, _LONG[letter])
        if letter in _SUBSECONDS:
            width = int(digits or _SUBSECONDS[letter])
            return f"{math.floor(fraction * 10**width + 1e-6):0{width}d}" if width else ""
        return _written(letter, match["colons"], moment, number)

    return _DIRECTIVE.sub(one, pattern)


def _written(letter: str, colons: str, moment: dt.datetime, number: float) -> str:
    match letter:
        case "%":
            return "%"
        case "s":
            return str(math.floor(number))
        case "e":
            return f"{moment.day:2d}"
        case "k":
            return f"{moment.hour:2d}"
        case "l":
            return f"{(moment.hour + 11) % 12 + 1:2d}"
        case "n":
            return "\n"
        case "t":
            return "\t"
        case "z":
            text = moment.strftime("%z")
            return f"{text[:3]}:{text[3:]}" if colons else text
        case _:
            return moment.strftime(f"%{letter}")


_READS = {
    "Y": r"(?P<Y>\d{4})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})", "e": r"(?P<d>\s?\d{1,2})",
    "H": r"(?P<H>\d{1,2})", "k": r"(?P<H>\s?\d{1,2})", "M": r"(?P<M>\d{1,2})", "S": r"(?P<S>\d{1,2})",
    "y": r"(?P<y>\d{2})", "j": r"(?P<j>\d{1,3})", "b": r"(?P<b>[A-Za-z]{3})", "B": r"(?P<B>[A-Za-z]{3,9})",
    "a": r"[A-Za-z]{3}", "A": r"[A-Za-z]{3,9}", "p": r"(?P<p>[AaPp][Mm])", "I": r"(?P<I>\d{1,2})",
    "l": r"(?P<I>\s?\d{1,2})", "z": r"(?P<z>Z|[+-]\d{2}:?\d{2})", "Z": r"(?P<Z>[A-Za-z]{1,5}|[+-]\d{2}:?\d{2})",
    "s": r"(?P<s>\d{1,12})", "N": r"(?P<f>\d{1,9})", "Q": r"(?P<f>\d{1,9})", "f": r"(?P<f>\d{1,9})",
    "%": "%", "n": r"\s+", "t": r"\s+", "u": r"\d", "w": r"\d", "U": r"\d{1,2}", "V": r"\d{1,2}",
    "G": r"\d{4}", "g": r"\d{2}",
}  # fmt: skip
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_UTC = {"utc", "gmt", "z", "ut"}


@lru_cache(maxsize=256)
def _reader(pattern: str) -> re.Pattern[str] | None:
    for letter, long in _LONG.items():
        pattern = pattern.replace(f"%{letter}", long)
    out, position, seen = "", 0, set[str]()
    for match in _DIRECTIVE.finditer(pattern):
        out += _plain(pattern[position : match.start()])
        part = _READS.get(match["letter"])
        if part is None:
            return None
        name = part[4 : part.find(">")] if part.startswith("(?P<") else None
        out += part.replace(f"(?P<{name}>", "(?:") if name in seen else part
        seen |= {name} if name else set()
        position = match.end()
    return re.compile(out + _plain(pattern[position:]))


def _plain(text: str) -> str:
    return re.sub(r"(?:\\\s|\s)+", r"\\s+", re.escape(text))


def strptime(value: Value, pattern: str, zone: ZoneInfo) -> Value:
    """Return the epoch of a clock time; missing when the text does not fit `pattern`."""
    text, reader = to_text(value), _reader(pattern)
    match = reader.fullmatch(text) if text is not None and reader else None
    if match is None:
        return None
    found = {name: part.strip() for name, part in match.groupdict().items() if part}
    fraction = float(f"0.{found['f']}") if "f" in found else 0.0
    if "s" in found:
        return float(found["s"]) + fraction
    try:
        return _clock(found, zone).timestamp() + fraction
    except (ValueError, OverflowError):
        return None


def _clock(found: dict[str, str], zone: ZoneInfo) -> dt.datetime:
    month = int(found.get("m", 1))
    for key in ("b", "B"):
        if key in found:
            month = _MONTHS.index(found[key][:3].lower()) + 1
    short = int(found.get("y", 0))
    year = (
        int(found["Y"]) if "Y" in found else short + (2000 if short < 69 else 1900) if "y" in found else 1900
    )
    hour = int(found.get("H", 0))
    if "I" in found:
        hour = int(found["I"]) % 12 + (12 if found.get("p", "").lower() == "pm" else 0)
    offset = found.get("z") or found.get("Z") or ""
    moment = dt.datetime(
        year, month, int(found.get("d", 1)), hour, int(found.get("M", 0)), int(found.get("S", 0)),
        tzinfo=_zone(offset, zone),
    )  # fmt: skip
    if "j" in found:
        moment = moment.replace(month=1, day=1) + dt.timedelta(days=int(found["j"]) - 1)
    return moment


def _zone(offset: str, zone: ZoneInfo) -> dt.tzinfo:
    if not offset:
        return zone
    if offset.lower() in _UTC:
        return dt.UTC
    if offset[0] not in "+-":
        raise ValueError(f"zone {offset!r} is unknown")
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    delta = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(-delta if offset[0] == "-" else delta)
