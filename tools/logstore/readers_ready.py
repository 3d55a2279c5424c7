"""Ready events: a block of lines becomes a table at once, where every event brings its metadata and texts only.

Arrow's JSON reader looks at the values, not our code. What it cannot read as it stands in the file (a number or
a list among the fields, a time that is a text, a damaged line, an event without the fields that its text holds) sends the block to the reader of single lines, which
keeps every value and names every fault.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import dropwhile

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from tools.logstore.building import Defaults
from tools.logstore.events import Event
from tools.logstore.flaws import FIELD as FLAW
from tools.logstore.lines import Block, Reject, lines_of
from tools.logstore.readers_json import read_objects
from tools.logstore.ready_events import MEMBER_FIELDS
from tools.logstore.times import END_EPOCH, FIRST_EPOCH

BLOCK_BYTES = 32 << 20
"""Bytes of lines that become one table."""

MOST_FIELDS = 500
"""Fields of one table; events of many kinds would be mostly empty columns."""

_AHEAD = 1
"""Blocks that are read while one becomes a table."""

_TEXT = pa.string()
_NEXT_OBJECT = re.compile(rb"\n\{")


def read_ready(blocks: Iterable[Block], defaults: Defaults) -> Iterator[pa.Table | Event | Reject]:
    """Yield tables of events; events and rejects one by one where a block cannot be read as a table.

    A table has the columns `_time` (epoch seconds), `_raw`, `index`, `sourcetype`, `host`, `source`, all but the
    last two filled, and a text column for each field.
    """
    for block, table in _tables(_joined(blocks)):
        if table is not None and not defaults.from_raw.lacks_fields(table):
            yield _with_defaults(table, defaults)
        elif lines := list(dropwhile(lambda line: not line[1].strip() and not line[2], lines_of([block]))):
            yield from read_objects(lines, defaults)


def _tables(blocks: Iterable[Block]) -> Iterator[tuple[Block, pa.Table | None]]:
    """Yield every block with its table, in order; the next block is read while a thread parses this one."""
    known: dict[str, pa.DataType] = {"_time": pa.float64()}
    with ThreadPoolExecutor(1, "parse") as parser:
        begun: deque[tuple[Block, Future[pa.Table | None]]] = deque()
        for block in blocks:
            begun.append((block, parser.submit(_read_table, block, known)))
            if len(begun) > _AHEAD:
                block, table = begun.popleft()
                yield block, table.result()
        for block, table in begun:
            yield block, table.result()


def _joined(blocks: Iterable[Block]) -> Iterator[Block]:
    """Join blocks up to `BLOCK_BYTES`; a broken one stays alone."""
    start, size = 1, 0
    parts: list[bytes] = []
    for number, data, broken in blocks:
        if parts and (broken or size + len(data) > BLOCK_BYTES):
            yield start, b"".join(parts), None
            parts, size = [], 0
        if broken:
            yield number, data, broken
            continue
        start = start if parts else number
        parts.append(data)
        size += len(data)
    if parts:
        yield start, b"".join(parts), None


def _read_table(block: Block, known: dict[str, pa.DataType]) -> pa.Table | None:
    """Read a block; None when it is no table of ready events. `known` gathers the fields seen so far."""
    _, data, broken = block
    if broken:
        return None
    try:
        first = orjson.loads(data[: data.find(b"\n")] if b"\n" in data else data)
        if not isinstance(first, dict):
            return None
        known.update((name, _TEXT) for name in first if name not in known)
        table = _parse(data, known)
        if surprises := {name for name in table.column_names if name not in known}:
            known.update(dict.fromkeys(surprises, _TEXT))
            table = _parse(data, known)
        if not data.isascii():
            table.validate(full=True)  # Arrow's JSON reader takes bytes that are no UTF-8
    except (ValueError, pa.ArrowInvalid):
        return None
    return table if _holds_ready_events(table, data) else None


def _parse(block: bytes, known: dict[str, pa.DataType]) -> pa.Table:
    return pj.read_json(
        pa.BufferReader(block),
        read_options=pj.ReadOptions(block_size=max(4 << 20, len(block) // 4)),
        parse_options=pj.ParseOptions(explicit_schema=pa.schema(known)),
    )


def _holds_ready_events(table: pa.Table, block: bytes) -> bool:
    """Tell whether every line is one event, with what an event must have."""
    lines = len(_NEXT_OBJECT.findall(block)) + block.startswith(b"{")
    if table.num_rows != lines or lines != block.count(b"\n") + (not block.endswith(b"\n")):
        return False
    if (
        table.num_columns > MOST_FIELDS
        or not {"_seq", FLAW}.isdisjoint(table.column_names)
        or not set(table.column_names) >= MEMBER_FIELDS
    ):
        return False
    if any(table[name].null_count for name in MEMBER_FIELDS):
        return False
    if any(pc.any(pc.equal(table[name], "")).as_py() for name in ("index", "sourcetype")):
        return False
    times = pc.min_max(table["_time"]).as_py()
    inside = times["min"] >= FIRST_EPOCH and times["max"] < END_EPOCH
    return bool(inside and not pc.any(pc.is_nan(table["_time"])).as_py())


def _with_defaults(table: pa.Table, defaults: Defaults) -> pa.Table:
    """Fill in host and source where an event has none."""
    for name, default in (("host", defaults.host), ("source", defaults.source)):
        given = table[name] if name in table.column_names else pa.nulls(table.num_rows, _TEXT)
        filled = pc.if_else(pc.equal(given, ""), None, given)
        filled = pc.fill_null(filled, default) if default else filled
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, filled)
        else:
            table = table.append_column(name, filled)
    return table
