"""Counting in plain Python: groups, spans and distinct names of a reference's rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

Value = str | int | float | list[str]
Row = dict[str, Value]
T = TypeVar("T")


def grouped(things: Iterable[T], key: Callable[[T], Hashable]) -> dict[Any, list[T]]:
    """Return things by their key, in the order of their first."""
    groups: dict[Any, list[T]] = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    return dict(groups)


def first_and_last(times: Iterable[float]) -> Row:
    """Return the first and the last of some times."""
    known = sorted(times)
    return {"first": known[0], "last": known[-1]}


def distinct(values: Iterable[str]) -> list[str]:
    """Return every value once, in order."""
    return sorted(set(values))
