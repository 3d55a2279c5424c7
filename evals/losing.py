"""Events that lost a field, or hold it under another name, before they are written as lines of a log."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from evals.case import Lost
from tools.demo import cloudtrail, windows


def without_fields(
    calls: Sequence[cloudtrail.Timed],
    computers: Sequence[windows.WindowsEvent],
    lost: Sequence[Lost],
    zone: ZoneInfo,
) -> tuple[list[cloudtrail.Timed], list[windows.WindowsEvent]]:
    """Return AWS calls and Windows events as they are after `lost`; the events that were given stay as they are."""
    kept_calls = [(moment, copy.deepcopy(record)) for moment, record in calls] if lost else list(calls)
    kept_computers = list(computers)
    for one in lost:
        since = one.since.replace(tzinfo=one.since.tzinfo or zone).timestamp() if one.since else 0.0
        for moment, record in kept_calls:
            if moment >= since:
                _lose(record, one.field.split("."), one.renamed)
        kept_computers = [
            event._replace(data=_changed(event.data, one)) if event.time >= since else event
            for event in kept_computers
        ]
    return kept_calls, kept_computers


def _lose(record: dict[str, Any], path: Sequence[str], renamed: str | None) -> None:
    for name in path[:-1]:
        inner = record.get(name)
        if not isinstance(inner, dict):
            return
        record = inner
    if path[-1] in record:
        value = record.pop(path[-1])
        if renamed is not None:
            record[renamed] = value


def _changed(data: dict[str, str], lost: Lost) -> dict[str, str]:
    named = {name: lost.renamed if name == lost.field else name for name in data}
    return {new: data[old] for old, new in named.items() if new is not None}
