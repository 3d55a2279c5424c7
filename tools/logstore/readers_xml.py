"""Windows events in XML: one `<Event>` a line or over many, bare or inside `<Events>`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.logstore.building import Defaults, build_event, named
from tools.logstore.events import Event, UnreadableEventError
from tools.logstore.lines import Line, Lines, Reject, decoded, without_mark
from tools.logstore.sourcetypes import Sourcetype
from tools.logstore.windows_xml import UnreadableXmlError, fields_of_event

LONGEST = 100_000
"""An event that is still open after this many lines was never meant to be one."""

_START = re.compile(rb"<Event(?=[\s>])")
_PIECES = re.compile(rb"(?=<Event[\s>])|(?<=</Event>)")
_UNFINISHED = "the event that begins here does not end"
_END = b"</Event>"
_AROUND = re.compile(rb"(?:\s|<\?xml[^<>]*\?>|</?Events(?:\s[^<>]*)?>)*")
"""What may stand between events: the XML declaration and the element that holds them."""


def read_xml(lines: Lines, defaults: Defaults) -> Iterator[Event | Reject]:
    """Read every `<Event>`; what stands between them and what does not end are kept aside."""
    index, sourcetype = named(defaults)
    for number, data, broken in _documents(lines):
        if broken:
            yield Reject(number, broken, data)
        else:
            yield _event_or_reject(index, sourcetype, number, data, defaults)


def build_windows_event(index: str, sourcetype: Sourcetype, text: str, defaults: Defaults) -> Event:
    """Return the event of one `<Event>` document.

    Raises:
        UnreadableEventError: It is no event, or has no time that can be read.
    """
    return build_event(index, sourcetype, text, sourcetype.compute(fields_of_event(text)), defaults)


def _event_or_reject(
    index: str, sourcetype: Sourcetype, number: int, data: bytes, defaults: Defaults
) -> Event | Reject:
    try:
        return build_windows_event(index, sourcetype, decoded(number, data), defaults)
    except UnicodeDecodeError as error:
        return Reject(number, f"not UTF-8 (byte {error.start + 1})", data)
    except UnreadableXmlError as error:
        return Reject(number + error.line - 1, str(error), data)
    except UnreadableEventError as error:
        return Reject(number, str(error), data)


def _documents(lines: Lines) -> Iterator[Line]:
    """Yield each event with the number of its first line, and everything else with the reason why it is none."""
    held: list[bytes] = []
    first = 0
    for number, line, broken in lines:
        for piece in _PIECES.split(without_mark(number, line)):
            begins = _START.match(piece) is not None
            if begins and held:
                yield first, b"\n".join(held), _UNFINISHED
                held = []
            if begins or held:
                first = first if held else number
                held.append(piece)
                if piece.endswith(_END):
                    yield first, b"\n".join(held), None
                    held = []
            elif not _AROUND.fullmatch(piece):
                yield number, piece, "no <Event> here"
        if broken or len(held) > LONGEST:
            yield first if held else number, b"\n".join(held), broken or _UNFINISHED
            held = []
    if held:
        yield first, b"\n".join(held), _UNFINISHED
