"""SQL values with a static kind, and the coercions between kinds. Text is a number where it is used as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from spl.python_calls import Kind, PythonCalls
from spl.sql_text import number_literal, text_literal
from spl.values import to_number, to_text


@dataclass(frozen=True, slots=True)
class Sql:
    """A SQL expression and its kind; `constant` holds the value of a literal."""

    text: str
    kind: Kind
    constant: str | int | float | bool | None = None


NULL = Sql("NULL", Kind.NULL)


@dataclass(frozen=True, slots=True)
class SqlContext:
    """What an expression may refer to."""

    columns: Mapping[str, Sql]
    now: float
    zone: ZoneInfo
    source: str = ""
    """Text of the search, for errors."""
    python: PythonCalls | None = None
    """Where functions without a SQL form are installed; None refuses them."""


def literal_sql(value: str | float | bool | None) -> Sql:
    """Return a constant."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return Sql("TRUE" if value else "FALSE", Kind.BOOL, value)
    if isinstance(value, str):
        return Sql(text_literal(value), Kind.TEXT, value)
    return Sql(number_literal(value), Kind.NUMBER, value)


def as_number(value: Sql) -> str:
    """Return `value` as a double, null when it is none."""
    match value.kind:
        case Kind.NUMBER:
            return value.text
        case Kind.TEXT if value.constant is not None:
            number = to_number(value.constant)
            return "NULL::DOUBLE" if number is None else number_literal(number)
        case Kind.TEXT:
            return f"spl_num({value.text})"
        case Kind.MULTI:
            return f"(CASE WHEN len({value.text}) = 1 THEN spl_num({value.text}[1]) END)"
        case _:
            return "NULL::DOUBLE"


def as_text(value: Sql) -> str:
    """Return `value` as text, null when it is missing."""
    match value.kind:
        case Kind.TEXT:
            return value.text
        case Kind.NUMBER if value.constant is not None:
            return text_literal(to_text(value.constant) or "")
        case Kind.NUMBER:
            return f"spl_text({value.text})"
        case Kind.BOOL:
            return f"(CASE WHEN {value.text} THEN 'True' WHEN NOT {value.text} THEN 'False' END)"
        case Kind.MULTI:
            return f"array_to_string({value.text}, chr(10))"
        case Kind.NULL:
            return "NULL::VARCHAR"


def as_bool(value: Sql) -> str:
    """Return `value` as a truth value; what is none is unknown."""
    return value.text if value.kind is Kind.BOOL else "NULL::BOOLEAN"


_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def compare_sql(op: str, left: Sql, right: Sql) -> Sql:
    """Return a comparison; one with a multivalue holds when it holds for one of its values."""
    if left.kind is Kind.MULTI:
        return _any_element(op, left, right)
    if right.kind is Kind.MULTI and op != "LIKE":
        return _any_element(_FLIPPED.get(op, op), right, left)
    if op == "LIKE":
        return Sql(f"({as_text(left)} LIKE {as_text(right)})", Kind.BOOL)
    if Kind.NULL in {left.kind, right.kind}:
        return Sql("NULL::BOOLEAN", Kind.BOOL)
    return Sql(f"({_ordered(op, left, right)})", Kind.BOOL)


def _ordered(op: str, left: Sql, right: Sql) -> str:
    """Compare by number if both sides are numeric, else by code point; the shape depends on what is known."""
    symbol = "<>" if op == "!=" else op
    if left.kind is Kind.NUMBER and right.kind is Kind.NUMBER:
        return f"{left.text} {symbol} {right.text}"
    constants = [side.constant for side in (left, right) if side.constant is not None]
    if any(isinstance(constant, str) and to_number(constant) is None for constant in constants):
        return f"{as_text(left)} {symbol} {as_text(right)}"
    one, two = as_number(left), as_number(right)
    known = [
        side
        for side, sql in ((one, left), (two, right))
        if sql.kind is not Kind.NUMBER and sql.constant is None
    ]
    if not known:
        return f"{one} {symbol} {two}"
    numeric = " AND ".join(f"{side} IS NOT NULL" for side in known)
    return f"CASE WHEN {numeric} THEN {one} {symbol} {two} ELSE {as_text(left)} {symbol} {as_text(right)} END"


def _any_element(op: str, many: Sql, other: Sql) -> Sql:
    name = "spl_f" if other.text == "spl_e" else "spl_e"
    element = compare_sql(op, Sql(name, Kind.TEXT), other).text
    return Sql(f"list_bool_or(list_transform({many.text}, lambda {name}: {element}))", Kind.BOOL)


def unify(values: list[Sql]) -> Kind:
    """Return the kind that can hold all of `values`."""
    kinds = {value.kind for value in values} - {Kind.NULL}
    if not kinds:
        return Kind.TEXT
    if len(kinds) == 1:
        return next(iter(kinds))
    return Kind.MULTI if Kind.MULTI in kinds and kinds <= {Kind.MULTI, Kind.TEXT, Kind.NUMBER} else Kind.TEXT


def cast(value: Sql, kind: Kind) -> str:
    """Return `value` as `kind`."""
    if value.kind is kind:
        return value.text
    match kind:
        case Kind.NUMBER:
            return as_number(value)
        case Kind.BOOL:
            return as_bool(value)
        case Kind.MULTI:
            return "NULL::VARCHAR[]" if value.kind is Kind.NULL else f"[{as_text(value)}]"
        case _:
            return as_text(value)
