"""Fields that a ready event lacks although its `_raw` holds them, found as its sourcetype finds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from tools.logstore.errors import UnknownSourcetypeError
from tools.logstore.events import Event, FieldValue, UnreadableEventError, collect, flatten
from tools.logstore.flaws import FIELD as FLAW
from tools.logstore.flaws import RAW
from tools.logstore.json_values import read_json
from tools.logstore.sourcetypes import Sourcetype, find_sourcetype
from tools.logstore.windows_xml import fields_of_event

TRIED = 20
"""Events with the same given fields that are tried before the others are taken to have theirs."""

_AGAIN = 64
"""Of the others, one in so many is tried."""

_METADATA = frozenset({"_time", "_raw", "index", "sourcetype", "host", "source"})
_BITS = 60


def fields_from_raw(sourcetype: Sourcetype, raw: str) -> tuple[dict[str, FieldValue], tuple[str, ...]]:
    """Return the fields of a raw text, and what is wrong with it.

    Raises:
        UnreadableEventError: It is not what the sourcetype says.
    """
    match sourcetype.kv_mode:
        case "json":
            try:
                return _fields_of_json(sourcetype, raw, leniently=False)
            except RecursionError:
                return _fields_of_json(sourcetype, raw, leniently=True)
        case "xml":
            fields, flaws = fields_of_event(raw)
            return sourcetype.compute(fields), flaws
        case "csv":
            return {}, ()  # the header that names the cells is not here
    return sourcetype.extract(raw), ()


def _fields_of_json(
    sourcetype: Sourcetype, raw: str, *, leniently: bool
) -> tuple[dict[str, FieldValue], tuple[str, ...]]:
    record, flaws = read_json(raw.encode(), leniently=leniently)
    if not isinstance(record, dict):
        raise UnreadableEventError("the text is JSON, but no object")
    return sourcetype.compute(collect(flatten(record))), flaws


@dataclass(slots=True)
class FromRaw:
    """What one import has learned about the ready events that it reads.

    An event without a field is always tried. Of those with some, the first of each set of fields are; as soon as one
    of them lacks a field that its text holds, every later event of its sourcetype is tried. Given fields win.
    """

    added: int = 0
    """Events that got fields from their text."""
    _lacking: set[str] = field(default_factory=set)
    _tried: dict[tuple[str, ...], int] = field(default_factory=dict)
    _known: dict[str, Sourcetype | None] = field(default_factory=dict)

    def complete(self, event: Event, *, hosted: bool, sourced: bool) -> tuple[str, ...]:
        """Add the fields that the event lacks; return what is wrong with its text.

        Args:
            event: A ready event.
            hosted: Whether the host was given.
            sourced: Whether the source was given.
        """
        sourcetype = self._sourcetype(event.sourcetype)
        if sourcetype is None or not self._is_due(event):
            return ()
        try:
            found, flaws = fields_from_raw(sourcetype, event.raw)
        except UnreadableEventError:
            return () if event.fields else (RAW,)
        own_host, own_source = found.get("host"), found.get("source")
        if isinstance(own_host, str) and not hosted:
            event.host = own_host
        if isinstance(own_source, str) and not sourced and sourcetype.names_source:
            event.source = own_source
        if new := _new(found, event.fields):
            self._lacking.add(event.sourcetype)
            self.added += 1
            event.fields = {name: found[name] for name in new} | event.fields
        return flaws

    def lacks_fields(self, table: pa.Table) -> bool:
        """Tell whether events of `table` lack fields that their text holds; see `complete`."""
        names = [name for name in table.column_names if name not in _METADATA]
        kinds = pc.unique(table["sourcetype"]).to_pylist()
        for kind in kinds:
            sourcetype = self._sourcetype(kind)
            if sourcetype is None or sourcetype.kv_mode == "csv":
                continue
            if kind in self._lacking:
                return True
            own = table if len(kinds) == 1 else table.filter(pc.equal(table["sourcetype"], kind))
            if any(_adds(sourcetype, row, names) for row in _tried_rows(own, names)):
                self._lacking.add(kind)
                return True
        return False

    def _sourcetype(self, name: str) -> Sourcetype | None:
        if name not in self._known:
            try:
                self._known[name] = find_sourcetype(name)
            except UnknownSourcetypeError:
                self._known[name] = None
        return self._known[name]

    def _is_due(self, event: Event) -> bool:
        if not event.fields or event.sourcetype in self._lacking:
            return True
        key = (event.sourcetype, *event.fields)
        tried = self._tried.get(key, 0)
        self._tried[key] = tried + 1
        return tried < TRIED or tried % _AGAIN == 0


def _new(found: dict[str, FieldValue], given: dict[str, FieldValue]) -> list[str]:
    return [name for name in found if name not in given and name not in _METADATA and name != FLAW]


def _adds(sourcetype: Sourcetype, row: dict[str, str], names: Sequence[str]) -> bool:
    given: dict[str, FieldValue] = {name: row[name] for name in names if row[name] is not None}
    if not given:
        return True
    try:
        found, flaws = fields_from_raw(sourcetype, row["_raw"])
    except UnreadableEventError:
        return False
    return bool(flaws or _new(found, given))


def _tried_rows(table: pa.Table, names: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield some rows of each set of fields that rows of `table` have."""
    keys = {
        f"k{start}": _pattern(table, names[start : start + _BITS]) for start in range(0, len(names), _BITS)
    }
    if not keys:
        yield from table.slice(0, 1).to_pylist()
        return
    rows = pa.table(keys | {"row": pa.arange(0, table.num_rows)})
    for group in rows.group_by(list(keys), use_threads=False).aggregate([("row", "list")])["row_list"]:
        places = group.values
        step = -(-len(places) // TRIED)
        yield from table.take(places.take(pa.arange(0, len(places), step))).to_pylist()


def _pattern(table: pa.Table, names: Sequence[str]) -> pa.ChunkedArray:
    """Return a number for each row that says which of `names` it has."""
    total = pa.chunked_array([pa.repeat(pa.scalar(0, pa.int64()), table.num_rows)])
    for place, name in enumerate(names):
        bit = pc.multiply(pc.is_valid(table[name]).cast(pa.int64()), 1 << place)
        total = pc.add(total, bit)
    return total
