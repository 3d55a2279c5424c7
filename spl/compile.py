"""From a plan to rows: the events of a catalog, then one command after another."""

from __future__ import annotations

from spl.commands.columns import Table
from spl.errors import Span, TimeError
from spl.events import event_stage
from spl.plan import Command, Generator, Search, own_indexes, source_fields, sourcetypes
from spl.stage import Builder, Runtime, Stage
from spl.subsearch import resolve_term
from spl.timerange import resolve

FIRST_FIELDS = ("_time", "index", "sourcetype", "host", "source", "_raw")


def run_pipeline(runtime: Runtime, search: Search) -> tuple[Builder, Stage]:
    """Compile a search or a subsearch, running what must be run to know its fields.

    A search has the window that was given, or its inline times; those of a search do not reach its subsearches.
    """
    builder = Builder(runtime)
    outer = runtime.earliest, runtime.latest
    runtime.earliest, runtime.latest = inline_window(search, runtime)
    try:
        first = search.commands[0]
        builder.rest = search.commands[1:]
        stage = first.generate(builder) if isinstance(first, Generator) else _searched(builder, search)
        for place, command in enumerate(search.commands[1:], 2):
            builder.rest = search.commands[place:]
            stage = command.apply(builder, stage)
    finally:
        runtime.earliest, runtime.latest = outer
    return builder, stage


def _searched(builder: Builder, search: Search) -> Stage:
    """Return the events that the first command asks for."""
    term = resolve_term(builder, search.base)
    made = frozenset(name for command in search.commands for name in command.makes())
    return event_stage(
        builder, source_fields(search), own_indexes(search), sourcetypes(search), term=term, made=made
    )


def inline_window(search: Search, runtime: Runtime) -> tuple[float, float]:
    """Return the window of a search after its inline times.

    Raises:
        TimeError: An inline time cannot be read, or the window ends before it begins.
    """
    earliest, latest = runtime.given
    if search.earliest is not None:
        earliest = resolve(search.earliest, now=runtime.now, zone=runtime.zone)
        latest = runtime.now if search.latest is None else latest
    if search.latest is not None:
        latest = resolve(search.latest, now=runtime.now, zone=runtime.zone)
    if latest < earliest:
        raise TimeError(f"the window ends ({latest}) before it begins ({earliest}).", span=Span(0, 1))
    return earliest, latest


def ordered_names(commands: tuple[Command, ...], stage: Stage) -> tuple[str, ...]:
    """Return the fields of the result; raw events begin with the fields that every event has."""
    names = list(stage.columns)
    if not any(isinstance(command, Table) for command in commands) and {"_raw", "_time"} <= set(names):
        names = [*(name for name in FIRST_FIELDS if name in names), *sorted(set(names) - set(FIRST_FIELDS))]
    return tuple(names)
