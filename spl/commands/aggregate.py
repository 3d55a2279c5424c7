"""Commands that summarise rows: stats, eventstats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from spl.clause import Clause, Options, split_words
from spl.errors import Span
from spl.lex import Token
from spl.plan import Command, Names
from spl.python_calls import Kind
from spl.sql_values import NULL, Sql
from spl.stage import Builder, OrderKey, Stage
from spl.stat_functions import PER_SECONDS, Aggregate, Frame, compile_aggregate, expanded, parse_aggregates

_IGNORED = ("allnum", "delim", "partitions", "dedup_splitvals", "prestats", "chunk_size")


def by_fields(clause: Clause, tokens: list[Token]) -> tuple[str, ...]:
    """Read the fields after BY."""
    names = clause.fields(tokens)
    for token in tokens:
        if "*" in token.value:
            raise clause.unsupported("wildcard in BY.", token.span)
    return names


@dataclass(frozen=True, slots=True)
class Stats(Command):
    """aggregates the rows, by the values of fields where BY names some."""

    name = "stats"
    aggregates: tuple[Aggregate, ...]
    by: tuple[str, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Stats:
        """Read `stats function(field) [AS name] … [BY fields]`."""
        aggregates, by, _ = read_statistics(clause, "stats")
        return cls(aggregates, by, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the fields that are aggregated or grouped by."""
        return (*(name for aggregate in self.aggregates for name in aggregate.reads()), *self.by)

    def makes(self) -> tuple[str, ...]:
        """Return the names of the statistics."""
        return tuple(aggregate.name for aggregate in self.aggregates)

    def output(self, names: Names) -> Names:
        """Return the statistics and the BY fields."""
        if names is None and any("*" in (aggregate.field or "") for aggregate in self.aggregates):
            return None
        return {*self.makes(), *self.by}

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Aggregate."""
        return group_all(builder, stage, self.aggregates, self.by)


def read_statistics(
    clause: Clause, command: str, *known: str
) -> tuple[tuple[Aggregate, ...], tuple[str, ...], Options]:
    """Read statistics, the BY fields, and options that stand before."""
    options, tokens = leading_options(clause, clause.arguments(), *known, *_IGNORED)
    parts = split_words(tokens, "by")
    if "by" in parts and not parts["by"]:
        raise clause.fail("no field is named. Expected field names.")
    trailing = parts.get("by", [])
    later, rest = leading_options(clause, trailing, *known, *_IGNORED, anywhere=True)
    by = by_fields(clause, rest) if rest else ()
    options.add(later)
    return parse_aggregates(clause, parts[""], command), by, options


def leading_options(
    clause: Clause, tokens: list[Token], *known: str, anywhere: bool = False
) -> tuple[Options, list[Token]]:
    """Split `name=value` pairs off, at the start or anywhere but inside parentheses."""
    options = Options(clause)
    rest: list[Token] = []
    index = depth = 0
    while index < len(tokens):
        depth += (tokens[index].kind == "lparen") - (tokens[index].kind == "rparen")
        pair = index + 2 < len(tokens) and tokens[index + 1].text == "=" and depth == 0
        if pair and (anywhere or not rest):
            name = tokens[index].value.lower()
            if name not in known:
                raise clause.unsupported(f"option {name!r}.", tokens[index].span, tuple(sorted(known)))
            options[name] = tokens[index + 2]
            index += 3
            continue
        rest.append(tokens[index])
        index += 1
    return options, rest


def group_all(
    builder: Builder, stage: Stage, aggregates: tuple[Aggregate, ...], by: tuple[str, ...]
) -> Stage:
    """Return what `group` returns, for statistics among which there may be sparklines."""
    from spl.commands.sparkline import group_with_sparklines

    if any(aggregate.inner is not None for aggregate in aggregates):
        return group_with_sparklines(builder, stage, aggregates, by)
    return group(builder, stage, aggregates, by)


def group(
    builder: Builder,
    stage: Stage,
    aggregates: Iterable[Aggregate],
    by: tuple[str, ...],
    *,
    keep_null: bool = False,
) -> Stage:
    """Return one row for each combination of the BY values, in their order; rows without one are dropped."""
    stage = unnest(builder, stage, by)
    keys = [(name, stage.columns.get(name, NULL)) for name in dict.fromkeys(by)]
    columns: dict[str, Sql] = {}
    items: list[str] = []
    for name, value in keys:
        column = builder.column()
        items.append(f"{value.text if value.kind is not Kind.NULL else 'NULL::VARCHAR'} AS {column}")
        columns[name] = Sql(column, Kind.TEXT if value.kind is Kind.NULL else value.kind)
    for aggregate in expanded(aggregates, stage, by):
        value = compile_aggregate(builder, Frame(stage), aggregate)
        column = builder.column()
        items.append(f"{value.text} AS {column}")
        columns[aggregate.name] = Sql(column, value.kind)
    if not items:
        return Stage(builder.add(f"SELECT 1 FROM {stage.cte} WHERE FALSE"), {}, ())
    select = f"SELECT {', '.join(items)} FROM {stage.cte}"
    if keys:
        select += _grouping(builder, keys, keep_null=keep_null)
    order = tuple(OrderKey(columns[name].text) for name, _ in keys)
    return Stage(builder.add(select), columns, order)


def _grouping(builder: Builder, keys: list[tuple[str, Sql]], *, keep_null: bool) -> str:
    text = ""
    if not keep_null:
        stored = [f"{value.text} IS NOT NULL" for _, value in keys if value.text not in builder.computed]
        text += f" WHERE {' AND '.join(stored)}" if stored else ""
    text += f" GROUP BY {', '.join(str(index) for index in range(1, len(keys) + 1))}"
    if not keep_null:
        computed = [f"count({value.text}) > 0" for _, value in keys if value.text in builder.computed]
        text += f" HAVING {' AND '.join(computed)}" if computed else ""
    return text


def unnest(builder: Builder, stage: Stage, by: Iterable[str]) -> Stage:
    """Give every value of a multivalue BY field a row of its own."""
    for name in by:
        value = stage.columns.get(name, NULL)
        if value.kind is Kind.MULTI:
            stage = builder.extend(stage, [(name, Sql(f"unnest({value.text})", Kind.TEXT))])
    return stage


@dataclass(frozen=True, slots=True)
class EventStats(Command):
    """adds statistics over all rows, or over those with the same BY values, to every row."""

    name = "eventstats"
    row_by_row: ClassVar[bool] = True
    aggregates: tuple[Aggregate, ...]
    by: tuple[str, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> EventStats:
        """Read `eventstats function(field) [AS name] … [BY fields]`."""
        aggregates, by, _ = read_statistics(clause, "eventstats")
        return cls(aggregates, by, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the fields that are aggregated or grouped by."""
        return (*(name for aggregate in self.aggregates for name in aggregate.reads()), *self.by)

    def makes(self) -> tuple[str, ...]:
        """Return the names of the statistics."""
        return tuple(aggregate.name for aggregate in self.aggregates)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Add the statistics; a row without a BY value gets none."""
        values = [stage.columns.get(name, NULL) for name in self.by]
        known = [value.text for value in values if value.kind is not Kind.NULL]
        partition = f"PARTITION BY {', '.join(known)}" if known else ""
        present = " AND ".join(
            "FALSE" if value.kind is Kind.NULL else f"{value.text} IS NOT NULL" for value in values
        )
        added = []
        for aggregate in expanded(self.aggregates, stage, self.by):
            value = compile_aggregate(builder, Frame(stage, f" OVER ({partition})"), aggregate)
            text = f"CASE WHEN {present} THEN {value.text} END" if present else value.text
            added.append((aggregate.name, Sql(text, value.kind)))
        return builder.extend(stage, added)


def per_span(aggregate: Aggregate, value: Sql, seconds: float) -> Sql:
    """Return a rate of `timechart`: its sum over the seconds of a bin, in its unit."""
    unit = PER_SECONDS.get(aggregate.function)
    return value if unit is None else Sql(f"({value.text} * {unit} / {seconds!r})", Kind.NUMBER)
