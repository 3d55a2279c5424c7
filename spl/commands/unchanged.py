"""Commands that say where or how Splunk works, and leave the rows as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spl.clause import Clause
from spl.errors import Span
from spl.plan import Command
from spl.stage import Builder, Stage


@dataclass(frozen=True, slots=True)
class Noop(Command):
    """changes nothing, nor do `highlight`, `localop` and `redistribute`."""

    name = "noop"
    row_by_row: ClassVar[bool] = True
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Noop:
        """Read `noop [arguments]`."""
        return cls(clause.span)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Return the rows."""
        return stage
