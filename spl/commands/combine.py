"""Commands that bring other rows in: append, appendcols, appendpipe, join, union, multisearch, format, return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spl.clause import Clause
from spl.commands.values import union_columns
from spl.errors import Span
from spl.plan import Command, Generator, Names, Search, output_fields
from spl.python_calls import Kind
from spl.sql_calls import as_multi
from spl.sql_values import NULL, Sql, as_text, cast, unify
from spl.stage import Builder, OrderKey, Stage

APPEND_LIMIT = 50_000
"""Rows that append and join take from a subsearch, as Splunk's limits.conf has it."""


def stacked(builder: Builder, stages: list[Stage]) -> Stage:
    """Return the rows of several stages, one after another."""
    numbered = [builder.numbered(stage) for stage in stages]
    lists, columns = union_columns(builder, numbered)
    source, place = builder.column(), builder.column()
    selects = [
        f"SELECT {f'{items}, ' if items else ''}{number} AS {source}, o_n AS {place} FROM {stage.cte}"
        for number, (items, stage) in enumerate(zip(lists, numbered, strict=True))
    ]
    return Stage(builder.add(" UNION ALL ".join(selects)), columns, (OrderKey(source), OrderKey(place)))


def _both(names: Names, *searches: Search) -> Names:
    """Return the fields of the rows and of the subsearches together."""
    for search in searches:
        found = output_fields(search)
        if names is None or found is None:
            return None
        names = names | found
    return names


_SUB_OPTIONS = ("maxout", "maxtime", "timeout", "extendtimerange")


@dataclass(frozen=True, slots=True)
class Append(Command):
    """adds the rows of a subsearch behind the others."""

    name = "append"
    search: Search
    limit: int
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Append:
        """Read `append [maxout=] [ search … ]`."""
        options, rest = clause.options(*_SUB_OPTIONS)
        search = clause.subsearch(rest, "append")
        clause.nothing_left(rest)
        return cls(search, clause.number(options, "maxout", APPEND_LIMIT, least=1), clause.span)

    def searches(self) -> tuple[Search, ...]:
        """Return the subsearch."""
        return (self.search,)

    def output(self, names: Names) -> Names:
        """Return the fields of both."""
        return _both(names, self.search)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Run the subsearch and stack the rows."""
        added, _ = builder.subsearch(self.search, self.limit, "append")
        return stacked(builder, [stage, added])


@dataclass(frozen=True, slots=True)
class AppendPipe(Command):
    """adds what a pipeline makes of the rows behind them."""

    name = "appendpipe"
    commands: tuple[Command, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> AppendPipe:
        """Read `appendpipe [ command … ]`."""
        _, rest = clause.options("run_in_preview")
        if len(rest) != 1 or rest[0].kind != "subsearch":
            raise clause.fail("appendpipe needs one pipeline. Expected [ stats … ].")
        return cls(clause.parse_commands(rest[0].value), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return what the pipeline reads."""
        return tuple(name for command in self.commands for name in command.reads())

    def output(self, names: Names) -> Names:
        """Return the fields of both."""
        after = names
        for command in self.commands:
            after = command.output(after)
        return None if names is None or after is None else names | after

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Run the pipeline over the rows and stack both."""
        kept, _ = builder.keep(stage)
        added = kept
        for command in self.commands:
            added = command.apply(builder, added)
        return stacked(builder, [kept, added])


@dataclass(frozen=True, slots=True)
class AppendCols(Command):
    """adds the fields of a subsearch, row beside row."""

    name = "appendcols"
    search: Search
    override: bool
    limit: int
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> AppendCols:
        """Read `appendcols [override=] [ search … ]`."""
        options, rest = clause.options("override", *_SUB_OPTIONS)
        search = clause.subsearch(rest, "appendcols")
        clause.nothing_left(rest)
        limit = clause.number(options, "maxout", APPEND_LIMIT, least=1)
        return cls(search, clause.flag(options, "override"), limit, clause.span)

    def searches(self) -> tuple[Search, ...]:
        """Return the subsearch."""
        return (self.search,)

    def output(self, names: Names) -> Names:
        """Return the fields of both."""
        return _both(names, self.search)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Run the subsearch and join by the place of the row."""
        added, _ = builder.subsearch(self.search, self.limit, "appendcols")
        left, right = builder.numbered(stage), builder.numbered(added)
        items: list[str] = []
        columns: dict[str, Sql] = {}
        for name in dict.fromkeys([*left.columns, *right.columns]):
            values = [
                Sql(f"{side}.{own.columns[name].text}", own.columns[name].kind)
                for side, own in (("l", left), ("r", right))
                if name in own.columns
            ]
            first = values[-1:] if self.override else values[:1]
            chosen = [*first, *(value for value in values if value not in first)]
            items.append(_merged(builder, columns, name, chosen))
        place = builder.column()
        select = (
            f"SELECT {', '.join(items)}, coalesce(l.o_n, r.o_n) AS {place} "
            f"FROM {left.cte} l FULL JOIN {right.cte} r ON l.o_n = r.o_n"
        )
        return Stage(builder.add(select), columns, (OrderKey(place),))


def _merged(builder: Builder, columns: dict[str, Sql], name: str, values: list[Sql]) -> str:
    """Add a column that holds the first value that is present."""
    kind = unify(values)
    column = builder.column()
    columns[name] = Sql(column, kind)
    texts = [cast(value, kind) for value in values]
    return f"{texts[0] if len(texts) == 1 else f'coalesce({chr(44).join(texts)})'} AS {column}"


@dataclass(frozen=True, slots=True)
class Join(Command):
    """adds the fields of the rows of a subsearch that have the same values."""

    name = "join"
    keys: tuple[str, ...]
    search: Search
    kind: Literal["inner", "left"]
    most: int
    overwrite: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Join:
        """Read `join [type=] [max=] [overwrite=] [fields] [ search … ]`."""
        options, rest = clause.options(
            "type", "max", "overwrite", "usetime", "earlier", "keepsingle", "left", "right"
        )
        for name in ("usetime", "earlier", "left", "right"):
            if name in options and (name != "usetime" or clause.flag(options, name)):
                raise clause.unsupported(f"join {name}=.", options[name].span, ("type", "max", "overwrite"))
        search = clause.subsearch(rest, "join")
        kind = clause.choice(options, "type", "inner", ("inner", "left", "outer"))
        return cls(
            clause.fields(rest) if rest else (),
            search,
            "inner" if kind == "inner" else "left",
            clause.number(options, "max", 1),
            clause.flag(options, "overwrite", default=True),
            clause.span,
        )

    def reads(self) -> tuple[str, ...]:
        """Return the keys; without any, all fields can be keys."""
        return self.keys or ("*",)

    def searches(self) -> tuple[Search, ...]:
        """Return the subsearch."""
        return (self.search,)

    def output(self, names: Names) -> Names:
        """Return the fields of both."""
        return _both(names, self.search)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Run the subsearch and join; with max=1 the first of its rows for a key counts."""
        added, _ = builder.subsearch(self.search, APPEND_LIMIT, "join")
        common = [name for name in stage.columns if name in added.columns and not name.startswith("_")]
        keys = list(self.keys) or common
        if not keys or any(name not in stage.columns or name not in added.columns for name in keys):
            return stage if self.kind == "left" else builder.filter(stage, "FALSE")
        left, right = builder.numbered(stage), builder.numbered(added)
        partition = ", ".join(as_text(right.columns[name]) for name in keys)
        right_cte = right.cte
        if self.most:
            ranked = f"row_number() OVER (PARTITION BY {partition} ORDER BY o_n) <= {self.most}"
            right_cte = builder.add(f"SELECT * FROM {right.cte} QUALIFY {ranked}")
        same = " AND ".join(
            f"{as_text(_of('l', left.columns[name]))} = {as_text(_of('r', right.columns[name]))}"
            for name in keys
        )
        items: list[str] = []
        columns: dict[str, Sql] = {}
        for name in dict.fromkeys([*left.columns, *right.columns]):
            mine = [_of("l", left.columns[name])] if name in left.columns else []
            other = [_of("r", right.columns[name])] if name in right.columns and name not in keys else []
            values = [*other, *mine] if self.overwrite and not name.startswith("_") else [*mine, *other]
            items.append(_merged(builder, columns, name, values))
        first, second = builder.column(), builder.column()
        how = "JOIN" if self.kind == "inner" else "LEFT JOIN"
        select = (
            f"SELECT {', '.join(items)}, l.o_n AS {first}, r.o_n AS {second} "
            f"FROM {left.cte} l {how} {right_cte} r ON {same}"
        )
        return Stage(builder.add(select), columns, (OrderKey(first), OrderKey(second)))


def _of(side: str, value: Sql) -> Sql:
    return Sql(f"{side}.{value.text}", value.kind)


@dataclass(frozen=True, slots=True)
class Union(Generator):
    """puts the rows of several searches together."""

    name = "union"
    parts: tuple[Search, ...]
    first: bool
    """Whether it begins the search; else the rows before it come first."""
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Union:
        """Read `union [ search … ] [ search … ]`."""
        _, rest = clause.options(*_SUB_OPTIONS)
        parts = clause.subsearches(rest)
        if rest:
            raise clause.unsupported("union with a named dataset.", rest[0].span, ("[ search … ]",))
        if not parts:
            raise clause.fail("union needs subsearches. Expected [ search … ] [ search … ].")
        return cls(parts, first=clause.is_first, span=clause.span)

    def searches(self) -> tuple[Search, ...]:
        """Return the subsearches."""
        return self.parts

    def output(self, names: Names) -> Names:
        """Return the fields of all."""
        return _both(set() if self.first else names, *self.parts)

    def generate(self, builder: Builder) -> Stage:
        """Run the subsearches; events come newest first, as from one search."""
        return self.apply(builder, Stage("", {}, ()))

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Stack the rows; events are ordered by time again."""
        before = [] if self.first else [stage]
        found = [builder.subsearch(part, APPEND_LIMIT, "union")[0] for part in self.parts]
        rows = stacked(builder, [*before, *found])
        return by_time(rows) if self.first else rows


def by_time(stage: Stage) -> Stage:
    """Return events newest first, where all have a time."""
    time = stage.columns.get("_time")
    if time is None or time.kind is not Kind.NUMBER:
        return stage
    return Stage(stage.cte, stage.columns, (OrderKey(time.text, "DESC NULLS LAST"), *stage.order))


@dataclass(frozen=True, slots=True)
class MultiSearch(Union):
    """runs several searches and puts their events together."""

    name = "multisearch"

    @classmethod
    def parse(cls, clause: Clause) -> Union:
        """Read `multisearch [ search … ] [ search … ]`."""
        rest = clause.arguments()
        parts = clause.subsearches(rest)
        clause.nothing_left(rest)
        if len(parts) < 2:
            raise clause.fail("multisearch needs at least two subsearches.")
        return cls(parts, first=True, span=clause.span)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Stack the events of all searches, without a limit."""
        found = []
        for part in self.parts:
            inner, inner_stage = builder.runtime.run_pipeline(builder.runtime, part)
            found.append(inner.keep(inner_stage)[0])
        return by_time(stacked(builder, found))


@dataclass(frozen=True, slots=True)
class SetCommand(Generator):
    """combines the rows of two searches: union, diff or intersect."""

    name = "set"
    kind: str
    parts: tuple[Search, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> SetCommand:
        """Read `set union|diff|intersect [ search … ] [ search … ]`."""
        rest = clause.arguments()
        parts = clause.subsearches(rest)
        kind = rest[0].value.lower() if rest else ""
        if kind not in {"union", "diff", "intersect"} or len(rest) != 1 or len(parts) != 2:
            raise clause.fail("set cannot be read. Expected union, diff or intersect and two subsearches.")
        return cls(kind, parts, clause.span)

    def searches(self) -> tuple[Search, ...]:
        """Return the subsearches."""
        return self.parts

    def output(self, names: Names) -> Names:
        """Return the fields of both."""
        return _both(set(), *self.parts)

    def generate(self, builder: Builder) -> Stage:
        """Run both searches and compare whole rows; internal fields do not count."""
        stages = [builder.subsearch(part, APPEND_LIMIT, "set")[0] for part in self.parts]
        stages = [
            Stage(s.cte, {n: v for n, v in s.columns.items() if not n.startswith("_")}, s.order)
            for s in stages
        ]
        lists, columns = union_columns(builder, stages)
        one, two = (
            f"SELECT {items or '1'} FROM {stage.cte}" for items, stage in zip(lists, stages, strict=True)
        )
        either = {
            "union": f"({one}) UNION ({two})",
            "intersect": f"({one}) INTERSECT ({two})",
            "diff": f"(({one}) EXCEPT ({two})) UNION (({two}) EXCEPT ({one}))",
        }[self.kind]
        order = tuple(OrderKey(value.text) for value in columns.values())
        return Stage(builder.add(either), columns, order)


@dataclass(frozen=True, slots=True)
class Format(Command):
    """writes the rows as one search condition in the field search."""

    name = "format"
    words: tuple[str, str, str, str, str, str]
    most: int
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Format:
        """Read `format [maxresults=] ["(" "(" "AND" ")" "OR" ")"]`."""
        options, rest = clause.options("maxresults", "emptystr", "mvsep")
        words = tuple(token.value for token in rest) or ("(", "(", "AND", ")", "OR", ")")
        if len(words) != 6:
            raise clause.fail('format takes six texts. Expected "(" "(" "AND" ")" "OR" ")".')
        return cls(words, clause.number(options, "maxresults", 0), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return every field."""
        return ("*",)

    def output(self, names: Names) -> Names:
        """Return the condition."""
        return {"search"}

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Write the condition."""
        names = [name for name in stage.columns if not name.startswith("_")]
        limit = f" LIMIT {self.most}" if self.most else ""
        cells = [as_multi(stage.columns[name]) for name in names]
        rows = builder.runtime.rows(
            builder.statement(f"SELECT {', '.join(cells) or '1'} FROM {stage.cte}{stage.order_by}{limit}")
        )
        start, row_start, both, row_end, either, end = self.words
        shown = []
        for row in rows if names else []:
            pairs = [
                quoted_pair(name, value)
                for name, cell in zip(names, row, strict=True)
                for value in cell or ()
            ]
            if pairs:
                shown.append(f"{row_start} {f' {both} '.join(pairs)} {row_end}")
        text = f"{start} {f' {either} '.join(shown)} {end}" if shown else "NOT ( )"
        return builder.runtime.values_table({"search": Kind.TEXT}, [(text,)])


def quoted_pair(name: str, value: str) -> str:
    r"""Return a term of a search condition.

    >>> quoted_pair("user", 'a"b')
    'user="a\\\\"b"'
    """
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    shown = f'"{name}"' if any(char in name for char in ' ="()') else name
    return f'{shown}="{escaped}"'


@dataclass(frozen=True, slots=True)
class Return(Command):
    """gives the first row, or the first n, of a subsearch as a condition or as plain values."""

    name = "return"
    count: int
    fields: tuple[tuple[str, str, bool], ...]
    """New name, field, whether its bare value is meant."""
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Return:
        """Read `return [n] field | name=field | $field …`."""
        tokens = clause.arguments()
        count = clause.whole(tokens.pop(0), "return", least=1) if tokens and tokens[0].value.isdigit() else 1
        fields: list[tuple[str, str, bool]] = []
        index = 0
        while index < len(tokens):
            token = tokens[index]
            if token.kind == "comma":
                index += 1
            elif index + 2 < len(tokens) and tokens[index + 1].text == "=":
                fields.append((token.value, tokens[index + 2].value, False))
                index += 3
            else:
                bare = token.value.startswith("$")
                name = token.value.removeprefix("$")
                fields.append((name, name, bare))
                index += 1
        if not fields:
            raise clause.fail("return names no field. Expected field, name=field or $field.")
        return cls(count, tuple(fields), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the fields."""
        return tuple(field for _, field, _ in self.fields)

    def output(self, names: Names) -> Names:
        """Return the condition."""
        return {"search"}

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Write the condition of the first rows."""
        cells = [as_text(stage.columns.get(field, NULL)) for _, field, _ in self.fields]
        rows = builder.runtime.rows(
            builder.statement(
                f"SELECT {', '.join(cells)} FROM {stage.cte}{stage.order_by} LIMIT {self.count}"
            )
        )
        shown = []
        for row in rows:
            parts = [
                value if bare else quoted_pair(name, value)
                for (name, _, bare), value in zip(self.fields, row, strict=True)
                if value is not None
            ]
            if parts:
                shown.append(f"({' '.join(parts)})")
        found = [(" OR ".join(shown),)] if shown else []
        return builder.runtime.values_table({"search": Kind.TEXT}, found)
