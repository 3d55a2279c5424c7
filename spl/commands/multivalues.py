"""Commands over fields with several values: makemv, mvexpand, mvcombine, nomv."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from spl.clause import Clause
from spl.errors import Span
from spl.plan import Command
from spl.python_calls import Kind
from spl.regexes import check_regex, compile_pcre, for_database, searching
from spl.sql_calls import as_multi
from spl.sql_text import text_literal
from spl.sql_values import NULL, Sql, as_text
from spl.stage import Builder, OrderKey, Stage
from spl.values import Value, to_text


@dataclass(frozen=True, slots=True)
class MakeMv(Command):
    """splits a field into several values."""

    name = "makemv"
    row_by_row: ClassVar[bool] = True
    field: str
    delim: str
    tokenizer: str | None
    allow_empty: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> MakeMv:
        """Read `makemv [delim=] [tokenizer=] [allowempty=] field`."""
        options, rest = clause.options("delim", "tokenizer", "allowempty", "setsv")
        tokenizer = options.get("tokenizer")
        if tokenizer is not None:
            check_regex(tokenizer.value, text=clause.text, span=tokenizer.span)
            if compile_pcre(tokenizer.value).groups < 1:
                raise clause.fail("the tokenizer has no group. Expected (…).", tokenizer.span)
        names = clause.fields(rest)
        if len(names) != 1:
            raise clause.fail("makemv takes one field.")
        return cls(
            names[0],
            options["delim"].value if "delim" in options else " ",
            tokenizer.value if tokenizer else None,
            clause.flag(options, "allowempty"),
            clause.span,
        )

    def reads(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Split the field; one without any value is missing."""
        value = stage.columns.get(self.field)
        if value is None or value.kind is Kind.NULL:
            return stage
        text = as_text(value)
        if self.tokenizer is not None:
            translated = for_database(self.tokenizer)
            if translated is None:
                install = builder.runtime.python.install
                call = install(("tokens", self.tokenizer), _tokens(self.tokenizer), [Kind.TEXT], Kind.MULTI)
                parts = f"{call}({text})"
            else:
                parts = f"regexp_extract_all({text}, {text_literal(translated)}, 1)"
        else:
            parts = f"string_split({text}, {text_literal(self.delim)})"
            if not self.allow_empty:
                parts = f"list_filter({parts}, lambda spl_e: spl_e <> '')"
        return builder.extend(stage, [(self.field, Sql(f"spl_multi({parts})", Kind.MULTI))])


def _tokens(pattern: str) -> Callable[[Value], Value]:
    compiled = compile_pcre(pattern)

    def find(value: Value) -> Value:
        text = to_text(value) or ""
        return searching(
            pattern, lambda timeout: [match[1] or "" for match in compiled.finditer(text, timeout=timeout)]
        )

    return find


@dataclass(frozen=True, slots=True)
class MvExpand(Command):
    """gives every value of a field a row of its own."""

    name = "mvexpand"
    field: str
    limit: int
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> MvExpand:
        """Read `mvexpand field [limit=]`."""
        options, rest = clause.options("limit")
        names = clause.fields(rest)
        if len(names) != 1:
            raise clause.fail("mvexpand takes one field.")
        return cls(names[0], clause.number(options, "limit", 0), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Expand; a row without the field stays one row."""
        value = stage.columns.get(self.field)
        if value is None or value.kind is not Kind.MULTI:
            return stage
        stage = builder.numbered(stage)
        limit = f"[:{self.limit}]" if self.limit else ""
        parts = f"coalesce({value.text}, [NULL::VARCHAR]){limit}"
        column, place = builder.column(), builder.column()
        select = f"SELECT *, unnest({parts}) AS {column}, generate_subscripts({parts}, 1) AS {place} FROM {stage.cte}"
        columns = {**stage.columns, self.field: Sql(column, Kind.TEXT)}
        return Stage(builder.add(select), columns, (*stage.order, OrderKey(place)))


@dataclass(frozen=True, slots=True)
class MvCombine(Command):
    """joins rows that differ in one field only; the field then has several values."""

    name = "mvcombine"
    field: str
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> MvCombine:
        """Read `mvcombine [delim=] field`."""
        _, rest = clause.options("delim")
        names = clause.fields(rest)
        if len(names) != 1:
            raise clause.fail("mvcombine takes one field.")
        return cls(names[0], clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return every field."""
        return (self.field, "*")

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Group by all other fields."""
        value = stage.columns.get(self.field)
        if value is None:
            return stage
        stage = builder.numbered(stage)
        others = [name for name in stage.columns if name != self.field]
        keys = ", ".join(stage.columns[name].text for name in others)
        column, first = builder.column(), builder.column()
        every = f"list({as_multi(value)} ORDER BY o_n) FILTER (WHERE {value.text} IS NOT NULL)"
        select = f"SELECT {f'{keys}, ' if keys else ''}flatten({every}) AS {column}, min(o_n) AS {first} FROM {stage.cte}"
        select += f" GROUP BY {keys}" if keys else ""
        columns = {**{name: stage.columns[name] for name in others}, self.field: Sql(column, Kind.MULTI)}
        return Stage(builder.add(select), columns, (OrderKey(first),))


@dataclass(frozen=True, slots=True)
class NoMv(Command):
    """joins the values of a field into one, by line ends."""

    name = "nomv"
    row_by_row: ClassVar[bool] = True
    field: str
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> NoMv:
        """Read `nomv field`."""
        names = clause.fields(clause.arguments())
        if len(names) != 1:
            raise clause.fail("nomv takes one field.")
        return cls(names[0], clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Join the values."""
        value = stage.columns.get(self.field, NULL)
        if value.kind is not Kind.MULTI:
            return stage
        return builder.extend(stage, [(self.field, Sql(as_text(value), Kind.TEXT))])
