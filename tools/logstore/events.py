"""One event on its way into the store, and how nested values become Splunk's field names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

FieldValue = str | list[str]


class Several(list[object]):
    """The values of a name that one JSON object gives more than once."""


class UnreadableEventError(ValueError):
    """Something in the input is no event; the message says why."""


@dataclass(slots=True)
class Event:
    """An event with its metadata; `fields` holds what is searchable beside `_raw`."""

    time: float
    raw: str
    index: str
    sourcetype: str
    host: str
    source: str
    fields: dict[str, FieldValue] = field(default_factory=dict)


def to_text(value: object) -> str:
    """Return a JSON scalar as Splunk shows it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return orjson.dumps(value).decode()


def flatten(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of a JSON value under Splunk's names: `a.b`, and `a{}.b` below a list.

    JSON null and the empty text are no fields.

    >>> list(flatten({"a": {"b": 1}, "c": [{"d": True}, {"d": None}]}))
    [('a.b', '1'), ('c{}.d', 'true')]
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        below = name if isinstance(value, Several) else name + "{}"
        for inner in value:
            yield from flatten(inner, below)
    elif value is not None and value != "":
        yield name, to_text(value)


def collect(pairs: Iterator[tuple[str, str]]) -> dict[str, FieldValue]:
    """Gather values by name; a name that comes several times is a multivalue."""
    fields: dict[str, FieldValue] = {}
    for name, value in pairs:
        known = fields.get(name)
        if known is None:
            fields[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            fields[name] = [known, value]
    return fields
