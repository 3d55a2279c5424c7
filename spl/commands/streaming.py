"""The streamstats command: statistics over the rows so far."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import count
from typing import ClassVar

from spl.clause import Clause
from spl.commands.aggregate import read_statistics
from spl.errors import Span
from spl.expr import Expr, field_names, is_condition
from spl.lex import Token
from spl.plan import Command
from spl.python_calls import Kind
from spl.sql_expr import compile_expression
from spl.sql_values import NULL, Sql, as_bool, as_number
from spl.stage import Builder, Stage
from spl.stat_functions import Aggregate, Frame, compile_aggregate, expanded
from spl.timerange import SECONDS, parse_span

_DOCUMENTED = re.compile(
    r'\b(reset_before|reset_after)\s*=\s*"\("(.*?)(?<!\\)"\)"', re.IGNORECASE | re.DOTALL
)
"""Source: Splunk Search Reference, streamstats, "Optional arguments": `reset_after="("<eval-expression>")"`."""
_ESCAPED_QUOTE = re.compile(r'\\"')


@dataclass(frozen=True, slots=True)
class StreamStats(Command):
    """adds running statistics over the rows so far, or over a window of them."""

    name = "streamstats"
    row_by_row: ClassVar[bool] = True
    aggregates: tuple[Aggregate, ...]
    by: tuple[str, ...]
    window: int
    time_window: int
    current: bool
    single: bool
    """Whether one window runs over all groups (`global`)."""
    reset_before: Expr | None
    reset_after: Expr | None
    reset_on_change: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> StreamStats:
        """Read `streamstats [options] function(field) [AS name] … [BY fields]`."""
        shorter, resets = _take_resets(clause)
        aggregates, by, options = read_statistics(
            shorter, "streamstats", "window", "current", "global", "time_window", "reset_on_change"
        )
        seconds = 0
        if "time_window" in options:
            token = options["time_window"]
            span = parse_span(token.value)
            if span is None or span[1] not in SECONDS:
                raise clause.fail(
                    f"time_window {token.value!r} cannot be read. Expected 5m or 1d.", token.span
                )
            seconds = int(span[0]) * SECONDS[span[1]]
        return cls(
            aggregates,
            by,
            clause.number(options, "window", 0),
            seconds,
            clause.flag(options, "current", default=True),
            clause.flag(options, "global", default=True),
            resets.get("reset_before"),
            resets.get("reset_after"),
            clause.flag(options, "reset_on_change"),
            clause.span,
        )

    def reads(self) -> tuple[str, ...]:
        """Return the fields that are aggregated, grouped by or looked at for a reset."""
        inner = [name for expr in (self.reset_before, self.reset_after) if expr for name in field_names(expr)]
        time = ("_time",) if self.time_window else ()
        own = (name for aggregate in self.aggregates for name in aggregate.reads())
        return (*own, *self.by, *inner, *time)

    def makes(self) -> tuple[str, ...]:
        """Return the names of the statistics."""
        return tuple(aggregate.name for aggregate in self.aggregates)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Add the statistics as windows over the numbered rows; a row without a BY value gets none."""
        stage = builder.numbered(stage)
        values = [stage.columns.get(name, NULL) for name in self.by]
        known = [value.text for value in values if value.kind is not Kind.NULL]
        segment, stage = self._segments(builder, stage, known)
        partition = f"PARTITION BY {', '.join([*known, *segment])} " if known or segment else ""
        frame, stage = self._frame(builder, stage, known)
        present = " AND ".join(
            "FALSE" if value.kind is Kind.NULL else f"{value.text} IS NOT NULL" for value in values
        )
        over = f" OVER ({partition}ORDER BY o_n {frame})"
        added = []
        for aggregate in expanded(self.aggregates, stage, self.by):
            value = compile_aggregate(builder, Frame(stage, over, running=True), aggregate)
            text = f"CASE WHEN {present} THEN {value.text} END" if present else value.text
            added.append((aggregate.name, Sql(text, value.kind)))
        return builder.extend(stage, added)

    def _segments(self, builder: Builder, stage: Stage, by: list[str]) -> tuple[list[str], Stage]:
        """Number the stretches between resets."""
        context = builder.context(stage)
        parts = []
        if self.reset_before is not None:
            true = as_bool(compile_expression(self.reset_before, context))
            parts.append(f"count(*) FILTER (WHERE {true}) OVER (ORDER BY o_n ROWS UNBOUNDED PRECEDING)")
        if self.reset_after is not None:
            true = as_bool(compile_expression(self.reset_after, context))
            frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
            parts.append(f"count(*) FILTER (WHERE {true}) OVER (ORDER BY o_n {frame})")
        if self.reset_on_change and by:
            row = f"ROW({', '.join(by)})"
            changed = builder.extend(
                stage, [("", Sql(f"{row} IS DISTINCT FROM lag({row}) OVER (ORDER BY o_n)", Kind.BOOL))]
            )
            flag = changed.columns.pop("").text
            stage = changed
            parts.append(f"count(*) FILTER (WHERE {flag}) OVER (ORDER BY o_n ROWS UNBOUNDED PRECEDING)")
        names = [f"spl_seg{place}" for place in range(len(parts))]
        if parts:
            items = ", ".join(f"{part} AS {name}" for part, name in zip(parts, names, strict=True))
            stage = replace(stage, cte=builder.add(f"SELECT *, {items} FROM {stage.cte}"))
        return names, stage

    def _frame(self, builder: Builder, stage: Stage, by: list[str]) -> tuple[str, Stage]:
        """Return the frame clause of the window, and the rows with what it needs."""
        end = "CURRENT ROW" if self.current else "1 PRECEDING"
        if self.time_window:
            time = stage.columns.get("_time", NULL)
            partition = f"PARTITION BY {', '.join(by)} " if by else ""
            near = f"RANGE BETWEEN {self.time_window} PRECEDING AND CURRENT ROW"
            direction = "DESC" if _newest_first(builder, stage) else "ASC"
            place = f"row_number() OVER ({partition}ORDER BY o_n)"
            numbered = builder.add(f"SELECT *, {place} AS spl_rn FROM {stage.cte}")
            first = f"min(spl_rn) OVER ({partition}ORDER BY {as_number(time)} {direction} {near})"
            back = builder.add(f"SELECT *, greatest(0, spl_rn - {first}) AS spl_back FROM {numbered}")
            return f"ROWS BETWEEN spl_back PRECEDING AND {end}", replace(stage, cte=back)
        if not self.window:
            return f"ROWS BETWEEN UNBOUNDED PRECEDING AND {end}", stage
        size = self.window - 1 if self.current else self.window
        if self.single and by:
            return f"RANGE BETWEEN {size} PRECEDING AND {end}", stage
        return f"ROWS BETWEEN {size} PRECEDING AND {end}", stage


def _newest_first(builder: Builder, stage: Stage) -> bool:
    """Tell whether the rows come newest first; only then does a time window reach to later times."""
    time = as_number(stage.columns.get("_time", NULL))
    sql = builder.statement(f"SELECT arg_min({time}, o_n), arg_max({time}, o_n) FROM {stage.cte}")
    first, last = builder.runtime.rows(sql)[0]
    return first is None or last is None or first >= last


def _take_resets(clause: Clause) -> tuple[Clause, dict[str, Expr]]:
    r"""Take `reset_before` and `reset_after` out of the arguments: their values are expressions.

    They are written `"(…)"`, with `\"` for a quote inside, as `"("…")"`, or in parentheses alone.
    """
    found: dict[str, Expr] = {}
    documented = _DOCUMENTED.search(clause.text, clause.start, clause.end)
    while documented:
        _take_reset(clause, found, documented[1].lower(), *documented.span(2))
        clause = _blanked(clause, *documented.span())
        documented = _DOCUMENTED.search(clause.text, clause.start, clause.end)
    tokens = clause.arguments()
    for index, token in enumerate(tokens):
        name = token.value.lower()
        if name not in {"reset_before", "reset_after"} or index + 2 >= len(tokens):
            continue
        value = tokens[index + 2]
        if value.kind == "string":
            last = value
            _take_reset(clause, found, name, value.span.start + 1, value.span.end - 1)
        elif value.kind == "lparen":
            last = _matching(clause, tokens, index + 2)
            _take_reset(clause, found, name, value.span.start, last.span.end)
        else:
            raise clause.fail(f"{name} cannot be read. Expected {name}=(expression).", value.span)
        clause = _blanked(clause, token.span.start, last.span.end)
    return clause, found


def _take_reset(clause: Clause, found: dict[str, Expr], name: str, start: int, end: int) -> None:
    quotes = count()
    plain = _ESCAPED_QUOTE.sub(lambda _: '" ' if next(quotes) % 2 else ' "', clause.text[start:end])
    inner = replace(clause, text=clause.text[:start] + plain + clause.text[end:])
    expr = inner.whole_expression(start, end)
    if not is_condition(expr):
        raise clause.unsupported(f"{name} with an expression that is no condition.", expr.span)
    found[name] = expr


def _blanked(clause: Clause, start: int, end: int) -> Clause:
    return replace(clause, text=clause.text[:start] + " " * (end - start) + clause.text[end:])


def _matching(clause: Clause, tokens: list[Token], start: int) -> Token:
    depth = 0
    for token in tokens[start:]:
        depth += (token.kind == "lparen") - (token.kind == "rparen")
        if depth == 0:
            return token
    raise clause.fail("( is never closed.", tokens[start].span)
