"""Commands that keep, drop or order rows: where, head, tail, reverse, sort, dedup, uniq, regex."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from spl.clause import Clause, split_words
from spl.errors import Span
from spl.expr import Expr, Field, Subquery, field_names, is_condition
from spl.lex import Token
from spl.plan import Command
from spl.python_calls import Kind
from spl.regexes import check_regex, compile_pcre, for_database, searching
from spl.sql_expr import compile_expression
from spl.sql_text import text_literal
from spl.sql_values import Sql, as_bool, as_number, as_text
from spl.stage import Builder, Limit, OrderKey, Stage
from spl.subsearch import resolve_expression
from spl.values import Value, to_text

SORT_LIMIT = 10_000
TEN = 10


@dataclass(frozen=True, slots=True)
class Where(Command):
    """keeps the rows for which an expression is true."""

    name = "where"
    condition: Expr
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Where:
        """Read `where expression`."""
        parser = clause.expression(subsearches=True)
        condition = parser.parse_expression()
        parser.expect_end()
        check_condition(clause, condition, "where")
        return cls(condition, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the fields of the expression."""
        return field_names(self.condition)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Keep the rows for which the expression is true."""
        condition = resolve_expression(builder, self.condition)
        return builder.filter(stage, as_bool(compile_expression(condition, builder.context(stage))))


def check_condition(clause: Clause, expr: Expr, command: str) -> None:
    """Refuse an expression that is never true or false."""
    if not is_condition(expr) and not isinstance(expr, Field | Subquery):
        raise clause.unsupported(f"{command} with an expression that is no condition.", expr.span)


@dataclass(frozen=True, slots=True)
class Head(Command):
    """keeps the first rows, 10 unless told, or those up to the first that does not meet a condition."""

    name = "head"
    count: int | None
    condition: Expr | None
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Head:
        """Read `head [n | (expression)] [limit=] [keeplast=] [null=]`."""
        text = clause.text[clause.start : clause.end].strip()
        if text.startswith("(") or any(sign in text for sign in ("<", ">", "!=")):
            parser = clause.expression()
            condition = parser.parse_expression()
            parser.expect_end()
            check_condition(clause, condition, "head")
            return cls(None, condition, clause.span)
        options, rest = clause.options("limit", "keeplast", "null")
        token = options.get("limit") or (rest[0] if rest else None)
        clause.nothing_left(rest[1:] if "limit" not in options else rest)
        count = TEN if token is None else clause.whole(token, "head")
        return cls(count, None, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the fields of the condition."""
        return field_names(self.condition) if self.condition else ()

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Keep the first rows."""
        if self.condition is None:
            select = f"SELECT * FROM {stage.cte}{stage.order_by} LIMIT {self.count}"
            return Stage(builder.add(select), stage.columns, stage.order)
        true = as_bool(compile_expression(self.condition, builder.context(stage)))
        failed = f"count(*) FILTER (WHERE NOT coalesce({true}, FALSE))"
        kept = f"{failed} OVER ({stage.order_by.strip()} ROWS UNBOUNDED PRECEDING) = 0"
        return Stage(builder.add(f"SELECT * FROM {stage.cte} QUALIFY {kept}"), stage.columns, stage.order)


@dataclass(frozen=True, slots=True)
class Tail(Command):
    """keeps the last rows, 10 unless told, in reverse."""

    name = "tail"
    count: int
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Tail:
        """Read `tail [n]`."""
        tokens = clause.arguments()
        clause.nothing_left(tokens[1:])
        return cls(clause.whole(tokens[0], "tail") if tokens else TEN, clause.span)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Turn the order around and keep the first rows."""
        turned = reverse_order(builder, stage)
        select = f"SELECT * FROM {turned.cte}{turned.order_by} LIMIT {self.count}"
        return Stage(builder.add(select), turned.columns, turned.order)


@dataclass(frozen=True, slots=True)
class Reverse(Command):
    """turns the order of the rows around."""

    name = "reverse"
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Reverse:
        """Read `reverse`."""
        clause.nothing_left(clause.arguments())
        return cls(clause.span)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Turn the order around."""
        return reverse_order(builder, stage)


def reverse_order(builder: Builder, stage: Stage) -> Stage:
    """Return the rows in the opposite order."""
    if not stage.order:
        stage = builder.numbered(stage)
    return Stage(stage.cte, stage.columns, tuple(key.reversed() for key in stage.order))


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of `sort`."""

    field: str
    descending: bool
    kind: Literal["auto", "num", "str", "ip"] = "auto"


@dataclass(frozen=True, slots=True)
class Sort(Command):
    """orders the rows and keeps 10,000 unless told; `sort 0` keeps all."""

    name = "sort"
    keys: tuple[SortKey, ...]
    limit: int
    implicit: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Sort:
        """Read `sort [n] [+|-]field …`; `sort 0` keeps all rows."""
        options, tokens = clause.options("limit")
        limit, implicit = SORT_LIMIT, True
        count = options.get("limit") or (tokens.pop(0) if tokens and tokens[0].value.isdigit() else None)
        if count is not None:
            limit, implicit = clause.whole(count, "sort limit"), False
        keys = sort_keys(clause, tokens)
        return cls(keys, limit, implicit, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the keys."""
        return tuple(key.field for key in self.keys)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Order the rows; ties keep the order that they had."""
        ordered = order_by(builder, stage, self.keys)
        if not self.limit:
            return ordered
        if self.implicit and not _is_hidden(builder.rest, self.limit):
            count = builder.statement(f"SELECT count(*) FROM {ordered.cte}")
            in_total = all(later.row_by_row or isinstance(later, Sort) for later in builder.rest)
            builder.runtime.limited.append(Limit(count, self.limit, "sort", in_total))
        limited = builder.add(f"SELECT * FROM {ordered.cte}{ordered.order_by} LIMIT {self.limit}")
        return Stage(limited, ordered.columns, ordered.order)


def sort_keys(clause: Clause, tokens: list[Token]) -> tuple[SortKey, ...]:
    """Read `[+|-]field …`, perhaps with `desc` at the end."""
    keys: list[SortKey] = []
    descending = False
    while tokens:
        token = tokens.pop(0)
        if token.kind == "comma":
            continue
        if keys and token.value.lower() in {"asc", "desc", "d", "a"} and not tokens:
            return _all_turned(keys) if token.value.lower() in {"desc", "d"} else tuple(keys)
        if keys and token.value.lower() in {"asc", "desc"}:
            raise clause.fail(
                f"{token.value!r} after one field. Expected -field, or desc at the end.", token.span
            )
        if token.value in {"+", "-"}:
            descending = token.value == "-"
            continue
        name = token.value
        if token.kind == "word" and name[0] in "+-":
            descending, name = name[0] == "-", name[1:]
        keys.append(_sort_key(clause, token, name, tokens, descending=descending))
        descending = False
    if not keys:
        raise clause.fail("sort names no field. Expected field names.")
    return tuple(keys)


def _all_turned(keys: list[SortKey]) -> tuple[SortKey, ...]:
    return tuple(SortKey(key.field, not key.descending, key.kind) for key in keys)


def _sort_key(clause: Clause, token: Token, name: str, tokens: list[Token], *, descending: bool) -> SortKey:
    if not tokens or tokens[0].kind != "lparen":
        return SortKey(name, descending)
    if name not in {"auto", "num", "str", "ip"}:
        raise clause.unsupported(f"sort by {name!r}().", token.span, ("auto", "ip", "num", "str"))
    inner = tokens[1:3]
    if [part.kind for part in inner][1:] != ["rparen"]:
        raise clause.fail("sort key cannot be read. Expected num(field).", token.span)
    del tokens[:3]
    return SortKey(inner[0].value, descending, name)  # type: ignore[arg-type]


def order_by(builder: Builder, stage: Stage, keys: tuple[SortKey, ...]) -> Stage:
    """Return the rows ordered by `keys`; ties keep the order that they had."""
    order: list[OrderKey] = []
    items: list[str] = []
    for key in keys:
        value = stage.columns.get(key.field)
        for text in _sort_values(builder, key, value):
            column = builder.column()
            items.append(f"{text} AS {column}")
            order.append(OrderKey(column, "DESC NULLS LAST" if key.descending else "ASC NULLS LAST"))
    cte = builder.add(f"SELECT *, {', '.join(items)} FROM {stage.cte}") if items else stage.cte
    return Stage(cte, stage.columns, (*order, *stage.order))


def _is_hidden(rest: tuple[Command, ...], limit: int) -> bool:
    """Tell whether a `head` shows only rows that the limit keeps: then the limit changes nothing."""
    for later in rest:
        if isinstance(later, Head):
            return later.count is not None and later.count <= limit
        if not later.row_by_row:
            return False
    return False


def _sort_values(builder: Builder, key: SortKey, value: Sql | None) -> list[str]:
    """Return what to order by: numbers by value, then texts by code point; descending is the exact reverse."""
    if value is None or value.kind is Kind.NULL:
        return []
    text = as_text(value)
    if key.kind == "str":
        return [text]
    if key.kind == "ip":
        return [_address_order(text), text]
    if value.kind is Kind.NUMBER or key.kind == "num":
        return [as_number(value)]
    number = as_number(value)
    return [f"CASE WHEN {text} IS NOT NULL THEN {number} IS NULL END", number, text]


def _address_order(text: str) -> str:
    """Return a number that orders IPv4 addresses; null for anything else."""
    parts = [f"TRY_CAST(split_part({text}, '.', {place}) AS BIGINT)" for place in range(1, 5)]
    return f"({parts[0]} * 16777216 + {parts[1]} * 65536 + {parts[2]} * 256 + {parts[3]})"


@dataclass(frozen=True, slots=True)
class Dedup(Command):
    """keeps the first rows of each combination of values."""

    name = "dedup"
    fields: tuple[str, ...]
    keep: int
    keep_empty: bool
    keep_events: bool
    consecutive: bool
    sort: tuple[SortKey, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Dedup:
        """Read `dedup [n] fields [keepempty=] [keepevents=] [consecutive=] [sortby …]`."""
        options, rest = clause.options("keepempty", "keepevents", "consecutive", "n")
        keep = clause.number(options, "n", 1, least=1)
        if rest and rest[0].value.isdigit():
            keep = clause.whole(rest.pop(0), "dedup", least=1)
        parts = split_words(rest, "sortby")
        return cls(
            clause.fields(parts[""]),
            keep,
            clause.flag(options, "keepempty"),
            clause.flag(options, "keepevents"),
            clause.flag(options, "consecutive"),
            sort_keys(clause, parts["sortby"]) if "sortby" in parts else (),
            clause.span,
        )

    def reads(self) -> tuple[str, ...]:
        """Return the fields that are compared."""
        return (*self.fields, *(key.field for key in self.sort))

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Keep the first rows of each combination; `keepevents` empties the fields of the others instead."""
        values = [stage.columns.get(name) for name in self.fields]
        known = [value.text for value in values if value is not None]
        if len(known) < len(values):
            return stage if self.keep_empty else builder.filter(stage, "FALSE")
        present = " AND ".join(f"{text} IS NOT NULL" for text in known)
        if self._keeps_one() and stage.order and len(stage.columns) <= FEW_COLUMNS:
            deduped = first_of_each(builder, stage, known, present)
            return order_by(builder, deduped, self.sort) if self.sort else deduped
        if self.consecutive:
            row = f"ROW({', '.join(known)})"
            kept = f"{row} IS DISTINCT FROM lag({row}) OVER ({stage.order_by.strip()})"
        else:
            kept = f"row_number() OVER (PARTITION BY {', '.join(known)}{stage.order_by}) <= {self.keep}"
        if self.keep_events:
            first = builder.extend(stage, [("", Sql(f"NOT ({present}) OR {kept}", Kind.BOOL))])
            flag = first.columns.pop("").text
            emptied = [
                (name, Sql(f"CASE WHEN {flag} THEN {first.columns[name].text} END", first.columns[name].kind))
                for name in self.fields
            ]
            deduped = builder.extend(first, emptied)
        elif self.keep_empty:
            select = f"SELECT * FROM {stage.cte} QUALIFY NOT ({present}) OR {kept}"
            deduped = Stage(builder.add(select), stage.columns, stage.order)
        else:
            select = f"SELECT * FROM {stage.cte} WHERE {present} QUALIFY {kept}"
            deduped = Stage(builder.add(select), stage.columns, stage.order)
        return order_by(builder, deduped, self.sort) if self.sort else deduped

    def _keeps_one(self) -> bool:
        return self.keep == 1 and not (self.keep_empty or self.keep_events or self.consecutive)


FEW_COLUMNS = 8
"""Up to so many columns, an aggregate of each is faster than numbering the rows of each group."""


def first_of_each(builder: Builder, stage: Stage, keys: list[str], condition: str) -> Stage:
    """Return the first row of each combination of `keys` among the rows that meet `condition`.

    A column that nothing reads afterwards is not computed.
    """
    columns = {name: Sql(builder.column(), value.kind) for name, value in stage.columns.items()}
    order = tuple(OrderKey(builder.column(), key.direction) for key in stage.order)
    taken = [(stage.columns[name].text, value.text) for name, value in columns.items()]
    taken += [(old.column, new.column) for old, new in zip(stage.order, order, strict=True)]
    items = ", ".join(f"first({old}{stage.order_by}) AS {new}" for old, new in taken)
    select = f"SELECT {items} FROM {stage.cte} WHERE {condition} GROUP BY {', '.join(keys)}"
    return Stage(builder.add(select), columns, order)


@dataclass(frozen=True, slots=True)
class Uniq(Command):
    """drops rows that equal the one before."""

    name = "uniq"
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Uniq:
        """Read `uniq`."""
        clause.nothing_left(clause.arguments())
        return cls(clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return every field."""
        return ("*",)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Compare each row with the one before it."""
        if not stage.columns:
            return stage
        row = f"ROW({', '.join(value.text for value in stage.columns.values())})"
        kept = f"{row} IS DISTINCT FROM lag({row}) OVER ({stage.order_by.strip()})"
        return Stage(builder.add(f"SELECT * FROM {stage.cte} QUALIFY {kept}"), stage.columns, stage.order)


@dataclass(frozen=True, slots=True)
class Regex(Command):
    """keeps the rows in which a regular expression is found, or is not."""

    name = "regex"
    field: str
    pattern: str
    negated: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Regex:
        """Read `regex [field=|field!=]"pattern"`."""
        text = clause.text[clause.start : clause.end]
        match = re.match(r"""\s*(?P<field>"[^"]*"|'[^']*'|[^\s="']*?)\s*(?P<op>!?=)(?=\s*")""", text)
        field = match["field"].strip("'\"") if match else "_raw"
        tokens = clause.arguments(clause.start + match.end() if match else clause.start)
        if len(tokens) != 1 or tokens[0].kind != "string" or not field:
            raise clause.fail('regex cannot be read. Expected field="pattern" or field!="pattern".')
        negated = match is not None and match["op"] == "!="
        pattern = tokens[0].value
        check_regex(pattern, text=clause.text, span=tokens[0].span)
        return cls(field, pattern, negated, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the field that is looked at."""
        return (self.field,)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Keep the rows; one without the field is only kept by `!=`."""
        value = stage.columns.get(self.field)
        if value is None or value.kind is Kind.NULL:
            return stage if self.negated else builder.filter(stage, "FALSE")
        found = f"coalesce({found_sql(builder, value, self.pattern)}, FALSE)"
        return builder.filter(stage, f"NOT {found}" if self.negated else found)


def found_sql(builder: Builder, value: Sql, pattern: str) -> str:
    """Return SQL that tells whether `pattern` is found in a value, or in one of several."""
    translated = for_database(pattern)
    if translated is None:
        name = builder.runtime.python.install(("regex", pattern), _finder(pattern), [value.kind], Kind.BOOL)
        return f"{name}({value.text})"
    regex = text_literal(translated)
    if value.kind is Kind.MULTI:
        return f"list_bool_or(list_transform({value.text}, lambda spl_e: regexp_matches(spl_e, {regex})))"
    return f"regexp_matches({as_text(value)}, {regex})"


def _finder(pattern: str) -> Callable[[Value], Value]:
    compiled = compile_pcre(pattern)

    def find(value: Value) -> Value:
        texts = value if isinstance(value, list) else [to_text(value)]
        known = [text for text in texts if text is not None]
        return searching(
            pattern, lambda timeout: any(compiled.search(text, timeout=timeout) for text in known)
        )

    return find
