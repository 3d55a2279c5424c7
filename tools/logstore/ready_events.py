"""Events that bring their metadata along: time, index, sourcetype, raw text, and those fields that someone extracted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tools.logstore.building import Defaults, mark_flaws, read_time
from tools.logstore.events import Event, FieldValue, UnreadableEventError, collect, flatten
from tools.logstore.flaws import in_order
from tools.logstore.sourcetypes import find_sourcetype
from tools.logstore.times import UnreadableTimeError, checked

MEMBER_FIELDS = frozenset({"_time", "index", "sourcetype", "_raw"})
"""An object that has these is an event with its metadata."""

_TEXTS = frozenset({str})


def is_ready(record: dict[str, Any], defaults: Defaults) -> bool:
    """Tell whether a record is an event with its metadata; the caller may have given its index and sourcetype."""
    if record.keys() >= MEMBER_FIELDS:
        return True
    if "_time" not in record or not isinstance(record.get("_raw"), str):
        return False
    given = {"index": defaults.index, "sourcetype": defaults.sourcetype}
    return all(name in record or value is not None for name, value in given.items())


def ready_event(record: dict[str, Any], defaults: Defaults, flaws: Sequence[str] = ()) -> Event:
    """Return the event of a record that brings its metadata along; the record is used up.

    Given fields stay as they are; those that only `_raw` holds are added where the sourcetype is known.

    Raises:
        UnreadableEventError: Its metadata is not what an event has.
    """
    time, raw = record.pop("_time"), record.pop("_raw")
    index, sourcetype = record.pop("index", defaults.index), record.pop("sourcetype", defaults.sourcetype)
    host, source = record.pop("host", None), record.pop("source", None)
    if not (raw.__class__ is index.__class__ is sourcetype.__class__ is str):
        raise UnreadableEventError("_raw, index or sourcetype is no text")
    if not index or not sourcetype:
        raise UnreadableEventError("index or sourcetype is empty")
    for name, value in (("host", host), ("source", source)):
        if value is not None and value.__class__ is not str:
            record[f"extracted_{name}"] = value
    hosted, sourced = isinstance(host, str) and bool(host), isinstance(source, str) and bool(source)
    event = Event(
        time=checked(time) if time.__class__ is float else _read_time(time, defaults),
        raw=raw,
        index=index,
        sourcetype=sourcetype,
        host=host if hosted else defaults.host or "",
        source=source if sourced else defaults.source,
        fields=record if _TEXTS.issuperset(map(type, record.values())) else _flat_fields(record),
    )
    found = defaults.from_raw.complete(event, hosted=hosted or bool(defaults.host), sourced=sourced)
    mark_flaws(event.fields, in_order((*flaws, *found)))
    return event


def _read_time(time: object, defaults: Defaults) -> float:
    if isinstance(time, int) and not isinstance(time, bool):
        return checked(float(time))
    if isinstance(time, str):
        return read_time(time, defaults.zone or find_sourcetype("json").zone, defaults)
    raise UnreadableTimeError(f"_time {time!r} cannot be read")


def _flat_fields(record: dict[str, Any]) -> dict[str, FieldValue]:
    """Return fields that are flat already as they are, and flatten the others."""

    def pairs() -> Iterator[tuple[str, str]]:
        for name, value in record.items():
            if isinstance(value, str):
                yield name, value
            elif isinstance(value, list) and all(isinstance(part, str) for part in value):
                yield from ((name, part) for part in value)
            else:
                yield from flatten(value, name)

    return collect(pairs())
