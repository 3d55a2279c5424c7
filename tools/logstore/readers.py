"""From files to events: the first bytes, the first lines and the sourcetype decide which reader takes a file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, dropwhile, islice
from typing import TypeAlias

import pyarrow as pa

from tools.logstore.building import Defaults, build_event, named
from tools.logstore.events import Event, UnreadableEventError
from tools.logstore.flaws import text_of
from tools.logstore.lines import (
    Block,
    Line,
    Lines,
    Reject,
    begins_with,
    blocks_of,
    check_whole,
    lines_of,
    open_plain,
    without_mark,
)
from tools.logstore.readers_csv import is_export, read_csv, read_export
from tools.logstore.readers_evtx import SIGNATURE, read_evtx
from tools.logstore.readers_json import brings_metadata, is_object, read_document, read_objects
from tools.logstore.readers_ready import read_ready
from tools.logstore.readers_xml import read_xml
from tools.logstore.setting_aside import set_aside
from tools.logstore.sourcetypes import find_sourcetype

Read: TypeAlias = Event | Reject | pa.Table
"""An event, what is none, or many events at once."""

_SAMPLE = 5
"""Lines that are looked at before a reader is chosen: the first may be damaged."""


def read_events(stream: io.BufferedReader, defaults: Defaults) -> Iterator[Read]:
    """Read a whole file.

    Raises:
        LogImportError: The index or the sourcetype is neither in the events nor given.
        UnknownSourcetypeError: The given sourcetype is not described.
    """
    plain = open_plain(stream)
    if begins_with(plain, SIGNATURE):
        return read_evtx(plain, defaults)
    blocks = blocks_of(plain)
    begun, sample = _begin(blocks)
    if not sample:
        return iter(())
    if any(brings_metadata(line, defaults) for line in sample):
        return read_ready(chain(begun, blocks), replace(defaults, self_described=True))
    everything = dropwhile(_is_blank, lines_of(chain(begun, blocks)))
    if is_export(sample[0]):
        return read_export(everything, defaults)
    mode = find_sourcetype(defaults.sourcetype).kv_mode if defaults.sourcetype else ""
    if mode == "csv":
        return read_csv(everything, defaults)
    if mode == "xml":
        return read_xml(everything, defaults)
    if mode in {"", "json"}:
        head = without_mark(sample[0][0], sample[0][1]).lstrip()[:1]
        if head == b"[":
            return read_document(everything, defaults)
        if mode or head == b"{" or any(is_object(line) for line in sample):
            return read_objects(everything, defaults)
    return _read_text(everything, defaults)


def _begin(blocks: Iterator[Block]) -> tuple[list[Block], list[Line]]:
    """Take blocks until they hold enough lines to look at; return both."""
    head: list[Block] = []
    sample: list[Line] = []
    for block in blocks:
        head.append(block)
        found = dropwhile(_is_blank, lines_of([block])) if not sample else lines_of([block])
        sample.extend(islice(found, _SAMPLE - len(sample)))
        if len(sample) >= _SAMPLE:
            break
    return head, sample


def _is_blank(line: Line) -> bool:
    return not line[1].strip() and not line[2]


def _read_text(lines: Lines, defaults: Defaults) -> Iterator[Read]:
    index, sourcetype = named(defaults)
    for number, line, broken in lines:
        data = without_mark(number, line)
        if broken is None and not data.strip():
            continue
        try:
            check_whole(broken)
            text, flaws = text_of(data)
            read: Read = build_event(index, sourcetype, text, sourcetype.extract(text), defaults, flaws)
        except UnreadableEventError as error:
            read = set_aside(
                number, str(error), line, defaults, index=index, sourcetype=sourcetype.name, cut=bool(broken)
            )
        yield read
