"""Sparklines of `stats` and `chart`: a statistic by bins of time, as the values of one field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from spl.commands.aggregate import group
from spl.commands.bins import TIME_SPANS, binned
from spl.python_calls import Kind
from spl.sql_text import number_literal
from spl.sql_values import NULL, Sql, as_number
from spl.stage import Builder, Stage
from spl.stat_functions import Aggregate
from spl.timerange import bin_starts

MARK = "##__SPARKLINE__##"
"""First value of a sparkline, as Splunk writes it."""
MOST_POINTS = 100
_BIN = "spl_bin"


def group_with_sparklines(
    builder: Builder, stage: Stage, aggregates: Sequence[Aggregate], by: tuple[str, ...]
) -> Stage:
    """Return one row for each combination of the BY values, sparklines among its statistics.

    A sparkline covers the window of the search, or the rows where the window has no start; an empty bin is 0.
    Source: Splunk Search Reference, stats, "Sparkline function options".
    """
    stage, _ = builder.keep(stage)
    plain = [aggregate for aggregate in aggregates if aggregate.inner is None]
    hidden = Aggregate("count", None, None, "", aggregates[0].span)
    rows = group(builder, stage, [*plain, hidden], by)
    for aggregate in aggregates:
        if aggregate.inner is not None:
            rows = _with_line(builder, stage, rows, aggregate, aggregate.inner, by)
    names = (*by, *(aggregate.name for aggregate in aggregates))
    return Stage(rows.cte, {name: rows.columns[name] for name in names}, rows.order)


def _with_line(
    builder: Builder, stage: Stage, rows: Stage, line: Aggregate, inner: Aggregate, by: tuple[str, ...]
) -> Stage:
    time = Sql(as_number(stage.columns.get("_time", NULL)), Kind.NUMBER)
    starts, (amount, unit) = _bins(builder, stage, time, line.every)
    cut = builder.extend(stage, [(_BIN, binned(builder, time, amount, unit))])
    cells = group(builder, cut, [inner], (*by, _BIN))
    grid = builder.runtime.values_table({_BIN: Kind.NUMBER}, [(start,) for start in starts])
    same = _same(rows, "r", cells, "c", by)
    point = f"coalesce({as_number(Sql(f'c.{cells.columns[inner.name].text}', cells.columns[inner.name].kind))}, 0)"
    bin_column, grid_column = cells.columns[_BIN].text, grid.columns[_BIN].text
    column = builder.column()
    points = (
        f"SELECT list_prepend('{MARK}', list(spl_text({point}) ORDER BY g.{grid_column})) FROM {grid.cte} g "
        f"LEFT JOIN (SELECT * FROM {cells.cte} c WHERE {same}) c ON c.{bin_column} = g.{grid_column}"
    )
    made = builder.add(f"SELECT r.*, ({points}) AS {column} FROM {rows.cte} r")
    return Stage(made, rows.columns | {line.name: Sql(column, Kind.MULTI)}, rows.order)


def _same(rows: Stage, left: str, cells: Stage, right: str, by: Iterable[str]) -> str:
    pairs = [
        f"{left}.{rows.columns[name].text} IS NOT DISTINCT FROM {right}.{cells.columns[name].text}"
        for name in by
    ]
    return " AND ".join(pairs) or "TRUE"


def _bins(
    builder: Builder, stage: Stage, time: Sql, every: tuple[int, str] | None
) -> tuple[list[float], tuple[int, str]]:
    """Return the starts of the bins, and their width."""
    run = builder.runtime
    first, last = run.earliest, run.latest
    if first <= 0:
        low, high = run.rows(f"SELECT min({time.text}), max({time.text}) FROM {stage.cte}")[0]
        first, last = (low, high + 1e-6) if low is not None else (0.0, 0.0)
    fitting = ((a, u) for a, u, seconds in TIME_SPANS if (last - first) / seconds <= MOST_POINTS)
    amount, unit = every or next(fitting, (1, "mon"))
    start = binned(builder, Sql(number_literal(first), Kind.NUMBER), amount, unit)
    begin = run.rows(f"SELECT {start.text}")[0][0]
    starts = bin_starts(begin, last, amount, unit, run.zone, most=MOST_POINTS + 1)
    if len(starts) > MOST_POINTS:
        run.messages.append(f"limit: a sparkline has {MOST_POINTS} points; the later ones were left out.")
    return starts[:MOST_POINTS], (amount, unit)
