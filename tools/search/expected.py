"""What the text of a search says about its rows, whoever answers: impossible answers are no answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spl.commands.aggregate import Stats
from spl.commands.columns import AddInfo, Eval, Fields, Rename, Table
from spl.commands.rows import Head, Reverse, Sort, Tail, Uniq, Where
from spl.commands.values import FillNull
from spl.datamodels import AnyDatasets
from spl.errors import SplError
from spl.parse import parse_search
from spl.plan import Command, SearchCommand
from tools.search.failure import failed

_KEEPING = (Where, SearchCommand, Head, Tail, Reverse, Sort, Uniq, FillNull, AddInfo)
"""Commands that drop or order rows, and leave the grouping fields as they are."""


def check_rows(spl: str, rows: Sequence[Mapping[str, Any]], *, whole: bool) -> None:
    """Hold rows against the search that they answer.

    Args:
        spl: The search, macros expanded.
        rows: What came.
        whole: Whether these are said to be all rows.

    Raises:
        NoAnswerError: They cannot be its rows.
    """
    try:
        search = parse_search(spl, datasets=AnyDatasets())
    except (SplError, RecursionError):
        return  # it was not written by a procedure; nothing is known about it
    place = max(
        (at for at, command in enumerate(search.commands) if isinstance(command, Stats)), default=None
    )
    if place is None:
        return
    stats = search.commands[place]
    later = search.commands[place + 1 :]
    if isinstance(stats, Stats) and not stats.by:
        _check_one_row(stats, later, rows, whole=whole)
    elif isinstance(stats, Stats) and (keys := _kept_keys(stats.by, later)):
        _check_keys(keys, rows)


def _check_one_row(
    stats: Stats, later: Sequence[Command], rows: Sequence[Mapping[str, Any]], *, whole: bool
) -> None:
    counts = any(aggregate.function in {"count", "c"} for aggregate in stats.aggregates)
    if not counts or not all(command.row_by_row for command in later):
        return
    if len(rows) > 1 or (whole and not rows):
        raise failed(f"stats without BY gives one row always, and {len(rows)} came: the search did not run")


def _kept_keys(by: tuple[str, ...], later: Sequence[Command]) -> tuple[str, ...]:
    """Return the grouping fields as they are called in the result; nothing where they cannot be followed."""
    keys = tuple(dict.fromkeys(by))
    for command in later:
        keys = _after(command, keys)
    return keys


def _after(command: Command, keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the grouping fields after a command; nothing where it may have changed them."""
    match command:
        case Rename(pairs) if not any("*" in old or new in keys for old, new in pairs):
            names = dict(pairs)
            return tuple(names.get(key, key) for key in keys)
        case Table(fields) | Fields("+", fields) if set(keys) <= set(fields):
            return keys
        case Fields("-", fields) if not set(keys) & set(fields) and not any("*" in name for name in fields):
            return keys
        case Eval() if not set(command.makes()) & set(keys):
            return keys
    return keys if isinstance(command, _KEEPING) else ()


def _check_keys(keys: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> None:
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        values = tuple(str(row.get(key)) for key in keys)
        if all(row.get(key) is None for key in keys):
            raise failed(f"a row has none of the fields that the search groups by ({', '.join(keys)})")
        if values in seen:
            shown = ", ".join(f"{key}={value!r}" for key, value in zip(keys, values, strict=True))
            raise failed(f"two rows have the same {shown}, though the search groups by it")
        seen.add(values)
    if lost := [key for key in keys if rows and all(row.get(key) is None for row in rows)]:
        raise failed(f"no row has the field {lost[0]!r}, though the search groups by it")
