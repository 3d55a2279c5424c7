"""What Tejun says when one field is missing from the logs: every field that the library reads, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from unittest.mock import patch

from agents.completeness import Watched, watch_source
from agents.context import ItemContext
from agents.searching import Searcher
from graph.resources import Resources
from procedures.archive import load_procedure
from procedures.bundled import bundled, find_procedure
from procedures.field_reads import FieldRead, field_reads
from procedures.model import Budget, DataSource
from procedures.source import ProcedureSource, read_source
from spl.catalog import Relation
from tools.logstore.catalog import StoreCatalog

Window = Callable[[ProcedureSource], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Told:
    """What one item says about one field that is missing."""

    procedure: str
    source: str
    item: str
    field: str
    when: str
    """`today`, or `always`."""
    occurs: bool
    """Whether an event of the window holds the field while nothing is missing."""
    state: str
    """`lost` holds the verdict back, `absent` and `unseen` are told; `silent` must not be."""


@contextmanager
def without(field: str, earliest: float, *, always: bool) -> Iterator[None]:
    """Take a field from every event, or from those on and after `earliest`."""
    original = StoreCatalog.relation

    def relation(self: StoreCatalog, **wanted: object) -> Relation:
        whole = original(self, **wanted)  # type: ignore[arg-type]
        fields = dict(whole.fields)
        if field in fields:
            since = "TRUE" if always else f"_time >= {earliest}"
            sql = f"CASE WHEN {since} THEN NULL ELSE {fields[field].sql} END"
            fields[field] = replace(fields[field], sql=sql)
        return replace(whole, fields=fields)

    with patch.object(StoreCatalog, "relation", relation):
        yield


async def watched(
    resources: Resources,
    source: ProcedureSource,
    item: str,
    data_source: DataSource,
    window: tuple[float, float],
) -> Watched:
    """Return what the completeness of one item and source is found to be."""
    context = ItemContext(source=source, item_id=item, start=window[0], end=window[1])
    searcher = Searcher(
        session=await resources.session(context),
        evidence=resources.evidence,
        budget=Budget(searches=1000, seconds=1000),
        clock=resources.clock,
    )
    by_item = field_reads(source)[data_source.id]
    return await watch_source(
        data_source,
        searcher,
        earliest=window[0],
        latest=window[1],
        own=by_item[item],
        every=[read for reads in by_item.values() for read in reads],
    )


def _names(reads: Sequence[FieldRead]) -> list[str]:
    return list(dict.fromkeys(name for read in reads for name in read.fields))


async def told(resources: Resources, window: Window, *, only: str | None = None) -> list[Told]:
    """Return what each item of the library says about each of its fields, missing today or always."""
    found = []
    for name in bundled() if only is None else (only,):
        source = read_source(find_procedure(name))
        for data_source in load_procedure(source).data_sources:
            by_item = field_reads(source).get(data_source.id, {})
            for field in _names([read for reads in by_item.values() for read in reads]):
                found += await _about(resources, source, data_source, field, window(source))
    return found


async def _about(
    resources: Resources,
    source: ProcedureSource,
    data_source: DataSource,
    field: str,
    window: tuple[float, float],
) -> list[Told]:
    found = []
    readers = [item for item, reads in field_reads(source)[data_source.id].items() if field in _names(reads)]
    healthy = await watched(resources, source, readers[0], data_source, window)
    occurs = not any(field in state.fields and not state.scope for state in healthy.fields)
    for when in ("today", "always"):
        with without(field, window[0], always=when == "always"):
            for item in readers:
                said = await watched(resources, source, item, data_source, window)
                state = _said(said, field)
                found.append(
                    Told(load_procedure(source).id, data_source.id, item, field, when, occurs, state)
                )
    return found


def _said(said: Watched, field: str) -> str:
    states = {state.state for state in said.fields if field in state.fields}
    for state in ("lost", "absent", "unseen"):
        if state in states:
            return state
    return "silent"
