"""Commands that count and sum up: top, rare, addtotals, addcoltotals."""

from __future__ import annotations

from dataclasses import dataclass

from spl.clause import Clause, split_words
from spl.commands.aggregate import by_fields, group
from spl.errors import Span
from spl.plan import Command, Names
from spl.python_calls import Kind
from spl.sql_calls import as_multi
from spl.sql_text import text_literal
from spl.sql_values import NULL, Sql, as_number, as_text
from spl.stage import Builder, OrderKey, Stage
from spl.stat_functions import Aggregate
from spl.wildcards import chosen


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
