"""The condition of `search` as SQL. Every leaf is false, never null, where its field is missing."""

from __future__ import annotations

import re

from spl.parse_terms import is_network
from spl.sql_expr import Kind, Sql, SqlContext, as_number, as_text, cidr_sql
from spl.sql_text import number_literal, text_literal
from spl.terms import Combined, FieldIn, FieldTerm, Keyword, NotTerm, Pattern, Term
from spl.values import lower_text, to_number, upper_text


def compile_term(term: Term, context: SqlContext) -> str:
    """Return `term` as a SQL condition."""
    match term:
        case FieldTerm(field, op, value):
            return _field_term(context.columns.get(field), op, value)
        case FieldIn(field, values):
            column = context.columns.get(field)
            return "(" + " OR ".join(_field_term(column, "=", value) for value in values) + ")"
        case Keyword(value):
            raw = context.columns.get("_raw")
            return "FALSE" if raw is None else keyword_sql(raw.text, value)
        case NotTerm(operand):
            return f"(NOT coalesce({compile_term(operand, context)}, FALSE))"
        case Combined(op, operands):
            return "(" + f" {op} ".join(compile_term(operand, context) for operand in operands) + ")"


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
    if number is not None:
        return f"coalesce({as_number(column)} {op} {number_literal(number)}, FALSE)"
    return f"({as_text(column)} {op} {text_literal(exact)})"


def keyword_sql(raw: str, value: Pattern) -> str:
    """Return whether a word or phrase stands in `raw` between token boundaries, without regard to case.

    A quick substring test comes first; the boundaries are only looked at where it holds.
    """
    if value.is_any:
        return "TRUE"
    longest = lower_text(max(value.parts, key=len))
    body = r"\S*".join(re.escape(lower_text(part)) for part in value.parts)
    start = r"(?:^|[^a-z0-9])" if value.parts[0][:1].isalnum() else ""
    end = r"(?:$|[^a-z0-9])" if value.parts[-1][-1:].isalnum() else ""
    quick = f"contains(lower({raw}), {text_literal(longest)})"
    return f"({quick} AND regexp_matches(lower({raw}), {text_literal(f'(?s){start}{body}{end}')}))"
