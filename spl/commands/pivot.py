"""The chart command, and how the values of a field become columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spl.clause import Clause, Options, split_words
from spl.commands.aggregate import group, group_all, leading_options
from spl.commands.bins import Bin, read_span
from spl.errors import Span
from spl.lex import Token
from spl.plan import Command, Names
from spl.python_calls import Kind
from spl.sql_text import text_literal
from spl.sql_values import Sql, as_number, as_text
from spl.stage import Builder, OrderKey, Stage
from spl.stat_functions import Aggregate, expanded, parse_aggregate

SERIES_LIMIT = 10


MOST_SERIES = 5_000
"""Columns that a pivot makes at most."""


_SERIES_OPTIONS = ("limit", "useother", "usenull", "otherstr", "nullstr", "sep", "format", "cont", "agg")


_BIN_OPTIONS = ("span", "bins", "minspan", "aligntime", "start", "end")


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    """Which values become columns: `where sum in top5`, `where max > 10`."""

    statistic: str
    """Over the cells of a column."""
    comparison: str
    """`in` or `notin` (the first `number` of the ranking), `<` or `>`."""
    number: float
    bottom: bool = False

    def keeps(self, place: int, value: float | None) -> bool:
        """Tell whether a column is kept, given its place in the ranking and its statistic."""
        if self.comparison in {"in", "notin"}:
            return (place < self.number) == (self.comparison == "in")
        return value is not None and (value < self.number if self.comparison == "<" else value > self.number)


@dataclass(frozen=True, slots=True)
class SeriesOptions:
    """How a split field becomes columns."""

    limit: int = SERIES_LIMIT
    where: SeriesFilter | None = None
    """Replaces the limit."""
    bottom: bool = False
    use_other: bool = True
    use_null: bool = True
    other: str = "OTHER"
    null: str = "NULL"
    separator: str = ": "


_WHERE = re.compile(
    r"(\w+)(?:\([^)]*\))?\s+(in|notin)\s+(top|bottom)\s*(\d+)|(\w+)(?:\([^)]*\))?\s*([<>])\s*(-?[\d.]+)",
    re.IGNORECASE,
)
_OVER_CELLS = {"avg": "avg", "count": "count", "max": "max", "min": "min", "sum": "sum"}


def _cut_where(clause: Clause, tokens: list[Token]) -> tuple[list[Token], SeriesFilter | None]:
    """Take `where …` out of the tokens behind BY.

    Source: Splunk Search Reference, timechart, "where clause".
    """
    place = next((n for n, token in enumerate(tokens) if n and token.value.lower() == "where"), None)
    if place is None:
        return tokens, None
    after = next((n for n in range(place + 1, len(tokens) - 1) if tokens[n + 1].text == "="), len(tokens))
    match = _WHERE.fullmatch(clause.text[tokens[place].span.end : tokens[after - 1].span.end].strip())
    if match is None:
        raise clause.fail("where cannot be read. Expected sum in top5, max > 10, ….", tokens[place].span)
    statistic = (match[1] or match[5]).lower()
    if statistic not in _OVER_CELLS:
        raise clause.unsupported(f"where {statistic}.", tokens[place].span, tuple(_OVER_CELLS))
    if match[1]:
        found = SeriesFilter(statistic, match[2].lower(), float(match[4]), match[3].lower() == "bottom")
    else:
        found = SeriesFilter(statistic, match[6], float(match[7]))
    return [*tokens[:place], *tokens[after:]], found


def _series_options(clause: Clause, options: Options, where: SeriesFilter | None = None) -> SeriesOptions:
    limit, bottom = SERIES_LIMIT, False
    if "limit" in options:
        text = options["limit"].value.lower()
        bottom = text.startswith("bottom")
        digits = text.removeprefix("bottom").removeprefix("top").strip()
        if not digits.isdecimal():
            raise clause.fail(
                f"limit {text!r} cannot be read. Expected 10, top10 or bottom10.", options["limit"].span
            )
        limit = int(digits)
    if "format" in options:
        raise clause.unsupported("format=.", options["format"].span, _SERIES_OPTIONS)
    return SeriesOptions(
        limit,
        where,
        bottom,
        clause.flag(options, "useother", default=True),
        clause.flag(options, "usenull", default=True),
        options["otherstr"].value if "otherstr" in options else "OTHER",
        options["nullstr"].value if "nullstr" in options else "NULL",
        options["sep"].value if "sep" in options else ": ",
    )


@dataclass(frozen=True, slots=True)
class Chart(Command):
    """aggregates by a row field and, where there is a second one, spreads its values over columns."""

    name = "chart"
    aggregates: tuple[Aggregate, ...]
    row: str | None
    column: str | None
    bins: tuple[Bin, ...]
    series: SeriesOptions
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Chart:
        """Read `chart [options] statistics [OVER row] [BY row column]`."""
        options, tokens = leading_options(clause, clause.arguments(), *_SERIES_OPTIONS, *_BIN_OPTIONS)
        parts = split_words(tokens, "over", "by")
        fields: list[tuple[str, Options]] = []
        where = None
        for word in ("over", "by"):
            if word in parts:
                tokens, where = _cut_where(clause, parts[word])
                fields += _fields_with_options(clause, tokens, options)
        if len(fields) > 2:
            raise clause.unsupported("chart by more than two fields.", clause.span)
        bins = tuple(found for name, own in fields if (found := _bin_of(clause, name, own)) is not None)
        names = [name for name, _ in fields]
        aggregates = _statistics(clause, parts[""], sparklines=len(names) < 2)
        return cls(
            aggregates,
            names[0] if names else None,
            names[1] if len(names) > 1 else None,
            bins,
            _series_options(clause, options, where),
            clause.span,
        )

    def reads(self) -> tuple[str, ...]:
        """Return the aggregated fields, the row and the column."""
        own = [name for aggregate in self.aggregates for name in aggregate.reads()]
        return (*own, *(name for name in (self.row, self.column) if name))

    def makes(self) -> tuple[str, ...]:
        """Return the statistics, where no values become columns."""
        return () if self.column else tuple(aggregate.name for aggregate in self.aggregates)

    def output(self, names: Names) -> Names:
        """Return the row field and the statistics; the columns of a split are known when it has run."""
        return {name for name in (self.row, *self.makes()) if name}

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Aggregate, and pivot where there is a column field."""
        for command in self.bins:
            stage = command.apply(builder, stage)
        if self.column is None or self.row is None:
            return group_all(builder, stage, self.aggregates, (self.row,) if self.row else ())
        return split(builder, stage, self.aggregates, self.row, self.column, self.series)


def _statistics(clause: Clause, tokens: list[Token], *, sparklines: bool = False) -> tuple[Aggregate, ...]:
    found: list[Aggregate] = []
    while tokens:
        if tokens[0].kind == "comma":
            tokens.pop(0)
        else:
            found.append(parse_aggregate(clause, tokens, sparklines=sparklines))
    if not found:
        raise clause.fail("no statistic is named. Expected count, dc(field), sum(field), ….")
    return tuple(found)


def _fields_with_options(clause: Clause, tokens: list[Token], series: Options) -> list[tuple[str, Options]]:
    """Read fields, each with the options behind it; series options go to `series`."""
    fields: list[tuple[str, Options]] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.kind == "comma":
            index += 1
        elif index + 2 < len(tokens) and tokens[index + 1].text == "=":
            name = token.value.lower()
            if name in _BIN_OPTIONS and fields:
                fields[-1][1][name] = tokens[index + 2]
            elif name in _SERIES_OPTIONS:
                series[name] = tokens[index + 2]
            else:
                raise clause.unsupported(f"option {name!r}.", token.span, (*_SERIES_OPTIONS, *_BIN_OPTIONS))
            index += 3
        elif token.kind in {"word", "string", "quoted_field"}:
            fields.append((token.value, Options(clause)))
            index += 1
        else:
            raise clause.fail(f"unexpected {token.text[:20]!r}. Expected field names.", token.span)
    if not fields:
        raise clause.fail("no field is named. Expected field names.")
    return fields


def _bin_of(clause: Clause, name: str, options: Options) -> Bin | None:
    if not options and name != "_time":
        return None
    amount, unit = read_span(clause, options.get("span"), timed=name == "_time")
    bins = clause.number(options, "bins", 100, least=2)
    align = options["aligntime"].value if "aligntime" in options else None
    return Bin(name, name, amount, unit, bins, align, clause.span)


def split(
    builder: Builder,
    stage: Stage,
    aggregates: tuple[Aggregate, ...],
    row: str,
    column: str,
    series: SeriesOptions,
) -> Stage:
    """Aggregate by row and column and spread the column's values; beyond the limit they are one series."""
    if column not in stage.columns:
        stage = builder.extend(stage, [(column, Sql("NULL::VARCHAR", Kind.TEXT))])
    value = stage.columns[column]
    if series.use_null and value.kind is not Kind.MULTI:
        known = Sql(f"coalesce({as_text(value)}, {text_literal(series.null)})", Kind.TEXT)
        stage = builder.extend(stage, [(column, known)])
    aggregates = expanded(aggregates, stage, (row, column))
    if not aggregates:
        return group(builder, stage, (), (row,))
    before = list(builder.ctes)
    counted, _ = builder.keep(group(builder, stage, aggregates, (row, column)))
    names = _ranked(builder, counted, aggregates[0].name, column, series)
    kept = _kept(names, series)
    if len(kept) < len(names) and series.use_other:
        builder.ctes[:] = before
        counted = _with_other(builder, stage, aggregates, row, column, kept, series)
        kept = [*kept, series.other]
    if len(kept) > MOST_SERIES:
        builder.runtime.messages.append(
            f"limit: {len(kept):,} values became columns; the first {MOST_SERIES:,} were kept."
        )
        kept = kept[:MOST_SERIES]
    last = {series.other: 1, series.null: 2}
    ordered = sorted(kept, key=lambda name: (last.get(name, 0), name))
    several = len(aggregates) > 1
    cells = [
        (f"{aggregate.name}{series.separator}{name}" if several else _series_name(name), aggregate.name, name)
        for aggregate in aggregates
        for name in ordered
    ]
    return spread(
        builder, counted, row, column, cells, zero_for={a.name for a in aggregates if a.function == "count"}
    )


def _kept(names: list[tuple[str, float | None]], series: SeriesOptions) -> list[str]:
    """Return the values that become columns of their own."""
    if series.where is not None:
        return [name for place, (name, value) in enumerate(names) if series.where.keeps(place, value)]
    return [name for name, _ in (names[: series.limit] if series.limit else names)]


def _series_name(value: str) -> str:
    """Return the column of a value; internal names must not be taken."""
    return f"VALUE{value}" if value.startswith("_") else value


def _ranked(
    builder: Builder, counted: Stage, statistic: str, column: str, series: SeriesOptions
) -> list[tuple[str, float | None]]:
    """Return the column's values with a statistic over their cells, by default the sum, the largest first."""
    text, number = as_text(counted.columns[column]), as_number(counted.columns[statistic])
    over = _OVER_CELLS[series.where.statistic] if series.where else "sum"
    bottom = series.where.bottom if series.where else series.bottom
    return builder.runtime.rows(
        f"SELECT {text} AS v, {over}({number}) AS s FROM {counted.cte} WHERE {text} IS NOT NULL GROUP BY 1 "
        f"ORDER BY s {'ASC' if bottom else 'DESC'} NULLS LAST, v"
    )


def _with_other(
    builder: Builder,
    stage: Stage,
    aggregates: tuple[Aggregate, ...],
    row: str,
    column: str,
    kept: Sequence[str],
    series: SeriesOptions,
) -> Stage:
    """Aggregate once more, with the values beyond the limit under one name: averages cannot be added up."""
    text = as_text(stage.columns[column])
    listed = ", ".join(text_literal(name) for name in kept) or "NULL"
    named = Sql(
        f"CASE WHEN {text} IN ({listed}) THEN {text} ELSE {text_literal(series.other)} END", Kind.TEXT
    )
    stage = builder.extend(stage, [(column, named)])
    return builder.keep(group(builder, stage, aggregates, (row, column)))[0]


def spread(
    builder: Builder,
    table: Stage,
    row: str,
    column: str,
    cells: Sequence[tuple[str, str, str]],
    *,
    zero_for: Iterable[str] = (),
) -> Stage:
    """Return one row per value of `row`, with a column for each cell: its name, its source, its column value."""
    text, zeros = as_text(table.columns[column]), set(zero_for)
    key, first = builder.column(), builder.column()
    items = [f"{table.columns[row].text} AS {key}", f"min(o_n) AS {first}"]
    columns = {row: Sql(key, table.columns[row].kind)}
    for name, source, value in cells:
        cell = table.columns[source]
        made = builder.column()
        picked = f"first({cell.text} ORDER BY o_n) FILTER (WHERE {text} = {text_literal(value)})"
        if source in zeros:
            picked = f"coalesce({picked}, 0)"
        items.append(f"{picked} AS {made}")
        columns[name] = Sql(made, cell.kind)
    select = (
        f"SELECT {', '.join(items)} FROM {table.cte} WHERE {table.columns[row].text} IS NOT NULL GROUP BY 1"
    )
    return Stage(builder.add(select), columns, (OrderKey(first),))
