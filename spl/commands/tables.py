"""Commands that turn tables: xyseries, untable, transpose, makecontinuous, fieldsummary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from spl.clause import Clause
from spl.commands.bins import read_span
from spl.commands.pivot import MOST_SERIES, spread
from spl.commands.timechart import MOST_BINS
from spl.errors import Span
from spl.plan import Command, Names
from spl.python_calls import Kind
from spl.sql_text import text_literal
from spl.sql_values import NULL, Sql, as_number, as_text
from spl.stage import Builder, OrderKey, Stage
from spl.timerange import bin_starts
from spl.values import to_text
from spl.wildcards import chosen


@dataclass(frozen=True, slots=True)
class XySeries(Command):
    """turns the values of a field into columns: `xyseries row column value`."""

    name = "xyseries"
    row: str
    column: str
    values: tuple[str, ...]
    pattern: str
    """Name of a column: `$AGG$` stands for the value field, `$VAL$` for the column's value."""
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> XySeries:
        """Read `xyseries [sep=] [format=] row column value …`."""
        options, rest = clause.options("sep", "format", "grouped")
        names = clause.fields(rest)
        if len(names) < 3:
            raise clause.fail("xyseries cannot be read. Expected a row, a column and a value field.")
        separator = options["sep"].value if "sep" in options else ": "
        usual = f"$AGG${separator}$VAL$" if len(names) > 3 else "$VAL$"
        pattern = options["format"].value if "format" in options else usual
        return cls(names[0], names[1], names[2:], pattern, clause.span)

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
        cells = [(self._name(source, value), source, value) for source in self.values for value in values]
        made = spread(builder, table, self.row, self.column, cells)
        return replace(made, order=(OrderKey(made.columns[self.row].text),))

    def _name(self, source: str, value: str) -> str:
        return self.pattern.replace("$AGG$", source).replace("$VAL$", value)


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
