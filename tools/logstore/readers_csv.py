"""CSV under a header line; a quoted value may span lines."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator

from tools.logstore.building import Defaults, build_event, named
from tools.logstore.events import Event, FieldValue, UnreadableEventError
from tools.logstore.lines import Line, Lines, Reject, decoded

_SPAN_LINES, _SPAN_BYTES = 1_000, 1 << 20
"""A quoted value that is still open after this much was never meant to be one."""

_OPEN = "unexpected end of data"
"""What the csv module says when a row ends inside quotes."""


def read_csv(lines: Lines, defaults: Defaults) -> Iterator[Event | Reject]:
    """Read rows under a header; a row of another width is kept aside, and all of them if the header is unreadable."""
    index, sourcetype = named(defaults)
    header: list[str] | None = None
    for number, data, cells in _rows(lines):
        if isinstance(cells, str):
            header = header or []  # no row may take the place of a header that cannot be read
            yield Reject(number, cells, data)
        elif header is None:
            header = cells
        elif len(cells) != len(header):
            yield Reject(number, f"{len(cells)} cells under a header of {len(header)}", data)
        else:
            fields: dict[str, FieldValue] = {
                name: cell for name, cell in zip(header, cells, strict=True) if cell
            }
            try:
                read: Event | Reject = build_event(index, sourcetype, decoded(number, data), fields, defaults)
            except UnreadableEventError as error:
                read = Reject(number, str(error), data)
            yield read


def _rows(lines: Lines) -> Iterator[tuple[int, bytes, list[str] | str]]:
    """Yield first line number, bytes, and the cells or the reason why there are none."""
    source, pending = iter(lines), deque[Line]()
    while line := (pending.popleft() if pending else next(source, None)):
        number, data, broken = line
        if broken:
            yield number, data, broken
            continue
        if not data.strip():
            continue
        cells = _cells(number, data)
        if cells == _OPEN:
            data, cells = _joined(line, source, pending)
        yield number, data, cells if isinstance(cells, list) else f"no CSV row: {cells}"


def _cells(number: int, data: bytes) -> list[str] | str:
    try:
        return next(csv.reader([decoded(number, data)], strict=True), [])
    except UnicodeDecodeError as error:
        return f"not UTF-8 (byte {error.start + 1})"
    except csv.Error as error:
        return str(error)


def _joined(first: Line, source: Iterator[Line], pending: deque[Line]) -> tuple[bytes, list[str] | str]:
    """Join the lines of a row whose quotes are open; if they never close, only the first line is lost."""
    taken: list[Line] = []
    size = 0
    while len(taken) < _SPAN_LINES and size < _SPAN_BYTES:
        line = pending.popleft() if pending else next(source, None)
        if line is None or line[2]:
            taken += [line] if line else []
            break
        taken.append(line)
        size += len(line[1])
        if b'"' not in line[1]:
            continue
        data = b"\n".join(part for _, part, _ in (first, *taken))
        cells = _cells(first[0], data)
        if cells != _OPEN:
            if isinstance(cells, list):
                return data, cells
            break
    pending.extendleft(reversed(taken))
    return first[1], "a quoted value that begins here does not end"
