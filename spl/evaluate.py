"""The Python backend of eval expressions: the slow and obvious reference for one row at a time."""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import regex

from spl.errors import SearchTimeoutError, Span, SplError, TimeError
from spl.expr import Arithmetic, Call, Compare, Expr, Field, In, Literal, Logic, Negate, Not
from spl.functions import plain_directives
from spl.regexes import translate_regex
from spl.timerange import move
from spl.values import Value, compare, lower_text, round_half_away, to_number, to_text, upper_text

REGEX_TIMEOUT_S = 0.5


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
        case Call():
            return _call(expr, scope)


def _field(value: object) -> Value:
    return value if isinstance(value, str | int | float | list) else None


def _truth(value: Value) -> bool | None:
    return value if isinstance(value, bool) else None


def _logic(op: str, truths: list[bool | None]) -> bool | None:
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
        return left + right if joins else None  # type: ignore[operator]
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
        return _like_pattern(wanted).fullmatch(text, timeout=REGEX_TIMEOUT_S) is not None
    except TimeoutError:
        raise SearchTimeoutError(f"the pattern {wanted[:60]!r} ran too long.") from None


def _call(call: Call, scope: _Scope) -> Value:
    if call.name in _LAZY:
        return _LAZY[call.name](call, scope)
    function = _PLAIN.get(call.name)
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


def _constant(call: Call, index: int) -> tuple[str, Span]:
    argument = call.args[index]
    return (str(argument.value), argument.span) if isinstance(argument, Literal) else ("", argument.span)


def _match(call: Call, scope: _Scope) -> Value:
    pattern, span = _constant(call, 1)
    subject = _value(call.args[0], scope)
    values = subject if isinstance(subject, list) else [to_text(subject)]
    known = [value for value in values if value is not None]
    compiled = _regex(translate_regex(pattern, text=pattern, span=Span(0, len(pattern))))
    try:
        return any(compiled.search(value, timeout=REGEX_TIMEOUT_S) for value in known) if known else None
    except TimeoutError:
        raise SearchTimeoutError(f"the regular expression {pattern!r} ran too long.", span=span) from None


@lru_cache(maxsize=256)
def _regex(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern, regex.ASCII)


def _strftime(call: Call, scope: _Scope) -> Value:
    number = to_number(_value(call.args[0], scope))
    if number is None:
        return None
    try:
        moment = dt.datetime.fromtimestamp(number, scope.zone)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.strftime(plain_directives(_constant(call, 1)[0]))


def _strptime(call: Call, scope: _Scope) -> Value:
    text = to_text(_value(call.args[0], scope))
    pattern = plain_directives(_constant(call, 1)[0])
    if text is None:
        return None
    try:
        return dt.datetime.strptime(text, pattern).replace(tzinfo=scope.zone).timestamp()
    except ValueError:
        return None


def _relative_time(call: Call, scope: _Scope) -> Value:
    number = to_number(_value(call.args[0], scope))
    pattern, span = _constant(call, 1)
    try:
        return None if number is None else move(pattern, start=number, zone=scope.zone)
    except TimeError as error:
        raise TimeError(error.message, text=pattern, span=span) from None
    except (ValueError, OverflowError, OSError):
        return None


def _cidrmatch(call: Call, scope: _Scope) -> Value:
    return cidr_contains(_constant(call, 0)[0], to_text(_value(call.args[1], scope)))


def cidr_contains(network: str, address: str | None) -> bool | None:
    """Tell whether `address` lies in `network`; None when the address is missing, False when it is none."""
    if address is None:
        return None
    try:
        return ipaddress.ip_address(address.strip(" ")) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _numeric(function: Callable[[float], float]) -> Callable[[Value], Value]:
    def apply(value: Value) -> Value:
        number = to_number(value)
        return None if number is None else function(number)

    return apply


def _round(value: Value, digits: Value = 0) -> Value:
    number, places = to_number(value), to_number(digits)
    return None if number is None or places is None else round_half_away(number, int(places))


def _text(function: Callable[[str], str | int]) -> Callable[[Value], Value]:
    def apply(value: Value) -> Value:
        text = to_text(value)
        return None if text is None else function(text)

    return apply


_LAZY: dict[str, Callable[[Call, _Scope], Value]] = {
    "if": _if,
    "case": _case,
    "coalesce": _coalesce,
    "match": _match,
    "strftime": _strftime,
    "strptime": _strptime,
    "relative_time": _relative_time,
    "cidrmatch": _cidrmatch,
    "now": lambda call, scope: scope.now,
}

_PLAIN: dict[str, Callable[..., Value]] = {
    "abs": _numeric(abs),
    "ceiling": _numeric(lambda number: float(math.ceil(number))),
    "false": lambda: False,
    "floor": _numeric(lambda number: float(math.floor(number))),
    "isnotnull": lambda value: value is not None,
    "isnull": lambda value: value is None,
    "len": _text(len),
    "like": lambda value, pattern: _compare("LIKE", value, pattern),
    "lower": _text(lower_text),
    "null": lambda: None,
    "round": _round,
    "tonumber": to_number,
    "tostring": to_text,
    "true": lambda: True,
    "upper": _text(upper_text),
}

IMPLEMENTED = frozenset(_LAZY) | frozenset(_PLAIN) | {"in"}
"""Names that this backend evaluates; a test compares them with the registry."""
