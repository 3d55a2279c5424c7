"""The DuckDB backend of eval expressions. Every value has a static kind; text is coerced where it is used."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from spl.errors import Span, UnsupportedError
from spl.expr import Arithmetic, Call, Compare, Expr, Field, In, Literal, Logic, Negate, Not
from spl.regexes import translate_regex
from spl.sql_text import number_literal, text_literal
from spl.sql_time import relative_sql, strftime_sql, strptime_sql
from spl.values import to_number, to_text


class Kind(StrEnum):
    """Static kind of a SQL value."""

    TEXT = "text"
    NUMBER = "number"
    BOOL = "bool"
    MULTI = "multi"
    NULL = "null"


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


def compile_expression(expr: Expr, context: SqlContext) -> Sql:
    """Return `expr` as SQL over the columns of `context`; an unknown field is null."""
    match expr:
        case Literal(value):
            return _literal(value)
        case Field(name):
            return context.columns.get(name, NULL)
        case Negate(operand):
            return Sql(f"(-{as_number(compile_expression(operand, context))})", Kind.NUMBER)
        case Arithmetic():
            return _arithmetic(expr, context)
        case Compare(op, left, right):
            return _compare(op, compile_expression(left, context), compile_expression(right, context))
        case In(value, options):
            subject = compile_expression(value, context)
            parts = [_compare("=", subject, compile_expression(option, context)).text for option in options]
            return Sql("(" + " OR ".join(parts) + ")", Kind.BOOL)
        case Not(operand):
            return Sql(f"(NOT {as_bool(compile_expression(operand, context))})", Kind.BOOL)
        case Logic(op, operands):
            joined = f" {op} ".join(as_bool(compile_expression(operand, context)) for operand in operands)
            return Sql(f"({joined})", Kind.BOOL)
        case Call():
            return _CALLS[expr.name](expr, context)


def _literal(value: str | float | bool | None) -> Sql:
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


def _arithmetic(expr: Arithmetic, context: SqlContext) -> Sql:
    left, right = compile_expression(expr.left, context), compile_expression(expr.right, context)
    if expr.op == ".":
        return Sql(f"({as_text(left)} || {as_text(right)})", Kind.TEXT)
    one, two = as_number(left), as_number(right)
    if expr.op == "+" and left.kind is Kind.TEXT and right.kind is Kind.TEXT:
        added = f"spl_text(spl_finite({one} + {two}))"
        both = f"{one} IS NOT NULL AND {two} IS NOT NULL"
        return Sql(f"(CASE WHEN {both} THEN {added} ELSE {left.text} || {right.text} END)", Kind.TEXT)
    if expr.op in "/%":
        return Sql(f"spl_finite({one} {expr.op} nullif({two}, 0))", Kind.NUMBER)
    return Sql(f"spl_finite({one} {expr.op} {two})", Kind.NUMBER)


_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _compare(op: str, left: Sql, right: Sql) -> Sql:
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
    element = _compare(op, Sql(name, Kind.TEXT), other).text
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


def _args(call: Call, context: SqlContext) -> list[Sql]:
    return [compile_expression(arg, context) for arg in call.args]


def _if(call: Call, context: SqlContext) -> Sql:
    condition, yes, no = _args(call, context)
    kind = unify([yes, no])
    return Sql(f"(CASE WHEN {as_bool(condition)} THEN {cast(yes, kind)} ELSE {cast(no, kind)} END)", kind)


def _case(call: Call, context: SqlContext) -> Sql:
    args = _args(call, context)
    kind = unify(args[1::2])
    arms = " ".join(
        f"WHEN {as_bool(condition)} THEN {cast(value, kind)}"
        for condition, value in zip(args[::2], args[1::2], strict=True)
    )
    return Sql(f"(CASE {arms} END)", kind)


def _coalesce(call: Call, context: SqlContext) -> Sql:
    args = _args(call, context)
    kind = unify(args)
    return Sql(f"coalesce({', '.join(cast(arg, kind) for arg in args)})", kind)


def _constant(call: Call, index: int) -> tuple[str, Span]:
    argument = call.args[index]
    return (str(argument.value) if isinstance(argument, Literal) else ""), argument.span


def _match(call: Call, context: SqlContext) -> Sql:
    pattern, span = _constant(call, 1)
    translated = text_literal(translate_regex(pattern, text=context.source, span=span))
    subject = compile_expression(call.args[0], context)
    if subject.kind is Kind.MULTI:
        found = f"list_transform({subject.text}, lambda spl_e: regexp_matches(spl_e, {translated}))"
        return Sql(f"list_bool_or({found})", Kind.BOOL)
    return Sql(f"regexp_matches({as_text(subject)}, {translated})", Kind.BOOL)


def cidr_sql(network: str, address: str) -> str:
    """Return SQL that tells whether the text `address` lies in an IPv4 `network`; null when it is missing."""
    block = ipaddress.ip_network(network, strict=False)
    low, high = str(block.network_address).split("."), str(block.broadcast_address).split(".")
    whole, bits = divmod(block.prefixlen, 8)
    octet = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
    inside = [f"regexp_full_match(trim({address}), '{octet}(?:\\.{octet}){{3}}')"]
    if whole:
        prefix = ".".join(low[:whole]) + ("." if whole < len(low) else "")
        inside.insert(0, f"starts_with(trim({address}), '{prefix}')")
    if bits:
        part = f"TRY_CAST(split_part(trim({address}), '.', {whole + 1}) AS INTEGER)"
        inside.append(f"{part} BETWEEN {low[whole]} AND {high[whole]}")
    return f"(CASE WHEN {' AND '.join(inside)} THEN TRUE WHEN {address} IS NOT NULL THEN FALSE END)"


def check_network(network: str, *, text: str, span: Span) -> None:
    """Refuse a network that the SQL backend cannot test.

    Raises:
        UnsupportedError: It is no IPv4 network.
    """
    try:
        is_ipv4 = ipaddress.ip_network(network, strict=False).version == 4
    except ValueError:
        is_ipv4 = False
    if not is_ipv4:
        raise UnsupportedError(
            f"network {network!r}. Expected an IPv4 block such as 10.0.0.0/8.", text=text, span=span
        )


def _cidrmatch(call: Call, context: SqlContext) -> Sql:
    network, span = _constant(call, 0)
    check_network(network, text=context.source, span=span)
    return Sql(cidr_sql(network, as_text(compile_expression(call.args[1], context))), Kind.BOOL)


def _time_call(
    render: Callable[[str, str, ZoneInfo], str], kind: Kind, coerce: Callable[[Sql], str]
) -> Callable[[Call, SqlContext], Sql]:
    def apply(call: Call, context: SqlContext) -> Sql:
        pattern, _ = _constant(call, 1)
        return Sql(render(coerce(compile_expression(call.args[0], context)), pattern, context.zone), kind)

    return apply


def _number_call(template: str) -> Callable[[Call, SqlContext], Sql]:
    return lambda call, context: Sql(template.format(as_number(_args(call, context)[0])), Kind.NUMBER)


def _text_call(template: str, kind: Kind = Kind.TEXT) -> Callable[[Call, SqlContext], Sql]:
    return lambda call, context: Sql(template.format(as_text(_args(call, context)[0])), kind)


def _round(call: Call, context: SqlContext) -> Sql:
    args = [as_number(arg) for arg in _args(call, context)]
    digits = f"trunc({args[1]})" if len(args) > 1 else "0"
    return Sql(f"spl_round({args[0]}, {digits})", Kind.NUMBER)


def _presence(test: str) -> Callable[[Call, SqlContext], Sql]:
    return lambda call, context: Sql(f"({_args(call, context)[0].text} {test})", Kind.BOOL)


_CALLS: dict[str, Callable[[Call, SqlContext], Sql]] = {
    "abs": _number_call("abs({})"),
    "case": _case,
    "ceiling": _number_call("ceil({})"),
    "cidrmatch": _cidrmatch,
    "coalesce": _coalesce,
    "false": lambda call, context: _literal(value=False),
    "floor": _number_call("floor({})"),
    "if": _if,
    "isnotnull": _presence("IS NOT NULL"),
    "isnull": _presence("IS NULL"),
    "len": _text_call("CAST(length({}) AS DOUBLE)", Kind.NUMBER),
    "like": lambda call, context: _compare("LIKE", *_args(call, context)),
    "lower": _text_call("lower({})"),
    "match": _match,
    "now": lambda call, context: Sql(number_literal(context.now), Kind.NUMBER),
    "null": lambda call, context: NULL,
    "relative_time": _time_call(relative_sql, Kind.NUMBER, as_number),
    "round": _round,
    "strftime": _time_call(strftime_sql, Kind.TEXT, as_number),
    "strptime": _time_call(strptime_sql, Kind.NUMBER, as_text),
    "tonumber": lambda call, context: Sql(as_number(_args(call, context)[0]), Kind.NUMBER),
    "tostring": _text_call("{}"),
    "true": lambda call, context: _literal(value=True),
    "upper": _text_call("upper({})"),
}

IMPLEMENTED = frozenset(_CALLS) | {"in"}
"""Names that this backend compiles; a test compares them with the registry."""
