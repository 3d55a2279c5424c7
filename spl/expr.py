"""The one parsed form of an eval expression, shared by the Python evaluator and the SQL compiler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, cast
from typing import Literal as Choice

from spl.errors import Span

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
    """`+ - * / %` on numbers, `.` joins text; `+` joins two texts. Null propagates."""

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
    """`AND` / `OR` (any case) over two or more operands, three-valued. `XOR` is refused."""

    op: Choice["AND", "OR"]
    operands: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """A function call; `name` is lower case."""

    name: str
    args: tuple[Expr, ...]
    span: Span


Expr = Literal | Field | Negate | Arithmetic | Compare | In | Not | Logic | Call


@cache
def _parts(kind: type[Any]) -> tuple[str, ...]:
    """Return the attributes of an expression class that can hold sub-expressions."""
    return tuple(part.name for part in fields(kind) if part.name not in {"span", "name", "op"})


def children(expr: Expr) -> Iterator[Expr]:
    """Yield the direct sub-expressions of `expr`, in source order."""
    for part in _parts(expr.__class__):
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


def field_names(expr: Expr) -> tuple[str, ...]:
    """Return the names of the fields that `expr` reads, in order of appearance, without repeats."""
    return tuple(dict.fromkeys(node.name for node in walk(expr) if isinstance(node, Field)))


def rewrite(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """Return `expr` with every node for which `change` returns something replaced, parents first.

    A replaced node is not descended into.
    """
    changed = change(expr)
    if changed is not None:
        return changed
    updates: dict[str, object] = {}
    for part in _parts(expr.__class__):
        value = getattr(expr, part)
        if isinstance(value, tuple):
            updates[part] = tuple(rewrite(child, change) for child in value)
        elif isinstance(value, Expr):
            updates[part] = rewrite(value, change)
    return cast("Expr", replace(cast("Any", expr), **updates)) if updates else expr
