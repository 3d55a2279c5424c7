"""What is no event, with the index, the sourcetype and the time that it would have, as far as they can be told."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.logstore.building import Defaults, read_time
from tools.logstore.errors import UnknownSourcetypeError
from tools.logstore.flaws import text_of
from tools.logstore.lines import Reject
from tools.logstore.sourcetypes import Sourcetype, find_sourcetype
from tools.logstore.times import UnreadableTimeError, parse_format, shape_of

_READY_TIME = re.compile(r'(?<!\\)"_time"\s*:\s*"?([^",}\s]+)')
_LONGEST = 1 << 20
"""Characters of a line in which its time is sought."""


def set_aside(
    number: int,
    reason: str,
    data: bytes,
    defaults: Defaults,
    *,
    index: str | None = None,
    sourcetype: str | None = None,
    cut: bool = False,
) -> Reject:
    """Return what is set aside.

    Args:
        number: Line number in the file, from 1.
        reason: Why it is no event.
        data: Its bytes.
        defaults: What the caller said about the file.
        index: Its index; None when it may be any.
        sourcetype: Its sourcetype; None when it may be any.
        cut: Whether the input breaks off here.
    """
    time = None if cut else _own_time(data, sourcetype, defaults)
    return Reject(number, reason, data, index, sourcetype, time, cut)


def _own_time(data: bytes, sourcetype: str | None, defaults: Defaults) -> float | None:
    """Return the one time that stands where the time of such an event stands."""
    text = text_of(data[:_LONGEST])[0]
    try:
        described = find_sourcetype(sourcetype) if sourcetype else None
    except UnknownSourcetypeError:
        described = None
    zone = defaults.zone or (described or find_sourcetype("json")).zone
    try:
        if described and described.time_format:
            prefix = described.time_prefix.search(text)
            match = shape_of(described.time_format).match(text, prefix.end()) if prefix else None
            return (
                parse_format(match.group(), described.time_format, zone, defaults.written_at)
                if match
                else None
            )
        found = {read_time(one, zone, defaults) for one in _times_in(text, described)}
    except (UnreadableTimeError, OverflowError):
        return None
    return found.pop() if len(found) == 1 else None


def _times_in(text: str, sourcetype: Sourcetype | None) -> Iterator[str]:
    """Yield the values of the fields that hold the time; quotes inside a value cannot begin one."""
    if ready := _READY_TIME.findall(text):
        yield from ready
        return
    for name in map(re.escape, sourcetype.time_fields if sourcetype else ()):
        match sourcetype.kv_mode if sourcetype else "":
            case "json":
                pattern = rf'(?<!\\)"{name}"\s*:\s*"?([^",}}]+)'
            case "xml":
                pattern = rf"<TimeCreated\s+{name}=[\"']([^\"'<>]+)"
            case "auto":
                pattern = rf'(?<![^\s,;]){name}="?([^\s,;"]+)'
            case _:
                return
        if found := re.findall(pattern, text):
            yield from found
            return
