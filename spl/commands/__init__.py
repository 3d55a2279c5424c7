"""The commands after the first: how each one turns a stage into the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spl.commands.aggregate import apply_stats
from spl.commands.columns import apply_bin, apply_eval, apply_fields, apply_rename, apply_rex, apply_table
from spl.commands.rows import apply_dedup, apply_head, apply_search, apply_sort, apply_where
from spl.plan import (
    Bin,
    Command,
    Dedup,
    Eval,
    Fields,
    Head,
    Rename,
    Rex,
    SearchCommand,
    Sort,
    Stats,
    Table,
    Where,
)
from spl.stage import Builder, Stage

_APPLY: dict[type, Callable[[Builder, Stage, Any], Stage]] = {
    Bin: apply_bin,
    Dedup: apply_dedup,
    Eval: apply_eval,
    Fields: apply_fields,
    Head: apply_head,
    Rename: apply_rename,
    Rex: apply_rex,
    SearchCommand: apply_search,
    Sort: apply_sort,
    Stats: apply_stats,
    Table: apply_table,
    Where: apply_where,
}


def apply_command(builder: Builder, stage: Stage, command: Command) -> Stage:
    """Return the rows after `command`."""
    return _APPLY[type(command)](builder, stage, command)


def made_by(command: Command) -> tuple[str, ...]:
    """Return the fields that `command` creates."""
    match command:
        case Stats(aggregates):
            return tuple(aggregate.name for aggregate in aggregates)
        case Eval(assignments):
            return tuple(name for name, _ in assignments)
        case Rename(pairs):
            return tuple(new for _, new in pairs)
        case Rex():
            return tuple(name for name, _ in command.groups)
        case Bin(_, alias):
            return (alias,)
    return ()
