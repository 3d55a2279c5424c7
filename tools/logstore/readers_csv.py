"""CSV under a header line; a quoted value may span lines."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator

from tools.logstore.building import Defaults, build_event, named
from tools.logstore.events import Event, FieldValue, UnreadableEventError
from tools.logstore.flaws import text_of
from tools.logstore.lines import Line, Lines, Reject, without_mark
from tools.logstore.ready_events import is_ready, ready_event
from tools.logstore.setting_aside import set_aside

_SPAN_LINES, _SPAN_BYTES = 1_000, 1 << 20
"""A quoted value that is still open after this much was never meant to be one."""

_OPEN = "unexpected end of data"
"""What the csv module says when a row ends inside quotes."""


class _Cut(str):
    """A reason that stands for all that is missing behind it."""

    __slots__ = ()


def _cells_of(row: dict[str, str] | str) -> dict[str, str]:
    if isinstance(row, str):
        raise UnreadableEventError(row)
    return row


def _is_cut(row: object) -> bool:
    return isinstance(row, _Cut)


def read_csv(lines: Lines, defaults: Defaults) -> Iterator[Event | Reject]:
    """Read rows under a header; a row of another width is set aside, and all of them if the header is unreadable."""
    index, sourcetype = named(defaults)
    for number, data, row in _named_rows(lines):
        try:
            fields: dict[str, FieldValue] = {name: cell for name, cell in _cells_of(row).items() if cell}
            raw, flaws = text_of(without_mark(number, data))
            read: Event | Reject = build_event(index, sourcetype, raw, fields, defaults, flaws)
        except UnreadableEventError as error:
            read = set_aside(
                number, str(error), data, defaults, index=index, sourcetype=sourcetype.name, cut=_is_cut(row)
            )
        yield read


def is_export(line: Line) -> bool:
    """Tell whether a line is the header of events that Splunk exported with their raw text."""
    if b"_raw" not in line[1]:
        return False
    cells = _cells(line[0], line[1])
    return isinstance(cells, list) and {"_raw", "_time"} <= set(cells)


def read_export(lines: Lines, defaults: Defaults) -> Iterator[Event | Reject]:
    """Read events that Splunk exported as CSV: their metadata, their raw text, and the fields that were chosen.

    Raises:
        LogImportError: The rows do not name their index or sourcetype, and they are not given.
    """
    for number, data, row in _named_rows(lines):
        index, kind = defaults.index, defaults.sourcetype
        try:
            cells = _cells_of(row)
            index, kind = cells.get("index") or index, cells.get("sourcetype") or kind
            record = _ready_record(cells, defaults)
            read: Event | Reject = ready_event(record, defaults, text_of(without_mark(number, data))[1])
        except UnreadableEventError as error:
            read = set_aside(
                number, str(error), data, defaults, index=index, sourcetype=kind, cut=_is_cut(row)
            )
        yield read


def _ready_record(row: dict[str, str], defaults: Defaults) -> dict[str, object]:
    if (defaults.index is None and "index" not in row) or (
        defaults.sourcetype is None and "sourcetype" not in row
    ):
        named(defaults)
    record = _as_record(row)
    if not is_ready(record, defaults):
        raise UnreadableEventError("the row lacks its time, raw text, index or sourcetype")
    return record


def _as_record(row: dict[str, str]) -> dict[str, object]:
    """Return a row as a ready event has it: empty cells are no fields, `__mv_` cells hold lists as `$a$;$b$`.

    Source: Splunk Search Reference, "outputcsv"; Splunk Developer Guide, "Custom search commands" (`__mv_` fields).
    """
    record: dict[str, object] = {
        name: cell for name, cell in row.items() if cell and not name.startswith("__mv_")
    }
    for name, cell in row.items():
        if name.startswith("__mv_") and len(cell) > 1 and cell.startswith("$") and cell.endswith("$"):
            parts = cell[1:-1].split("$;$")
            record[name.removeprefix("__mv_")] = [part.replace("$$", "$") for part in parts]
    return record


def _named_rows(lines: Lines) -> Iterator[tuple[int, bytes, dict[str, str] | str]]:
    """Yield the rows with the names of their cells, or the reason why there are none."""
    header: list[str] | None = None
    for number, data, cells in _rows(lines):
        if isinstance(cells, str):
            header = header or []  # no row may take the place of a header that cannot be read
            yield number, data, cells
        elif header is None:
            header = cells
        elif len(cells) != len(header):
            yield number, data, f"{len(cells)} cells under a header of {len(header)}"
        else:
            yield number, data, dict(zip(header, cells, strict=True))


def _rows(lines: Lines) -> Iterator[tuple[int, bytes, list[str] | str]]:
    """Yield first line number, bytes, and the cells or the reason why there are none."""
    source, pending = iter(lines), deque[Line]()
    while line := (pending.popleft() if pending else next(source, None)):
        number, data, broken = line
        if broken:
            yield number, data, _Cut(broken)
            continue
        if not data.strip():
            continue
        cells = _cells(number, data)
        if cells == _OPEN:
            data, cells = _joined(line, source, pending)
        yield number, data, cells if isinstance(cells, list) else f"no CSV row: {cells}"


def _cells(number: int, data: bytes) -> list[str] | str:
    try:
        return next(csv.reader([text_of(without_mark(number, data))[0]], strict=True), [])
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
