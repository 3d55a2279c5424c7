"""Commands over lookup tables: lookup, inputlookup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from spl.clause import Clause, split_words
from spl.commands.stacking import stacked
from spl.errors import Span
from spl.lex import Token
from spl.lookup_matching import Matcher
from spl.lookups import Lookup, UnknownLookupError
from spl.parse_terms import TermParser
from spl.plan import Command, Generator, Names, term_fields
from spl.python_calls import Kind
from spl.sql_terms import compile_term
from spl.sql_text import text_literal
from spl.sql_values import Sql, as_text
from spl.stage import Builder, Stage
from spl.terms import Term
from spl.values import lower_text

_CHECK_EVERY = 1000
"""Values after which the time is looked at."""


@dataclass(frozen=True, slots=True)
class LookupCommand(Command):
    """adds fields of a lookup table to the rows that have the same values."""

    name = "lookup"
    row_by_row: ClassVar[bool] = True
    table: str
    keys: tuple[tuple[str, str], ...]
    """Field of the table, field of the row."""
    outputs: tuple[tuple[str, str], ...] | None
    """Field of the table, new name; None means all fields that are no keys."""
    only_new: bool
    span: Span
    table_span: Span

    @classmethod
    def parse(cls, clause: Clause) -> LookupCommand:
        """Read `lookup table key [AS field] … [OUTPUT|OUTPUTNEW field [AS name] …]`."""
        _, rest = clause.options("local", "update", "event_time_field")
        parts = split_words(rest, "output", "outputnew")
        head = [token for token in parts[""] if token.kind != "comma"]
        if len(head) < 2:
            raise clause.fail("lookup cannot be read. Expected a table and a field.")
        table, *keys = head
        word = "outputnew" if "outputnew" in parts else "output"
        outputs = _pairs(clause, parts[word]) if word in parts else None
        return cls(table.value, _pairs(clause, keys), outputs, word == "outputnew", clause.span, table.span)

    def tables(self) -> tuple[str, ...]:
        """Return the table."""
        return (self.table,)

    def reads(self) -> tuple[str, ...]:
        """Return the compared fields, and those that keep their value."""
        own = tuple(name for _, name in self.outputs or ())
        return (*(field for _, field in self.keys), *own)

    def makes(self) -> tuple[str, ...]:
        """Return the new fields, as far as they are named."""
        return tuple(name for _, name in self.outputs or ())

    def output(self, names: Names) -> Names:
        """Return the fields with the new ones; without OUTPUT the table decides."""
        if names is None or self.outputs is None:
            return None
        return names | set(self.makes())

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Join with the table, reduced to one row for each combination of key values."""
        table = builder.runtime.lookups.find(self.table, text=builder.source, span=self.table_span)
        outputs = self.outputs
        if outputs is None:
            outputs = tuple(
                (name, name) for name in table.fields if name not in {key for key, _ in self.keys}
            )
        for name in (*(key for key, _ in self.keys), *(field for field, _ in outputs)):
            _check_field(builder, table, name, self.table_span)
        if any(field not in stage.columns for _, field in self.keys):
            return stage
        keys = [as_text(stage.columns[field]) for _, field in self.keys]
        names = [key for key, _ in self.keys]
        reduced = self._reduced(builder, stage, table, names, keys, [field for field, _ in outputs])
        items, columns = [], dict(stage.columns)
        for place, (_, name) in enumerate(outputs):
            value = reduced[1][place]
            old = stage.columns.get(name)
            found = _or_default(Sql(f"t.{value.text}", value.kind), table.default)
            items.append(self._item(builder, columns, name, found, old))
        folded = [key if table.case_sensitive else f"lower({key})" for key in keys]
        same = " AND ".join(f"e.spl_k{place} = t.k{place}" for place in range(len(keys)))
        keyed = self._keyed(builder, stage, folded)
        select = f"SELECT e.*{''.join(f', {item}' for item in items)} FROM {keyed} e LEFT JOIN {reduced[0]} t ON {same}"
        return Stage(builder.add(select), columns, stage.order)

    def _keyed(self, builder: Builder, stage: Stage, folded: Sequence[str]) -> str:
        items = ", ".join(f"{text} AS spl_k{place}" for place, text in enumerate(folded))
        kept = ", ".join(
            dict.fromkeys([*(v.text for v in stage.columns.values()), *(k.column for k in stage.order)])
        )
        return builder.add(f"SELECT {f'{kept}, ' if kept else ''}{items} FROM {stage.cte}")

    def _item(self, builder: Builder, columns: dict[str, Sql], name: str, found: Sql, old: Sql | None) -> str:
        column = builder.column()
        if old is None or old.kind is Kind.NULL:
            columns[name] = Sql(column, found.kind)
            return f"{found.text} AS {column}"
        kind = Kind.MULTI if Kind.MULTI in {found.kind, old.kind} else Kind.TEXT
        own = Sql(f"e.{old.text}", old.kind)
        texts = [_as(found, kind), _as(own, kind)]
        columns[name] = Sql(column, kind)
        return f"coalesce({', '.join(reversed(texts) if self.only_new else texts)}) AS {column}"

    def _reduced(
        self,
        builder: Builder,
        stage: Stage,
        table: Lookup,
        keys: Sequence[str],
        values: Sequence[str],
        outputs: Sequence[str],
    ) -> tuple[str, list[Sql]]:
        """Return a table with columns `k0…` and one column for each output, one row for each key."""
        if any(key in table.match_types for key in keys):
            select = f"SELECT DISTINCT {', '.join(values)} FROM {stage.cte}"
            asked = builder.runtime.rows(builder.statement(select))
            matcher = Matcher(table, keys)
            found = {}
            for place, row in enumerate(row for row in asked if None not in row):
                if place % _CHECK_EVERY == 0:
                    builder.runtime.python.check_time()
                found[row] = list(matcher.rows(row))
        else:
            found = {}
            places = [table.fields.index(key) for key in keys]
            for row in table.rows:
                own = tuple(row[place] for place in places)
                found.setdefault(own if table.case_sensitive else tuple(map(lower_text, own)), []).append(row)
        if not table.case_sensitive:
            found = {tuple(map(lower_text, key)): rows for key, rows in found.items()}
        return _grouped(builder, table, found, len(keys), outputs)


def _or_default(value: Sql, default: str | None) -> Sql:
    """Return an output, or the table's default where no row of it matched."""
    if default is None:
        return value
    text = text_literal(default)
    other = f"[{text}]" if value.kind is Kind.MULTI else text
    return Sql(f"(CASE WHEN t.k0 IS NULL THEN {other} ELSE {value.text} END)", value.kind)


def _as(value: Sql, kind: Kind) -> str:
    if kind is Kind.MULTI and value.kind is not Kind.MULTI:
        text = as_text(value)
        return f"(CASE WHEN {text} IS NOT NULL THEN [{text}] END)"
    return value.text if value.kind is kind else as_text(value)


def _grouped(
    builder: Builder,
    table: Lookup,
    found: dict[tuple[str, ...], list[tuple[str, ...]]],
    keys: int,
    outputs: Sequence[str],
) -> tuple[str, list[Sql]]:
    places = [table.fields.index(name) for name in outputs]
    rows: list[list[Any]] = []
    for key, matched in found.items():
        kept = matched[: table.max_matches]
        cells: list[list[str]] = [[row[place] for row in kept if row[place]] for place in places]
        rows.append([*key, *cells])
    single = [all(len(row[keys + number]) <= 1 for row in rows) for number in range(len(places))]
    kinds: dict[str, Kind] = {f"k{place}": Kind.TEXT for place in range(keys)}
    for number, one in enumerate(single):
        kinds[f"o{number}"] = Kind.TEXT if one else Kind.MULTI
    shown = [
        [*row[:keys], *(_cell(cell, one=one) for cell, one in zip(row[keys:], single, strict=True))]
        for row in rows
    ]
    made = builder.runtime.values_table(kinds, shown)
    renamed = ", ".join(f"{value.text} AS {name}" for name, value in made.columns.items())
    cte = builder.add(f"SELECT {renamed} FROM {made.cte}")
    return cte, [Sql(f"o{number}", kinds[f"o{number}"]) for number in range(len(places))]


def _cell(cell: list[str], *, one: bool) -> Any:
    if not cell:
        return None
    return cell[0] if one else cell


def _pairs(clause: Clause, tokens: list[Token]) -> tuple[tuple[str, str], ...]:
    """Read `field [AS name] …`."""
    tokens = [token for token in tokens if token.kind != "comma"]
    pairs: list[tuple[str, str]] = []
    while tokens:
        if tokens[0].kind in {"lparen", "rparen", "op"}:
            raise clause.fail(f"unexpected {tokens[0].text!r}. Expected field names.", tokens[0].span)
        name = tokens.pop(0).value
        if len(tokens) > 1 and tokens[0].value.upper() == "AS":
            pairs.append((name, tokens[1].value))
            del tokens[:2]
        else:
            pairs.append((name, name))
    if not pairs:
        raise clause.fail("no field is named. Expected field names.")
    return tuple(pairs)


def _check_field(builder: Builder, table: Lookup, name: str, span: Span) -> None:
    if name not in table.fields:
        raise UnknownLookupError(
            f"lookup {table.name!r} has no field {name!r}.",
            text=builder.source,
            span=span,
            supported=tuple(sorted(table.fields)),
        )


@dataclass(frozen=True, slots=True)
class InputLookup(Generator):
    """reads the rows of a lookup table."""

    name = "inputlookup"
    bounded: ClassVar[bool] = True
    table: str
    condition: Term | None
    start: int
    most: int
    first: bool
    span: Span
    table_span: Span

    @classmethod
    def parse(cls, clause: Clause) -> InputLookup:
        """Read `inputlookup [append=] [start=] [max=] table [where condition]`."""
        tokens = clause.arguments()
        where = next((token for token in tokens if token.value.lower() == "where"), None)
        short = clause if where is None else clause.until(where.span.start)
        options, rest = short.options("append", "start", "max", "strict")
        if len(rest) != 1:
            raise clause.fail("inputlookup takes one table.")
        condition = None
        if where is not None:
            condition = TermParser(clause.text, where.span.end, clause.end).parse()
        first = clause.is_first
        if not first and not clause.flag(options, "append"):
            raise clause.fail("inputlookup must begin the search, or be written with append=t.")
        return cls(
            rest[0].value,
            condition,
            clause.number(options, "start", 0),
            clause.number(options, "max", 1_000_000_000),
            first,
            clause.span,
            rest[0].span,
        )

    def tables(self) -> tuple[str, ...]:
        """Return the table."""
        return (self.table,)

    def indexes(self) -> frozenset[str]:
        """Return none: a table is read, no event."""
        return frozenset()

    def reads(self) -> tuple[str, ...]:
        """Return the fields of the condition."""
        return tuple(term_fields(self.condition))

    def output(self, names: Names) -> Names:
        """Return nothing known: the table decides."""
        return None

    def generate(self, builder: Builder) -> Stage:
        """Read the table."""
        table = builder.runtime.lookups.find(self.table, text=builder.source, span=self.table_span)
        rows = [[cell or None for cell in row] for row in table.rows[self.start :][: self.most]]
        stage = builder.runtime.values_table(dict.fromkeys(table.fields, Kind.TEXT), rows)
        if self.condition is not None:
            stage = builder.filter(stage, compile_term(self.condition, builder.context(stage)))
        return stage

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Put the rows behind those before, or begin with them."""
        made = self.generate(builder)
        return made if self.first else stacked(builder, [stage, made])
