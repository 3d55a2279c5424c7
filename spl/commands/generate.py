"""Commands that begin a search with rows of their own: makeresults, gentimes, metadata, eventcount."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass
from typing import ClassVar

import orjson

from spl.clause import Clause
from spl.errors import Span
from spl.plan import Generator, Names
from spl.python_calls import Kind
from spl.sql_values import Sql, as_text
from spl.stage import Builder, OrderKey, Stage, time_window
from spl.timerange import LAST_EPOCH, bin_starts, parse_span, resolve

MOST_MADE = 1_000_000
"""Rows that makeresults and gentimes make at most."""


@dataclass(frozen=True, slots=True)
class MakeResults(Generator):
    """makes rows that hold the time of the search, or rows of given data."""

    name = "makeresults"
    bounded: ClassVar[bool] = True
    count: int
    rows: tuple[tuple[tuple[str, str], ...], ...] | None
    """Fields and values of given data."""
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> MakeResults:
        """Read `makeresults [count=] [annotate=] [format=csv|json data="…"]`."""
        options, rest = clause.options(
            "count", "annotate", "format", "data", "splunk_server", "splunk_server_group"
        )
        clause.nothing_left(rest)
        count = clause.number(options, "count", 1)
        if count > MOST_MADE:
            raise clause.fail(f"makeresults makes at most {MOST_MADE:,} rows.", options["count"].span)
        rows = None
        if "data" in options:
            form = clause.choice(options, "format", "", ("csv", "json"))
            rows = _given(clause, form, options["data"].value, options["data"].span)
        return cls(count, rows, clause.span)

    def indexes(self) -> frozenset[str]:
        """Return none: no event is read."""
        return frozenset()

    def output(self, names: Names) -> Names:
        """Return the time, or the fields of the data."""
        if self.rows is not None:
            return {"_time", "_raw", *(name for row in self.rows for name, _ in row)}
        return {"_time"}

    def generate(self, builder: Builder) -> Stage:
        """Make the rows."""
        now = builder.runtime.now
        if self.rows is None:
            return builder.runtime.values_table({"_time": Kind.NUMBER}, [(now,)] * self.count)
        names = list(dict.fromkeys(name for row in self.rows for name, _ in row))
        kinds = {"_time": Kind.NUMBER} | dict.fromkeys((name for name in names if name != "_time"), Kind.TEXT)
        cells = [dict(row) for row in self.rows]
        return builder.runtime.values_table(
            kinds, [[now if name == "_time" else row.get(name) for name in kinds] for row in cells]
        )


def _given(clause: Clause, form: str, data: str, span: Span) -> tuple[tuple[tuple[str, str], ...], ...]:
    if form == "csv":
        rows = csv.DictReader(io.StringIO(data.strip()))
        return tuple(tuple((name, value) for name, value in row.items() if value) for row in rows)
    try:
        parsed = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise clause.fail(f"data is no JSON: {error.msg}.", span) from None
    objects = parsed if isinstance(parsed, list) else [parsed]
    if not all(isinstance(one, dict) for one in objects):
        raise clause.fail("data is no JSON array of objects.", span)
    return tuple(
        tuple(
            (name, value if isinstance(value, str) else orjson.dumps(value).decode())
            for name, value in one.items()
        )
        for one in objects
    )


@dataclass(frozen=True, slots=True)
class GenTimes(Generator):
    """makes a row for every step between two times."""

    name = "gentimes"
    bounded: ClassVar[bool] = True
    start: str
    end: str | None
    amount: int
    unit: str
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> GenTimes:
        """Read `gentimes start=… [end=…] [increment=1d]`."""
        options, rest = clause.options("start", "end", "increment")
        clause.nothing_left(rest)
        if "start" not in options:
            raise clause.fail("gentimes needs start=. Expected start=-7 or start=11/20/2026.")
        step = parse_span(options["increment"].value) if "increment" in options else (1, "d")
        if step is None or step[0] < 1:
            raise clause.fail("increment cannot be read. Expected 1h or 1d.", options["increment"].span)
        end = options["end"].value if "end" in options else None
        return cls(options["start"].value, end, step[0], step[1], clause.span)

    def indexes(self) -> frozenset[str]:
        """Return none: no event is read."""
        return frozenset()

    def output(self, names: Names) -> Names:
        """Return the fields of a step."""
        return {"starttime", "starthuman", "endtime", "endhuman"}

    def generate(self, builder: Builder) -> Stage:
        """Make the steps."""
        first = self._time(builder, self.start)
        last = builder.runtime.now if self.end is None else self._time(builder, self.end)
        zone = builder.zone
        starts = bin_starts(first, last, self.amount, self.unit, zone, most=MOST_MADE)
        ends = (
            [
                *starts[1:],
                *bin_starts(starts[-1], starts[-1] + 1e12, self.amount, self.unit, zone, most=2)[1:],
            ]
            if starts
            else []
        )
        rows = [
            (a, _human(a, builder), b - 1, _human(b - 1, builder)) for a, b in zip(starts, ends, strict=True)
        ]
        kinds = {
            "starttime": Kind.NUMBER,
            "starthuman": Kind.TEXT,
            "endtime": Kind.NUMBER,
            "endhuman": Kind.TEXT,
        }
        return builder.runtime.values_table(kinds, rows)

    def _time(self, builder: Builder, text: str) -> float:
        now, zone = builder.runtime.now, builder.zone
        if text.lstrip("-").isdecimal():
            return resolve(f"{text if text.startswith('-') else '+' + text}d@d", now=now, zone=zone)
        return resolve(text if text.count(":") == 3 else f"{text}:00:00:00", now=now, zone=zone)


def _human(epoch: float, builder: Builder) -> str:
    return dt.datetime.fromtimestamp(epoch, builder.zone).strftime("%a %b %e %H:%M:%S %Y")


@dataclass(frozen=True, slots=True)
class Metadata(Generator):
    """lists hosts, sources or sourcetypes with their events and times."""

    name = "metadata"
    kind: str
    index: str | None
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Metadata:
        """Read `metadata type=hosts|sources|sourcetypes [index=]`."""
        options, rest = clause.options("type", "index", "splunk_server", "datatype")
        clause.nothing_left(rest)
        kind = clause.choice(options, "type", "", ("hosts", "sources", "sourcetypes"))
        if not kind:
            raise clause.fail("metadata needs type=. Expected hosts, sources or sourcetypes.")
        index = options["index"].value if "index" in options else None
        return cls(kind, index, clause.span)

    def indexes(self) -> frozenset[str] | None:
        """Return the index."""
        return _bounded(self.index)

    def output(self, names: Names) -> Names:
        """Return the described fields."""
        return {self.kind[:-1], "firstTime", "lastTime", "recentTime", "totalCount", "type"}

    def generate(self, builder: Builder) -> Stage:
        """Count the events of the window."""
        run, field = builder.runtime, self.kind[:-1]
        relation = run.catalog.relation(
            indexes=self.indexes(), sourcetypes=None, earliest=run.earliest, latest=run.latest
        )
        run.scanned = relation.scanned
        run.set_aside.update(relation.set_aside)
        text = relation.fields[field].sql
        select = (
            f"SELECT {text} AS c_value, CAST(count(*) AS DOUBLE) AS c_count, min(_time) AS c_first, max(_time) AS c_last, "
            f"{self.kind!r} AS c_type FROM {relation.sql} WHERE {time_window(relation, run.earliest, run.latest)} AND {text} IS NOT NULL GROUP BY 1"
        )
        columns = {
            field: Sql("c_value", Kind.TEXT),
            "firstTime": Sql("c_first", Kind.NUMBER),
            "lastTime": Sql("c_last", Kind.NUMBER),
            "recentTime": Sql("c_last", Kind.NUMBER),
            "totalCount": Sql("c_count", Kind.NUMBER),
            "type": Sql("c_type", Kind.TEXT),
        }
        return Stage(builder.add(select), columns, (OrderKey("c_value"),))


def _bounded(index: str | None) -> frozenset[str] | None:
    return None if index is None or "*" in index else frozenset({index.lower()})


@dataclass(frozen=True, slots=True)
class EventCount(Generator):
    """counts the events of indexes, over all time."""

    name = "eventcount"
    index: str | None
    summarize: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> EventCount:
        """Read `eventcount [index=] [summarize=]`."""
        options, rest = clause.options("index", "summarize", "report_size", "list_vix")
        clause.nothing_left(rest)
        index = options["index"].value if "index" in options else None
        return cls(index, clause.flag(options, "summarize", default=True), clause.span)

    def indexes(self) -> frozenset[str] | None:
        """Return the index."""
        return _bounded(self.index)

    def output(self, names: Names) -> Names:
        """Return the count, and the index where they are not summed up."""
        return {"count"} if self.summarize else {"count", "index"}

    def generate(self, builder: Builder) -> Stage:
        """Count."""
        relation = builder.runtime.catalog.relation(
            indexes=self.indexes(), sourcetypes=None, earliest=-LAST_EPOCH, latest=LAST_EPOCH
        )
        builder.runtime.set_aside.update(relation.set_aside)
        index = as_text(Sql(relation.fields["index"].sql, Kind.TEXT))
        group = "" if self.summarize else " GROUP BY 2"
        shown = "'all'" if self.summarize else index
        select = f"SELECT CAST(count(*) AS DOUBLE) AS c_count, {shown} AS c_index FROM {relation.sql}{group}"
        columns = {"count": Sql("c_count", Kind.NUMBER)}
        if not self.summarize:
            columns["index"] = Sql("c_index", Kind.TEXT)
        return Stage(builder.add(select), columns, (OrderKey("c_index"),))
