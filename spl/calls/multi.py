"""Functions of multivalues; a single value is a multivalue of one."""

from __future__ import annotations

from collections.abc import Callable

from spl.regexes import compile_pcre, searching
from spl.values import Value, to_number, to_text


def parts_of(value: Value) -> list[str]:
    """Return the values of `value` as texts; none when it is missing."""
    if isinstance(value, list):
        return value
    text = to_text(value)
    return [] if text is None else [text]


def joined(parts: list[str]) -> Value:
    """Return a multivalue; none is missing."""
    return parts or None


def _mvindex(value: Value, start: Value, end: Value = None) -> Value:
    parts, first = parts_of(value), to_number(start)
    if first is None:
        return None
    begin = int(first) if first >= 0 else len(parts) + int(first)
    if end is None:
        return parts[begin] if 0 <= begin < len(parts) else None
    last = to_number(end)
    if last is None:
        return None
    stop = int(last) if last >= 0 else len(parts) + int(last)
    return joined(parts[begin : stop + 1]) if 0 <= begin <= stop else None


def _split(value: Value, separator: Value) -> Value:
    text, between = to_text(value), to_text(separator)
    if text is None or between is None:
        return None
    return text.split(between) if between else list(text)


def _mvjoin(value: Value, separator: Value) -> Value:
    parts, between = parts_of(value), to_text(separator)
    return None if not parts or between is None else between.join(parts)


def _mvzip(left: Value, right: Value, separator: Value = ",") -> Value:
    between = to_text(separator)
    pairs = zip(parts_of(left), parts_of(right), strict=False)
    return None if between is None else joined([one + between + two for one, two in pairs])


def _mvfind(value: Value, pattern: Value) -> Value:
    regex = to_text(pattern)
    if regex is None:
        return None
    compiled = compile_pcre(regex)

    def find(timeout: float) -> Value:
        places = (
            place for place, part in enumerate(parts_of(value)) if compiled.search(part, timeout=timeout)
        )
        return next((float(place) for place in places), None)

    return searching(regex, find)


_LONGEST_RANGE = 100_000


def _mvrange(start: Value, end: Value, step: Value = 1) -> Value:
    first, last = to_number(start), to_number(end)
    by = to_number(step)
    if first is None or last is None or not by:
        return None
    count = max(0, min(_LONGEST_RANGE, -int(-(last - first) // by)))
    return joined([to_text(first + by * place) or "" for place in range(count)])


def _mvcount(value: Value) -> Value:
    return float(len(parts_of(value))) or None


CALLS: dict[str, Callable[..., Value]] = {
    "mvappend": lambda *values: joined([part for value in values for part in parts_of(value)]),
    "mvcount": _mvcount,
    "mvdedup": lambda value: joined(list(dict.fromkeys(parts_of(value)))),
    "mvfind": _mvfind,
    "mvindex": _mvindex,
    "mvjoin": _mvjoin,
    "mvrange": _mvrange,
    "mvreverse": lambda value: joined(parts_of(value)[::-1]),
    "mvsort": lambda value: joined(sorted(parts_of(value))),
    "mvzip": _mvzip,
    "split": _split,
}
"""By name."""
