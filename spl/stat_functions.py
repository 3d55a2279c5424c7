"""Statistics: how `stats`, `chart` and their kin read them, and what they are in SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from spl.clause import Clause
from spl.errors import Span
from spl.expr import Expr, field_names
from spl.lex import Token
from spl.python_calls import Kind
from spl.sql_expr import compile_expression
from spl.sql_values import NULL, Sql, as_bool, as_number, as_text
from spl.stage import Builder, Stage
from spl.timerange import parse_span
from spl.wildcards import matches, renamed

STATISTICS: dict[str, str] = {
    "avg": "average of the numeric values",
    "count": "number of rows, or of values of a field, or of rows where eval(…) holds",
    "dc": "number of distinct values",
    "earliest": "value of the oldest row",
    "earliest_time": "time of the oldest row with a value, epoch seconds",
    "estdc": "number of distinct values, exact here",
    "first": "value of the first row",
    "last": "value of the last row",
    "latest": "value of the newest row",
    "latest_time": "time of the newest row with a value, epoch seconds",
    "list": "values in order, at most 100",
    "max": "greatest value, by number if all are numeric",
    "median": "middle one of the numeric values, of two the higher",
    "min": "least value, by number if all are numeric",
    "mode": "most frequent value",
    "perc": "percentile of the numeric values, as perc95(x) or p95(x), interpolated",
    "per_day": "sum a day, in timechart",
    "per_hour": "sum an hour, in timechart",
    "per_minute": "sum a minute, in timechart",
    "per_second": "sum a second, in timechart",
    "range": "greatest less least numeric value",
    "rate": "change a second between the oldest and the newest value",
    "stdev": "standard deviation of a sample",
    "stdevp": "standard deviation of a population",
    "sum": "sum of the numeric values",
    "sumsq": "sum of the squares",
    "values": "distinct values in lexical order",
    "var": "variance of a sample",
    "varp": "variance of a population",
}
"""Statistics with what they mean."""

_ALIASES = {"c": "count", "distinct_count": "dc", "mean": "avg"}
_PERCENTILE = re.compile(r"(?:perc|p|exactperc|upperperc)(\d{1,2}(?:\.\d+)?|100)")
LIST_LIMIT = 100
"""Most values that `list()` keeps."""
PER_SECONDS = {"per_second": 1, "per_minute": 60, "per_hour": 3600, "per_day": 86400}
"""Seconds of the unit that a rate of `timechart` speaks of."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One statistic; `field` None counts rows, `condition` is the inside of `count(eval(…))`."""

    function: str
    field: str | None
    condition: Expr | None
    name: str
    span: Span
    percent: float = 0.0
    """Which percentile, for `perc`."""
    inner: Aggregate | None = None
    """What a sparkline draws."""
    every: tuple[int, str] | None = None
    """Width of its bins; None chooses one."""

    def reads(self) -> tuple[str, ...]:
        """Return the fields that it looks at."""
        if self.inner is not None:
            return (*self.inner.reads(), "_time")
        if self.condition is not None:
            return field_names(self.condition)
        own = (self.field,) if self.field else ()
        return (*own, "_time") if self.function in _TIMED else own


_OF_NUMBERS = {"avg", "max", "min", "range", "stdev", "stdevp", "sum", "sumsq", "var", "varp"}
"""Statistics that take a condition, as in `sum(eval(x=1))`, as 1 where it is true and 0 where it is false."""
_TIMED = {"earliest", "latest", "earliest_time", "latest_time", "rate"}


def parse_aggregates(clause: Clause, tokens: list[Token], command: str) -> tuple[Aggregate, ...]:
    """Read `function(field) [AS name] …` until the tokens end."""
    aggregates: list[Aggregate] = []
    tokens = clause.names(tokens, behind_as=True)
    while tokens:
        if tokens[0].kind == "comma":
            tokens.pop(0)
        else:
            aggregates.append(parse_aggregate(clause, tokens, sparklines=command == "stats"))
    if not aggregates:
        raise clause.fail(f"{command} names no statistic. Expected count, dc(field), sum(field), ….")
    return tuple(aggregates)


def parse_aggregate(clause: Clause, tokens: list[Token], *, sparklines: bool = False) -> Aggregate:
    """Read one statistic and take its tokens."""
    if (
        sparklines
        and tokens[0].value.lower() == "sparkline"
        and len(tokens) > 1
        and tokens[1].kind == "lparen"
    ):
        return _sparkline(clause, tokens)
    token = tokens.pop(0)
    function, percent = _function(clause, token)
    field, condition, shown = None, None, token.value
    if tokens and tokens[0].kind == "lparen":
        close = _closing(clause, tokens)
        inner = tokens[1:close]
        shown = clause.text[token.span.start : tokens[close].span.end]
        del tokens[: close + 1]
        field, condition = _argument(clause, function, token, inner)
    elif function != "count":
        raise clause.fail(f"{token.value} needs a field. Expected {token.value}(field).", token.span)
    return Aggregate(function, field, condition, _shown(tokens, shown), token.span, percent)


def _shown(tokens: list[Token], shown: str) -> str:
    """Take `AS name` off the tokens; return the name, or `shown` when there is none."""
    if len(tokens) > 1 and tokens[0].kind == "word" and tokens[0].value.upper() == "AS":
        shown = tokens[1].value
        del tokens[:2]
    return shown


def _sparkline(clause: Clause, tokens: list[Token]) -> Aggregate:
    """Read `sparkline(statistic [, span]) [AS name]`."""
    token = tokens.pop(0)
    close = _closing(clause, tokens)
    shown = clause.text[token.span.start : tokens[close].span.end]
    inside = tokens[1:close]
    del tokens[: close + 1]
    if not inside:
        raise clause.fail(
            "sparkline draws nothing. Expected sparkline(count) or sparkline(avg(x), 1h).", token.span
        )
    inner = parse_aggregate(clause, inside)
    if "*" in (inner.field or ""):
        raise clause.unsupported("sparkline over a wildcard.", inner.span, ("sparkline(avg(field), 1h)",))
    inside = [part for part in inside if part.kind != "comma"]
    every = parse_span(inside[0].value) if inside else None
    if len(inside) > 1 or (inside and every is None):
        raise clause.fail("the span of sparkline cannot be read. Expected 1h, 1d, ….", inside[0].span)
    return Aggregate("sparkline", None, None, _shown(tokens, shown), token.span, inner=inner, every=every)


def _function(clause: Clause, token: Token) -> tuple[str, float]:
    name = token.value.lower()
    function = _ALIASES.get(name, name)
    percentile = _PERCENTILE.fullmatch(name)
    if percentile:
        return "perc", float(percentile[1])
    if function not in STATISTICS or function == "perc" or token.kind != "word":
        raise clause.unsupported(f"statistic {token.value!r}.", token.span, tuple(sorted(STATISTICS)))
    return function, 0.0


def _argument(
    clause: Clause, function: str, token: Token, inner: list[Token]
) -> tuple[str | None, Expr | None]:
    if inner and inner[0].value == "eval" and len(inner) > 1 and inner[1].kind == "lparen":
        return None, clause.whole_expression(inner[1].span.end, inner[-1].span.start)
    if not inner and function == "count":
        return None, None
    if len(inner) != 1 or inner[0].kind not in {"word", "string", "quoted_field"}:
        raise clause.unsupported(f"{function}() with anything but one field or eval(…).", token.span)
    return inner[0].value, None


def _closing(clause: Clause, tokens: list[Token]) -> int:
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.kind == "lparen") - (token.kind == "rparen")
        if depth == 0:
            return index
    raise clause.fail("( is never closed.", tokens[0].span)


def expanded(
    aggregates: Iterable[Aggregate], stage: Stage, taken: Iterable[str] = ()
) -> tuple[Aggregate, ...]:
    """Return one statistic for each field that a wildcard such as `sum(*)` means."""
    found: list[Aggregate] = []
    for aggregate in aggregates:
        field = aggregate.field
        if field is None or "*" not in field:
            found.append(aggregate)
            continue
        for name in stage.columns:
            if matches(field, name) and name not in taken:
                shown = aggregate.name
                new = (
                    renamed(field, shown, name)
                    if "*" in shown and "(" not in shown
                    else shown.replace(field, name)
                )
                found.append(replace(aggregate, field=name, name=new))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Frame:
    """Over which rows a statistic runs: the groups of GROUP BY, or a window."""

    stage: Stage
    over: str = ""
    """An OVER clause; empty in a GROUP BY."""
    running: bool = False
    """Whether the window ends at every row anew, in the order of `o_n`. Lists of all rows so far would grow with the
    square of the rows: a statistic must be one that the database can carry on."""

    def sql(self, function: str, kept: str = "") -> str:
        """Return an aggregate call over the rows of which `kept` is true."""
        only = f" FILTER (WHERE {kept})" if kept else ""
        return f"{function}{only}{self.over}"


def compile_aggregate(builder: Builder, frame: Frame, aggregate: Aggregate) -> Sql:
    """Return a statistic as SQL."""
    stage = frame.stage
    if aggregate.function == "count" and aggregate.field is None and aggregate.condition is None:
        return Sql(f"CAST({frame.sql('count(*)')} AS DOUBLE)", Kind.NUMBER)
    if aggregate.condition is not None:
        value = compile_expression(aggregate.condition, builder.context(stage))
        if value.kind is Kind.BOOL and aggregate.function == "count":
            return Sql(f"CAST({frame.sql('count(*)', as_bool(value))} AS DOUBLE)", Kind.NUMBER)
        if value.kind is Kind.BOOL and aggregate.function in _OF_NUMBERS:
            value = Sql(f"CAST({value.text} AS DOUBLE)", Kind.NUMBER)
        if value.kind is Kind.BOOL:
            value = Sql(as_text(value), Kind.TEXT)
    else:
        value = stage.columns.get(aggregate.field or "", NULL)
    if value.kind is Kind.NULL:
        value = Sql("NULL::VARCHAR", Kind.TEXT)
    if aggregate.function == "perc":
        return _percentile(value, frame, aggregate.percent)
    return _FUNCTIONS[aggregate.function](value, frame)


def _count(value: Sql, frame: Frame) -> Sql:
    if value.kind is Kind.MULTI:
        return Sql(f"CAST(coalesce({frame.sql(f'sum(len({value.text}))')}, 0) AS DOUBLE)", Kind.NUMBER)
    return Sql(f"CAST({frame.sql(f'count({value.text})')} AS DOUBLE)", Kind.NUMBER)


def _distinct(value: Sql, frame: Frame) -> Sql:
    if value.kind is Kind.MULTI:
        every = frame.sql(f"list({value.text})")
        return Sql(f"CAST(coalesce(len(list_distinct(flatten({every}))), 0) AS DOUBLE)", Kind.NUMBER)
    return Sql(f"CAST({frame.sql(f'count(DISTINCT {value.text})')} AS DOUBLE)", Kind.NUMBER)


def _numbers(value: Sql) -> str:
    """Return the numbers of a multivalue."""
    return f"list_transform({value.text}, lambda spl_e: spl_num(spl_e))"


def _numeric(function: str) -> Callable[[Sql, Frame], Sql]:
    def apply(value: Sql, frame: Frame) -> Sql:
        if value.kind is Kind.MULTI:
            spread = _numbers(value)
            total = frame.sql(f"sum(list_sum({spread}))")
            if function == "sum":
                return Sql(f"spl_finite({total})", Kind.NUMBER)
            number = frame.sql(f"sum(list_count({spread}))")
            return Sql(f"spl_finite({total} / nullif({number}, 0))", Kind.NUMBER)
        return Sql(f"spl_finite({frame.sql(f'{function}({as_number(value)})')})", Kind.NUMBER)

    return apply


def _spread(value: Sql) -> str:
    """Return a number per row; a multivalue counts as its sum."""
    return f"list_sum({_numbers(value)})" if value.kind is Kind.MULTI else as_number(value)


def _deviation(function: str, *, sample: bool) -> Callable[[Sql, Frame], Sql]:
    """Deviations; of a single value that of a sample is 0, as Splunk has it."""

    def apply(value: Sql, frame: Frame) -> Sql:
        number = _spread(value)
        text = frame.sql(f"{function}({number})")
        if sample:
            text = f"CASE WHEN {frame.sql(f'count({number})')} = 1 THEN 0 ELSE {text} END"
        return Sql(f"spl_finite({text})", Kind.NUMBER)

    return apply


def _range(value: Sql, frame: Frame) -> Sql:
    number = _spread(value)
    return Sql(f"({frame.sql(f'max({number})')} - {frame.sql(f'min({number})')})", Kind.NUMBER)


def _sum_of_squares(value: Sql, frame: Frame) -> Sql:
    number = _spread(value)
    return Sql(f"spl_finite({frame.sql(f'sum({number} * {number})')})", Kind.NUMBER)


def _percentile(value: Sql, frame: Frame, percent: float) -> Sql:
    """Return a percentile, interpolated between the two nearest values.

    Source: Splunk Search Reference, "Aggregate functions", perc: perc50 of 1 to 10 is 5.5, perc95 is 9.55.
    """
    return Sql(frame.sql(f"quantile_cont({_spread(value)}, {percent / 100!r})"), Kind.NUMBER)


def _median(value: Sql, frame: Frame) -> Sql:
    """Return the middle value, of two the higher one: the lower one of the negated values.

    Source: Splunk Search Reference, "Aggregate functions", median.
    """
    return Sql(f"(-{frame.sql(f'quantile_disc(-{_spread(value)}, 0.5)')})", Kind.NUMBER)


def _mode(value: Sql, frame: Frame) -> Sql:
    if value.kind is Kind.MULTI:
        every = f"flatten({frame.sql(f'list({value.text})')})"
        counted = f"map_entries(list_aggregate({every}, 'histogram'))"
    else:
        counted = f"map_entries({frame.sql(f'histogram({as_text(value)})')})"
    ranked = f"list_sort(list_transform({counted}, lambda e: {{'n': -CAST(e.value AS BIGINT), 'k': e.key}}))"
    return Sql(f"({ranked})[1].k", Kind.TEXT)


def _extreme(function: str) -> Callable[[Sql, Frame], Sql]:
    """`min` and `max`: by number when every value is numeric, else by code point."""

    def apply(value: Sql, frame: Frame) -> Sql:
        if value.kind is Kind.NUMBER:
            return Sql(frame.sql(f"{function}({value.text})"), Kind.NUMBER)
        if value.kind is Kind.MULTI:
            spread = f"flatten({frame.sql(f'list({value.text})')})"
            numbers = f"list_transform({spread}, lambda spl_e: spl_num(spl_e))"
            whole = f"list_count({numbers}) = len({spread})"
            return Sql(
                f"(CASE WHEN {whole} THEN spl_text(list_{function}({numbers})) ELSE list_{function}({spread}) END)",
                Kind.TEXT,
            )
        text, number = as_text(value), as_number(value)
        whole = f"{frame.sql(f'count({text})')} = {frame.sql(f'count({number})')}"
        best = f"spl_text({frame.sql(f'{function}({number})')})"
        return Sql(f"(CASE WHEN {whole} THEN {best} ELSE {frame.sql(f'{function}({text})')} END)", Kind.TEXT)

    return apply


def _values(value: Sql, frame: Frame) -> Sql:
    if value.kind is Kind.MULTI:
        every = frame.sql(f"list({value.text})", f"{value.text} IS NOT NULL")
        return Sql(f"list_sort(list_distinct(flatten({every})))", Kind.MULTI)
    text = as_text(value)
    if frame.over:
        return Sql(f"spl_multi(list_sort(map_keys({frame.sql(f'histogram({text})')})))", Kind.MULTI)
    return Sql(frame.sql(f"list(DISTINCT {text} ORDER BY {text})", f"{text} IS NOT NULL"), Kind.MULTI)


def _list(value: Sql, frame: Frame) -> Sql:
    text = value.text if value.kind is Kind.MULTI else as_text(value)
    if frame.running:
        every = frame.sql(f"arg_min({text}, o_n, {LIST_LIMIT})")
    else:
        every = frame.sql(f"list({text}{frame.stage.order_by})", f"{text} IS NOT NULL")
    kept = f"flatten({every})" if value.kind is Kind.MULTI else every
    return Sql(f"({kept})[:{LIST_LIMIT}]", Kind.MULTI)


def _picked(direction: str | None, *, last: bool = False) -> Callable[[Sql, Frame], Sql]:
    """`first`, `last` by row order; `earliest`, `latest` by `_time`, ties by row order."""

    def apply(value: Sql, frame: Frame) -> Sql:
        if frame.running:
            return _picked_so_far(value, frame, direction, last=last)
        keys = [f"{key.column} {key.direction}" for key in frame.stage.order]
        if direction is not None:
            time = frame.stage.columns.get("_time")
            if time is None:
                return Sql("NULL::VARCHAR", Kind.TEXT)
            keys = [f"{time.text} {direction}", *keys]
        order = f" ORDER BY {', '.join(keys)}" if keys else ""
        present = f"{value.text} IS NOT NULL"
        if frame.over:
            place = -1 if last else 1
            return Sql(f"({frame.sql(f'list({value.text}{order})', present)})[{place}]", value.kind)
        return Sql(frame.sql(f"{'last' if last else 'first'}({value.text}{order})", present), value.kind)

    return apply


def _picked_so_far(value: Sql, frame: Frame, direction: str | None, *, last: bool) -> Sql:
    if direction is None:
        function = "last_value" if last else "first_value"
        return Sql(frame.sql(f"{function}({value.text} IGNORE NULLS)"), value.kind)
    time = frame.stage.columns.get("_time")
    if time is None:
        return Sql("NULL::VARCHAR", Kind.TEXT)
    way, never, place = (
        ("arg_min", "Infinity", "o_n") if direction == "ASC" else ("arg_max", "-Infinity", "-o_n")
    )
    key = f"ROW(coalesce({as_number(time)}, '{never}'::DOUBLE), {place})"
    return Sql(frame.sql(f"{way}({value.text}, {key})"), value.kind)


def _time_of(function: str) -> Callable[[Sql, Frame], Sql]:
    def apply(value: Sql, frame: Frame) -> Sql:
        time = frame.stage.columns.get("_time")
        if time is None:
            return Sql("NULL::DOUBLE", Kind.NUMBER)
        return Sql(frame.sql(f"{function}({as_number(time)})", f"{value.text} IS NOT NULL"), Kind.NUMBER)

    return apply


def _rate(value: Sql, frame: Frame) -> Sql:
    change = f"{as_number(_picked('DESC')(value, frame))} - {as_number(_picked('ASC')(value, frame))}"
    seconds = f"{_time_of('max')(value, frame).text} - {_time_of('min')(value, frame).text}"
    return Sql(f"spl_finite(({change}) / nullif({seconds}, 0))", Kind.NUMBER)


_FUNCTIONS: dict[str, Callable[[Sql, Frame], Sql]] = {
    "avg": _numeric("avg"),
    "count": _count,
    "dc": _distinct,
    "earliest": _picked("ASC"),
    "earliest_time": _time_of("min"),
    "estdc": _distinct,
    "first": _picked(None),
    "last": _picked(None, last=True),
    "latest": _picked("DESC"),
    "latest_time": _time_of("max"),
    "list": _list,
    "max": _extreme("max"),
    "median": _median,
    "min": _extreme("min"),
    "mode": _mode,
    "per_day": _numeric("sum"),
    "per_hour": _numeric("sum"),
    "per_minute": _numeric("sum"),
    "per_second": _numeric("sum"),
    "range": _range,
    "rate": _rate,
    "stdev": _deviation("stddev_samp", sample=True),
    "stdevp": _deviation("stddev_pop", sample=False),
    "sum": _numeric("sum"),
    "sumsq": _sum_of_squares,
    "values": _values,
    "var": _deviation("var_samp", sample=True),
    "varp": _deviation("var_pop", sample=False),
}

IMPLEMENTED = frozenset(_FUNCTIONS) | {"perc"}
"""Statistics that are compiled; a test compares them with what the parser accepts."""
