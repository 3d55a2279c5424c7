"""The bin command, and bins for the commands that chart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from spl.clause import Clause, Options
from spl.errors import Span
from spl.lex import Token
from spl.plan import Command
from spl.python_calls import Kind
from spl.sql_text import number_literal
from spl.sql_time import bin_sql
from spl.sql_values import Sql, as_number, as_text
from spl.stage import Builder, Stage
from spl.timerange import parse_span, resolve, seconds_of
from spl.values import to_number


@dataclass(frozen=True, slots=True)
class Bin(Command):
    """rounds a field down to the start of its bin; a numeric bin becomes the text 0-100."""

    name = "bin"
    row_by_row: ClassVar[bool] = True
    field: str
    alias: str
    amount: float | None
    unit: str | None
    bins: int
    align: str | None
    span: Span
    log: tuple[float, float] | None = None
    """Coefficient and base of bins that grow, as in span=2log10."""
    least: float = 0.0
    """Least width that may be chosen (`minspan`)."""
    start: float | None = None
    end: float | None = None
    """Range that the width is chosen for; the values decide where it is None."""

    @classmethod
    def parse(cls, clause: Clause) -> Bin:
        """Read `bin field [span=…] [bins=n] [minspan=] [start=] [end=] [aligntime=…] [AS name]`."""
        options, rest = clause.options("span", "bins", "minspan", "start", "end", "aligntime")
        names = [token.value for token in rest if token.kind != "comma"]
        if len(names) not in {1, 3} or (len(names) == 3 and names[1].upper() != "AS"):
            raise clause.fail("bin cannot be read. Expected a field, span= and perhaps AS name.")
        align = options["aligntime"].value if "aligntime" in options else None
        log = _log_span(options.get("span"))
        timed = names[0] == "_time"
        amount, unit = read_span(clause, None if log else options.get("span"), timed=timed)
        least, least_unit = read_span(clause, options.get("minspan"), timed=timed)
        return cls(
            names[0],
            names[-1],
            amount,
            unit,
            clause.number(options, "bins", 100, least=2),
            align,
            clause.span,
            log,
            (least or 0.0) * (seconds_of(least_unit) if least_unit else 1.0),
            _bound(clause, options, "start"),
            _bound(clause, options, "end"),
        )

    def reads(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def makes(self) -> tuple[str, ...]:
        """Return the field that holds the bin."""
        return (self.alias,)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Replace the field, or make another one."""
        value = stage.columns.get(self.field)
        if value is None or value.kind is Kind.NULL:
            return stage
        if self.log is not None:
            return builder.extend(stage, [(self.alias, _log_binned(value, *self.log))])
        amount, unit = self.amount, self.unit
        if amount is None:
            stage, amount, unit = self._chosen(builder, stage, value)
            value = stage.columns[self.field]
        return builder.extend(stage, [(self.alias, binned(builder, value, amount, unit, self.align))])

    def _chosen(self, builder: Builder, stage: Stage, value: Sql) -> tuple[Stage, float, str | None]:
        """Choose the narrowest plain span that gives at most `bins` bins."""
        stage, _ = builder.keep(stage)
        number = as_number(stage.columns[self.field])
        low, high = builder.runtime.rows(f"SELECT min({number}), max({number}) FROM {stage.cte}")[0]
        low = self.start if self.start is not None else low
        high = self.end if self.end is not None else high
        width = 0.0 if low is None or high is None else high - low
        if self.field == "_time":
            unit, amount = next(
                (
                    (unit, amount)
                    for amount, unit, seconds in TIME_SPANS
                    if width / seconds <= self.bins and seconds >= self.least
                ),
                ("mon", 1),
            )
            return stage, amount, unit
        spans = (10.0**power for power in range(-6, 300))
        return stage, next(span for span in spans if width / span <= self.bins and span >= self.least), None


TIME_SPANS = (
    (1, "s", 1), (5, "s", 5), (10, "s", 10), (30, "s", 30), (1, "m", 60), (5, "m", 300), (10, "m", 600),
    (30, "m", 1800), (1, "h", 3600), (1, "d", 86400), (1, "mon", 2592000),
)  # fmt: skip
"""Time spans that are chosen without span=: amount, unit, seconds."""


def _bound(clause: Clause, options: Options, name: str) -> float | None:
    token = options.get(name)
    number = None if token is None else to_number(token.value)
    if token is not None and number is None:
        raise clause.fail(f"{name} {token.value!r} is no number.", token.span)
    return number


_LOG_SPAN = re.compile(r"(\d*\.?\d*)log(\d*\.?\d*)")


def _log_span(token: Token | None) -> tuple[float, float] | None:
    """Read a span whose bins grow: `2log10`, `log2`, `log`."""
    match = _LOG_SPAN.fullmatch(token.value) if token else None
    if match is None:
        return None
    coefficient, base = float(match[1] or 1), float(match[2] or 10)
    return (coefficient, base) if base > 1 and 1 <= coefficient < base else None


def _log_binned(value: Sql, coefficient: float, base: float) -> Sql:
    """Return the bin between two powers; a number that has no logarithm stays as it is."""
    number = as_number(value)
    power = f"floor(ln({number} / {coefficient!r}) / ln({base!r}) + 1e-12)"
    low, high = (f"{coefficient!r} * pow({base!r}, {power} + {step})" for step in (0, 1))
    bounds = f"spl_text({low}) || '-' || spl_text({high})"
    return Sql(f"coalesce(CASE WHEN {number} > 0 THEN {bounds} END, {as_text(value)})", Kind.TEXT)


def read_span(clause: Clause, token: Token | None, *, timed: bool) -> tuple[float | None, str | None]:
    """Read a span: a time span has a unit, a numeric one has none, no span has neither."""
    if token is None:
        return None, None
    time = parse_span(token.value)
    if time is not None and time[0] > 0:
        return time[0], time[1]
    try:
        amount = float(token.value)
    except ValueError:
        raise clause.fail(
            f"span {token.value!r} cannot be read. Expected 5m, 1d or a number.", token.span
        ) from None
    if not 0 < amount < float("inf"):
        raise clause.fail(f"span {token.value!r} is not above zero.", token.span)
    return amount, "s" if timed else None


def binned(builder: Builder, value: Sql, amount: float, unit: str | None, align: str | None = None) -> Sql:
    """Return the bin of a value; what is no number stays as it is, so that no later BY loses its row."""
    number = as_number(value)
    if unit is not None:
        start = bin_sql(number, int(amount), unit, builder.zone, align=_aligned(builder, align))
        if value.kind is Kind.NUMBER:
            return Sql(start, Kind.NUMBER)
        return Sql(f"coalesce(spl_text({start}), {as_text(value)})", Kind.TEXT)
    width = number_literal(amount)
    low = f"(floor({number} / {width}) * {width})"
    return Sql(f"coalesce(spl_text({low}) || '-' || spl_text({low} + {width}), {as_text(value)})", Kind.TEXT)


def _aligned(builder: Builder, align: str | None) -> float | None:
    match align:
        case None:
            return None
        case "earliest":
            return builder.runtime.earliest
        case "latest":
            return builder.runtime.latest
        case _:
            return resolve(align, now=builder.runtime.now, zone=builder.zone)
