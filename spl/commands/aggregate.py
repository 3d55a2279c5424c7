"""The `stats` command."""

from __future__ import annotations

from collections.abc import Callable

from spl.plan import Aggregate, Stats
from spl.sql_expr import NULL, Kind, Sql, as_bool, as_number, as_text, compile_expression
from spl.stage import Builder, OrderKey, Stage

LIST_LIMIT = 100
"""Most values that `list()` keeps."""


def apply_stats(builder: Builder, stage: Stage, command: Stats) -> Stage:
    """Aggregate the rows, by the values of fields where BY names some."""
    stage = _unnest(builder, stage, command.by)
    by = [(name, stage.columns.get(name, NULL)) for name in command.by]
    columns: dict[str, Sql] = {}
    items: list[str] = []
    for name, value in by:
        column = builder.column()
        items.append(f"{_grouped(value)} AS {column}")
        columns[name] = Sql(column, Kind.TEXT if value.kind is Kind.NULL else value.kind)
    for aggregate in command.aggregates:
        value = _aggregate(builder, stage, aggregate)
        column = builder.column()
        items.append(f"{value.text} AS {column}")
        columns[aggregate.name] = Sql(column, value.kind)
    select = f"SELECT {', '.join(items)} FROM {stage.cte}"
    if by:
        stored = [f"{value.text} IS NOT NULL" for _, value in by if value.text not in builder.computed]
        computed = [f"count({value.text}) > 0" for _, value in by if value.text in builder.computed]
        select += f" WHERE {' AND '.join(stored)}" if stored else ""
        select += f" GROUP BY {', '.join(str(index) for index in range(1, len(by) + 1))}"
        select += f" HAVING {' AND '.join(computed)}" if computed else ""
    order = tuple(OrderKey(columns[name].text) for name in command.by)
    return Stage(builder.add(select), columns, order)


def _grouped(value: Sql) -> str:
    return "NULL::VARCHAR" if value.kind is Kind.NULL else value.text


def _unnest(builder: Builder, stage: Stage, by: tuple[str, ...]) -> Stage:
    """Give every value of a multivalue BY field a row of its own."""
    for name in by:
        value = stage.columns.get(name, NULL)
        if value.kind is Kind.MULTI:
            stage = builder.extend(stage, [(name, Sql(f"unnest({value.text})", Kind.TEXT))])
    return stage


def _aggregate(builder: Builder, stage: Stage, aggregate: Aggregate) -> Sql:
    if aggregate.function == "count" and aggregate.field is None and aggregate.condition is None:
        return Sql("CAST(count(*) AS DOUBLE)", Kind.NUMBER)
    if aggregate.condition is not None:
        value = compile_expression(aggregate.condition, builder.context(stage))
        if value.kind is Kind.BOOL and aggregate.function == "count":
            return Sql(f"CAST(count(*) FILTER (WHERE {as_bool(value)}) AS DOUBLE)", Kind.NUMBER)
    else:
        value = stage.columns.get(aggregate.field or "", NULL)
    return _FUNCTIONS[aggregate.function](value, stage)


def _count(value: Sql, stage: Stage) -> Sql:
    if value.kind is Kind.MULTI:
        return Sql(f"CAST(coalesce(sum(len({value.text})), 0) AS DOUBLE)", Kind.NUMBER)
    return Sql(f"CAST(count({value.text}) AS DOUBLE)", Kind.NUMBER)


def _distinct(value: Sql, stage: Stage) -> Sql:
    if value.kind is Kind.MULTI:
        return Sql(
            f"CAST(coalesce(len(list_distinct(flatten(list({value.text})))), 0) AS DOUBLE)", Kind.NUMBER
        )
    return Sql(f"CAST(count(DISTINCT {value.text}) AS DOUBLE)", Kind.NUMBER)


def _numeric(function: str) -> Callable[[Sql, Stage], Sql]:
    def apply(value: Sql, stage: Stage) -> Sql:
        if value.kind is Kind.MULTI:
            spread = f"list_transform({value.text}, lambda spl_e: spl_num(spl_e))"
            sums = f"list_sum({spread})"
            if function == "sum":
                return Sql(f"spl_finite(sum({sums}))", Kind.NUMBER)
            return Sql(f"spl_finite(sum({sums}) / nullif(sum(list_count({spread})), 0))", Kind.NUMBER)
        return Sql(f"spl_finite({function}({as_number(value)}))", Kind.NUMBER)

    return apply


def _extreme(function: str) -> Callable[[Sql, Stage], Sql]:
    """`min` and `max`: by number when every value is numeric, else by code point."""

    def apply(value: Sql, stage: Stage) -> Sql:
        if value.kind is Kind.NUMBER:
            return Sql(f"{function}({value.text})", Kind.NUMBER)
        if value.kind is Kind.MULTI:
            spread = f"flatten(list({value.text}))"
            numbers = f"list_transform({spread}, lambda spl_e: spl_num(spl_e))"
            whole = f"list_count({numbers}) = len({spread})"
            return Sql(
                f"(CASE WHEN {whole} THEN spl_text(list_{function}({numbers})) ELSE list_{function}({spread}) END)",
                Kind.TEXT,
            )
        text, number = as_text(value), as_number(value)
        whole = f"count({text}) = count({number})"
        return Sql(
            f"(CASE WHEN {whole} THEN spl_text({function}({number})) ELSE {function}({text}) END)", Kind.TEXT
        )

    return apply


def _values(value: Sql, stage: Stage) -> Sql:
    if value.kind is Kind.MULTI:
        return Sql(
            f"list_sort(list_distinct(flatten(list({value.text}) FILTER (WHERE {value.text} IS NOT NULL))))",
            Kind.MULTI,
        )
    text = as_text(value)
    return Sql(f"list(DISTINCT {text} ORDER BY {text}) FILTER (WHERE {text} IS NOT NULL)", Kind.MULTI)


def _list(value: Sql, stage: Stage) -> Sql:
    if value.kind is Kind.MULTI:
        kept = f"flatten(list({value.text}{stage.order_by}) FILTER (WHERE {value.text} IS NOT NULL))"
    else:
        text = as_text(value)
        kept = f"list({text}{stage.order_by}) FILTER (WHERE {text} IS NOT NULL)"
    return Sql(f"({kept})[:{LIST_LIMIT}]", Kind.MULTI)


def _picked(direction: str | None, *, last: bool = False) -> Callable[[Sql, Stage], Sql]:
    """`first`, `last` by row order; `earliest`, `latest` by `_time`, ties by row order."""

    def apply(value: Sql, stage: Stage) -> Sql:
        kind = Kind.TEXT if value.kind is Kind.NULL else value.kind
        keys = [f"{key.column} {key.direction}" for key in stage.order]
        if direction is not None:
            time = stage.columns.get("_time")
            if time is None:
                return Sql("NULL::VARCHAR", Kind.TEXT)
            keys = [f"{time.text} {direction}", *keys]
        order = f" ORDER BY {', '.join(keys)}" if keys else ""
        function = "last" if last else "first"
        return Sql(f"{function}({_grouped(value)}{order}) FILTER (WHERE {_grouped(value)} IS NOT NULL)", kind)

    return apply


_FUNCTIONS: dict[str, Callable[[Sql, Stage], Sql]] = {
    "avg": _numeric("avg"),
    "count": _count,
    "dc": _distinct,
    "earliest": _picked("ASC"),
    "first": _picked(None),
    "last": _picked(None, last=True),
    "latest": _picked("DESC"),
    "list": _list,
    "max": _extreme("max"),
    "min": _extreme("min"),
    "sum": _numeric("sum"),
    "values": _values,
}

IMPLEMENTED = frozenset(_FUNCTIONS)
"""Statistics that are compiled; a test compares them with what the parser accepts."""
