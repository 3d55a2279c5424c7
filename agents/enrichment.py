"""Columns from a CSV beside the procedure, added to rows by code so that they are visible."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from agents.context import ItemContext
from agents.material import Sighting
from procedures.archive import lookups_of
from procedures.model import Enrichment
from tools.records.finding import Note
from tools.search.result import Row, Value

LAPSED = "lookup_lapsed"
"""Code of the note about an expired line; it is no gap in the data."""


def enrich(
    context: ItemContext, sightings: list[Sighting], *, at: float
) -> tuple[list[Sighting], dict[str, Value], tuple[Note, ...]]:
    """Add the item's `enrich` columns to `sightings`.

    Args:
        context: The item; its procedure brings the lookups.
        sightings: The finding's rows.
        at: Epoch that decides on which day, in the procedure's zone, a line of a lookup must not have expired.

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
    day = dt.datetime.fromtimestamp(at, context.zone).date()
    current = {name: [line for line in lines if not expired(line, day)] for name, lines in tables.items()}
    added = [dict(_added(known, current, sighting.values)) for sighting in sightings]
    rows = [
        Sighting(sighting.evidence, sighting.index, {**sighting.values, **extra})
        for sighting, extra in zip(sightings, added, strict=True)
    ]
    return rows, added[0] if added else {}, notes


def expired(line: dict[str, str], day: dt.date) -> bool:
    """Tell whether a line of a lookup is past its `expires`, inclusive; one without a date never is.

    A date that cannot be read counts as past: it vouches for nothing.
    """
    text = (line.get("expires") or "").strip()
    try:
        return bool(text) and dt.date.fromisoformat(text) < day
    except ValueError:
        return True


def lapsed_lines(context: ItemContext, sightings: list[Sighting], *, at: float) -> tuple[Note, ...]:
    """Return a note for every line of a lookup that has expired and would have enriched `sightings`."""
    tables = lookups_of(context.source)
    day = dt.datetime.fromtimestamp(at, context.zone).date()
    found = {
        (rule.lookup, value, line["expires"]): None
        for rule in context.item.enrich
        for sighting in sightings
        if (value := str(sighting.values.get(rule.on, "")))
        for line in tables.get(rule.lookup, [])
        if line.get(rule.on) == value and expired(line, day)
    }
    return tuple(
        Note(code=LAPSED, values={"lookup": lookup, "entry": value, "expires": expires})
        for lookup, value, expires in found
    )


def _added(
    rules: list[Enrichment], tables: dict[str, list[dict[str, str]]], row: Row
) -> Iterator[tuple[str, Value]]:
    for rule in rules:
        wanted = str(row.get(rule.on, ""))
        match = next((line for line in tables[rule.lookup] if line.get(rule.on) == wanted), None)
        if match:
            yield from ((name, match[name]) for name in rule.output if match.get(name))
