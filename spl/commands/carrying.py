"""Commands that look at the rows before: accum, delta, autoregress, trendline."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import pyarrow as pa

from spl.clause import Clause
from spl.errors import Span
from spl.lex import Token
from spl.plan import Command
from spl.python_calls import Kind
from spl.sql_values import NULL, Sql, as_number
from spl.stage import Builder, Stage


@dataclass(frozen=True, slots=True)
class Carrying(Command):
    """Base of the commands that carry the value of a field on from row to row."""

    row_by_row: ClassVar[bool] = True
    field: str
    target: str
    steps: tuple[int, ...]
    """How many rows back."""
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Self:
        """Read `command field [AS name] [p=a-b]`."""
        options, rest = clause.options("p")
        names = [token.value for token in rest if token.kind != "comma"]
        if len(names) not in {1, 3} or (len(names) == 3 and names[1].upper() != "AS"):
            raise clause.fail(f"{cls.name} cannot be read. Expected a field and perhaps AS name.")
        target = names[2] if len(names) == 3 else cls.default(names[0])
        return cls(names[0], target, _steps(clause, options.get("p")), clause.span)

    @classmethod
    @abstractmethod
    def default(cls, field: str) -> str:
        """Return the name of the result where none is given."""

    @abstractmethod
    def carried(self, value: Sql) -> list[tuple[str, Sql]]:
        """Return the new fields over numbered rows, given the field."""

    def reads(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def makes(self) -> tuple[str, ...]:
        """Return the target."""
        return (self.target,)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Look at the rows before."""
        stage = builder.numbered(stage)
        return builder.extend(stage, self.carried(stage.columns.get(self.field, NULL)))


class Accum(Carrying):
    """adds up a field from row to row."""

    __slots__ = ()
    name = "accum"

    @classmethod
    def default(cls, field: str) -> str:
        """Return the field itself."""
        return field

    def carried(self, value: Sql) -> list[tuple[str, Sql]]:
        """Return the sum so far; a row without a number has none."""
        number = as_number(value)
        total = f"sum({number}) OVER (ORDER BY o_n ROWS UNBOUNDED PRECEDING)"
        return [(self.target, Sql(f"CASE WHEN {number} IS NOT NULL THEN {total} END", Kind.NUMBER))]


class Delta(Carrying):
    """subtracts a field of an earlier row."""

    __slots__ = ()
    name = "delta"

    @classmethod
    def default(cls, field: str) -> str:
        """Return `delta(field)`."""
        return f"delta({field})"

    def carried(self, value: Sql) -> list[tuple[str, Sql]]:
        """Return the difference."""
        number = as_number(value)
        back = f"lag({number}, {self.steps[0]}) OVER (ORDER BY o_n)"
        return [(self.target, Sql(f"({number} - {back})", Kind.NUMBER))]


class AutoRegress(Carrying):
    """copies a field of earlier rows."""

    __slots__ = ()
    name = "autoregress"

    @classmethod
    def default(cls, field: str) -> str:
        """Return nothing: every step names its own copy."""
        return ""

    def makes(self) -> tuple[str, ...]:
        """Return the copies."""
        return tuple(self._copied(step) for step in self.steps)

    def _copied(self, step: int) -> str:
        if self.target and len(self.steps) == 1:
            return self.target
        return f"{self.target or self.field}_p{step}"

    def carried(self, value: Sql) -> list[tuple[str, Sql]]:
        """Return the copies; a field that no row has gives none."""
        if value.kind is Kind.NULL:
            return []
        return [
            (self._copied(step), Sql(f"lag({value.text}, {step}) OVER (ORDER BY o_n)", value.kind))
            for step in self.steps
        ]


def _steps(clause: Clause, token: Token | None) -> tuple[int, ...]:
    match = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", token.value if token else "1")
    if match is None or int(match[1]) < 1:
        raise clause.fail("p cannot be read. Expected 1 or 1-3.", token.span if token else None)
    return tuple(range(int(match[1]), int(match[2] or match[1]) + 1))


@dataclass(frozen=True, slots=True)
class Trendline(Command):
    """adds moving averages: sma5(x), wma5(x), ema5(x)."""

    name = "trendline"
    row_by_row: ClassVar[bool] = True
    lines: tuple[tuple[str, int, str, str], ...]
    """Kind, period, field, name."""
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Trendline:
        """Read `trendline sma5(field) [AS name] …`."""
        tokens = [token for token in clause.arguments() if token.kind != "comma"]
        lines: list[tuple[str, int, str, str]] = []
        while tokens:
            match = re.fullmatch(r"(sma|wma|ema)(\d{1,4})", tokens[0].value.lower())
            if match is None or int(match[2]) < 2 or len(tokens) < 4 or tokens[1].kind != "lparen":
                raise clause.fail("trendline cannot be read. Expected sma5(field).", tokens[0].span)
            field, shown = tokens[2].value, f"{tokens[0].value}({tokens[2].value})"
            del tokens[:4]
            if len(tokens) > 1 and tokens[0].value.upper() == "AS":
                shown = tokens[1].value
                del tokens[:2]
            lines.append((match[1], int(match[2]), field, shown))
        if not lines:
            raise clause.fail("trendline names no average. Expected sma5(field).")
        return cls(tuple(lines), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the averaged fields."""
        return tuple(field for _, _, field, _ in self.lines)

    def makes(self) -> tuple[str, ...]:
        """Return the averages."""
        return tuple(name for _, _, _, name in self.lines)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Average over the last rows; the first ones have none."""
        stage = builder.numbered(stage)
        for kind, period, field, name in self.lines:
            number = as_number(stage.columns.get(field, NULL))
            if kind == "ema":
                stage = _with_exponential(builder, stage, number, period, name)
            else:
                average = _simple(number, period) if kind == "sma" else _weighted(number, period)
                stage = builder.extend(stage, [(name, _from_row(period, average))])
        return stage


def _from_row(period: int, average: str) -> Sql:
    return Sql(f"CASE WHEN o_n >= {period} THEN {average} END", Kind.NUMBER)


def _simple(number: str, period: int) -> str:
    return f"avg({number}) OVER (ORDER BY o_n ROWS BETWEEN {period - 1} PRECEDING AND CURRENT ROW)"


def _weighted(number: str, period: int) -> str:
    terms = " + ".join(
        f"{period - back} * {f'lag({number}, {back}) OVER (ORDER BY o_n)' if back else number}"
        for back in range(period)
    )
    return f"(({terms}) / {period * (period + 1) / 2!r})"


_EMA_SCHEMA = pa.schema([("n", pa.int64()), ("v", pa.float64())])


def _with_exponential(builder: Builder, stage: Stage, number: str, period: int, name: str) -> Stage:
    """Return the rows with the exponential average `EMA(t) = a·EMA(t-1) + (1-a)·x(t)`, `a = 1 - 2/(period+1)`.

    It begins with the first number, and a row without a number keeps it as it is. Each value depends on the one
    before, which no window of SQL can say: the rows stream through Python, one number of state.

    Source: Splunk Search Reference, trendline, "Trend types".
    """
    table, _ = builder.keep(builder.extend(stage, [("", Sql(number, Kind.NUMBER))]))
    column = table.columns.pop("")
    keep = 1 - 2 / (period + 1)

    def batches() -> Iterator[pa.RecordBatch]:
        average: float | None = None
        for rows in builder.runtime.batches(
            f"SELECT o_n AS n, {column.text} AS v FROM {table.cte} ORDER BY o_n"
        ):
            for row in rows:
                if row["v"] is not None:
                    average = row["v"] if average is None else keep * average + (1 - keep) * row["v"]
                row["v"] = average
            yield pa.RecordBatch.from_pylist(rows, schema=_EMA_SCHEMA)

    averages = builder.runtime.arrow_table(_EMA_SCHEMA, batches())
    made = builder.column()
    value = f"CASE WHEN o_n >= {period} THEN a.v END AS {made}"
    cte = builder.add(f"SELECT e.*, {value} FROM {table.cte} e JOIN {averages} a ON e.o_n = a.n")
    return Stage(cte, table.columns | {name: Sql(made, Kind.NUMBER)}, table.order)
