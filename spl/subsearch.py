"""From the rows of a subsearch to a condition: OR over rows, AND over fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from typing import Literal as Choice

from spl.errors import Span, SplError
from spl.expr import Compare, Expr, Field, Literal, Logic, Subquery, rewrite, subsearches
from spl.parse_expr import parse_expression
from spl.parse_terms import parse_condition
from spl.python_calls import Kind
from spl.sql_values import as_text
from spl.stage import Builder, Stage
from spl.terms import (
    Combined,
    FieldIn,
    FieldTerm,
    NotTerm,
    Pattern,
    RowsIn,
    Subsearch,
    Term,
    is_network,
    parse_pattern,
)
from spl.values import Value, lower_text

SUBSEARCH_ROWS = 10_000
"""Rows that a subsearch gives at most, as Splunk's limits.conf [subsearch] maxout."""

_JOINED_FROM = 50
"""From so many rows on they are joined as a table, not written out as a condition."""

_RAW = ("search", "query")
"""Fields whose value is a condition as text."""

_EMPTY = re.compile(r"\s*NOT\s*\(\s*\)\s*")
"""What `format` writes when there are no rows."""

NOTHING = NotTerm(FieldTerm("_time", "=", Pattern(("", "")), Span(0, 0)), Span(0, 0))
"""What no row meets: an empty subsearch."""


def resolve_term(builder: Builder, term: Term | None) -> Term | None:
    """Return `term` with every subsearch in it run and replaced by the condition that its rows are."""
    match term:
        case Subsearch(search, span):
            stage, _ = builder.subsearch(search, SUBSEARCH_ROWS, "search")
            return _condition(builder, stage, span)
        case NotTerm(operand, span):
            inner = resolve_term(builder, operand)
            return None if inner is None else NotTerm(inner, span)
        case Combined(op, operands, span):
            resolved = tuple(resolve_term(builder, operand) for operand in operands)
            return Combined(op, tuple(part for part in resolved if part is not None), span)
    return term


def resolve_expression(builder: Builder, expr: Expr) -> Expr:
    """Return `expr` with every subsearch in it run and replaced by the expression that its rows are."""

    def change(node: Expr) -> Expr | None:
        return _as_expression(builder, node) if isinstance(node, Subquery) else None

    return rewrite(expr, change) if subsearches(expr) else expr


def _as_expression(builder: Builder, subquery: Subquery) -> Expr:
    """Return what the rows of a subsearch are in an expression: the text of `return`, or comparisons of its fields."""
    stage, _ = builder.subsearch(subquery.search, SUBSEARCH_ROWS, "eval")
    names = [name for name in stage.columns if not name.startswith("_")]
    raw = next((name for name in _RAW if name in names), None)
    if raw is not None:
        column = as_text(stage.columns[raw])
        found = builder.runtime.rows(builder.statement(f"SELECT {column} FROM {stage.cte}{stage.order_by}"))
        text = " OR ".join(text for (text,) in found if text)
        return _read_expression(text, builder, subquery.span)
    pairs = [
        [(name, value) for name, cell in zip(names, row, strict=True) for value in parts(cell)]
        for row in _rows(builder, stage, names)
    ]
    place = subquery.span
    rows = [
        [Compare("=", Field(name, place), Literal(value, place), place) for name, value in row]
        for row in pairs
    ]
    return _any([_joined("AND", row, place) for row in rows if row], place)


def _joined(op: Choice["AND", "OR"], operands: Sequence[Expr], span: Span) -> Expr:
    return operands[0] if len(operands) == 1 else Logic(op, tuple(operands), span)


def _any(operands: Sequence[Expr], span: Span) -> Expr:
    """Return an OR over `operands`, as a balanced tree; false when there are none."""
    if not operands:
        return Literal(False, span)
    if len(operands) <= _JOINED_FROM:
        return _joined("OR", operands, span)
    middle = len(operands) // 2
    return Logic("OR", (_any(operands[:middle], span), _any(operands[middle:], span)), span)


def _read_expression(text: str, builder: Builder, span: Span) -> Expr:
    if not text or _EMPTY.fullmatch(text):
        return Literal(False if text else None, span)
    try:
        return parse_expression(text)
    except SplError as error:
        raise type(error)(
            f"the subsearch gave {text[:60]!r}, which is no expression: {error.message}",
            text=builder.source,
            span=span,
        ) from None


def _condition(builder: Builder, stage: Stage, span: Span) -> Term:
    """Return the condition that the rows of a subsearch are."""
    names = [name for name in stage.columns if not name.startswith("_")]
    raw = next((name for name in _RAW if name in names), None)
    if raw is not None:
        return _raw_condition(builder, stage, raw, span)
    rows = _rows(builder, stage, names)
    if not names or not rows:
        return NOTHING
    if len(names) == 1:
        rows = [(value,) for (cell,) in rows for value in parts(cell)]
    if len(rows) > _JOINED_FROM and all(_is_plain(cell) for row in rows for cell in row):
        lowered = [[lower_text(cell) for cell in row] for row in rows]
        table = builder.runtime.values_table(dict.fromkeys(names, Kind.TEXT), lowered)
        return RowsIn(table.cte, tuple(names), span)
    if len(names) == 1:
        return FieldIn(names[0], tuple(parse_pattern(value) for (value,) in rows), span) if rows else NOTHING
    return any_of([term for row in rows if (term := _row_term(names, row, span))], span)


def _is_plain(cell: Value) -> bool:
    """Tell whether a value means itself alone: no wildcard, no escape, no block of addresses."""
    return isinstance(cell, str) and not set(cell) & {"*", "\\"} and not is_network(cell)


def _rows(builder: Builder, stage: Stage, names: Sequence[str]) -> list[tuple[Any, ...]]:
    cells = [
        stage.columns[name].text if stage.columns[name].kind is Kind.MULTI else as_text(stage.columns[name])
        for name in names
    ]
    if not cells:
        return []
    return builder.runtime.rows(builder.statement(f"SELECT DISTINCT {', '.join(cells)} FROM {stage.cte}"))


def parts(cell: Value) -> list[str]:
    """Return the values of a cell; none when it is missing."""
    return cell if isinstance(cell, list) else [str(cell)] if cell is not None else []


def _row_term(names: Sequence[str], row: tuple[Any, ...], span: Span) -> Term | None:
    terms: list[Term] = []
    for name, cell in zip(names, row, strict=True):
        values = parts(cell)
        if len(values) == 1:
            terms.append(FieldTerm(name, "=", parse_pattern(values[0]), span))
        elif values:
            terms.append(FieldIn(name, tuple(map(parse_pattern, values)), span))
    if not terms:
        return None
    return terms[0] if len(terms) == 1 else Combined("AND", tuple(terms), span)


def any_of(terms: Sequence[Term], span: Span) -> Term:
    """Return an OR over `terms`, as a balanced tree: the database descends into it."""
    if not terms:
        return NOTHING
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return Combined("OR", (any_of(terms[:middle], span), any_of(terms[middle:], span)), span)


def _raw_condition(builder: Builder, stage: Stage, name: str, span: Span) -> Term:
    column = as_text(stage.columns[name])
    found = builder.runtime.rows(builder.statement(f"SELECT {column} FROM {stage.cte}{stage.order_by}"))
    terms = list(_read_conditions((text for (text,) in found if text), builder, span))
    return any_of(terms, span)


def _read_conditions(texts: Iterator[str], builder: Builder, span: Span) -> Iterator[Term]:
    for text in texts:
        if _EMPTY.fullmatch(text):
            yield NOTHING
            continue
        try:
            term = parse_condition(text)
        except SplError as error:
            raise type(error)(
                f"the subsearch gave a condition that cannot be read: {error.message}",
                text=builder.source,
                span=span,
            ) from None
        if term is not None:
            yield term
