"""What every agent needs to know about the item at hand: the procedure's words, filled in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from zoneinfo import ZoneInfo

from procedures.archive import load_procedure, macros_of, parameters_of, tables_of
from procedures.field_reads import Reads, field_reads
from procedures.model import Item, Procedure, Window
from procedures.schedule import item_window
from procedures.source import ProcedureSource
from spl.lookups import Lookups
from spl.macros import MacroTable


@dataclass(frozen=True)
class ItemContext:
    """One item of one archived procedure over one window; `start` and `end` are epochs, half-open."""

    source: ProcedureSource
    item_id: str
    start: float
    end: float
    procedure: Procedure = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "procedure", load_procedure(self.source))

    @cached_property
    def item(self) -> Item:
        """The item itself."""
        return self.procedure.item(self.item_id)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Parameter values of the chosen environment, as written."""
        return parameters_of(self.procedure, self.source.environment)

    @cached_property
    def macros(self) -> MacroTable:
        """The procedure's search macros."""
        return macros_of(self.source)

    @cached_property
    def lookups(self) -> Lookups:
        """The lookups beside the procedure."""
        return tables_of(self.source)

    @cached_property
    def search_scope(self) -> str:
        """Digest of what decides what a search means beside its text: the time zone and the lookups."""
        beside = {name: text for name, text in self.source.files.items() if name.startswith("lookups/")}
        values = [self.procedure.timezone, *(part for pair in sorted(beside.items()) for part in pair)]
        return hashlib.sha256("\0".join(values).encode()).hexdigest()

    @cached_property
    def lookup_names(self) -> frozenset[str]:
        """The lookups that the procedure's searches may read: those beside it and those that it names on the server."""
        own = {name.removesuffix(".csv") for name in self.lookups.tables}
        return frozenset(own | set(self.procedure.lookups))

    @cached_property
    def field_reads(self) -> Reads:
        """What every item of the procedure reads of every data source."""
        return field_reads(self.source)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The procedure's time zone."""
        return ZoneInfo(self.procedure.timezone)

    def window(self, window: Window, *, now: float) -> tuple[float, float]:
        """Return the epochs of `window` for this round."""
        return item_window(window, start=self.start, end=self.end, now=now)
