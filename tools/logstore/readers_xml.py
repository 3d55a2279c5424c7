"""Windows events in XML: one `<Event>` a line or over many, bare or inside `<Events>`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tools.logstore.building import Defaults, build_event, named
from tools.logstore.events import Event, UnreadableEventError
from tools.logstore.flaws import in_order, text_of
from tools.logstore.lines import Lines, Reject, check_whole, without_mark
from tools.logstore.setting_aside import set_aside
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
    for number, data, broken, cut in _documents(lines):
        try:
            check_whole(broken)
            text, flaws = text_of(data)
            read: Event | Reject = build_windows_event(index, sourcetype, text, defaults, flaws)
        except UnreadableEventError as error:
            line = number + error.line - 1 if isinstance(error, UnreadableXmlError) else number
            read = set_aside(
                line, str(error), data, defaults, index=index, sourcetype=sourcetype.name, cut=cut
            )
        yield read


def build_windows_event(
    index: str, sourcetype: Sourcetype, text: str, defaults: Defaults, flaws: Sequence[str] = ()
) -> Event:
    """Return the event of one `<Event>` document.

    Raises:
        UnreadableEventError: It is no event, or has no time that can be read.
    """
    fields, found = fields_of_event(text)
    flaws = in_order((*flaws, *found))
    return build_event(index, sourcetype, text, sourcetype.compute(fields), defaults, flaws)


def _documents(lines: Lines) -> Iterator[tuple[int, bytes, str | None, bool]]:
    """Yield each event with the number of its first line, and everything else with the reason why it is none.

    The last value tells whether the input breaks off there.
    """
    held: list[bytes] = []
    first = 0
    for number, line, broken in lines:
        for piece in _PIECES.split(without_mark(number, line)):
            begins = _START.match(piece) is not None
            if begins and held:
                yield first, b"\n".join(held), _UNFINISHED, False
                held = []
            if begins or held:
                first = first if held else number
                held.append(piece)
                if piece.endswith(_END):
                    yield first, b"\n".join(held), None, False
                    held = []
            elif not _AROUND.fullmatch(piece):
                yield number, piece, "no <Event> here", False
        if broken or len(held) > LONGEST:
            yield first if held else number, b"\n".join(held), broken or _UNFINISHED, bool(broken)
            held = []
    if held:
        yield first, b"\n".join(held), _UNFINISHED, False
