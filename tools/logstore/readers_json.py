"""Events in JSON: one object a line, objects that hold `Records`, and whole documents."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import orjson

from tools.logstore.building import Defaults, build_event, named, read_time
from tools.logstore.events import Event, FieldValue, UnreadableEventError, collect, flatten
from tools.logstore.lines import Line, Lines, Reject, without_mark
from tools.logstore.sourcetypes import find_sourcetype
from tools.logstore.times import UnreadableTimeError, checked

MEMBER_FIELDS = frozenset({"_time", "index", "sourcetype", "_raw"})
"""An object that has these is an event with its metadata."""

_TEXTS = frozenset({str})


def brings_metadata(line: Line) -> bool:
    """Tell whether a line is an event that needs no description."""
    data = without_mark(line[0], line[1])
    if not data.lstrip().startswith(b"{"):
        return False
    try:
        record = orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return isinstance(record, dict) and record.keys() >= MEMBER_FIELDS


def read_objects(lines: Lines, defaults: Defaults) -> Iterator[Event | Reject]:
    """Read one object a line; a first line that leaves a bracket open begins a document instead."""
    remaining = iter(lines)
    first = next(remaining)
    if _opens_document(first):
        yield from read_document(chain([first], remaining), defaults)
        return
    for number, line, broken in chain([first], remaining):
        if broken:
            yield Reject(number, broken, line)
            continue
        data = without_mark(number, line)
        if not data.strip():
            continue
        try:
            record = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            yield Reject(number, _why_no_json(data, error), line)
            continue
        if record.__class__ is dict and isinstance(record.get("Records"), list):
            yield from _read_records(number, record["Records"], defaults)
        else:
            yield _event_or_reject(number, record, data, defaults)


def read_document(lines: Lines, defaults: Defaults) -> Iterator[Event | Reject]:
    """Read one JSON document: an array of objects, an object that holds `Records`, or one object.

    What is no document, but holds objects of one line each, is read line by line.
    """
    held = list(lines)
    start = held[0][0]
    whole = without_mark(start, b"\n".join(line for _, line, _ in held))
    broken = held[-1][2]
    try:
        document = orjson.loads(whole) if not broken else None
    except orjson.JSONDecodeError as error:
        if any(is_object(line) for line in held[1:]):
            yield from _read_lines_of_document(held, defaults)
        else:
            yield Reject(start + error.lineno - 1, _why_no_json(whole, error), whole)
        return
    if broken:
        yield Reject(held[-1][0], broken, whole)
        return
    records = document.get("Records") if isinstance(document, dict) else document
    yield from _read_records(start, records if isinstance(records, list) else [document], defaults)


def _read_lines_of_document(held: list[Line], defaults: Defaults) -> Iterator[Event | Reject]:
    for number, line, broken in held:
        data = without_mark(number, line)
        if not data.strip() and not broken:
            continue
        try:
            record = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            yield Reject(number, broken or _why_no_json(data, error), line)
            continue
        yield _event_or_reject(number, record, data, defaults)


def _read_records(number: int, records: list[Any], defaults: Defaults) -> Iterator[Event | Reject]:
    for position, record in enumerate(records, 1):
        read = _event_or_reject(number, record, orjson.dumps(record), defaults)
        if isinstance(read, Reject):
            read = Reject(number, f"record {position} of the document: {read.reason}", read.data)
        yield read


def _opens_document(line: Line) -> bool:
    data = without_mark(line[0], line[1]).strip()
    if data[-1:] not in {b"{", b"[", b",", b":"}:
        return False
    return not line[2]


def is_object(line: Line) -> bool:
    """Tell whether a line is a whole JSON object."""
    try:
        return isinstance(orjson.loads(without_mark(line[0], line[1])), dict)
    except orjson.JSONDecodeError:
        return False


def _why_no_json(data: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as fault:
        return f"not UTF-8 (byte {fault.start + 1})"
    return f"no JSON: {error.msg}"


def _event_or_reject(number: int, record: Any, data: bytes, defaults: Defaults) -> Event | Reject:
    if record.__class__ is not dict:
        return Reject(number, "the line is JSON, but no object", data)
    try:
        if record.keys() >= MEMBER_FIELDS:
            return _ready_event(record, defaults)
        index, sourcetype = named(defaults)
        fields = sourcetype.compute(collect(flatten(record)))
        return build_event(index, sourcetype, data.decode(), fields, defaults)
    except UnreadableEventError as error:
        return Reject(number, str(error), data)
    except RecursionError:
        return Reject(number, "the object is nested too deeply", data)


def _ready_event(record: dict[str, Any], defaults: Defaults) -> Event:
    """Return the event of a record that brings its metadata along; the record is used up."""
    time, raw = record.pop("_time"), record.pop("_raw")
    index, sourcetype = record.pop("index"), record.pop("sourcetype")
    host, source = record.pop("host", None), record.pop("source", None)
    if not (raw.__class__ is index.__class__ is sourcetype.__class__ is str):
        raise UnreadableEventError("_raw, index or sourcetype is no text")
    if not index or not sourcetype:
        raise UnreadableEventError("index or sourcetype is empty")
    for name, value in (("host", host), ("source", source)):
        if value is not None and value.__class__ is not str:
            record[f"extracted_{name}"] = value
    return Event(
        time=checked(time) if time.__class__ is float else _read_ready_time(time, defaults),
        raw=raw,
        index=index,
        sourcetype=sourcetype,
        host=host if isinstance(host, str) and host else defaults.host or "",
        source=source if isinstance(source, str) and source else defaults.source,
        fields=record if _TEXTS.issuperset(map(type, record.values())) else _flat_fields(record),
    )


def _read_ready_time(time: object, defaults: Defaults) -> float:
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
