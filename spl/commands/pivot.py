"""Commands that turn values into columns or columns into values: chart, timechart, xyseries, untable, transpose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spl.clause import Clause, Options, split_words
from spl.commands.aggregate import group, leading_options, per_span
from spl.commands.columns import TIME_SPANS, Bin, binned, read_span
from spl.errors import Span
from spl.lex import Token
from spl.plan import Command, Names
from spl.python_calls import Kind
from spl.sql_text import number_literal, text_literal
from spl.sql_values import NULL, Sql, as_number, as_text
from spl.stage import Builder, OrderKey, Stage
from spl.stat_functions import PER_SECONDS, Aggregate, expanded, parse_aggregate
from spl.timerange import bin_starts, seconds_of
from spl.values import to_text
from spl.wildcards import chosen

SERIES_LIMIT = 10
MOST_SERIES = 5_000
"""Columns that a pivot makes at most."""
MOST_BINS = 50_000
"""Rows that filling a time chart makes at most."""
_SERIES_OPTIONS = ("limit", "useother", "usenull", "otherstr", "nullstr", "sep", "format", "cont", "agg")
_BIN_OPTIONS = ("span", "bins", "minspan", "aligntime", "start", "end")


@dataclass(frozen=True, slots=True)
class SeriesOptions:
    """How a split field becomes columns."""

    limit: int = SERIES_LIMIT
    bottom: bool = False
    use_other: bool = True
    use_null: bool = True
    other: str = "OTHER"
    null: str = "NULL"
    separator: str = ": "


def _series_options(clause: Clause, options: Options) -> SeriesOptions:
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
        for word in ("over", "by"):
            if word in parts:
                fields += _fields_with_options(clause, parts[word], options)
        if len(fields) > 2:
            raise clause.unsupported("chart by more than two fields.", clause.span)
        bins = tuple(found for name, own in fields if (found := _bin_of(clause, name, own or {})) is not None)
        names = [name for name, _ in fields]
        aggregates = _statistics(clause, parts[""])
        return cls(
            aggregates,
            names[0] if names else None,
            names[1] if len(names) > 1 else None,
            bins,
            _series_options(clause, options),
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
            return group(builder, stage, self.aggregates, (self.row,) if self.row else ())
        return split(builder, stage, self.aggregates, self.row, self.column, self.series)


def _statistics(clause: Clause, tokens: list[Token]) -> tuple[Aggregate, ...]:
    found: list[Aggregate] = []
    while tokens:
        if tokens[0].kind == "comma":
            tokens.pop(0)
        else:
            found.append(parse_aggregate(clause, tokens))
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
            if token.value.lower() == "where":
                raise clause.unsupported("where behind a split field.", token.span)
            fields.append((token.value, {}))
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
    kept = names[: series.limit] if series.limit else names
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


def _series_name(value: str) -> str:
    """Return the column of a value; internal names must not be taken."""
    return f"VALUE{value}" if value.startswith("_") else value


def _ranked(
    builder: Builder, counted: Stage, statistic: str, column: str, series: SeriesOptions
) -> list[str]:
    """Return the column's values, those with the largest sum of the first statistic first."""
    text, number = as_text(counted.columns[column]), as_number(counted.columns[statistic])
    direction = "ASC" if series.bottom else "DESC"
    found = builder.runtime.rows(
        f"SELECT {text} AS v FROM {counted.cte} WHERE {text} IS NOT NULL GROUP BY 1 "
        f"ORDER BY sum({number}) {direction} NULLS LAST, v"
    )
    return [value for (value,) in found]


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


@dataclass(frozen=True, slots=True)
class TimeChart(Command):
    """aggregates by time bins, empty ones filled, and by the values of a field as columns."""

    name = "timechart"
    aggregates: tuple[Aggregate, ...]
    column: str | None
    column_bin: Bin | None
    amount: float | None
    unit: str | None
    bins: int
    align: str | None
    fill: bool
    series: SeriesOptions
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> TimeChart:
        """Read `timechart [options] statistics [BY field]`."""
        known = (*_SERIES_OPTIONS, *_BIN_OPTIONS, "partial", "fixedrange")
        options, tokens = leading_options(clause, clause.arguments(), *known)
        parts = split_words(tokens, "by")
        column, column_bin = None, None
        if "by" in parts:
            fields = _fields_with_options(clause, parts["by"], options)
            if len(fields) > 1:
                raise clause.unsupported("timechart by more than one field.", clause.span)
            column, own = fields[0]
            column_bin = _bin_of(clause, column, own) if own else None
        leftover, statistics = leading_options(clause, parts[""], *known, anywhere=True)
        options |= leftover
        amount, unit = read_span(clause, options.get("span"), timed=True)
        return cls(
            _statistics(clause, statistics),
            column,
            column_bin,
            amount,
            unit,
            clause.number(options, "bins", 100, least=2),
            options["aligntime"].value if "aligntime" in options else None,
            clause.flag(options, "cont", default=True),
            _series_options(clause, options),
            clause.span,
        )

    def reads(self) -> tuple[str, ...]:
        """Return the time, the aggregated fields and the column."""
        own = [name for aggregate in self.aggregates for name in aggregate.reads()]
        return ("_time", *own, *((self.column,) if self.column else ()))

    def makes(self) -> tuple[str, ...]:
        """Return the statistics, where no values become columns."""
        return () if self.column else tuple(aggregate.name for aggregate in self.aggregates)

    def output(self, names: Names) -> Names:
        """Return the time and the statistics; the columns of a split are known when it has run."""
        return {"_time", *self.makes()}

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Aggregate by bins of time and fill those without events."""
        if "_time" not in stage.columns:
            return group(builder, stage, self.aggregates, ("_time",))
        stage, amount, unit = self._span(builder, stage)
        time = stage.columns["_time"]
        whole = stage
        if self.column_bin is not None:
            whole = self.column_bin.apply(builder, whole)
        whole = builder.extend(whole, [("_time", binned(builder, _numeric(time), amount, unit, self.align))])
        if self.column is None:
            charted = group(builder, whole, self.aggregates, ("_time",))
        else:
            charted = split(builder, whole, self.aggregates, "_time", self.column, self.series)
        charted = self._rates(builder, charted, amount * seconds_of(unit))
        return self._filled(builder, charted, amount, unit) if self.fill else charted

    def _span(self, builder: Builder, stage: Stage) -> tuple[Stage, int, str]:
        if self.amount is not None:
            return stage, int(self.amount), self.unit or "s"
        run = builder.runtime
        earliest, latest = run.earliest, run.latest
        if earliest <= 0:
            stage, _ = builder.keep(stage)
            number = as_number(stage.columns["_time"])
            found = run.rows(f"SELECT min({number}), max({number}) FROM {stage.cte}")[0]
            earliest, latest = (found[0], found[1]) if found[0] is not None else (0.0, 0.0)
        chosen = ((a, u) for a, u, seconds in TIME_SPANS if (latest - earliest) / seconds <= self.bins)
        amount, unit = next(chosen, (1, "mon"))
        return stage, amount, unit

    def _rates(self, builder: Builder, stage: Stage, seconds: float) -> Stage:
        rates = [a for a in self.aggregates if a.function in PER_SECONDS]
        if not rates:
            return stage
        single = len(self.aggregates) == 1
        changed = []
        for name, value in stage.columns.items():
            own = next(
                (a for a in rates if name == a.name or name.startswith(f"{a.name}{self.series.separator}")),
                None,
            )
            rate = own or (rates[0] if single and self.column else None)
            if rate is not None and name != "_time":
                changed.append((name, per_span(rate, value, seconds)))
        return builder.extend(stage, changed)

    def _filled(self, builder: Builder, stage: Stage, amount: int, unit: str) -> Stage:
        """Add the bins of the window in which nothing happened: a count is 0 there, all else is missing."""
        stage, _ = builder.keep(stage)
        run, time = builder.runtime, stage.columns["_time"].text
        low, high = run.rows(f"SELECT min({time}), max({time}) FROM {stage.cte}")[0]
        if run.earliest > 0:
            first, last = run.earliest, run.latest
        elif low is None:
            return stage
        else:
            first, last = low, high + 1e-6
        start = run.rows(
            f"SELECT {binned(builder, Sql(number_literal(first), Kind.NUMBER), amount, unit, self.align).text}"
        )
        starts = bin_starts(start[0][0], last, amount, unit, run.zone, most=MOST_BINS + 1)
        if len(starts) > MOST_BINS:
            run.messages.append(
                f"limit: the chart has more than {MOST_BINS:,} bins; empty ones were not filled."
            )
            return stage
        grid = run.values_table({"_time": Kind.NUMBER}, [(at,) for at in starts])
        grid_time = grid.columns["_time"].text
        counts = {a.name for a in self.aggregates if a.function == "count"}
        only_counts = counts == {a.name for a in self.aggregates}
        items, columns = [], {}
        for name, value in stage.columns.items():
            column = builder.column()
            zero = value.kind is Kind.NUMBER and (name in counts or (self.column and only_counts))
            text = f"coalesce(t.{time}, g.{grid_time})" if name == "_time" else f"t.{value.text}"
            items.append(f"{f'coalesce({text}, 0)' if zero and name != '_time' else text} AS {column}")
            columns[name] = Sql(column, value.kind)
        select = (
            f"SELECT {', '.join(items)} FROM {stage.cte} t FULL JOIN {grid.cte} g ON t.{time} = g.{grid_time}"
        )
        return Stage(builder.add(select), columns, (OrderKey(columns["_time"].text),))


def _numeric(value: Sql) -> Sql:
    return Sql(as_number(value), Kind.NUMBER)


@dataclass(frozen=True, slots=True)
class XySeries(Command):
    """turns the values of a field into columns: `xyseries row column value`."""

    name = "xyseries"
    row: str
    column: str
    values: tuple[str, ...]
    separator: str
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> XySeries:
        """Read `xyseries [sep=] row column value …`."""
        options, rest = clause.options("sep", "grouped")
        names = clause.fields(rest)
        if len(names) < 3:
            raise clause.fail("xyseries cannot be read. Expected a row, a column and a value field.")
        separator = options["sep"].value if "sep" in options else ": "
        return cls(names[0], names[1], names[2:], separator, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the fields that are turned."""
        return (self.row, self.column, *self.values)

    def output(self, names: Names) -> Names:
        """Return the row field; the columns are known when it has run."""
        return {self.row}

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Spread the values."""
        if any(name not in stage.columns for name in self.reads()):
            return Stage(builder.add(f"SELECT * FROM {stage.cte} WHERE FALSE"), {}, ())
        stage = Stage(stage.cte, {name: stage.columns[name] for name in self.reads()}, stage.order)
        table, _ = builder.keep(stage)
        text = as_text(table.columns[self.column])
        found = builder.runtime.rows(
            f"SELECT DISTINCT {text} AS v FROM {table.cte} WHERE {text} IS NOT NULL ORDER BY v"
        )
        values = [value for (value,) in found]
        if len(values) > MOST_SERIES:
            builder.runtime.messages.append(
                f"limit: {len(values):,} values became columns; the first {MOST_SERIES:,} were kept."
            )
            values = values[:MOST_SERIES]
        several = len(self.values) > 1
        cells = [
            (f"{source}{self.separator}{value}" if several else value, source, value)
            for source in self.values
            for value in values
        ]
        made = spread(builder, table, self.row, self.column, cells)
        return replace(made, order=(OrderKey(made.columns[self.row].text),))


@dataclass(frozen=True, slots=True)
class Untable(Command):
    """turns columns into rows: `untable row name value`."""

    name = "untable"
    row: str
    label: str
    value: str
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Untable:
        """Read `untable row name value`."""
        names = clause.fields(clause.arguments())
        if len(names) != 3:
            raise clause.fail("untable cannot be read. Expected a row field, a name field and a value field.")
        return cls(*names, span=clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return every field."""
        return (self.row, "*")

    def makes(self) -> tuple[str, ...]:
        """Return the new fields."""
        return (self.label, self.value)

    def output(self, names: Names) -> Names:
        """Return the three fields."""
        return {self.row, self.label, self.value}

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Make a row for each present value."""
        stage = builder.numbered(stage)
        row = stage.columns.get(self.row, NULL)
        names = [name for name in stage.columns if name != self.row and not name.startswith("_")]
        key, label, value, place = (builder.column() for _ in range(4))
        pairs = ", ".join(
            f"{{'k': {text_literal(name)}, 'v': {as_text(stage.columns[name])}, 'p': {number}}}"
            for number, name in enumerate(names)
        )
        if not pairs:
            return Stage(builder.add(f"SELECT * FROM {stage.cte} WHERE FALSE"), {}, ())
        inner = f"SELECT {row.text} AS {key}, o_n, unnest([{pairs}]) AS spl_u FROM {stage.cte}"
        select = f"SELECT {key}, o_n, spl_u.k AS {label}, spl_u.v AS {value}, spl_u.p AS {place} FROM ({inner}) WHERE spl_u.v IS NOT NULL"
        columns = {
            self.row: Sql(key, Kind.TEXT if row.kind is Kind.NULL else row.kind),
            self.label: Sql(label, Kind.TEXT),
            self.value: Sql(value, Kind.TEXT),
        }
        return Stage(builder.add(select), columns, (OrderKey("o_n"), OrderKey(place)))


@dataclass(frozen=True, slots=True)
class Transpose(Command):
    """turns rows into columns, 5 unless told."""

    name = "transpose"
    count: int
    column_name: str
    header: str | None
    empty: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Transpose:
        """Read `transpose [n] [column_name=] [header_field=] [include_empty=]`."""
        options, rest = clause.options("column_name", "header_field", "include_empty", "int")
        clause.nothing_left(rest[1:])
        count = clause.whole(rest[0], "transpose") if rest else clause.number(options, "int", 5)
        return cls(
            count,
            options["column_name"].value if "column_name" in options else "column",
            options["header_field"].value if "header_field" in options else None,
            clause.flag(options, "include_empty", default=True),
            clause.span,
        )

    def reads(self) -> tuple[str, ...]:
        """Return every field."""
        return ("*",)

    def output(self, names: Names) -> Names:
        """Return the name column; the others are known when it has run."""
        return {self.column_name} if names is not None else None

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Fetch the first rows and turn them."""
        names = [name for name in stage.columns if not name.startswith("_") and name != self.header]
        most = min(self.count or MOST_SERIES, MOST_SERIES)
        shown = [self.header] if self.header in stage.columns and self.header else []
        wanted = ", ".join(as_text(stage.columns[name]) for name in [*names, *shown]) or "1"
        rows = builder.runtime.rows(
            builder.statement(f"SELECT {wanted} FROM {stage.cte}{stage.order_by} LIMIT {most}")
        )
        labels = [to_text(row[-1]) or "" if shown else f"row {place}" for place, row in enumerate(rows, 1)]
        columns = {self.column_name: Kind.TEXT} | dict.fromkeys(labels, Kind.TEXT)
        turned: list[list[Any]] = []
        for place, name in enumerate(names):
            cells = {label: row[place] for label, row in zip(labels, rows, strict=True)}
            if self.empty or any(cell not in {None, ""} for cell in cells.values()):
                turned.append([name, *(cells[label] for label in columns if label in cells)])
        return builder.runtime.values_table(columns, turned)


@dataclass(frozen=True, slots=True)
class MakeContinuous(Command):
    """adds rows for the missing steps of a field."""

    name = "makecontinuous"
    field: str
    amount: float | None
    unit: str | None
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> MakeContinuous:
        """Read `makecontinuous [field] [span=]`."""
        options, rest = clause.options("span", "bins")
        field = clause.fields(rest)[0] if rest else "_time"
        if "span" not in options:
            raise clause.unsupported("makecontinuous without span=.", clause.span, ("span",))
        amount, unit = read_span(clause, options["span"], timed=field == "_time")
        return cls(field, amount, unit, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Join with the whole series of steps."""
        if self.field not in stage.columns or self.amount is None:
            return stage
        stage, _ = builder.keep(stage)
        run, number = builder.runtime, as_number(stage.columns[self.field])
        low, high = run.rows(f"SELECT min({number}), max({number}) FROM {stage.cte}")[0]
        if low is None:
            return stage
        if self.unit is not None:
            steps = bin_starts(low, high + 1e-6, int(self.amount), self.unit, run.zone, most=MOST_BINS)
        else:
            steps = [
                low + self.amount * place
                for place in range(min(MOST_BINS, int((high - low) / self.amount) + 1))
            ]
        grid = run.values_table({self.field: Kind.NUMBER}, [(at,) for at in steps])
        column, items, columns = grid.columns[self.field].text, [], {}
        for name, value in stage.columns.items():
            made = builder.column()
            text = (
                f"coalesce({as_number(Sql(f't.{value.text}', value.kind))}, g.{column})"
                if name == self.field
                else f"t.{value.text}"
            )
            items.append(f"{text} AS {made}")
            columns[name] = Sql(made, Kind.NUMBER if name == self.field else value.kind)
        on = as_number(Sql(f"t.{stage.columns[self.field].text}", stage.columns[self.field].kind))
        select = f"SELECT {', '.join(items)} FROM {stage.cte} t FULL JOIN {grid.cte} g ON {on} = g.{column}"
        return Stage(builder.add(select), columns, (OrderKey(columns[self.field].text),))


@dataclass(frozen=True, slots=True)
class FieldSummary(Command):
    """describes every field: how often it is present, how many values it has, least and greatest."""

    name = "fieldsummary"
    fields: tuple[str, ...]
    maxvals: int
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> FieldSummary:
        """Read `fieldsummary [maxvals=] [fields]`."""
        options, rest = clause.options("maxvals")
        return cls(
            clause.fields(rest) if rest else ("*",), clause.number(options, "maxvals", 100), clause.span
        )

    def reads(self) -> tuple[str, ...]:
        """Return the described fields."""
        return self.fields

    def makes(self) -> tuple[str, ...]:
        """Return the columns of the description."""
        return (
            "field",
            "count",
            "distinct_count",
            "is_exact",
            "max",
            "mean",
            "min",
            "numeric_count",
            "stdev",
            "values",
        )

    def output(self, names: Names) -> Names:
        """Return the columns of the description."""
        return set(self.makes())

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Describe one field after another."""
        stage, _ = builder.keep(stage)
        parts = []
        for place, name in enumerate(chosen(stage.columns, self.fields)):
            text, number = as_text(stage.columns[name]), as_number(stage.columns[name])
            parts.append(
                f"SELECT {place} AS o_n, {text_literal(name)} AS c_field, CAST(count({text}) AS DOUBLE) AS c_count, "
                f"CAST(count(DISTINCT {text}) AS DOUBLE) AS c_dc, '1' AS c_exact, max({number}) AS c_max, avg({number}) AS c_mean, "
                f"min({number}) AS c_min, CAST(count({number}) AS DOUBLE) AS c_numeric, stddev_samp({number}) AS c_stdev, "
                f"to_json(list_slice(list_sort(map_keys(histogram({text}))), 1, {self.maxvals}))::VARCHAR AS c_values FROM {stage.cte}"
            )
        kinds = dict.fromkeys(self.makes(), Kind.NUMBER) | dict.fromkeys(
            ("field", "is_exact", "values"), Kind.TEXT
        )
        if not parts:
            return builder.runtime.values_table(kinds, [])
        made = (
            "c_field",
            "c_count",
            "c_dc",
            "c_exact",
            "c_max",
            "c_mean",
            "c_min",
            "c_numeric",
            "c_stdev",
            "c_values",
        )
        columns = {name: Sql(column, kinds[name]) for name, column in zip(self.makes(), made, strict=True)}
        return Stage(builder.add(" UNION ALL ".join(parts)), columns, (OrderKey("o_n"),))
