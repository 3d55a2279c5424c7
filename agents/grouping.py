"""From the rows of a search to findings: one per entity, placed in time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from procedures.model import Item
from tools.records.finding import Finding
from tools.search.result import Row, Value


def finding_id(item_id: str, key: dict[str, Value]) -> str:
    """Return the id that this entity has in this item, in every round.

    >>> finding_id("ssh", {"src_ip": "192.0.2.1"}) == finding_id("ssh", {"src_ip": "192.0.2.1"})
    True
    """
    text = json.dumps([item_id, {name: str(value) for name, value in key.items()}], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def key_of(row: Row, fields: Iterable[str]) -> dict[str, Value]:
    """Return the key fields that `row` has, in the order of `fields`."""
    return {name: row[name] for name in fields if name in row}


def times_of(rows: Iterable[Row], columns: Iterable[str]) -> list[float]:
    """Return every numeric value of the time `columns` over `rows`."""
    names = tuple(columns)
    return [float(row[name]) for row in rows for name in names if isinstance(row.get(name), int | float)]  # type: ignore[arg-type]


def is_inside(row: Row, at: str | None, start: float, end: float) -> bool:
    """Tell whether `row` belongs to the round's window; a row without a readable time does."""
    value = row.get(at) if at else None
    return not isinstance(value, int | float) or start <= value < end


def group_findings(
    item: Item, rows: tuple[Row, ...], *, start: float, end: float
) -> tuple[tuple[Finding, ...], int]:
    """Group `rows` by the item's key.

    Returns:
        The findings in order of first appearance, and the number of rows whose `at` lies outside the
        round's window `[start, end)`; those are no findings of this round.
    """
    groups: dict[str, tuple[dict[str, Value], list[int]]] = {}
    outside = 0
    for index, row in enumerate(rows):
        if not is_inside(row, item.at, start, end):
            outside += 1
            continue
        key = key_of(row, item.key)
        groups.setdefault(finding_id(item.id, key), (key, []))[1].append(index)
    columns = item.times or (("_time",) if any("_time" in row for row in rows) else ())
    return tuple(
        _finding(ident, key, indexes, rows, columns) for ident, (key, indexes) in groups.items()
    ), outside


def _finding(
    ident: str, key: dict[str, Value], indexes: list[int], rows: tuple[Row, ...], columns: tuple[str, ...]
) -> Finding:
    times = times_of((rows[index] for index in indexes), columns)
    return Finding(
        id=ident,
        key=key,
        rows=tuple(indexes),
        first=min(times, default=None),
        last=max(times, default=None),
    )
