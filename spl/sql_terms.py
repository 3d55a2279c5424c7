"""The condition of `search` as SQL. Every leaf is false, never null, where its field is missing."""

from __future__ import annotations

import re

from spl.errors import SplError, UnsupportedError
from spl.python_calls import Kind
from spl.sql_calls import cidr_sql
from spl.sql_text import number_literal, text_literal
from spl.sql_values import Sql, SqlContext, as_number, as_text
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
from spl.values import lower_text, to_number, upper_text

_LISTED = 8
"""From so many values on they are one list."""


def compile_term(term: Term, context: SqlContext) -> str:
    """Return `term` as a SQL condition."""
    match term:
        case FieldTerm(field, op, value):
            return _field_term(context.columns.get(field), op, value)
        case FieldIn(field, values):
            return _one_of(context.columns.get(field), values)
        case Keyword(value) if value.is_any:
            return "TRUE"
        case Keyword(value, sensitive):
            raw = context.columns.get("_raw")
            if raw is None:
                raise UnsupportedError(
                    "a word is looked for in rows without _raw, where no word is.",
                    text=context.source, span=term.span, supported=("field=word", "field=*word*"),
                )  # fmt: skip
            return keyword_sql(as_text(raw), value, sensitive=sensitive)
        case RowsIn(table, fields):
            return _rows_in(table, [context.columns.get(field) for field in fields])
        case Subsearch():
            raise SplError("a subsearch was not resolved.", span=term.span)
        case NotTerm(operand):
            return f"(NOT coalesce({compile_term(operand, context)}, FALSE))"
        case Combined(op, operands):
            return "(" + f" {op} ".join(compile_term(operand, context) for operand in operands) + ")"


def _rows_in(table: str, columns: list[Sql | None]) -> str:
    known = [column for column in columns if column is not None]
    if len(known) < len(columns):
        return "FALSE"
    same = [_has(column, f"spl_t.v{place}") for place, column in enumerate(known)]
    return f"EXISTS (SELECT 1 FROM {table} AS spl_t WHERE {' AND '.join(same)})"


def _has(column: Sql, lowered: str) -> str:
    """Return whether a field, or one of its values, is a text in lower case."""
    if column.kind is Kind.MULTI:
        return f"list_contains(list_transform({column.text}, lambda spl_e: lower(spl_e)), {lowered})"
    return f"lower({as_text(column)}) = {lowered}"


def _one_of(column: Sql | None, values: tuple[Pattern, ...]) -> str:
    """Compare with many values: those without a wildcard as one list."""
    plain = [value.exact for value in values if value.exact is not None and not is_network(value.exact)]
    if column is None or column.kind is not Kind.TEXT or len(plain) < _LISTED:
        return "(" + " OR ".join(_field_term(column, "=", value) for value in values) + ")"
    others = [value for value in values if value.exact is None or is_network(value.exact)]
    listed = ", ".join(text_literal(text) for text in sorted({lower_text(text) for text in plain}))
    parts = [f"coalesce(lower({column.text}) IN ({listed}), FALSE)"]
    return "(" + " OR ".join([*parts, *(_field_term(column, "=", value) for value in others)]) + ")"


def _field_term(column: Sql | None, op: str, value: Pattern) -> str:
    if column is None or column.kind is Kind.NULL:
        return "FALSE"
    if column.kind is Kind.MULTI:
        element = _field_term(Sql("spl_e", Kind.TEXT), "=" if op == "!=" else op, value)
        found = f"coalesce(list_bool_or(list_transform({column.text}, lambda spl_e: {element})), FALSE)"
        return f"({column.text} IS NOT NULL AND NOT {found})" if op == "!=" else found
    if op == "!=":
        return f"({column.text} IS NOT NULL AND NOT {_equals(column, value)})"
    if op == "=":
        return _equals(column, value)
    return _ordered(column, op, value)


def _equals(column: Sql, value: Pattern) -> str:
    exact = value.exact
    if value.is_any:
        return f"({column.text} IS NOT NULL)"
    if exact is None:
        return like_sql(as_text(column), value)
    if column.kind is Kind.NUMBER:
        number = to_number(exact)
        return (
            f"({column.text} = {number_literal(number)})"
            if number is not None
            else f"({as_text(column)} = {text_literal(exact)})"
        )
    plain = _same_text(as_text(column), exact)
    if is_network(exact) and ":" not in exact:
        return f"({plain} OR coalesce({cidr_sql(exact, as_text(column))}, FALSE))"
    return plain


def _same_text(column: str, exact: str) -> str:
    """Compare without regard to case; a value that has no case needs no function around the column."""
    lowered = lower_text(exact)
    if lowered == upper_text(exact):
        return f"({column} = {text_literal(exact)})"
    return f"(lower({column}) = {text_literal(lowered)})"


def like_sql(column: str, value: Pattern) -> str:
    """Return a wildcard comparison without regard to case."""
    parts = [re.sub(r"([%_\\])", r"\\\1", lower_text(part)) for part in value.parts]
    return f"(lower({column}) LIKE {text_literal('%'.join(parts))} ESCAPE '\\')"


def _ordered(column: Sql, op: str, value: Pattern) -> str:
    exact = value.exact or "*".join(value.parts)
    number = to_number(exact)
    if number is not None and column.kind is Kind.TEXT:
        # Whether it is a number by our rule is only looked at where the database's own number compares.
        compared = f"TRY_CAST({column.text} AS DOUBLE) {op} {number_literal(number)}"
        return f"(CASE WHEN {compared} THEN {as_number(column)} IS NOT NULL ELSE FALSE END)"
    if number is not None:
        return f"coalesce({as_number(column)} {op} {number_literal(number)}, FALSE)"
    return f"({as_text(column)} {op} {text_literal(exact)})"


def keyword_sql(raw: str, value: Pattern, *, sensitive: bool = False) -> str:
    """Return whether a word or phrase stands in `raw` between token boundaries; case matters if `sensitive`.

    A quick substring test comes first; the boundaries are only looked at where it holds.
    """
    if value.is_any:
        return "TRUE"
    parts = value.parts if sensitive else tuple(map(lower_text, value.parts))
    text = raw if sensitive else f"lower({raw})"
    body = r"\S*".join(re.escape(part) for part in parts)
    start = r"(?:^|[^a-zA-Z0-9])" if parts[0][:1].isalnum() else ""
    end = r"(?:$|[^a-zA-Z0-9])" if parts[-1][-1:].isalnum() else ""
    quick = f"contains({text}, {text_literal(max(parts, key=len))})"
    return f"({quick} AND regexp_matches({text}, {text_literal(f'(?s){start}{body}{end}')}))"
