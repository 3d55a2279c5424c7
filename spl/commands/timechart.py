"""The timechart command."""

from __future__ import annotations

from dataclasses import dataclass

from spl.clause import Clause, split_words
from spl.commands.aggregate import group, leading_options, per_span
from spl.commands.bins import TIME_SPANS, Bin, binned, read_span
from spl.commands.pivot import (
    _BIN_OPTIONS,
    _SERIES_OPTIONS,
    SeriesOptions,
    _bin_of,
    _cut_where,
    _fields_with_options,
    _series_options,
    _statistics,
    split,
)
from spl.errors import Span
from spl.plan import Command, Names
from spl.python_calls import Kind
from spl.sql_text import number_literal
from spl.sql_values import Sql, as_number
from spl.stage import Builder, OrderKey, Stage
from spl.stat_functions import PER_SECONDS, Aggregate
from spl.timerange import bin_starts, seconds_of

MOST_BINS = 50_000
"""Rows that filling a time chart makes at most."""


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
        column, column_bin, where = None, None, None
        if "by" in parts:
            named, where = _cut_where(clause, parts["by"])
            fields = _fields_with_options(clause, named, options)
            if len(fields) > 1:
                raise clause.unsupported("timechart by more than one field.", clause.span)
            column, own = fields[0]
            column_bin = _bin_of(clause, column, own) if own else None
        leftover, statistics = leading_options(clause, parts[""], *known, anywhere=True)
        options.add(leftover)
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
            _series_options(clause, options, where),
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
