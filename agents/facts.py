"""Facts (事実) of one report: every value gets an id, its evidence and how to derive it again."""

from __future__ import annotations

from dataclasses import dataclass, field

from tools.records.fact import Fact, FactKind
from tools.search.result import Value

KIND_OF_FORMAT: dict[str, FactKind] = {
    "text": "text",
    "integer": "integer",
    "decimal": "decimal",
    "time": "time",
    "duration": "duration",
    "defang": "entity",
    "list": "list",
    "percent": "percent",
}
"""Formats of the output table to kinds of facts."""


@dataclass(slots=True)
class FactBook:
    """Hands out fact ids in order; the same value from the same place is one fact."""

    facts: list[Fact] = field(default_factory=list)
    _known: dict[tuple[str, str, FactKind], str] = field(default_factory=dict)

    def add(self, label: str, value: Value | None, kind: FactKind, *, evidence: str, derivation: str) -> str:
        """Record a value and return its id."""
        place = (evidence, derivation, kind)
        if place not in self._known:
            ident = f"f{len(self.facts) + 1}"
            self._known[place] = ident
            self.facts.append(
                Fact(id=ident, label=label, value=value, kind=kind, evidence=evidence, derivation=derivation)
            )
        return self._known[place]

    def ref(
        self, label: str, value: Value | None, kind: FactKind, *, evidence: str = "", derivation: str
    ) -> str:
        """Record a value and return the reference to it that prose carries."""
        return "{{" + self.add(label, value, kind, evidence=evidence, derivation=derivation) + "}}"
