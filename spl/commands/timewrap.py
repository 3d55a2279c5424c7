"""The timewrap command: periods of a time chart side by side."""

from __future__ import annotations

from dataclasses import dataclass

from spl.clause import Clause
from spl.errors import Span
from spl.lex import Token
from spl.plan import Command, Names
from spl.python_calls import Kind
from spl.sql_values import as_number
from spl.stage import Builder, Stage
from spl.timerange import parse_span, shift
from spl.values import Value

MOST_PERIODS = 1_000
"""Periods that are put side by side at most."""
_WORDS = {
    "s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mon": "month", "q": "quarter", "y": "year",
}  # fmt: skip
Row = tuple[float, list[Value]]
"""Time and values of a row."""


@dataclass(frozen=True, slots=True)
class TimeWrap(Command):
    """puts the periods of a time chart side by side: count_latest_day beside count_1day_before.

    Periods are counted back from the end of the search's window, or from now with `align=now`.
    Source: Splunk Search Reference, timewrap.
    """

    name = "timewrap"
    unit: str
    short: bool
    from_now: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> TimeWrap:
        """Read `timewrap 1d [align=now|end] [series=relative|short]`."""
        options, rest = clause.options("align", "series")
        clause.nothing_left(rest[1:])
        if not rest:
            raise clause.fail("timewrap needs a period. Expected 1d, 1w, ….")
        series = clause.choice(options, "series", "relative", ("relative", "short"))
        align = clause.choice(options, "align", "end", ("end", "now"))
        return cls(_unit(clause, rest[0]), series == "short", align == "now", clause.span)

    def output(self, names: Names) -> Names:
        """Return nothing known: the periods name the fields."""
        return None

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Move every row into the latest period, and its values into fields of its own period."""
        time = stage.columns.get("_time")
        if time is None:
            builder.runtime.messages.append(
                "timewrap changed nothing: there is no _time, as behind timechart."
            )
            return stage
        kinds = {name: value.kind for name, value in stage.columns.items() if not name.startswith("_")}
        items = [as_number(time), *(stage.columns[name].text for name in kinds)]
        select = f"SELECT {', '.join(items)} FROM {stage.cte}"
        found = builder.runtime.rows(builder.statement(select))
        return self._wrapped(builder, kinds, [(row[0], list(row[1:])) for row in found if row[0] is not None])

    def _wrapped(self, builder: Builder, kinds: dict[str, Kind], rows: list[Row]) -> Stage:
        run = builder.runtime
        end = run.now if self.from_now else min(run.latest, run.now)
        periods: dict[int, list[Row]] = {}
        starts = _period_starts(builder, end, self.unit, [time for time, _ in rows])
        for time, cells in rows:
            place = next((place for place, start in enumerate(starts) if time >= start), None)
            if place is not None and time < end:
                moved = shift(time, place, self.unit, builder.zone)
                periods.setdefault(place, []).append((moved, cells))
        columns = {"_time": Kind.NUMBER}
        order = sorted(periods, reverse=True)
        columns |= {self._field(name, place): kind for place in order for name, kind in kinds.items()}
        table: dict[float, dict[str, Value]] = {}
        for place in order:
            for time, cells in periods[place]:
                made = {self._field(name, place): cell for name, cell in zip(kinds, cells, strict=True)}
                table.setdefault(time, {"_time": time}).update(made)
        return run.values_table(
            columns, [[table[time].get(name) for name in columns] for time in sorted(table)]
        )

    def _field(self, name: str, place: int) -> str:
        if self.short:
            return f"{name}_s{place}"
        word = _WORDS[self.unit]
        if place == 0:
            return f"{name}_latest_{word}"
        return f"{name}_{place}{word}{'s' if place > 1 else ''}_before"


def _unit(clause: Clause, token: Token) -> str:
    period = parse_span(token.value)
    if period is None:
        raise clause.fail(f"timewrap cannot read the period {token.value!r}. Expected 1d, 1w, ….", token.span)
    amount, unit = period
    if amount != 1:
        raise clause.unsupported(
            "timewrap over periods of several units.", token.span, ("1h", "1d", "1w", "1mon")
        )
    return unit


def _period_starts(builder: Builder, end: float, unit: str, times: list[float]) -> list[float]:
    """Return the starts of the periods that reach back from `end` over all `times`, the latest first."""
    starts: list[float] = []
    first = min(times, default=end)
    while (not starts or starts[-1] > first) and len(starts) < MOST_PERIODS:
        starts.append(shift(end, -len(starts) - 1, unit, builder.zone))
    if starts[-1] > first:
        builder.runtime.messages.append(f"limit: timewrap kept the latest {MOST_PERIODS:,} periods.")
    return starts
