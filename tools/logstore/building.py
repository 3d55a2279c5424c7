"""Putting an event together: whose it is, when it was, and which of its fields are searchable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from tools.logstore.errors import LogImportError
from tools.logstore.events import Event, FieldValue, UnreadableEventError
from tools.logstore.flaws import FIELD as FLAW
from tools.logstore.from_raw import FromRaw
from tools.logstore.sourcetypes import Sourcetype, find_sourcetype
from tools.logstore.times import (
    UnreadableTimeError,
    find_iso,
    lacks_zone,
    parse_format,
    parse_time,
    shape_of,
)

_OWNED = ("index", "sourcetype", "source", "host")


@dataclass(slots=True)
class Assumed:
    """What had to be assumed about times while reading; the import report states it."""

    year: bool = False
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the caller says about events that do not say it themselves."""

    index: str | None = None
    sourcetype: str | None = None
    host: str | None = None
    source: str = ""
    written_at: float = 0.0
    """When the file was written, epoch seconds; decides the year of times without one."""
    zone: ZoneInfo | None = None
    """Zone of times that carry none; None takes the sourcetype's."""
    self_described: bool = False
    """Whether the file's events say whose they are; then a line that does not is none, and no fault of the caller."""
    assumed: Assumed = field(default_factory=Assumed)
    from_raw: FromRaw = field(default_factory=FromRaw)


def named(defaults: Defaults) -> tuple[str, Sourcetype]:
    """Return the index and the sourcetype of events that do not name them.

    Raises:
        LogImportError: They are not given.
        UnreadableEventError: They are not given, and the other events of the file name their own.
    """
    if defaults.index is None or defaults.sourcetype is None:
        missing = [name for name in ("index", "sourcetype") if getattr(defaults, name) is None]
        if defaults.self_described:
            raise UnreadableEventError(f"the event does not name its {' and '.join(missing)}")
        raise LogImportError(
            f"events of {defaults.source!r} do not name their {' and '.join(missing)}. "
            f"Give {' and '.join('--' + name for name in missing)}."
        )
    return defaults.index, find_sourcetype(defaults.sourcetype)


def build_event(
    index: str,
    sourcetype: Sourcetype,
    raw: str,
    fields: dict[str, FieldValue],
    defaults: Defaults,
    flaws: Sequence[str] = (),
) -> Event:
    """Return the event of a raw text and its fields.

    A field that bears the name of a metadata field is kept as `extracted_<name>`, but `host` is taken for
    the host unless the caller gives one, and a source that the sourcetype computes (EVAL-source) for the source.
    What is broken in the event is named by `_flaw`, which no event can bring along.

    Raises:
        UnreadableTimeError: The time cannot be found or read.

    Source: Splunk Getting Data In, "Extract fields from files with structured data" (name collisions).
    """
    time = _time_of(sourcetype, fields, raw, defaults)
    host = fields.get("host")
    own_host = host if isinstance(host, str) and defaults.host is None else None
    if own_host is not None:
        del fields["host"]
    computed = fields.pop("source", None) if sourcetype.names_source else None
    for name in _OWNED:
        if name in fields:
            fields[f"extracted_{name}"] = fields.pop(name)
    fields.pop("_time", None)
    fields.pop("_raw", None)
    mark_flaws(fields, flaws)
    return Event(
        time=time,
        raw=raw,
        index=index,
        sourcetype=sourcetype.name,
        host=defaults.host or own_host or "",
        source=computed if isinstance(computed, str) else defaults.source,
        fields=fields,
    )


def mark_flaws(fields: dict[str, FieldValue], flaws: Sequence[str]) -> None:
    """Name the flaws of an event among its fields; a field of its own of that name is kept as `extracted__flaw`."""
    if FLAW in fields:
        fields[f"extracted_{FLAW}"] = fields.pop(FLAW)
    if flaws:
        fields[FLAW] = flaws[0] if len(flaws) == 1 else list(flaws)


def _time_of(sourcetype: Sourcetype, fields: dict[str, FieldValue], raw: str, defaults: Defaults) -> float:
    zone = defaults.zone or sourcetype.zone
    for name in sourcetype.time_fields:
        value = fields.get(name)
        if isinstance(value, str):
            return read_time(value, zone, defaults)
    if sourcetype.time_format is None:
        return read_time(find_iso(raw), zone, defaults)
    prefix = sourcetype.time_prefix.search(raw)
    match = shape_of(sourcetype.time_format).match(raw, prefix.end()) if prefix else None
    if match is None:
        raise UnreadableTimeError("no time found in the line")
    time = parse_format(match.group(), sourcetype.time_format, zone, defaults.written_at)
    if "%z" not in sourcetype.time_format:
        defaults.assumed.zone = zone.key
    if "%Y" not in sourcetype.time_format and "%y" not in sourcetype.time_format:
        defaults.assumed.year = True
    return time


def read_time(text: str, zone: ZoneInfo, defaults: Defaults) -> float:
    """Return the epoch of a time in a field, and note when its zone had to be assumed.

    Raises:
        UnreadableTimeError: It cannot be read.
    """
    time = parse_time(text, zone)
    if lacks_zone(text):
        defaults.assumed.zone = zone.key
    return time
