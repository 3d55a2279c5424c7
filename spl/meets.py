"""The condition of `search` over one row in memory: the slow and obvious reference."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import lru_cache

import regex

from spl.regexes import TIMEOUT_S
from spl.terms import (
    Combined,
    FieldIn,
    FieldTerm,
    Keyword,
    NotTerm,
    Pattern,
    RowsIn,
    Subsearch,
    Term,
    is_network,
)
from spl.values import Value, compare, lower_text, to_number, to_text


def cidr_contains(network: str, address: str | None) -> bool | None:
    """Tell whether `address` lies in `network`; None when the address is missing, False when it is none."""
    if address is None:
        return None
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def meets(term: Term, row: Mapping[str, object]) -> bool:
    """Tell whether a row meets `term`; what speaks of a field is false where the field is missing."""
    match term:
        case FieldTerm(field, op, value):
            return _field(row.get(field), op, value)
        case FieldIn(field, values):
            return any(_field(row.get(field), "=", value) for value in values)
        case Keyword(value, sensitive):
            return _contains(row.get("_raw"), value, sensitive=sensitive)
        case NotTerm(operand):
            return not meets(operand, row)
        case Combined(op, operands):
            return (all if op == "AND" else any)(meets(operand, row) for operand in operands)
        case Subsearch() | RowsIn():
            return False


def _field(value: object, op: str, wanted: Pattern) -> bool:
    parts = value if isinstance(value, list) else [value] if isinstance(value, str | int | float) else []
    if op == "!=":
        return bool(parts) and not any(_equals(part, wanted) for part in parts)
    if op == "=":
        return any(_equals(part, wanted) for part in parts)
    return any(_ordered(part, op, wanted) for part in parts)


def _equals(part: Value, wanted: Pattern) -> bool:
    exact, text = wanted.exact, to_text(part) or ""
    if exact is None:
        return _fits(lower_text(text), [lower_text(piece) for piece in wanted.parts])
    number = to_number(exact)
    if isinstance(part, int | float) and number is not None:
        return part == number
    return lower_text(text) == lower_text(exact) or (is_network(exact) and cidr_contains(exact, text) is True)


def _fits(text: str, pieces: list[str]) -> bool:
    """Match literal pieces with anything between them."""
    first, *middle, last = pieces
    if not text.startswith(first) or len(text) < len(first) + len(last):
        return False
    position = len(first)
    for piece in middle:
        found = text.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return text.endswith(last) and position <= len(text) - len(last)


def _ordered(part: Value, op: str, wanted: Pattern) -> bool:
    exact = wanted.exact or "*".join(wanted.parts)
    if to_number(exact) is not None and to_number(part) is None:
        return False
    order = (
        compare(part, exact) if to_number(exact) is not None else compare_texts(to_text(part) or "", exact)
    )
    return order is not None and {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[op]


def compare_texts(left: str, right: str) -> int:
    """Return -1, 0 or 1 by code point."""
    return (left > right) - (left < right)


@lru_cache(maxsize=1024)
def _word(wanted: Pattern, *, sensitive: bool) -> regex.Pattern[str]:
    parts = wanted.parts if sensitive else tuple(map(lower_text, wanted.parts))
    body = r"\S*".join(regex.escape(part) for part in parts)
    start = r"(?:^|[^a-zA-Z0-9])" if parts[0][:1].isalnum() else ""
    end = r"(?:$|[^a-zA-Z0-9])" if parts[-1][-1:].isalnum() else ""
    return regex.compile(f"{start}{body}{end}", regex.DOTALL | regex.ASCII)


def _contains(raw: object, wanted: Pattern, *, sensitive: bool) -> bool:
    if wanted.is_any:
        return True
    if not isinstance(raw, str):
        return False
    return bool(
        _word(wanted, sensitive=sensitive).search(raw if sensitive else lower_text(raw), timeout=TIMEOUT_S)
    )
