"""A way of doing the job, to be measured: what it is given, and what it hands in."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.output import Output
from procedures.schedule import RoundWindow
from procedures.source import ProcedureSource


@dataclass(frozen=True)
class Job:
    """One case as a variant sees it: without its truth."""

    home: Path
    """A data directory of its own, whose log store holds the case's logs."""
    source: ProcedureSource
    window: RoundWindow
    items: tuple[str, ...]
    """The items that run; all when empty."""
    now: float
    """The time of the run, epoch seconds."""


@dataclass(frozen=True)
class Variant:
    """An entry in the table of variants."""

    id: str
    title: str
    run: Callable[[Job], Coroutine[Any, Any, Output]]
    """A function at the top of a module, so that other processes can run it."""
