"""Lint of a procedure against what is stored: fields that its items read and no stored event holds."""

from __future__ import annotations

import math
from collections.abc import Iterator

from procedures.archive import load_procedure
from procedures.field_reads import field_reads
from procedures.model import Fault
from procedures.source import ProcedureSource
from spl.catalog import Catalog
from spl.errors import SplError


def unheld_fields(source: ProcedureSource, catalog: Catalog) -> Iterator[Fault]:
    """Yield a warning for every field that an item needs and no event of its index and sourcetype holds.

    A data source of which nothing is stored says nothing.

    Args:
        source: A procedure without errors.
        catalog: Where the events are.
    """
    procedure = load_procedure(source)
    for data_source in procedure.data_sources:
        held = _held(catalog, data_source.index, data_source.sourcetype)
        told: set[tuple[str, ...]] = set()
        for item, reads in field_reads(source).get(data_source.id, {}).items() if held else ():
            for read in reads:
                if not read.needed or read.fields in told or held & set(read.fields):
                    continue
                told.add(read.fields)
                yield Fault(
                    place=procedure.item(item).spl_place,
                    code="P060",
                    message=f"no stored event of index={data_source.index} sourcetype={data_source.sourcetype} holds "
                    f"{' or '.join(map(repr, read.fields))}, which item {item!r} reads.",
                    severity="warning",
                )


def _held(catalog: Catalog, index: str, sourcetype: str) -> set[str]:
    try:
        relation = catalog.relation(
            indexes=frozenset({index.lower()}),
            sourcetypes=frozenset({sourcetype.lower()}),
            earliest=-math.inf,
            latest=math.inf,
        )
    except SplError:
        return set()
    return set(relation.fields) if relation.scanned else set()
