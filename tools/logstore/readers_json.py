"""Events in JSON: one object a line, objects that hold `Records`, and whole documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import orjson

from tools.logstore.building import Defaults, build_event, named
from tools.logstore.events import Event, UnreadableEventError, collect, flatten
from tools.logstore.flaws import in_order, text_of
from tools.logstore.json_values import elements_of, holds_records, read_json
from tools.logstore.lines import Line, Lines, Reject, check_whole, without_mark
from tools.logstore.ready_events import is_ready, ready_event
from tools.logstore.setting_aside import set_aside


def brings_metadata(line: Line, defaults: Defaults) -> bool:
    """Tell whether a line is an event that needs no description beside what the caller gave."""
    data = without_mark(line[0], line[1])
    if not data.lstrip().startswith(b"{"):
        return False
    try:
        record, _ = read_json(data)
    except UnreadableEventError:
        return False
    return isinstance(record, dict) and is_ready(record, defaults)


def read_objects(lines: Lines, defaults: Defaults) -> Iterator[Event | Reject]:
    """Read one object a line; a first line that leaves a bracket open begins a document instead."""
    remaining = iter(lines)
    first = next(remaining)
    if _opens_document(first):
        yield from read_document(chain([first], remaining), defaults)
        return
    for number, line, broken in chain([first], remaining):
        data = without_mark(number, line)
        if broken:
            yield _aside(number, broken, line, defaults, cut=True)
        elif data.strip():
            yield from _read_line(number, data, defaults)


def _read_line(number: int, data: bytes, defaults: Defaults) -> Iterator[Event | Reject]:
    try:
        record, flaws = read_json(data)
    except UnreadableEventError as error:
        elements = elements_of(data) if holds_records(data) else None
        if elements is None:
            yield _aside(number, str(error), data, defaults)
        else:
            yield from _read_elements(number, data, elements, str(error), defaults, cut=False)
        return
    if record.__class__ is dict and isinstance(record.get("Records"), list):
        yield from _read_records(number, record["Records"], data, flaws, defaults)
    else:
        yield _event_or_aside(number, record, data, flaws, defaults)


def read_document(lines: Lines, defaults: Defaults) -> Iterator[Event | Reject]:
    """Read one JSON document: an array of objects, an object that holds `Records`, or one object.

    A document that is cut or damaged gives the elements that can be read; what is no document, but holds objects of one
    line each, is read line by line.
    """
    held = list(lines)
    start = held[0][0]
    whole = without_mark(start, b"\n".join(line for _, line, _ in held))
    broken = held[-1][2]
    try:
        check_whole(broken)
        document, flaws = read_json(whole)
    except UnreadableEventError as error:
        yield from _read_damaged_document(held, whole, str(error), defaults)
        return
    records = document.get("Records") if isinstance(document, dict) else document
    if isinstance(records, list):
        yield from _read_records(start, records, whole, flaws, defaults)
    else:
        yield _event_or_aside(start, document, whole, flaws, defaults)


def _read_damaged_document(
    held: list[Line], whole: bytes, reason: str, defaults: Defaults
) -> Iterator[Event | Reject]:
    """Read what can be read, as elements or as lines: whichever leaves less aside."""
    start, cut = held[0][0], bool(held[-1][2])
    ways = []
    if (elements := elements_of(whole)) is not None:
        ways.append(list(_read_elements(start, whole, elements, reason, defaults, cut=cut)))
    if any(is_object(line) for line in held[1:]):
        ways.append(list(_read_lines_of_document(held, defaults)))
    if not ways:
        yield _aside(start, reason, whole, defaults, cut=cut)
        return
    yield from min(ways, key=lambda reads: sum(len(one.data) for one in reads if isinstance(one, Reject)))


def _read_lines_of_document(held: list[Line], defaults: Defaults) -> Iterator[Event | Reject]:
    for number, line, broken in held:
        data = without_mark(number, line)
        if broken:
            yield _aside(number, broken, line, defaults, cut=True)
        elif data.strip():
            yield from _read_line(number, data, defaults)


def _read_records(
    number: int, records: list[Any], whole: bytes, flaws: tuple[str, ...], defaults: Defaults
) -> Iterator[Event | Reject]:
    """Read the records of a document; if something is wrong with it, each from its own text, to know with which."""
    elements = elements_of(whole) if flaws else None
    if elements is not None:
        yield from _read_elements(number, whole, elements, "", defaults, cut=False)
        return
    for position, record in enumerate(records, 1):
        data = orjson.dumps(record)
        yield _of_document(position, _event_or_aside(number, record, data, flaws, defaults))


def _read_elements(
    number: int,
    whole: bytes,
    elements: Iterator[tuple[int, bytes, bool]],
    reason: str,
    defaults: Defaults,
    *,
    cut: bool,
) -> Iterator[Event | Reject]:
    counted = 0
    for position, (offset, data, complete) in enumerate(elements, 1):
        number += whole.count(b"\n", counted, offset)
        counted = offset
        if not complete:
            yield _aside(number, reason or "the document goes on behind its end", data, defaults, cut=cut)
            continue
        try:
            text = data.rstrip().removesuffix(b",").strip()
            record, flaws = read_json(text)
        except UnreadableEventError as error:
            yield _of_document(position, _aside(number, str(error), data, defaults))
        else:
            yield _of_document(position, _event_or_aside(number, record, text, flaws, defaults))


def _of_document(position: int, read: Event | Reject) -> Event | Reject:
    if isinstance(read, Reject):
        return replace(read, reason=f"record {position} of the document: {read.reason}")
    return read


def _opens_document(line: Line) -> bool:
    data = without_mark(line[0], line[1]).strip()
    if data[-1:] not in {b"{", b"[", b",", b":"}:
        return False
    return not line[2]


def is_object(line: Line) -> bool:
    """Tell whether a line is a whole JSON object, damaged or not."""
    data = without_mark(line[0], line[1])
    if not data.lstrip(b"\0 \t\r\n").startswith(b"{"):
        return False
    try:
        return isinstance(read_json(data)[0], dict)
    except UnreadableEventError:
        return False


def _aside(number: int, reason: str, data: bytes, defaults: Defaults, *, cut: bool = False) -> Reject:
    """Set aside what cannot be read; whose it is stands in what the caller gave, unless it may say so itself."""
    ours = b'"index"' not in data and b'"sourcetype"' not in data and not cut
    index, sourcetype = (defaults.index, defaults.sourcetype) if ours else (None, None)
    return set_aside(number, reason, data, defaults, index=index, sourcetype=sourcetype, cut=cut)


def _event_or_aside(
    number: int, record: Any, data: bytes, flaws: tuple[str, ...], defaults: Defaults
) -> Event | Reject:
    if record.__class__ is not dict:
        return _aside(number, "the line is JSON, but no object", data, defaults)
    index, kind = record.get("index", defaults.index), record.get("sourcetype", defaults.sourcetype)
    ready = is_ready(record, defaults)
    try:
        return _event(record, data, flaws, defaults)
    except UnreadableEventError as error:
        if not ready:
            index, kind = defaults.index, defaults.sourcetype
        return set_aside(
            number,
            str(error),
            data,
            defaults,
            index=index if isinstance(index, str) and index else None,
            sourcetype=kind if isinstance(kind, str) and kind else None,
        )
    except RecursionError:
        return _event_or_aside(number, *_read_shallow(data), defaults)


def _read_shallow(data: bytes) -> tuple[Any, bytes, tuple[str, ...]]:
    record, flaws = read_json(data, leniently=True)
    return record, data, flaws


def _event(record: dict[str, Any], data: bytes, flaws: tuple[str, ...], defaults: Defaults) -> Event:
    if is_ready(record, defaults):
        return ready_event(record, defaults, flaws)
    index, sourcetype = named(defaults)
    fields = sourcetype.compute(collect(flatten(record)))
    raw, broken = text_of(data)
    return build_event(index, sourcetype, raw, fields, defaults, in_order((*flaws, *broken)))
