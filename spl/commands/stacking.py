"""Rows of several stages, one after another."""

from __future__ import annotations

from collections.abc import Iterable

from spl.sql_values import NULL, Sql, cast, unify
from spl.stage import Builder, OrderKey, Stage


def union_columns(builder: Builder, stages: Iterable[Stage]) -> tuple[list[str], dict[str, Sql]]:
    """Return the SELECT list of each stage for a UNION ALL by field name, and the fields of the result."""
    stages = list(stages)
    names = list(dict.fromkeys(name for stage in stages for name in stage.columns))
    columns: dict[str, Sql] = {}
    lists: list[list[str]] = [[] for _ in stages]
    for name in names:
        values = [stage.columns.get(name, NULL) for stage in stages]
        kind = unify(values)
        column = builder.column()
        columns[name] = Sql(column, kind)
        for items, value in zip(lists, values, strict=True):
            items.append(f"{cast(value, kind)} AS {column}")
    return [", ".join(items) for items in lists], columns


def stacked(builder: Builder, stages: list[Stage]) -> Stage:
    """Return the rows of several stages, one after another."""
    numbered = [builder.numbered(stage) for stage in stages]
    lists, columns = union_columns(builder, numbered)
    source, place = builder.column(), builder.column()
    selects = [
        f"SELECT {f'{items}, ' if items else ''}{number} AS {source}, o_n AS {place} FROM {stage.cte}"
        for number, (items, stage) in enumerate(zip(lists, numbered, strict=True))
    ]
    return Stage(builder.add(" UNION ALL ".join(selects)), columns, (OrderKey(source), OrderKey(place)))
