"""From bytes to events: each reader takes one shape of file and yields events or what it could not use."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import orjson

from tools.logstore.errors import LogImportError
from tools.logstore.events import Event, FieldValue, collect, flatten
from tools.logstore.sourcetypes import Sourcetype, find_sourcetype
from tools.logstore.times import UnreadableTimeError, find_iso, parse_format, parse_time, shape_of

MEMBER_FIELDS = frozenset({"_time", "index", "sourcetype", "_raw"})
"""An event that has these brings its metadata along."""
_META = frozenset({"_time", "index", "sourcetype", "host", "source", "_raw"})


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the caller says about events that do not say it themselves."""

    index: str | None = None
    sourcetype: str | None = None
    host: str | None = None
    source: str = ""
    written_at: float = 0.0
    """When the file was written, epoch seconds; decides the year of times without one."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Something that is no event: kept aside, never dropped."""

    line: int
    reason: str
    data: bytes


Read = Event | Reject


def open_plain(stream: io.BufferedReader) -> BinaryIO:
    """Return `stream` decompressed when it begins as gzip."""
    if stream.peek(2)[:2] == b"\x1f\x8b":
        return cast("BinaryIO", gzip.GzipFile(fileobj=stream))
    return cast("BinaryIO", stream)


def lines_of(stream: BinaryIO) -> Iterator[tuple[int, bytes, str | None]]:
    """Yield line number, line without its end, and why the stream broke off there, if it did."""
    number = 0
    while True:
        try:
            line = stream.readline()
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            yield number + 1, b"", f"the compressed file is damaged or cut off here ({error})"
            return
        if not line:
            return
        number += 1
        yield number, line.rstrip(b"\r\n"), None


def read_events(stream: io.BufferedReader, defaults: Defaults) -> Iterator[Read]:
    """Read a whole file, choosing the reader by its first byte and by the sourcetype.

    Raises:
        LogImportError: The index or the sourcetype is neither in the events nor given.
    """
    plain = open_plain(stream)
    lines = lines_of(plain)
    first = next((entry for entry in lines if entry[1].strip() or entry[2]), None)
    if first is None:
        return
    rest = _chain(first, lines)
    mode = find_sourcetype(defaults.sourcetype).kv_mode if defaults.sourcetype else ""
    start = first[1].lstrip(b"\xef\xbb\xbf \t")[:1]
    if mode == "csv":
        yield from _read_csv(rest, defaults)
    elif start == b"[" and (mode in {"", "json"}):
        yield from _read_document(rest, defaults)
    elif start == b"{":
        yield from _read_objects(first, rest, defaults)
    else:
        yield from _read_text(rest, defaults)


Lines = Iterable[tuple[int, bytes, str | None]]


def _chain(first: tuple[int, bytes, str | None], rest: Lines) -> Iterator[tuple[int, bytes, str | None]]:
    yield first
    yield from rest


def _read_objects(first: tuple[int, bytes, str | None], lines: Lines, defaults: Defaults) -> Iterator[Read]:
    """Read one object a line, or one document that spans lines or holds `Records`."""
    try:
        record = orjson.loads(first[1])
    except orjson.JSONDecodeError:
        if first[1].strip() in {b"{", b'{"Records": ['} or not first[1].rstrip().endswith(b"}"):
            yield from _read_document(lines, defaults)
            return
        record = None
    if isinstance(record, dict) and isinstance(record.get("Records"), list):
        yield from _read_document(lines, defaults)
        return
    for number, line, broken in lines:
        if broken:
            yield Reject(number, broken, line)
        elif line.strip():
            yield _guarded(number, line, lambda text: _from_json_line(text, defaults))


def _guarded(number: int, line: bytes, read: Callable[[str], Event]) -> Read:
    """Turn what a line can do wrong into a reject."""
    try:
        return read(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        return Reject(number, f"not UTF-8 (byte {error.start + 1})", line)
    except orjson.JSONDecodeError as error:
        return Reject(number, f"no JSON: {error.msg}", line)
    except UnreadableTimeError as error:
        return Reject(number, str(error), line)


def _from_json_line(text: str, defaults: Defaults) -> Event:
    record = orjson.loads(text)
    if not isinstance(record, dict):
        raise UnreadableTimeError("the line is JSON, but no object")
    if record.keys() >= MEMBER_FIELDS:
        return _ready_event(record, defaults)
    return _from_record(record, text, defaults)


def _ready_event(record: dict[str, Any], defaults: Defaults) -> Event:
    """Read an event that brings its metadata along, fields already flat or not."""
    time = record["_time"]
    if isinstance(time, bool) or not isinstance(time, int | float | str):
        raise UnreadableTimeError(f"_time {time!r} cannot be read")
    event = Event(
        time=float(time) if isinstance(time, int | float) else parse_time(time, find_sourcetype("json").zone),
        raw=str(record.pop("_raw")),
        index=str(record.pop("index")),
        sourcetype=str(record.pop("sourcetype")),
        host=str(record.pop("host", None) or defaults.host or ""),
        source=str(record.pop("source", None) or defaults.source),
    )
    del record["_time"]
    event.fields = record if set(map(type, record.values())) == {str} else _flat(record)
    return event


def _flat(record: dict[str, Any]) -> dict[str, FieldValue]:
    """Flatten the values that are no texts; a list of texts is a multivalue already."""
    fields: dict[str, FieldValue] = {}
    for name, value in record.items():
        if isinstance(value, str) or (
            isinstance(value, list) and value and all(isinstance(part, str) for part in value)
        ):
            fields[name] = value
        else:
            fields.update(collect(flatten(value, name)))
    return fields


def _named(defaults: Defaults) -> tuple[str, Sourcetype]:
    missing = [name for name in ("index", "sourcetype") if getattr(defaults, name) is None]
    if missing:
        raise LogImportError(
            f"events of {defaults.source!r} do not name their {' and '.join(missing)}. "
            f"Give {' and '.join('--' + name for name in missing)}."
        )
    return str(defaults.index), find_sourcetype(str(defaults.sourcetype))


def _from_record(record: dict[str, object], raw: str, defaults: Defaults) -> Event:
    index, sourcetype = _named(defaults)
    fields = sourcetype.compute(collect(flatten(record)))
    return _event(index, sourcetype, raw, fields, _time_of(sourcetype, fields, raw, defaults), defaults)


def _event(
    index: str,
    sourcetype: Sourcetype,
    raw: str,
    fields: dict[str, FieldValue],
    time: float,
    defaults: Defaults,
) -> Event:
    host = fields.pop("host", None) if sourcetype.kv_mode == "none" else None
    return Event(
        time=time,
        raw=raw,
        index=index,
        sourcetype=sourcetype.name,
        host=defaults.host or (host if isinstance(host, str) else "") or "",
        source=defaults.source,
        fields={name: value for name, value in fields.items() if name not in _META},
    )


def _time_of(sourcetype: Sourcetype, fields: dict[str, FieldValue], raw: str, defaults: Defaults) -> float:
    for name in sourcetype.time_fields:
        value = fields.get(name)
        if isinstance(value, str):
            return parse_time(value, sourcetype.zone)
    if sourcetype.time_format is None:
        return find_iso(raw, sourcetype.zone)
    prefix = sourcetype.time_prefix.search(raw)
    match = shape_of(sourcetype.time_format).match(raw, prefix.end()) if prefix else None
    if match is None:
        raise UnreadableTimeError("no time found in the line")
    return parse_format(match.group(), sourcetype.time_format, sourcetype.zone, defaults.written_at)


def _read_text(lines: Lines, defaults: Defaults) -> Iterator[Read]:
    index, sourcetype = _named(defaults)

    def read(text: str) -> Event:
        fields = sourcetype.extract(text)
        return _event(index, sourcetype, text, fields, _time_of(sourcetype, fields, text, defaults), defaults)

    for number, line, broken in lines:
        if broken:
            yield Reject(number, broken, line)
        elif line.strip():
            yield _guarded(number, line, read)


def _read_document(lines: Lines, defaults: Defaults) -> Iterator[Read]:
    """Read one JSON document: an array of objects, or an object that holds `Records`."""
    parts: list[bytes] = []
    for number, line, broken in lines:
        if broken:
            yield Reject(number, broken, b"\n".join(parts))
            return
        parts.append(line)
    whole = b"\n".join(parts)
    try:
        document = orjson.loads(whole)
    except orjson.JSONDecodeError as error:
        yield Reject(error.lineno, f"no JSON: {error.msg}", whole)
        return
    records = document.get("Records") if isinstance(document, dict) else document
    for number, record in enumerate(records if isinstance(records, list) else [document], 1):
        raw = orjson.dumps(record)
        yield _guarded(number, raw, lambda text: _from_json_line(text, defaults))


def _read_csv(lines: Lines, defaults: Defaults) -> Iterator[Read]:
    """Read rows under a header; a row of another width is kept aside."""
    index, sourcetype = _named(defaults)
    header: list[str] | None = None
    for number, line, broken in lines:
        if broken:
            yield Reject(number, broken, line)
            continue
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            cells = next(csv.reader([text], strict=True), [])
        except (UnicodeDecodeError, csv.Error) as error:
            yield Reject(number, f"no CSV row: {error}", line)
            continue
        if header is None:
            header = cells
        elif len(cells) != len(header):
            yield Reject(number, f"{len(cells)} cells under a header of {len(header)}", line)
        else:
            yield _csv_row(
                number, line, text, dict(zip(header, cells, strict=True)), index, sourcetype, defaults
            )


def _csv_row(
    number: int,
    line: bytes,
    raw: str,
    row: dict[str, str],
    index: str,
    sourcetype: Sourcetype,
    defaults: Defaults,
) -> Read:
    fields: dict[str, FieldValue] = {name: value for name, value in row.items() if value}
    try:
        return _event(index, sourcetype, raw, fields, _time_of(sourcetype, fields, raw, defaults), defaults)
    except UnreadableTimeError as error:
        return Reject(number, str(error), line)
