"""Functions of numbers; a text that is no number makes the result missing."""

from __future__ import annotations

import ipaddress
import math
import random
from collections.abc import Callable

from spl.values import Value, round_half_away, to_number, to_text

_LARGEST_INT = 2**53


def finite(number: float) -> float | None:
    """Return `number`; None when it is infinite or none."""
    return number if math.isfinite(number) else None


def numeric(function: Callable[..., float]) -> Callable[..., Value]:
    """Return `function` over values: missing when an argument is no number or the result is none."""

    def apply(*values: Value) -> Value:
        known = [number for value in values if (number := to_number(value)) is not None]
        if len(known) < len(values):
            return None
        try:
            return finite(float(function(*known)))
        except (ValueError, OverflowError, ZeroDivisionError):
            return None

    return apply


def _integers(function: Callable[..., int]) -> Callable[..., Value]:
    def apply(*values: Value) -> Value:
        known = [number for value in values if (number := to_number(value)) is not None]
        if len(known) < len(values) or any(n != int(n) or not 0 <= n < _LARGEST_INT for n in known):
            return None
        return float(function(*map(int, known)))

    return apply


def _round(value: Value, digits: Value = 0) -> Value:
    number, places = to_number(value), to_number(digits)
    return None if number is None or places is None else round_half_away(number, int(places))


def _log(number: float, base: float = 10.0) -> float:
    return math.log10(number) if base == 10.0 else math.log(number) / math.log(base)


def _spread(values: tuple[Value, ...]) -> list[Value]:
    return [
        part
        for value in values
        if value is not None
        for part in (value if isinstance(value, list) else [value])
    ]


def _sum(*values: Value) -> Value:
    known = [number for value in _spread(values) if (number := to_number(value)) is not None]
    return finite(math.fsum(known)) if known else None


def _avg(*values: Value) -> Value:
    known = [number for value in _spread(values) if (number := to_number(value)) is not None]
    return finite(math.fsum(known) / len(known)) if known else None


def _extreme(pick: Callable[..., str | float]) -> Callable[..., Value]:
    """`max` and `min`: numbers are below texts; texts by code point."""

    def apply(*values: Value) -> Value:
        known = _spread(values)
        numbers = [number for value in known if (number := to_number(value)) is not None]
        texts = [to_text(value) or "" for value in known if to_number(value) is None]
        if not known:
            return None
        if pick is max:
            return max(texts) if texts else max(numbers)
        return min(numbers) if numbers else min(texts)

    return apply


def _tonumber(value: Value, base: Value = 10) -> Value:
    radix = to_number(base)
    if radix == 10 or isinstance(value, float):
        return to_number(value)
    text = to_text(value)
    if text is None or radix is None or not 2 <= radix <= 36:
        return None
    try:
        return finite(float(int(text.strip(), int(radix))))
    except (ValueError, OverflowError):
        return None


def _ipmask(mask: Value, address: Value) -> Value:
    try:
        network = ipaddress.ip_interface(f"{to_text(address)}/{to_text(mask)}").network
    except ValueError:
        return None
    return str(network.network_address)


CALLS: dict[str, Callable[..., Value]] = {
    "abs": numeric(abs),
    "acos": numeric(math.acos),
    "acosh": numeric(math.acosh),
    "asin": numeric(math.asin),
    "asinh": numeric(math.asinh),
    "atan": numeric(math.atan),
    "atan2": numeric(math.atan2),
    "atanh": numeric(math.atanh),
    "avg": _avg,
    "bit_and": _integers(lambda a, b: a & b),
    "bit_not": _integers(lambda a: ~a & (_LARGEST_INT - 1)),
    "bit_or": _integers(lambda a, b: a | b),
    "bit_shift_left": _integers(lambda a, b: (a << min(b, 64)) & (_LARGEST_INT - 1)),
    "bit_shift_right": _integers(lambda a, b: a >> min(b, 64)),
    "bit_xor": _integers(lambda a, b: a ^ b),
    "ceiling": numeric(math.ceil),
    "cos": numeric(math.cos),
    "cosh": numeric(math.cosh),
    "exact": numeric(float),
    "exp": numeric(math.exp),
    "floor": numeric(math.floor),
    "hypot": numeric(math.hypot),
    "ipmask": _ipmask,
    "ln": numeric(math.log),
    "log": numeric(_log),
    "max": _extreme(max),
    "min": _extreme(min),
    "pi": lambda: math.pi,
    "pow": numeric(math.pow),
    "random": lambda: float(random.randrange(2**31)),  # noqa: S311 - no secret
    "round": _round,
    "sin": numeric(math.sin),
    "sinh": numeric(math.sinh),
    "sqrt": numeric(math.sqrt),
    "sum": _sum,
    "tan": numeric(math.tan),
    "tanh": numeric(math.tanh),
    "tonumber": _tonumber,
}
"""By name."""
