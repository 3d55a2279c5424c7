"""Values as they arrive from a SIEM, text every one, to the values that the rest of the system works with."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping

from tools.search.result import Row, Value

_LARGEST = 2**63
"""Integers from here on do not fit into what stores them."""


class CellError(Exception):
    """A cell holds what no cell of a SIEM's row can hold."""


def coerce(value: object) -> Value | None:
    """Return a number where the text is exactly how a number is written; everything else stays text.

    >>> coerce("10"), coerce("007"), coerce("1.50"), coerce(["a", "b"]), coerce(None)
    (10, '007', '1.50', ['a', 'b'], None)

    Raises:
        CellError: It is an object, or a list that holds more than values.
    """
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    if isinstance(value, int | float):
        return value if _fits(value) else _written(value)
    if isinstance(value, list):
        if any(isinstance(part, list | dict) for part in value):
            raise CellError(f"a cell holds {str(value)[:80]}, expected a value or a list of values")
        return [readable(_written(part)) for part in value]
    if isinstance(value, dict):
        raise CellError(f"a cell holds {str(value)[:80]}, expected a value or a list of values")
    text = str(value)
    return _number(text) if text[:1] in "-0123456789" and text else readable(text)


def readable(text: str) -> str:
    r"""Return text with U+FFFD for each half of a surrogate pair, which no file or database takes.

    >>> readable("a\ud800b")
    'a�b'
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _fits(value: float) -> bool:
    return -_LARGEST <= value < _LARGEST if isinstance(value, int) else math.isfinite(value)


def _written(value: object) -> str:
    try:
        return str(value)
    except ValueError:
        raise CellError("a cell holds an integer of more digits than can be written") from None


def _number(text: str) -> Value:
    if len(text) > 25:  # longer than any number that is worth one
        return readable(text)
    try:
        whole = int(text)
    except ValueError:
        pass
    else:
        return whole if str(whole) == text and _fits(whole) else text
    try:
        number = float(text)
    except ValueError:
        return readable(text)
    return number if math.isfinite(number) and repr(number) == text else text


def moment(text: object) -> object:
    """Return the epoch seconds of Splunk's `_time`, which its answers write in ISO 8601 with an offset.

    A whole second is a whole number, as every other number that arrives as text.

    >>> moment("2026-11-19T02:10:00.500+09:00"), moment("2026-11-19T02:10:00.000+09:00"), moment("10:15")
    (1795021800.5, 1795021800, '10:15')
    """
    if not isinstance(text, str) or "T" not in text:
        return text
    try:
        read = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    if read.tzinfo is None:
        return text
    seconds = read.timestamp()
    return int(seconds) if seconds.is_integer() else seconds


def coerce_row(row: Mapping[str, object]) -> Row:
    """Return `row` with coerced values; a missing field stays absent, and `_time` is epoch seconds.

    Raises:
        CellError: A cell holds what no cell can.
    """
    read = {**row, "_time": moment(row["_time"])} if "_time" in row else row
    return {readable(str(name)): value for name, raw in read.items() if (value := coerce(raw)) is not None}
