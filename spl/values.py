"""The rules that both backends follow for values: text until used as a number, missing is not empty."""

from __future__ import annotations

import math
import re

Value = str | int | float | bool | list[str] | None
"""A value of the Python evaluator. A multivalue is a list of texts."""

_NUMERIC = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_BLANK = " \t\n\r\v\f"
"""What may stand around a number."""
_MOST_DIGITS = 20
"""Beyond this rounding changes nothing that a double can hold."""
_EXACT = 1e15
"""Below this a whole double prints all its digits."""


def to_number(value: Value) -> float | None:
    """Return `value` as a number, or None when it is none.

    >>> to_number(" 10 "), to_number("10 apples"), to_number("inf")
    (10.0, None, None)
    """
    if isinstance(value, bool) or value is None or isinstance(value, list):
        return None
    if isinstance(value, int | float):
        return float(value)
    text = value.strip(_BLANK)
    if not _NUMERIC.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def to_text(value: Value) -> str | None:
    """Return `value` as text: whole numbers without a point, others to 15 significant digits.

    >>> to_text(3.0), to_text(0.1 + 0.2), to_text(None)
    ('3', '0.3', None)
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, list):
        return "\n".join(value)
    if value == math.trunc(value) and abs(value) < _EXACT:
        return str(int(value))
    return f"{value:.15g}"


def lower_text(text: str) -> str:
    """Return `text` in lower case, letter by letter and without regard to neighbours, as the database does.

    >>> lower_text("ΑΣ")
    'ασ'
    """
    return text.lower() if text.isascii() else "".join(char.lower()[0] for char in text)


def upper_text(text: str) -> str:
    """Return `text` in upper case, letter by letter, as the database does."""
    return text.upper() if text.isascii() else "".join(_upper(char) for char in text)


def _upper(char: str) -> str:
    """Return the one capital of a letter; what only has several keeps its title form or stays."""
    if char == "ß":
        return "ẞ"
    return next((form for form in (char.upper(), char.title()) if len(form) == 1), char)


def round_half_away(number: float, digits: int = 0) -> float:
    """Round to `digits` decimals, halves away from zero.

    >>> round_half_away(2.5), round_half_away(-2.5), round_half_away(0.285, 2)
    (3.0, -3.0, 0.28)
    """
    scale = 10.0 ** max(-_MOST_DIGITS, min(_MOST_DIGITS, digits))
    scaled = abs(number) * scale
    if not math.isfinite(scaled):
        return number
    whole = math.floor(scaled)
    if scaled - whole >= 0.5:
        whole += 1
    return math.copysign(whole / scale, number)


def compare(left: Value, right: Value) -> int | None:
    """Return -1, 0 or 1: by number if both are numeric, else by code point; None when one is missing."""
    if left is None or right is None:
        return None
    numbers = to_number(left), to_number(right)
    if numbers[0] is not None and numbers[1] is not None:
        return (numbers[0] > numbers[1]) - (numbers[0] < numbers[1])
    texts = to_text(left) or "", to_text(right) or ""
    return (texts[0] > texts[1]) - (texts[0] < texts[1])
