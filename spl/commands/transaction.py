"""The transaction command: events of one activity become one row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from spl.clause import Clause, Options
from spl.errors import Span
from spl.expr import Expr, field_names
from spl.parse_terms import parse_condition
from spl.plan import Command, term_fields
from spl.python_calls import Kind
from spl.sql_calls import as_multi
from spl.sql_expr import compile_expression
from spl.sql_terms import compile_term
from spl.sql_values import NULL, Sql, as_bool, as_number, as_text
from spl.stage import Builder, OrderKey, Stage
from spl.terms import Term
from spl.timerange import parse_duration

MOST_EVENTS = 1_000
"""Events of a transaction unless maxevents says otherwise."""
MOST_OPEN = 5_000
"""Transactions that are open at a time; the one that was longest without an event is closed early."""

Mark = Expr | Term


@dataclass(frozen=True, slots=True)
class Transaction(Command):
    """joins events that share values and lie close together into one row."""

    name = "transaction"
    fields: tuple[str, ...]
    max_span: float
    max_pause: float
    max_events: int
    starts: Mark | None
    ends: Mark | None
    keep_evicted: bool
    multi_list: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Transaction:
        """Read `transaction [fields] [maxspan=] [maxpause=] [startswith=] [endswith=] …`."""
        short, marks = _take_marks(clause)
        options, rest = short.options(
            "maxspan", "maxpause", "maxevents", "keepevicted", "mvlist", "keeporphans", "connected",
            "unifyends", "delim", "nullstr", "mvraw", "maxopentxn", "maxopenevents",
        )  # fmt: skip
        for name in ("keeporphans", "unifyends"):
            if clause.flag(options, name):
                raise clause.unsupported(f"transaction {name}=t.", options[name].span)
        return cls(
            clause.fields(rest) if rest else (),
            _seconds(clause, options, "maxspan"),
            _seconds(clause, options, "maxpause"),
            clause.number(options, "maxevents", MOST_EVENTS, least=1),
            marks.get("startswith"),
            marks.get("endswith"),
            clause.flag(options, "keepevicted"),
            clause.flag(options, "mvlist"),
            clause.span,
        )

    def reads(self) -> tuple[str, ...]:
        """Return the shared fields, the time, and what the marks look at."""
        marks = [name for mark in (self.starts, self.ends) if mark is not None for name in _mark_fields(mark)]
        return (*self.fields, "_time", *marks)

    def makes(self) -> tuple[str, ...]:
        """Return what describes a transaction."""
        return ("duration", "eventcount", "closed_txn")

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Give every event the number of its transaction, then join the events of each."""
        stage, _ = builder.keep(stage)
        numbered = self._numbered(builder, stage)
        time = as_number(stage.columns.get("_time", NULL))
        items, columns = [], {}
        for name, value in stage.columns.items():
            column = builder.column()
            if name == "_time":
                items.append(f"min({time}) AS {column}")
                columns[name] = Sql(column, Kind.NUMBER)
            elif name == "_raw":
                items.append(
                    f"array_to_string(list({as_text(value)} ORDER BY {time}, o_n DESC), chr(10)) AS {column}"
                )
                columns[name] = Sql(column, Kind.TEXT)
            else:
                items.append(f"{self._joined(value, time)} AS {column}")
                columns[name] = Sql(column, Kind.MULTI)
        for name, text in (
            ("duration", f"max({time}) - min({time})"),
            ("eventcount", "CAST(count(*) AS DOUBLE)"),
            ("closed_txn", "CAST(max(spl_closed) AS DOUBLE)"),
        ):
            column = builder.column()
            items.append(f"{text} AS {column}")
            columns[name] = Sql(column, Kind.NUMBER)
        number = builder.column()
        select = (
            f"SELECT {', '.join(items)}, spl_txn AS {number} FROM {stage.cte} e JOIN {numbered} n ON e.o_n = n.spl_n "
            "GROUP BY spl_txn"
        )
        order = (OrderKey(columns["_time"].text, "DESC NULLS LAST"),) if "_time" in columns else ()
        return Stage(builder.add(select), columns, (*order, OrderKey(number)))

    def _joined(self, value: Sql, time: str) -> str:
        every = f"list({as_multi(value)} ORDER BY {time}, o_n DESC) FILTER (WHERE {value.text} IS NOT NULL)"
        flat = f"flatten({every})"
        return f"spl_multi({flat if self.multi_list else f'list_sort(list_distinct({flat}))'})"

    def _numbered(self, builder: Builder, stage: Stage) -> str:
        """Return a table of event numbers, transaction numbers and whether a transaction was closed."""
        context = builder.context(stage)
        cells = [f"{as_number(stage.columns.get('_time', NULL))} AS t"]
        cells += [f"{as_text(stage.columns.get(name, NULL))} AS f{n}" for n, name in enumerate(self.fields)]
        for name, mark in (("starts", self.starts), ("ends", self.ends)):
            if mark is not None:
                cells.append(f"coalesce({_mark_sql(mark, context)}, FALSE) AS {name}")
        select = f"SELECT o_n, {', '.join(cells)} FROM {stage.cte} ORDER BY o_n"
        schema = pa.schema([("spl_n", pa.int64()), ("spl_txn", pa.int64()), ("spl_closed", pa.int64())])
        grouping = _Grouping(self)

        def batches() -> Iterator[pa.RecordBatch]:
            for rows in builder.runtime.batches(select):
                for row in rows:
                    grouping.add(row)
                yield _batch(schema, grouping.take())
            grouping.finish()
            yield _batch(schema, grouping.take())

        table = builder.runtime.arrow_table(schema, batches())
        if grouping.early:
            builder.runtime.messages.append(
                f"limit: more than {MOST_OPEN:,} transactions were open; {grouping.early:,} were closed early."
            )
        return table


def _batch(schema: pa.Schema, rows: list[tuple[int, int, int]]) -> pa.RecordBatch:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    return pa.record_batch([pa.array(column, pa.int64()) for column in columns], schema=schema)


@dataclass(slots=True)
class _Open:
    """A transaction that may take more events; events come newest first."""

    number: int
    newest: float
    oldest: float
    events: list[int]
    values: dict[int, str]
    ended: bool = False


@dataclass(slots=True)
class _Grouping:
    """Hands events out to transactions, newest event first, and keeps only the open ones."""

    command: Transaction
    open: dict[int, _Open] = field(default_factory=dict)
    by_value: dict[tuple[int, str], set[int]] = field(default_factory=dict)
    done: list[tuple[int, int, int]] = field(default_factory=list)
    early: int = 0
    _next: int = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Take one event."""
        command, time = self.command, row["t"] or 0.0
        values = {n: row[f"f{n}"] for n in range(len(command.fields)) if row[f"f{n}"] is not None}
        if command.fields and not values:
            return
        ends = bool(row.get("ends"))
        found = None if ends and command.ends is not None else self._fitting(values, time)
        if found is None and command.ends is not None and not ends and not command.keep_evicted:
            return
        if found is None:
            found = self._begin(values, time)
            found.ended = ends
        found.events.append(row["o_n"])
        found.oldest = min(found.oldest, time)
        found.newest = max(found.newest, time)
        for key in values.items():
            if key[0] not in found.values:
                found.values[key[0]] = key[1]
                self.by_value.setdefault(key, set()).add(found.number)
        if row.get("starts"):
            self._close(found, closed=command.ends is None or found.ended)
        elif len(found.events) >= command.max_events:
            self._close(found, closed=True)

    def _fitting(self, values: Mapping[int, str], time: float) -> _Open | None:
        """Return the open transaction that an event belongs to: a value in common, none that contradicts."""
        if self.command.fields:
            numbers = set().union(*(self.by_value.get(key, set()) for key in values.items()))
        else:
            numbers = set(self.open)
        for number in sorted(numbers, reverse=True):
            candidate = self.open[number]
            if any(candidate.values.get(n, value) != value for n, value in values.items()):
                continue
            if self._too_far(candidate, time):
                self._close(candidate, closed=True)
                continue
            return candidate
        return None

    def _too_far(self, candidate: _Open, time: float) -> bool:
        command = self.command
        span = max(candidate.newest, time) - min(candidate.oldest, time)
        return 0 <= command.max_span < span or 0 <= command.max_pause < candidate.oldest - time

    def _begin(self, values: Mapping[int, str], time: float) -> _Open:
        if len(self.open) >= MOST_OPEN:
            self.early += 1
            self._close(next(iter(self.open.values())), closed=False)
        begun = _Open(self._next, time, time, [], {})
        self._next += 1
        self.open[begun.number] = begun
        return begun

    def _close(self, one: _Open, *, closed: bool) -> None:
        del self.open[one.number]
        for key in one.values.items():
            numbers = self.by_value[key]
            numbers.discard(one.number)
            if not numbers:
                del self.by_value[key]
        marked = self.command.starts is not None or self.command.ends is not None
        if closed or not marked or self.command.keep_evicted:
            self.done += [(event, one.number, int(closed)) for event in one.events]

    def finish(self) -> None:
        """Close what is still open; with marks it is complete only if all of them were met."""
        complete = self.command.starts is None and self.command.ends is not None
        for one in list(self.open.values()):
            self._close(one, closed=complete and one.ended)

    def take(self) -> list[tuple[int, int, int]]:
        """Return the events of the transactions closed since the last call."""
        done, self.done = self.done, []
        return done


def _seconds(clause: Clause, options: Options, name: str) -> float:
    token = options.get(name)
    if token is None or token.value == "-1":
        return -1.0
    text = token.value if not token.value.isdecimal() else f"{token.value}s"
    return parse_duration(text)


def _mark_fields(mark: Mark) -> tuple[str, ...]:
    return field_names(mark) if isinstance(mark, Expr) else tuple(term_fields(mark))


def _mark_sql(mark: Mark, context: Any) -> str:
    if isinstance(mark, Expr):
        return as_bool(compile_expression(mark, context))
    return compile_term(mark, context)


def _take_marks(clause: Clause) -> tuple[Clause, dict[str, Mark]]:
    """Take `startswith=` and `endswith=` out of the arguments: a quoted condition, `eval(…)`, or `(condition)`."""
    marks: dict[str, Mark] = {}
    text, tokens = clause.text, clause.arguments()
    for index, token in enumerate(tokens):
        name = token.value.lower()
        if (
            name not in {"startswith", "endswith"}
            or index + 2 >= len(tokens)
            or tokens[index + 1].text != "="
        ):
            continue
        value = tokens[index + 2]
        last = value
        if value.value.lower() == "eval" and value.kind == "word":
            last = _closing(clause, tokens, index + 3)
            marks[name] = clause.whole_expression(tokens[index + 3].span.end, last.span.start)
        else:
            if value.kind == "lparen":
                last = _closing(clause, tokens, index + 2)
                condition = clause.text[value.span.end : last.span.start]
            else:
                condition = value.text if value.kind == "string" else value.value
                condition = value.value if value.kind == "string" and "=" in value.value else condition
            term = parse_condition(condition)
            if term is None:
                raise clause.fail(f"{name} is empty.", value.span)
            marks[name] = term
        text = text[: token.span.start] + " " * (last.span.end - token.span.start) + text[last.span.end :]
    return replace(clause, text=text), marks


def _closing(clause: Clause, tokens: list[Any], start: int) -> Any:
    depth = 0
    for token in tokens[start:]:
        depth += (token.kind == "lparen") - (token.kind == "rparen")
        if depth == 0:
            return token
    raise clause.fail("( is never closed.", tokens[min(start, len(tokens) - 1)].span)
