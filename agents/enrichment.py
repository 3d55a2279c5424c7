"""Columns from a CSV beside the procedure, added to rows by code so that they are visible."""

from __future__ import annotations

from collections.abc import Iterator

from agents.context import ItemContext
from agents.material import Sighting
from procedures.archive import lookups_of
from procedures.model import Enrichment
from tools.records.finding import Note
from tools.search.result import Row, Value


def enrich(
    context: ItemContext, sightings: list[Sighting]
) -> tuple[list[Sighting], dict[str, Value], tuple[Note, ...]]:
    """Add the item's `enrich` columns to `sightings`.

    Returns:
        The rows with their new columns, the added values of the first row, and notes for lookups that the
        procedure names but does not bring along.
    """
    tables = lookups_of(context.source)
    notes = tuple(
        Note(code="enrichment_missing", values={"lookup": rule.lookup})
        for rule in context.item.enrich
        if rule.lookup not in tables
    )
    known = [rule for rule in context.item.enrich if rule.lookup in tables]
    added = [dict(_added(known, tables, sighting.values)) for sighting in sightings]
    rows = [
        Sighting(sighting.evidence, sighting.index, {**sighting.values, **extra})
        for sighting, extra in zip(sightings, added, strict=True)
    ]
    return rows, added[0] if added else {}, notes


def _added(
    rules: list[Enrichment], tables: dict[str, list[dict[str, str]]], row: Row
) -> Iterator[tuple[str, Value]]:
    for rule in rules:
        wanted = str(row.get(rule.on, ""))
        match = next((line for line in tables[rule.lookup] if line.get(rule.on) == wanted), None)
        if match:
            yield from ((name, match[name]) for name in rule.output if match.get(name))
