"""Commands that put other rows behind: append, appendpipe, union, multisearch, set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spl.clause import Clause
from spl.commands.stacking import stacked, union_columns
from spl.errors import Span
from spl.plan import Command, Generator, Names, Search, output_fields
from spl.python_calls import Kind
from spl.stage import Builder, OrderKey, Stage

APPEND_LIMIT = 50_000
"""Rows that append and join take from a subsearch, as Splunk's limits.conf has it."""


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
        return cls(clause.pipeline(rest[0]), clause.span)

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
class Union(Generator):
    """puts the rows of several searches together."""

    name = "union"
    bounded: ClassVar[bool] = True
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

    def indexes(self) -> frozenset[str]:
        """Return none of its own: its subsearches say theirs."""
        return frozenset()

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
    bounded: ClassVar[bool] = True
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

    def indexes(self) -> frozenset[str]:
        """Return none of its own: its subsearches say theirs."""
        return frozenset()

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
