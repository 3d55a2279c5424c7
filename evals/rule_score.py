"""The score of one rule over events that others labelled: precision and recall, never part of the mark."""

from __future__ import annotations

from evals.planting import Model


class RuleScore(Model):
    """One rule over the events that are labelled for it."""

    set: str
    item: str
    rule: str
    hits: int
    """Labelled true, and found."""
    missed: tuple[str, ...] = ()
    """Names of those labelled true that were not found."""
    cried: tuple[str, ...] = ()
    """Names of those labelled false that were found."""
    quiet: int
    """Labelled false, and not found."""
    error: str | None = None

    @property
    def true(self) -> int:
        """Events labelled true."""
        return self.hits + len(self.missed)

    @property
    def false(self) -> int:
        """Events labelled false."""
        return self.quiet + len(self.cried)

    @property
    def right(self) -> int:
        """Events about which the rule is right."""
        return self.hits + self.quiet

    @property
    def precision(self) -> float | None:
        """Right ones of those found; None when nothing was found, or could have been found wrongly."""
        found = self.hits + len(self.cried)
        return self.hits / found if found and self.false else None

    @property
    def recall(self) -> float | None:
        """Found ones of those labelled true; None when there is none."""
        return self.hits / self.true if self.true else None

    @property
    def wrong(self) -> tuple[str, ...]:
        """What is wrong, for people."""
        failed = (f"failed: {self.error}",) if self.error else ()
        missed = (f"not found: {name}" for name in self.missed)
        return (*failed, *missed, *(f"found, and should not be: {name}" for name in self.cried))
