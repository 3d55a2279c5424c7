"""Commands that look at the rows before: accum, delta, autoregress, trendline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from spl.clause import Clause
from spl.errors import Span
from spl.lex import Token
from spl.plan import Command
from spl.python_calls import Kind
from spl.sql_values import NULL, Sql, as_number
from spl.stage import Builder, Stage


@dataclass(frozen=True, slots=True)
class Running(Command):
    """carries a value on from row to row: accum adds up, delta subtracts, autoregress copies."""

    name = "accum"
    row_by_row: ClassVar[bool] = True
    command: str
    field: str
    target: str
    steps: tuple[int, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Running:
        """Read `accum field [AS name]`, `delta field [AS name] [p=n]`, `autoregress field [AS name] [p=a-b]`."""
        word = clause.text[clause.span.start : clause.span.end].split(None, 1)[0].lower()
        options, rest = clause.options("p")
        names = [token.value for token in rest if token.kind != "comma"]
        if len(names) not in {1, 3} or (len(names) == 3 and names[1].upper() != "AS"):
            raise clause.fail(f"{word} cannot be read. Expected a field and perhaps AS name.")
        steps = _steps(clause, options.get("p"))
        defaults = {"accum": names[0], "delta": f"delta({names[0]})", "autoregress": ""}
        target = names[2] if len(names) == 3 else defaults[word]
        return cls(word, names[0], target, steps, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def makes(self) -> tuple[str, ...]:
        """Return the target."""
        if self.command == "autoregress":
            return tuple(self._copied(step) for step in self.steps)
        return (self.target,)

    def _copied(self, step: int) -> str:
        if self.target and len(self.steps) == 1:
            return self.target
        return f"{self.target or self.field}_p{step}"

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Look at the rows before."""
        stage = builder.numbered(stage)
        value = stage.columns.get(self.field, NULL)
        number = as_number(value)
        if self.command == "accum":
            total = f"sum({number}) OVER (ORDER BY o_n ROWS UNBOUNDED PRECEDING)"
            return builder.extend(
                stage, [(self.target, Sql(f"CASE WHEN {number} IS NOT NULL THEN {total} END", Kind.NUMBER))]
            )
        if self.command == "delta":
            back = f"lag({number}, {self.steps[0]}) OVER (ORDER BY o_n)"
            return builder.extend(stage, [(self.target, Sql(f"({number} - {back})", Kind.NUMBER))])
        if value.kind is Kind.NULL:
            return stage
        copies = [
            (self._copied(step), Sql(f"lag({value.text}, {step}) OVER (ORDER BY o_n)", value.kind))
            for step in self.steps
        ]
        return builder.extend(stage, copies)


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
            if match[1] == "ema":
                raise clause.unsupported("trendline ema.", tokens[0].span, ("sma", "wma"))
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
        added = []
        for kind, period, field, name in self.lines:
            number = as_number(stage.columns.get(field, NULL))
            over = f"OVER (ORDER BY o_n ROWS BETWEEN {period - 1} PRECEDING AND CURRENT ROW)"
            if kind == "sma":
                average = f"avg({number}) {over}"
            else:
                terms = " + ".join(
                    f"{period - back} * {f'lag({number}, {back}) OVER (ORDER BY o_n)' if back else number}"
                    for back in range(period)
                )
                average = f"(({terms}) / {period * (period + 1) / 2!r})"
            added.append((name, Sql(f"CASE WHEN o_n >= {period} THEN {average} END", Kind.NUMBER)))
        return builder.extend(stage, added)
