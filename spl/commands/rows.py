"""Commands that keep, drop or order rows: search, where, head, sort, dedup."""

from __future__ import annotations

from spl.errors import UnsupportedError
from spl.expr import Field
from spl.plan import (
    Bin,
    Command,
    Dedup,
    Eval,
    Fields,
    Head,
    Rename,
    Rex,
    SearchCommand,
    Sort,
    SortKey,
    Table,
    Where,
)
from spl.sql_expr import Kind, Sql, as_bool, as_number, as_text, compile_expression
from spl.sql_terms import compile_term
from spl.stage import Builder, Limit, OrderKey, Stage

_ROW_BY_ROW = Bin | Eval | Fields | Rename | Rex | Table
"""Commands that give one row for each, in the same order."""


def apply_search(builder: Builder, stage: Stage, command: SearchCommand) -> Stage:
    """Keep the rows that meet a `search` condition."""
    if command.term is None:
        return stage
    return builder.filter(stage, compile_term(command.term, builder.context(stage)))


def apply_where(builder: Builder, stage: Stage, command: Where) -> Stage:
    """Keep the rows for which the expression is true."""
    condition = compile_expression(command.condition, builder.context(stage))
    if condition.kind is not Kind.BOOL and not isinstance(command.condition, Field):
        raise UnsupportedError(
            "where with an expression that is no condition.", text=builder.source, span=command.condition.span
        )
    return builder.filter(stage, as_bool(condition))


def apply_head(builder: Builder, stage: Stage, command: Head) -> Stage:
    """Keep the first rows."""
    select = f"SELECT * FROM {stage.cte}{stage.order_by} LIMIT {command.count}"
    return Stage(builder.add(select), stage.columns, stage.order)


def apply_sort(builder: Builder, stage: Stage, command: Sort) -> Stage:
    """Order the rows; ties keep the order that they had."""
    keys: list[OrderKey] = []
    items: list[str] = []
    for key in command.keys:
        value = stage.columns.get(key.field)
        for text in _sort_values(key, value):
            column = builder.column()
            items.append(f"{text} AS {column}")
            keys.append(OrderKey(column, "DESC NULLS LAST" if key.descending else "ASC NULLS LAST"))
    cte = builder.add(f"SELECT *, {', '.join(items)} FROM {stage.cte}") if items else stage.cte
    ordered = Stage(cte, stage.columns, (*keys, *stage.order))
    if not command.limit:
        return ordered
    if command.implicit and not _is_hidden(builder.rest, command.limit):
        count = builder.statement(f"SELECT count(*) FROM {ordered.cte}")
        in_total = all(isinstance(later, _ROW_BY_ROW | Sort) for later in builder.rest)
        builder.limited.append(Limit(count, command.limit, "sort", in_total))
    limited = builder.add(f"SELECT * FROM {ordered.cte}{ordered.order_by} LIMIT {command.limit}")
    return Stage(limited, ordered.columns, ordered.order)


def _is_hidden(rest: tuple[Command, ...], limit: int) -> bool:
    """Tell whether a `head` shows only rows that the limit keeps: then the limit changes nothing."""
    for later in rest:
        if isinstance(later, Head):
            return later.count <= limit
        if not isinstance(later, _ROW_BY_ROW):
            return False
    return False


def _sort_values(key: SortKey, value: Sql | None) -> list[str]:
    """Return what to order by: numbers by value, then texts by code point; descending is the exact reverse."""
    if value is None or value.kind is Kind.NULL:
        return []
    if key.kind == "str":
        return [as_text(value)]
    if value.kind is Kind.NUMBER or key.kind == "num":
        return [as_number(value)]
    number, text = as_number(value), as_text(value)
    return [f"CASE WHEN {text} IS NOT NULL THEN {number} IS NULL END", number, text]


def apply_dedup(builder: Builder, stage: Stage, command: Dedup) -> Stage:
    """Keep the first rows of each combination of values."""
    values = [stage.columns.get(name) for name in command.fields]
    known = [value.text for value in values if value is not None]
    if len(known) < len(values):
        return stage if command.keep_empty else builder.filter(stage, "FALSE")
    present = " AND ".join(f"{text} IS NOT NULL" for text in known)
    if command.consecutive:
        row = f"ROW({', '.join(known)})"
        kept = f"{row} IS DISTINCT FROM lag({row}) OVER ({stage.order_by.strip()})"
    else:
        kept = f"row_number() OVER (PARTITION BY {', '.join(known)}{stage.order_by}) <= {command.keep}"
    if command.keep_empty:
        select = f"SELECT * FROM {stage.cte} QUALIFY NOT ({present}) OR {kept}"
    else:
        select = f"SELECT * FROM {stage.cte} WHERE {present} QUALIFY {kept}"
    return Stage(builder.add(select), stage.columns, stage.order)
