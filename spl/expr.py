"""The one parsed form of an eval expression, shared by the Python evaluator and the SQL compiler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from typing import Literal as Choice

from spl.errors import Span
from spl.functions import FUNCTIONS

if TYPE_CHECKING:
    from spl.plan import Search

ArithmeticOp = Choice["+", "-", "*", "/", "%", "."]
CompareOp = Choice["=", "!=", "<", "<=", ">", ">=", "LIKE"]


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: text, number, boolean or null."""

    value: str | int | float | bool | None
    span: Span


@dataclass(frozen=True, slots=True)
class Field:
    """The value of a field of the row; null when the row lacks it."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Negate:
    """Arithmetic minus."""

    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+ - * / %` on numbers, `.` joins text; `+` joins two texts of which one is no number. Null propagates."""

    op: ArithmeticOp
    left: Expr
    right: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison (`==` arrives as `=`); null when a side is null."""

    op: CompareOp
    left: Expr
    right: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class In:
    """`value IN (a, b)` and `in(value, a, b)`; case-sensitive."""

    value: Expr
    options: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    """Three-valued negation."""

    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Logic:
    """`AND` / `OR` / `XOR` (any case) over two or more operands, three-valued."""

    op: Choice["AND", "OR", "XOR"]
    operands: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """A function call; `name` is lower case."""

    name: str
    args: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Subquery:
    """`[ search … ]` in an expression; the text or the condition that its rows are takes its place before anything is read."""

    search: Search
    span: Span


Expr = Literal | Field | Negate | Arithmetic | Compare | In | Not | Logic | Call | Subquery


_PARTS: dict[type, tuple[str, ...]] = {
    kind: tuple(part.name for part in fields(kind) if part.name not in {"span", "name", "op"})
    for kind in (Literal, Field, Negate, Arithmetic, Compare, In, Not, Logic, Call)
} | {Subquery: ()}
"""The attributes of each class that can hold sub-expressions."""


def children(expr: Expr) -> Iterator[Expr]:
    """Yield the direct sub-expressions of `expr`, in source order."""
    for part in _PARTS[type(expr)]:
        value = getattr(expr, part)
        if isinstance(value, tuple):
            yield from value
        elif isinstance(value, Expr):
            yield value


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield `expr` and everything below it, parents first."""
    yield expr
    for child in children(expr):
        yield from walk(child)


@lru_cache(maxsize=1024)
def field_names(expr: Expr) -> tuple[str, ...]:
    """Return the names of the fields that `expr` reads, in order of appearance, without repeats.

    A subsearch may become text that names any field: `*`.
    """
    found = (node for node in walk(expr) if isinstance(node, Field | Subquery))
    return tuple(dict.fromkeys(node.name if isinstance(node, Field) else "*" for node in found))


def subsearches(expr: Expr) -> tuple[Search, ...]:
    """Return the subsearches in `expr`."""
    return tuple(node.search for node in walk(expr) if isinstance(node, Subquery))


def is_condition(expr: Expr) -> bool:
    """Tell whether `expr` is true, false or missing, never a text or a number."""
    match expr:
        case Compare() | In() | Not() | Logic():
            return True
        case Literal(value):
            return isinstance(value, bool)
        case Call("if", (_, *values)) | Call("coalesce", (*values,)):
            return all(is_condition(value) for value in values)
        case Call("case", args):
            return all(is_condition(value) for value in args[1::2])
        case Call(name):
            return name in FUNCTIONS and FUNCTIONS[name].result == "bool"
    return False


def is_number(expr: Expr) -> bool:
    """Tell whether `expr` is a number or missing, never a text."""
    match expr:
        case Literal(value):
            return isinstance(value, int | float) and not isinstance(value, bool)
        case Negate():
            return True
        case Arithmetic("+", left, right):
            return is_number(left) or is_number(right)
        case Arithmetic(op):
            return op != "."
        case Call(name):
            return name in FUNCTIONS and FUNCTIONS[name].result == "number"
    return False


def may_be_number(expr: Expr) -> bool:
    """Tell whether `expr` can be a text in one row and a number in another: a number does not join with `+`."""
    match expr:
        case Arithmetic("+"):
            return not is_number(expr)
        case Call(name, args):
            given = any(is_number(arg) or may_be_number(arg) for arg in args)
            return name in FUNCTIONS and FUNCTIONS[name].result == "same" and given
    return False


def rewrite(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """Return `expr` with every node for which `change` returns something replaced, parents first.

    A replaced node is not descended into.
    """
    changed = change(expr)
    if changed is not None:
        return changed
    updates: dict[str, object] = {}
    for part in _PARTS[type(expr)]:
        value = getattr(expr, part)
        if isinstance(value, tuple):
            updates[part] = tuple(rewrite(child, change) for child in value)
        elif isinstance(value, Expr):
            updates[part] = rewrite(value, change)
    return cast("Expr", replace(cast("Any", expr), **updates)) if updates else expr
