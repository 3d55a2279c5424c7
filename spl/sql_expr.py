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
)
from spl.parse_terms import parse_condition
from spl.python_calls import Kind
from spl.sql_calls import IMPLEMENTED as CALLS
from spl.sql_calls import as_multi, compile_call
from spl.sql_terms import compile_term
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


def compile_expression(expr: Expr, context: SqlContext) -> Sql:
    """Return `expr` as SQL over the columns of `context`; an unknown field is null."""
    match expr:
        case Literal(value):
            return literal_sql(value)
        case Field(name):
            return context.columns.get(name, NULL)
        case Negate(operand):
            return Sql(f"(-{as_number(compile_expression(operand, context))})", Kind.NUMBER)
        case Arithmetic():
            return _arithmetic(expr, context)
        case Compare(op, left, right):
            return compare_sql(op, compile_expression(left, context), compile_expression(right, context))
        case In(value, options):
            subject = compile_expression(value, context)
            parts = [
                compare_sql("=", subject, compile_expression(option, context)).text for option in options
            ]
            return Sql("(" + " OR ".join(parts) + ")", Kind.BOOL)
        case Not(operand):
            return Sql(f"(NOT {as_bool(compile_expression(operand, context))})", Kind.BOOL)
        case Logic(op, operands):
            return _logic(op, [as_bool(compile_expression(operand, context)) for operand in operands])
        case Call() | Subquery():
            return _call(expr, context)


def _call(call: Call | Subquery, context: SqlContext) -> Sql:
    if isinstance(call, Subquery):
        raise UnsupportedError("subsearch in this expression.", text=context.source, span=call.span)
    own = _OWN.get(call.name)
    if own is not None:
        return own(call, context)
    return compile_call([compile_expression(arg, context) for arg in call.args], call, context)


def _logic(op: str, conditions: list[str]) -> Sql:
    if op == "XOR":
        return Sql("(" + " <> ".join(f"({condition})" for condition in conditions) + ")", Kind.BOOL)
    return Sql("(" + f" {op} ".join(conditions) + ")", Kind.BOOL)


def _arithmetic(expr: Arithmetic, context: SqlContext) -> Sql:
    left, right = compile_expression(expr.left, context), compile_expression(expr.right, context)
    if expr.op == ".":
        return Sql(f"({as_text(left)} || {as_text(right)})", Kind.TEXT)
    if expr.op == "+" and left.kind is Kind.TEXT and right.kind is Kind.TEXT:
        return _added_or_joined(left, right)
    one, two = as_number(left), as_number(right)
    if _stays_finite(expr.op, left, right):
        return Sql(f"({one} {expr.op} {two})", Kind.NUMBER)
    if expr.op in "/%":
        return Sql(f"spl_finite({one} {expr.op} nullif({two}, 0))", Kind.NUMBER)
    return Sql(f"spl_finite({one} {expr.op} {two})", Kind.NUMBER)


def _added_or_joined(left: Sql, right: Sql) -> Sql:
    """Return the sum of two texts that are numbers, else the two joined."""
    (left, bind_left), (right, bind_right) = _named_once(left), _named_once(right)
    one, two = as_number(left), as_number(right)
    added, joined = f"spl_text(spl_finite({one} + {two}))", f"{left.text} || {right.text}"
    chosen = f"(CASE WHEN {one} IS NOT NULL AND {two} IS NOT NULL THEN {added} ELSE {joined} END)"
    return Sql(bind_left(bind_right(chosen)), Kind.TEXT)


def _named_once(value: Sql) -> tuple[Sql, Callable[[str], str]]:
    """Return a name for a value and what binds it: text that names a long value often would grow with every operator."""
    if len(value.text) <= _SHORT:
        return value, lambda text: text
    name = f"spl_v{next(_FRESH)}"
    return Sql(name, value.kind), lambda text: f"(list_transform([{value.text}], lambda {name}: {text})[1])"


_SHORT = 40
"""Letters of a value that may be written several times."""


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


def _searchmatch(call: Call, context: SqlContext) -> Sql:
    condition = call.args[0]
    term = parse_condition(str(condition.value)) if isinstance(condition, Literal) else None
    return Sql("TRUE" if term is None else f"coalesce({compile_term(term, context)}, FALSE)", Kind.BOOL)


def _per_value(call: Call, context: SqlContext, body: Expr) -> tuple[str, Sql]:
    """Compile `body` for one value, for which the field of the first argument stands: variable, body."""
    field = field_names(call.args[0])[0]
    variable = f"spl_v{next(_FRESH)}"
    inner = replace(context, columns={**context.columns, field: Sql(variable, Kind.TEXT)})
    return variable, compile_expression(body, inner)


def _mvfilter(call: Call, context: SqlContext) -> Sql:
    variable, body = _per_value(call, context, call.args[0])
    many = context.columns.get(field_names(call.args[0])[0], NULL)
    kept = f"list_filter({as_multi(many)}, lambda {variable}: coalesce({as_bool(body)}, FALSE))"
    return Sql(f"spl_multi({kept})", Kind.MULTI)


def _mvmap(call: Call, context: SqlContext) -> Sql:
    variable, body = _per_value(call, context, call.args[1])
    many = compile_expression(call.args[0], context)
    if body.kind is Kind.MULTI:
        spread = f"flatten(list_transform({as_multi(many)}, lambda {variable}: coalesce({body.text}, [])))"
        return Sql(f"spl_multi({spread})", Kind.MULTI)
    mapped = f"list_transform({as_multi(many)}, lambda {variable}: {as_text(body)})"
    return Sql(f"spl_multi(list_filter({mapped}, lambda spl_w: spl_w IS NOT NULL))", Kind.MULTI)


_OWN = {"mvfilter": _mvfilter, "mvmap": _mvmap, "searchmatch": _searchmatch}

IMPLEMENTED = CALLS | frozenset(_OWN) | {"in", "validate"}
"""Names that this backend compiles; a test compares them with the registry."""
