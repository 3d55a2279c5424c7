"""The Python backend of eval expressions: the slow and obvious reference for one row at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import regex

from spl.calls import PLAIN
from spl.calls.multi import joined, parts_of
from spl.calls.times import strftime, strptime
from spl.errors import SearchTimeoutError, SplError, TimeError
from spl.expr import (
    Arithmetic,
    Call,
    Compare,
    Expr,
    Field,
    In,
    Literal,
    Logic,
    Negate,
    Not,
    Subquery,
    field_names,
    may_be_number,
)
from spl.meets import cidr_contains, meets
from spl.parse_terms import parse_condition
from spl.regexes import TIMEOUT_S
from spl.timerange import move
from spl.values import Value, compare, to_number, to_text


@dataclass(frozen=True, slots=True)
class _Scope:
    row: Mapping[str, object]
    now: float
    zone: ZoneInfo


def evaluate(expr: Expr, row: Mapping[str, object], *, now: float, zone: ZoneInfo) -> Value:
    """Return the value of `expr` for one row.

    Args:
        expr: A parsed expression.
        row: Values by field name; a missing field is an absent key.
        now: Epoch seconds that `now()` returns.
        zone: Zone in which clock times are read and written.
    """
    return _value(expr, _Scope(row, now, zone))


def is_true(value: Value) -> bool:
    """Tell whether a condition holds; a missing or non-boolean value does not."""
    return value is True


def _value(expr: Expr, scope: _Scope) -> Value:
    match expr:
        case Literal(value):
            return value
        case Field(name):
            return _field(scope.row.get(name))
        case Negate(operand):
            number = to_number(_value(operand, scope))
            return None if number is None else -number
        case Arithmetic():
            return _arithmetic(expr, scope)
        case Compare(op, left, right):
            return _compare(op, _value(left, scope), _value(right, scope))
        case In(value, options):
            return _in(_value(value, scope), [_value(option, scope) for option in options])
        case Not(operand):
            truth = _truth(_value(operand, scope))
            return None if truth is None else not truth
        case Logic(op, operands):
            return _logic(op, [_truth(_value(operand, scope)) for operand in operands])
        case Call() | Subquery():
            return _call(expr, scope)


def _field(value: object) -> Value:
    return value if isinstance(value, str | int | float | list) else None


def _truth(value: Value) -> bool | None:
    return value if isinstance(value, bool) else None


def _logic(op: str, truths: list[bool | None]) -> bool | None:
    if op == "XOR":
        return None if None in truths else truths.count(True) % 2 == 1
    decisive = op == "OR"
    if any(truth is decisive for truth in truths):
        return decisive
    return None if any(truth is None for truth in truths) else not decisive


def _arithmetic(expr: Arithmetic, scope: _Scope) -> Value:
    left, right = _value(expr.left, scope), _value(expr.right, scope)
    if left is None or right is None:
        return None
    if expr.op == ".":
        return (to_text(left) or "") + (to_text(right) or "")
    numbers = to_number(left), to_number(right)
    if numbers[0] is None or numbers[1] is None:
        joins = expr.op == "+" and isinstance(left, str) and isinstance(right, str)
        counted = any(
            number is not None and may_be_number(side)
            for number, side in zip(numbers, (expr.left, expr.right), strict=True)
        )
        return left + right if joins and not counted else None  # type: ignore[operator]
    return _calculate(expr.op, numbers[0], numbers[1])


def _calculate(op: str, left: float, right: float) -> Value:
    match op:
        case "+":
            result = left + right
        case "-":
            result = left - right
        case "*":
            result = left * right
        case "/":
            result = left / right if right else math.nan
        case _:
            result = math.fmod(left, right) if right else math.nan
    return result if math.isfinite(result) else None


def _compare(op: str, left: Value, right: Value) -> Value:
    if isinstance(left, list):
        return _any_element(op, left, right)
    if isinstance(right, list):
        return _any_element(op, right, left, flip=True)
    if op == "LIKE":
        return _like(left, right)
    order = compare(left, right)
    if order is None:
        return None
    return {
        "=": order == 0,
        "!=": order != 0,
        "<": order < 0,
        "<=": order <= 0,
        ">": order > 0,
        ">=": order >= 0,
    }[op]


def _any_element(op: str, many: list[str], other: Value, *, flip: bool = False) -> Value:
    results = [_compare(op, other, one) if flip else _compare(op, one, other) for one in many]
    return _logic("OR", [_truth(result) for result in results]) if results else None


def _in(value: Value, options: list[Value]) -> Value:
    return _logic("OR", [_truth(_compare("=", value, option)) for option in options])


@lru_cache(maxsize=256)
def _like_pattern(pattern: str) -> regex.Pattern[str]:
    parts = {"%": ".*", "_": "."}
    return regex.compile("".join(parts.get(char) or regex.escape(char) for char in pattern), regex.DOTALL)


def _like(value: Value, pattern: Value) -> Value:
    text, wanted = to_text(value), to_text(pattern)
    if text is None or wanted is None:
        return None
    try:
        return _like_pattern(wanted).fullmatch(text, timeout=TIMEOUT_S) is not None
    except TimeoutError:
        raise SearchTimeoutError(f"the pattern {wanted[:60]!r} ran too long.") from None


def _call(call: Call | Subquery, scope: _Scope) -> Value:
    if isinstance(call, Subquery):
        raise SplError("a subsearch has no value in one row.", span=call.span)
    if call.name in _LAZY:
        return _LAZY[call.name](call, scope)
    function = PLAIN.get(call.name)
    if function is None:
        raise SplError(f"function {call.name!r} has no value here.", span=call.span)
    return function(*(_value(arg, scope) for arg in call.args))


def _if(call: Call, scope: _Scope) -> Value:
    condition, yes, no = call.args
    return _value(yes if is_true(_value(condition, scope)) else no, scope)


def _case(call: Call, scope: _Scope) -> Value:
    for condition, value in zip(call.args[::2], call.args[1::2], strict=True):
        if is_true(_value(condition, scope)):
            return _value(value, scope)
    return None


def _coalesce(call: Call, scope: _Scope) -> Value:
    return next((value for arg in call.args if (value := _value(arg, scope)) is not None), None)


def _strftime(call: Call, scope: _Scope) -> Value:
    value, pattern = (_value(arg, scope) for arg in call.args)
    form = to_text(pattern)
    return None if form is None else strftime(value, form, scope.zone)


def _strptime(call: Call, scope: _Scope) -> Value:
    value, pattern = (_value(arg, scope) for arg in call.args)
    form = to_text(pattern)
    return None if form is None else strptime(value, form, scope.zone)


def _relative_time(call: Call, scope: _Scope) -> Value:
    value, modifier = (_value(arg, scope) for arg in call.args)
    number, text = to_number(value), to_text(modifier)
    if number is None or text is None:
        return None
    try:
        return move(text, start=number, zone=scope.zone)
    except TimeError as error:
        raise TimeError(error.message, text=text, span=call.args[1].span) from None
    except (ValueError, OverflowError, OSError):
        return None


def _cidrmatch(call: Call, scope: _Scope) -> Value:
    network, address = (to_text(_value(arg, scope)) for arg in call.args)
    return None if network is None else cidr_contains(network, address)


def _nullif(call: Call, scope: _Scope) -> Value:
    value, other = (_value(arg, scope) for arg in call.args)
    return None if _compare("=", value, other) is True else value


def _each(many: Value, field: str, body: Expr, scope: _Scope) -> list[tuple[str, Value]]:
    """Evaluate `body` for every one of `many`, for which alone `field` stands."""
    parts = parts_of(many)
    scopes = (_Scope({**scope.row, field: part}, scope.now, scope.zone) for part in parts)
    return [(part, _value(body, inner)) for part, inner in zip(parts, scopes, strict=True)]


def _mvmap(call: Call, scope: _Scope) -> Value:
    field = field_names(call.args[0])[0]
    found = _each(_value(call.args[0], scope), field, call.args[1], scope)
    return joined([part for _, value in found for part in parts_of(value)])


def _mvfilter(call: Call, scope: _Scope) -> Value:
    field = field_names(call.args[0])[0]
    found = _each(_field(scope.row.get(field)), field, call.args[0], scope)
    return joined([part for part, value in found if is_true(value)])


def _searchmatch(call: Call, scope: _Scope) -> Value:
    condition = call.args[0]
    term = parse_condition(str(condition.value)) if isinstance(condition, Literal) else None
    return term is None or meets(term, scope.row)


_LAZY: dict[str, Callable[[Call, _Scope], Value]] = {
    "case": _case,
    "cidrmatch": _cidrmatch,
    "coalesce": _coalesce,
    "false": lambda call, scope: False,
    "if": _if,
    "like": lambda call, scope: _compare("LIKE", *(_value(arg, scope) for arg in call.args)),
    "mvfilter": _mvfilter,
    "mvmap": _mvmap,
    "now": lambda call, scope: scope.now,
    "null": lambda call, scope: None,
    "nullif": _nullif,
    "relative_time": _relative_time,
    "searchmatch": _searchmatch,
    "strftime": _strftime,
    "strptime": _strptime,
    "time": lambda call, scope: scope.now,
    "true": lambda call, scope: True,
}

IMPLEMENTED = frozenset(_LAZY) | frozenset(PLAIN) | {"in", "validate"}
"""Names that this backend evaluates; a test compares them with the registry."""
