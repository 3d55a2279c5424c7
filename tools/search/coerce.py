"""Values as they arrive from a SIEM, text every one, to the values that the rest of the system works with."""

from __future__ import annotations

import math

from tools.search.result import Row, Value


def coerce(value: object) -> Value | None:
    """Return a number where the text is exactly how a number is written; everything else stays text.

    >>> coerce("10"), coerce("007"), coerce("1.50"), coerce(["a", "b"]), coerce(None)
    (10, '007', '1.50', ['a', 'b'], None)
    """
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        return [str(part) for part in value]
    text = str(value)
    return _number(text) if text[:1] in "-0123456789" and text else text


def _number(text: str) -> Value:
    if len(text) > 25:  # longer than any number that is worth one
        return text
    try:
        whole = int(text)
    except ValueError:
        pass
    else:
        return whole if str(whole) == text else text
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) and repr(number) == text else text


def coerce_row(row: dict[str, object]) -> Row:
    """Return `row` with coerced values; a missing field stays absent."""
    return {str(name): value for name, raw in row.items() if (value := coerce(raw)) is not None}
