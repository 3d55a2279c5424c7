"""Scorers declared as data: what they measure, over what they average, and where the mark stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from evals.output import Output
from evals.planting import Model
from evals.reading import Section, sections
from evals.sheet import Sheet

Metric = Literal["share", "count", "amount"]
"""`share` is right ones of all, 0 to 1; `count` is how many; `amount` is how much."""
Aggregation = Literal["macro mean", "sum", "median"]
Better = Literal["higher", "lower", "same"]

NOTES = 20
"""Most faults that a score keeps."""


class Score(Model):
    """One score of one case."""

    right: float
    """Right ones of a share; the value of a count or an amount."""
    of: float = 1
    """All ones of a share."""
    faults: tuple[str, ...] = ()
    """What lowered it, for people."""

    @property
    def value(self) -> float:
        """The score: a share of nothing is whole."""
        return self.right / self.of if self.of else 1.0


@dataclass(frozen=True)
class Subject:
    """What a scorer looks at: one output beside its answer sheet."""

    sheet: Sheet
    output: Output
    repeats: Sequence[Output] = field(default=())
    """Outputs of further runs of the same case."""

    @cached_property
    def sections(self) -> dict[str, Section]:
        """The parts of the report about the items that ran."""
        return sections(self.output.markdown, self.sheet.items)


@dataclass(frozen=True)
class Scorer:
    """One line in the table of scorers."""

    id: str
    title: str
    metric: Metric
    aggregation: Aggregation
    better: Better
    score: Callable[[Subject], Score | None]
    """None: the case has nothing to measure."""
    mark: float | None = None
    """What a good system reaches over all cases; None: there is no mark."""
    unit: str = ""

    def worse(self, before: float, after: float) -> float:
        """Return by how much `after` is worse than `before`; negative when it is better."""
        return 0.0 if self.better == "same" else before - after if self.better == "higher" else after - before


class Tally:
    """Counts right ones and collects faults."""

    def __init__(self) -> None:
        self._right, self._of, self._faults = 0, 0, list[str]()

    def check(self, right: bool, fault: str) -> None:
        """Count one more; keep `fault` when it is not right."""
        self._of += 1
        self._right += right
        if not right:
            self._faults.append(fault)

    def score(self) -> Score | None:
        """Return the share of right ones; None when nothing was counted."""
        return Score(right=self._right, of=self._of, faults=tuple(self._faults[:NOTES])) if self._of else None

    def count(self) -> Score:
        """Return how many were not right."""
        return Score(right=self._of - self._right, faults=tuple(self._faults[:NOTES]))
