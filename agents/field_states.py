"""What it means that no event of the window holds a field: lost, absent today, or never seen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from agents.field_counts import FieldCount, Presence
from procedures.field_reads import FieldRead
from procedures.model import DataSource
from tools.records.finding import FieldState, Note

USUAL = 0.5
"""Share of earlier events that hold a field from which on it is not one that only some events have."""
UNLIKELY = 1e-4
"""Chance of so many events without a field by accident, below which it is lost."""


@dataclass(slots=True)
class Counted:
    """What the searches of one data source counted, and which of them."""

    now: dict[FieldCount, Presence] = field(default_factory=dict)
    """In the window, for every item of the procedure."""
    before: dict[FieldCount, Presence] = field(default_factory=dict)
    """In the time before it, for what no event of the window holds."""
    evidence: dict[FieldCount, str] = field(default_factory=dict)
    """Digest of the search that counted in the window."""
    history: dict[FieldCount, str] = field(default_factory=dict)
    """Digest of the search that counted before it."""

    def absent(self) -> tuple[FieldCount, ...]:
        """Return what no event of the window holds, of the scopes that have events."""
        return tuple(count for count, seen in self.now.items() if seen.events and not seen.held)


def field_states(
    source: DataSource,
    own: Sequence[FieldRead],
    every: Sequence[FieldRead],
    counted: Counted,
) -> tuple[FieldState, ...]:
    """Return the state of every field that an item reads and no event of the window holds.

    Args:
        source: The data source.
        own: What the item reads of it.
        every: What all items of the procedure read of it.
        counted: What the searches counted for all of them.
    """
    needed = _needed(own)
    pairs = {(read.fields, read.scope) for read in own}
    gone = _is_extraction_gone(source, _needed(every), counted)
    worst: dict[tuple[str, ...], FieldState] = {}
    for count, seen in counted.now.items():
        pair = (count.fields, count.scope)
        if pair not in pairs or seen.held or not seen.events:
            continue
        earlier = counted.before.get(count, Presence())
        state = "lost" if gone else _state(source, seen, earlier, count.fields, needed=pair in needed)
        found = FieldState(
            source=source.id,
            fields=count.fields,
            scope=count.scope,
            state=state,
            events=seen.events,
            events_before=earlier.events,
            held_before=earlier.held,
            last=earlier.last,
            evidence=counted.evidence[count],
            before=counted.history.get(count, ""),
        )
        known = worst.get(count.fields)
        if known is None or _ORDER.index(state) < _ORDER.index(known.state):
            worst[count.fields] = found
    return tuple(worst.values())


State = Literal["lost", "absent", "unseen"]
_ORDER: tuple[State, ...] = ("lost", "absent", "unseen")


def _state(
    source: DataSource, seen: Presence, earlier: Presence, fields: tuple[str, ...], *, needed: bool
) -> State:
    if earlier.held:
        return "lost" if is_lost(earlier, seen.events) else "absent"
    return "lost" if needed and not set(fields) & set(source.optional_fields) else "unseen"


def is_lost(earlier: Presence, events: int) -> bool:
    """Tell whether `events` without a field are too many to be an accident, by how usual it was.

    >>> is_lost(Presence(events=1000, held=990), 2), is_lost(Presence(events=1000, held=100), 300)
    (True, False)
    """
    usual = earlier.held / (earlier.events + 1)
    return usual >= USUAL and events * math.log(1 - usual) < math.log(UNLIKELY)


def _needed(reads: Iterable[FieldRead]) -> set[tuple[tuple[str, ...], str]]:
    return {(read.fields, read.scope) for read in reads if read.needed}


def _is_extraction_gone(
    source: DataSource, needed: set[tuple[tuple[str, ...], str]], counted: Counted
) -> bool:
    """Tell whether the events of a source hold none of the fields that are read of it, against what is known."""
    whole = [(count, seen) for count, seen in counted.now.items() if not count.scope and seen.events]
    if not whole or any(seen.held for _, seen in whole):
        return False
    return any(
        _state(source, seen, counted.before.get(count, Presence()), count.fields, needed=True) == "lost"
        for count, seen in whole
        if (count.fields, count.scope) in needed
    )


def field_notes(states: Iterable[FieldState]) -> Iterator[Note]:
    """Yield one note for each source that lost fields."""
    lost: dict[str, list[str]] = {}
    for state in states:
        if state.state == "lost":
            lost.setdefault(state.source, []).append(state.name)
    for source, names in lost.items():
        yield Note(code="source_fields", values={"source": source, "fields": sorted(names)})
