"""Commands that summarise rows: stats, eventstats, streamstats, top, rare, addtotals, addcoltotals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from spl.clause import Clause, split_words
from spl.errors import Span
from spl.expr import Expr, field_names, is_condition
from spl.lex import Token
from spl.plan import Command, Names
from spl.python_calls import Kind
from spl.sql_calls import as_multi
from spl.sql_expr import compile_expression
from spl.sql_text import text_literal
from spl.sql_values import NULL, Sql, as_bool, as_number, as_text
from spl.stage import Builder, OrderKey, Stage
from spl.stat_functions import PER_SECONDS, Aggregate, Frame, compile_aggregate, expanded, parse_aggregates
from spl.timerange import SECONDS, parse_span
from spl.wildcards import chosen

_IGNORED = ("allnum", "delim", "partitions", "dedup_splitvals", "prestats", "chunk_size")


def by_fields(clause: Clause, tokens: list[Token]) -> tuple[str, ...]:
    """Read the fields after BY."""
    names = clause.fields(tokens)
    for token in tokens:
        if "*" in token.value:
            raise clause.unsupported("wildcard in BY.", token.span)
    return names


@dataclass(frozen=True, slots=True)
class Stats(Command):
    """aggregates the rows, by the values of fields where BY names some."""

    name = "stats"
    aggregates: tuple[Aggregate, ...]
    by: tuple[str, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Stats:
        """Read `stats function(field) [AS name] … [BY fields]`."""
        aggregates, by, _ = read_statistics(clause, "stats")
        return cls(aggregates, by, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the fields that are aggregated or grouped by."""
        return (*(name for aggregate in self.aggregates for name in aggregate.reads()), *self.by)

    def makes(self) -> tuple[str, ...]:
        """Return the names of the statistics."""
        return tuple(aggregate.name for aggregate in self.aggregates)

    def output(self, names: Names) -> Names:
        """Return the statistics and the BY fields."""
        if names is None and any("*" in (aggregate.field or "") for aggregate in self.aggregates):
            return None
        return {*self.makes(), *self.by}

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Aggregate."""
        return group(builder, stage, self.aggregates, self.by)


def read_statistics(
    clause: Clause, command: str, *known: str
) -> tuple[tuple[Aggregate, ...], tuple[str, ...], dict[str, Token]]:
    """Read statistics, the BY fields, and options that stand before."""
    options, tokens = leading_options(clause, clause.arguments(), *known, *_IGNORED)
    parts = split_words(tokens, "by")
    if "by" in parts and not parts["by"]:
        raise clause.fail("no field is named. Expected field names.")
    trailing = parts.get("by", [])
    later, rest = leading_options(clause, trailing, *known, *_IGNORED, anywhere=True)
    by = by_fields(clause, rest) if rest else ()
    return parse_aggregates(clause, parts[""], command), by, options | later


def leading_options(
    clause: Clause, tokens: list[Token], *known: str, anywhere: bool = False
) -> tuple[dict[str, Token], list[Token]]:
    """Split `name=value` pairs off, at the start or anywhere."""
    options: dict[str, Token] = {}
    rest: list[Token] = []
    index = 0
    while index < len(tokens):
        if index + 2 < len(tokens) and tokens[index + 1].text == "=" and (anywhere or not rest):
            name = tokens[index].value.lower()
            if name not in known:
                raise clause.unsupported(f"option {name!r}.", tokens[index].span, tuple(sorted(known)))
            options[name] = tokens[index + 2]
            index += 3
            continue
        rest.append(tokens[index])
        index += 1
    return options, rest


def group(
    builder: Builder,
    stage: Stage,
    aggregates: Iterable[Aggregate],
    by: tuple[str, ...],
    *,
    keep_null: bool = False,
) -> Stage:
    """Return one row for each combination of the BY values, in their order; rows without one are dropped."""
    stage = unnest(builder, stage, by)
    keys = [(name, stage.columns.get(name, NULL)) for name in dict.fromkeys(by)]
    columns: dict[str, Sql] = {}
    items: list[str] = []
    for name, value in keys:
        column = builder.column()
        items.append(f"{value.text if value.kind is not Kind.NULL else 'NULL::VARCHAR'} AS {column}")
        columns[name] = Sql(column, Kind.TEXT if value.kind is Kind.NULL else value.kind)
    for aggregate in expanded(aggregates, stage, by):
        value = compile_aggregate(builder, Frame(stage), aggregate)
        column = builder.column()
        items.append(f"{value.text} AS {column}")
        columns[aggregate.name] = Sql(column, value.kind)
    if not items:
        return Stage(builder.add(f"SELECT 1 FROM {stage.cte} WHERE FALSE"), {}, ())
    select = f"SELECT {', '.join(items)} FROM {stage.cte}"
    if keys:
        select += _grouping(builder, keys, keep_null=keep_null)
    order = tuple(key for name, _ in keys for key in sort_by(columns[name]))
    return Stage(builder.add(select), columns, order)


def sort_by(value: Sql) -> tuple[OrderKey, ...]:
    """Return the order of BY values: numbers by value, then texts by code point."""
    return (OrderKey(value.text),)


def _grouping(builder: Builder, keys: list[tuple[str, Sql]], *, keep_null: bool) -> str:
    text = ""
    if not keep_null:
        stored = [f"{value.text} IS NOT NULL" for _, value in keys if value.text not in builder.computed]
        text += f" WHERE {' AND '.join(stored)}" if stored else ""
    text += f" GROUP BY {', '.join(str(index) for index in range(1, len(keys) + 1))}"
    if not keep_null:
        computed = [f"count({value.text}) > 0" for _, value in keys if value.text in builder.computed]
        text += f" HAVING {' AND '.join(computed)}" if computed else ""
    return text


def unnest(builder: Builder, stage: Stage, by: Iterable[str]) -> Stage:
    """Give every value of a multivalue BY field a row of its own."""
    for name in by:
        value = stage.columns.get(name, NULL)
        if value.kind is Kind.MULTI:
            stage = builder.extend(stage, [(name, Sql(f"unnest({value.text})", Kind.TEXT))])
    return stage


@dataclass(frozen=True, slots=True)
class EventStats(Command):
    """adds statistics over all rows, or over those with the same BY values, to every row."""

    name = "eventstats"
    row_by_row: ClassVar[bool] = True
    aggregates: tuple[Aggregate, ...]
    by: tuple[str, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> EventStats:
        """Read `eventstats function(field) [AS name] … [BY fields]`."""
        aggregates, by, _ = read_statistics(clause, "eventstats")
        return cls(aggregates, by, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the fields that are aggregated or grouped by."""
        return (*(name for aggregate in self.aggregates for name in aggregate.reads()), *self.by)

    def makes(self) -> tuple[str, ...]:
        """Return the names of the statistics."""
        return tuple(aggregate.name for aggregate in self.aggregates)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Add the statistics; a row without a BY value gets none."""
        values = [stage.columns.get(name, NULL) for name in self.by]
        known = [value.text for value in values if value.kind is not Kind.NULL]
        partition = f"PARTITION BY {', '.join(known)}" if known else ""
        present = " AND ".join(
            "FALSE" if value.kind is Kind.NULL else f"{value.text} IS NOT NULL" for value in values
        )
        added = []
        for aggregate in expanded(self.aggregates, stage, self.by):
            value = compile_aggregate(builder, Frame(stage, f" OVER ({partition})"), aggregate)
            text = f"CASE WHEN {present} THEN {value.text} END" if present else value.text
            added.append((aggregate.name, Sql(text, value.kind)))
        return builder.extend(stage, added)


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
            value = compile_aggregate(builder, Frame(stage, over), aggregate)
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
    """Take `reset_before="(…)"` and `reset_after="(…)"` out of the arguments: their values are expressions."""
    found: dict[str, Expr] = {}
    text = clause.text
    tokens = clause.arguments()
    for index, token in enumerate(tokens):
        name = token.value.lower()
        if name not in {"reset_before", "reset_after"} or index + 2 >= len(tokens):
            continue
        value = tokens[index + 2]
        if value.kind == "string":
            start, end = value.span.start + 1, value.span.end - 1
            last = value
        elif value.kind == "lparen":
            last = _matching(clause, tokens, index + 2)
            start, end = value.span.start, last.span.end
        else:
            raise clause.fail(f"{name} cannot be read. Expected {name}=(expression).", value.span)
        expr = clause.whole_expression(start, end)
        if not is_condition(expr):
            raise clause.unsupported(f"{name} with an expression that is no condition.", expr.span)
        found[name] = expr
        blank = " " * (last.span.end - token.span.start)
        text = text[: token.span.start] + blank + text[last.span.end :]
    return replace(clause, text=text), found


def _matching(clause: Clause, tokens: list[Token], start: int) -> Token:
    depth = 0
    for token in tokens[start:]:
        depth += (token.kind == "lparen") - (token.kind == "rparen")
        if depth == 0:
            return token
    raise clause.fail("( is never closed.", tokens[start].span)


@dataclass(frozen=True, slots=True)
class Top(Command):
    """counts the most frequent values, 10 unless told, with their share; `rare` the least frequent."""

    name = "top"
    fields: tuple[str, ...]
    by: tuple[str, ...]
    limit: int
    rarest: bool
    count_field: str | None
    percent_field: str | None
    other: str | None
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Top:
        """Read `top [n] [options] fields [BY fields]`."""
        return read_top(clause, rarest=False)

    def reads(self) -> tuple[str, ...]:
        """Return the counted fields."""
        return (*self.fields, *self.by)

    def makes(self) -> tuple[str, ...]:
        """Return the counts and shares."""
        return tuple(name for name in (self.count_field, self.percent_field) if name)

    def output(self, names: Names) -> Names:
        """Return the fields, the count and the share."""
        return {*self.fields, *self.by, *self.makes()}

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Count, rank and cut."""
        names = (*self.by, *self.fields)
        counter = Aggregate("count", None, None, "\0count", self.span)
        counted = group(builder, stage, [counter], names)
        by = [counted.columns[name].text for name in dict.fromkeys(self.by)]
        partition = f"PARTITION BY {', '.join(by)} " if by else ""
        number = counted.columns["\0count"].text
        values = ", ".join(counted.columns[name].text for name in dict.fromkeys(self.fields))
        direction = "ASC" if self.rarest else "DESC"
        rank, share = builder.column(), builder.column()
        total = f"sum({number}) OVER ({partition.strip()})"
        select = (
            f"SELECT *, {number} * 100 / {total} AS {share}, "
            f"row_number() OVER ({partition}ORDER BY {number} {direction}, {values}) AS {rank} FROM {counted.cte}"
        )
        cte = builder.add(select)
        if self.limit:
            cte = builder.add(self._cut(cte, counted, by, rank, share))
        columns = {name: counted.columns[name] for name in dict.fromkeys(names)}
        if self.count_field:
            columns[self.count_field] = counted.columns["\0count"]
        if self.percent_field:
            columns[self.percent_field] = Sql(share, Kind.NUMBER)
        return Stage(cte, columns, (*(OrderKey(column) for column in by), OrderKey(rank)))

    def _cut(self, cte: str, counted: Stage, by: list[str], rank: str, share: str) -> str:
        kept = f"SELECT * FROM {cte} WHERE {rank} <= {self.limit}"
        if self.other is None:
            return kept
        number = counted.columns["\0count"].text
        grouped = [*by]
        others = [
            f"{text_literal(self.other)} AS {counted.columns[name].text}"
            for name in dict.fromkeys(self.fields)
        ]
        sums = f"sum({number}) AS {number}, sum({share}) AS {share}, max({rank}) + 1 AS {rank}"
        rest = f"SELECT {', '.join([*grouped, *others])}, {sums} FROM {cte} WHERE {rank} > {self.limit}"
        rest += f" GROUP BY {', '.join(grouped)}" if grouped else " HAVING count(*) > 0"
        return f"{kept} UNION ALL BY NAME {rest}"


def read_top(clause: Clause, *, rarest: bool) -> Top:
    """Read `top` or `rare`."""
    options, rest = clause.options(
        "limit", "countfield", "percentfield", "showcount", "showperc", "useother", "otherstr", "maxreturn"
    )
    limit = clause.number(options, "limit", 10)
    if rest and rest[0].value.isdigit():
        limit = clause.whole(rest.pop(0), "limit")
    parts = split_words(rest, "by")
    other = options["otherstr"].value if "otherstr" in options else "OTHER"
    shows = {
        name: clause.flag(options, flag, default=True)
        for name, flag in (("count", "showcount"), ("percent", "showperc"))
    }
    count = options["countfield"].value if "countfield" in options else "count"
    percent = options["percentfield"].value if "percentfield" in options else "percent"
    return (Rare if rarest else Top)(
        clause.fields(parts[""]),
        by_fields(clause, parts["by"]) if "by" in parts else (),
        limit,
        rarest,
        count if shows["count"] else None,
        percent if shows["percent"] else None,
        other if clause.flag(options, "useother") else None,
        clause.span,
    )


@dataclass(frozen=True, slots=True)
class Rare(Top):
    """counts the least frequent values, 10 unless told, with their share."""

    name = "rare"

    @classmethod
    def parse(cls, clause: Clause) -> Top:
        """Read `rare [n] [options] fields [BY fields]`."""
        return read_top(clause, rarest=True)


@dataclass(frozen=True, slots=True)
class AddTotals(Command):
    """adds the sum of the numeric fields of each row, and with col=t a row of sums."""

    name = "addtotals"
    fields: tuple[str, ...]
    row: bool
    col: bool
    total: str
    label_field: str | None
    label: str
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> AddTotals:
        """Read `addtotals [row=] [col=] [labelfield=] [label=] [fieldname=] [fields]`."""
        options, rest = clause.options("row", "col", "labelfield", "label", "fieldname")
        return cls(
            clause.fields(rest) if rest else ("*",),
            clause.flag(options, "row", default=True),
            clause.flag(options, "col"),
            options["fieldname"].value if "fieldname" in options else "Total",
            options["labelfield"].value if "labelfield" in options else None,
            options["label"].value if "label" in options else "Total",
            clause.span,
        )

    def reads(self) -> tuple[str, ...]:
        """Return the fields that are summed."""
        return self.fields

    def makes(self) -> tuple[str, ...]:
        """Return the total and the label."""
        label = (self.label_field,) if self.label_field and self.col else ()
        return ((self.total,) if self.row else ()) + label

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Add the column, then the row."""
        if self.row:
            numbers = [as_number(stage.columns[name]) for name in chosen(stage.columns, self.fields)]
            total = " + ".join(f"coalesce({number}, 0)" for number in numbers) or "0"
            stage = builder.extend(stage, [(self.total, Sql(f"CAST({total} AS DOUBLE)", Kind.NUMBER))])
        return _with_sums(builder, stage, self) if self.col else stage


def _with_sums(builder: Builder, stage: Stage, command: AddTotals) -> Stage:
    """Append a row that holds the sum of every numeric column."""
    stage = builder.numbered(stage)
    summed = {*chosen(stage.columns, command.fields), *([command.total] if command.row else [])}
    columns: dict[str, Sql] = {}
    shown, sums = [], []
    names = list(stage.columns)
    if command.label_field and command.label_field not in names:
        names.append(command.label_field)
    for name in names:
        value = stage.columns.get(name, NULL)
        column, total = builder.column(), f"sum({as_number(value)})"
        if name == command.label_field:
            shown.append(f"{as_text(value)} AS {column}")
            sums.append(f"{text_literal(command.label)} AS {column}")
            kind = Kind.TEXT
        elif value.kind is Kind.NUMBER:
            shown.append(f"{value.text} AS {column}")
            sums.append(f"{total if name in summed else 'NULL::DOUBLE'} AS {column}")
            kind = Kind.NUMBER
        else:
            multi = value.kind is Kind.MULTI
            text = f"spl_text({total})" if name in summed else "NULL::VARCHAR"
            shown.append(f"{as_multi(value) if multi else as_text(value)} AS {column}")
            sums.append(f"{'NULL::VARCHAR[]' if multi else text} AS {column}")
            kind = value.kind
        columns[name] = Sql(column, kind)
    select = (
        f"SELECT {', '.join(shown)}, o_n FROM {stage.cte} UNION ALL "
        f"SELECT {', '.join(sums)}, coalesce(max(o_n), 0) + 1 FROM {stage.cte}"
    )
    return Stage(builder.add(select), columns, (OrderKey("o_n"),))


@dataclass(frozen=True, slots=True)
class AddColTotals(AddTotals):
    """adds a row of sums."""

    name = "addcoltotals"

    @classmethod
    def parse(cls, clause: Clause) -> AddTotals:
        """Read `addcoltotals [labelfield=] [label=] [fields]`."""
        options, rest = clause.options("labelfield", "label")
        return cls(
            clause.fields(rest) if rest else ("*",),
            row=False,
            col=True,
            total="Total",
            label_field=options["labelfield"].value if "labelfield" in options else None,
            label=options["label"].value if "label" in options else "Total",
            span=clause.span,
        )


def per_span(aggregate: Aggregate, value: Sql, seconds: float) -> Sql:
    """Return a rate of `timechart`: its sum over the seconds of a bin, in its unit."""
    unit = PER_SECONDS.get(aggregate.function)
    return value if unit is None else Sql(f"({value.text} * {unit} / {seconds!r})", Kind.NUMBER)
