"""How a finding is called in text."""

from __future__ import annotations

from collections.abc import Mapping

from agents.render.values import clock
from procedures.model import Item
from tools.search.result import Value


def entity_label(key: Mapping[str, Value], item: Item, timezone: str) -> str:
    """Return the values of a finding's key, times as clock times of `timezone`; the item's title without a key."""
    return " ".join(_shown(name, value, item, timezone) for name, value in key.items()) or item.title


def _shown(name: str, value: Value, item: Item, timezone: str) -> str:
    if name != "_time" and name not in item.times:
        return str(value)
    try:
        return clock(float(str(value)), timezone)
    except ValueError:
        return str(value)
