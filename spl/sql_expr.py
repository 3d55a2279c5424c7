"""The DuckDB backend of eval expressions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from spl.errors import UnsupportedError
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
from spl.parse_terms import parse_condition
from spl.python_calls import Kind
from spl.sql_calls import IMPLEMENTED as CALLS
from spl.sql_calls import as_multi, compile_call
from spl.sql_terms import compile_term
from spl.sql_text import written_size
from spl.sql_values import (
    NULL,
    Sql,
    SqlContext,
    as_bool,
    as_number,
    as_text,
    compare_sql,
    literal_sql,
)

_FRESH = count(1)

Part = Callable[[Expr], Sql]
"""Compiles a part of an expression."""


def compile_expression(expr: Expr, context: SqlContext) -> Sql:
    """Return `expr` as SQL over the columns of `context`; an unknown field is null.

    The database writes out a macro's argument as often as the macro names it, so a part that would grow too
    large is computed once and named: the cost stays in proportion to the length of `expr`.
    """
    if isinstance(expr, Literal):
        return literal_sql(expr.value)
    if isinstance(expr, Field):
        return context.columns.get(expr.name, NULL)
    parts = _Parts(context)
    return parts.bound(_compiled(expr, context, parts))


class _Parts:
    """The compiled parts of one expression; `bound` gives the heavy ones their names."""

    def __init__(self, context: SqlContext) -> None:
        self._context = context
        self._named: list[tuple[str, str]] = []

    def __call__(self, expr: Expr) -> Sql:
        """Return a part; what is large when written out becomes a name."""
        value = compile_expression(expr, self._context)
        if written_size(value.text) <= _LARGE:
            return value
        name = f"spl_v{next(_FRESH)}"
        self._named.append((name, value.text))
        return Sql(name, value.kind)

    def bound(self, whole: Sql) -> Sql:
        """Return `whole` with the names that it uses."""
        text = whole.text
        for name, value in reversed(self._named):
            text = f"(list_transform([{value}], lambda {name}: {text})[1])"
        return replace(whole, text=text) if self._named else whole


_LARGE = 800
"""Letters, macros written out, of a part that may stand several times in what holds it."""


def _compiled(
    expr: Negate | Arithmetic | Compare | In | Not | Logic | Subquery | Call,
    context: SqlContext,
    part: Part,
) -> Sql:
    match expr:
        case Negate(operand):
            return Sql(f"(-{as_number(part(operand))})", Kind.NUMBER)
        case Arithmetic("+", left, right) if may_be_number(left) or may_be_number(right):
            return _added(part(left), part(right), may_be_number(left), may_be_number(right))
        case Arithmetic(op, left, right):
            return _arithmetic(op, part(left), part(right))
        case Compare(op, left, right):
            return compare_sql(op, part(left), part(right))
        case In(value, options):
            subject = part(value)
            conditions = [compare_sql("=", subject, part(option)).text for option in options]
            return Sql("(" + " OR ".join(conditions) + ")", Kind.BOOL)
        case Not(operand):
            return Sql(f"(NOT {as_bool(part(operand))})", Kind.BOOL)
        case Logic(op, operands):
            return _logic(op, [as_bool(part(operand)) for operand in operands])
        case Subquery(span=span):
            raise UnsupportedError("subsearch in this expression.", text=context.source, span=span)
        case Call():
            return _call(expr, context, part)


def _call(call: Call, context: SqlContext, part: Part) -> Sql:
    own = _OWN.get(call.name)
    if own is not None:
        return own(call, context, part)
    return compile_call([part(arg) for arg in call.args], call, context)


def _logic(op: str, conditions: list[str]) -> Sql:
    if op == "XOR":
        return Sql("(" + " <> ".join(f"({condition})" for condition in conditions) + ")", Kind.BOOL)
    return Sql("(" + f" {op} ".join(conditions) + ")", Kind.BOOL)


def _arithmetic(op: str, left: Sql, right: Sql) -> Sql:
    if op == ".":
        return Sql(f"({as_text(left)} || {as_text(right)})", Kind.TEXT)
    if op == "+" and left.kind is Kind.TEXT and right.kind is Kind.TEXT:
        return _added_or_joined(left, right)
    one, two = as_number(left), as_number(right)
    if _stays_finite(op, left, right):
        return Sql(f"({one} {op} {two})", Kind.NUMBER)
    if op in "/%":
        return Sql(f"spl_finite({one} {op} nullif({two}, 0))", Kind.NUMBER)
    return Sql(f"spl_finite({one} {op} {two})", Kind.NUMBER)


def _added(left: Sql, right: Sql, *counted: bool) -> Sql:
    """Return what `+` gives where `counted` says which side may be a number: such a number joins with nothing."""
    if left.kind is not Kind.TEXT or right.kind is not Kind.TEXT:
        return _arithmetic("+", left, right)
    numbers = " OR ".join(
        f"{as_number(side)} IS NOT NULL"
        for side, may_be in zip((left, right), counted, strict=True)
        if may_be
    )
    return _added_or_joined(left, right, unless=numbers)


def _added_or_joined(left: Sql, right: Sql, *, unless: str = "FALSE") -> Sql:
    """Return the sum of two texts that are numbers, else the two joined; missing where they do not join."""
    one, two = as_number(left), as_number(right)
    added, joined = f"spl_text(spl_finite({one} + {two}))", f"{left.text} || {right.text}"
    arms = f"WHEN {one} IS NOT NULL AND {two} IS NOT NULL THEN {added} WHEN {unless} THEN NULL ELSE {joined}"
    return Sql(f"(CASE {arms} END)", Kind.TEXT)


def _stays_finite(op: str, left: Sql, right: Sql) -> bool:
    """Tell whether a constant operand keeps the result of a finite number finite, so that no check is needed."""
    constants = [abs(side.constant) for side in (left, right) if isinstance(side.constant, int | float)]
    match op:
        case "/":
            return isinstance(right.constant, int | float) and abs(right.constant) >= 1
        case "+" | "-":
            return any(constant <= _SMALL for constant in constants)
        case "*":
            return any(constant <= 1 for constant in constants)
    return False


_SMALL = 1e290
"""Added to the largest double, this is rounded away."""


def _searchmatch(call: Call, context: SqlContext, part: Part) -> Sql:
    condition = call.args[0]
    term = parse_condition(str(condition.value)) if isinstance(condition, Literal) else None
    return Sql("TRUE" if term is None else f"coalesce({compile_term(term, context)}, FALSE)", Kind.BOOL)


def _per_value(call: Call, context: SqlContext, body: Expr) -> tuple[str, Sql]:
    """Compile `body` for one value, for which the field of the first argument stands: variable, body."""
    field = field_names(call.args[0])[0]
    variable = f"spl_v{next(_FRESH)}"
    inner = replace(context, columns={**context.columns, field: Sql(variable, Kind.TEXT)})
    return variable, compile_expression(body, inner)


def _mvfilter(call: Call, context: SqlContext, part: Part) -> Sql:
    variable, body = _per_value(call, context, call.args[0])
    many = context.columns.get(field_names(call.args[0])[0], NULL)
    kept = f"list_filter({as_multi(many)}, lambda {variable}: coalesce({as_bool(body)}, FALSE))"
    return Sql(f"spl_multi({kept})", Kind.MULTI)


def _mvmap(call: Call, context: SqlContext, part: Part) -> Sql:
    variable, body = _per_value(call, context, call.args[1])
    many = part(call.args[0])
    if body.kind is Kind.MULTI:
        spread = f"flatten(list_transform({as_multi(many)}, lambda {variable}: coalesce({body.text}, [])))"
        return Sql(f"spl_multi({spread})", Kind.MULTI)
    mapped = f"list_transform({as_multi(many)}, lambda {variable}: {as_text(body)})"
    return Sql(f"spl_multi(list_filter({mapped}, lambda spl_w: spl_w IS NOT NULL))", Kind.MULTI)


_OWN = {"mvfilter": _mvfilter, "mvmap": _mvmap, "searchmatch": _searchmatch}

IMPLEMENTED = CALLS | frozenset(_OWN) | {"in", "validate"}
"""Names that this backend compiles; a test compares them with the registry."""
