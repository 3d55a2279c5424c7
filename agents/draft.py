"""The report while it is written: what its parts share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agents.context import ItemContext
from agents.entity import entity_label
from agents.facts import FactBook
from agents.material import Material
from agents.narrative import Language, sentence
from tools.records.finding import FindingJudgement, Judgement
from tools.search.result import Value


@dataclass(slots=True)
class Draft:
    """What the parts of a report share while it is written."""

    context: ItemContext
    material: Material
    judgement: Judgement
    book: FactBook = field(default_factory=FactBook)

    @property
    def language(self) -> Language:
        """Language of the report."""
        return self.context.procedure.language

    def say(self, code: str, **references: str) -> str:
        """Return a sentence of the fixed wording."""
        return sentence(code, self.language, **references)

    def of_procedure(self, label: str, value: Value, derivation: str) -> str:
        """Return a reference to a text or threshold that the procedure itself gives."""
        kind = "text" if isinstance(value, str) else "decimal"
        return self.book.ref(label, value, kind, derivation=f"procedure.{derivation}")  # type: ignore[arg-type]

    def entity(self, entry: FindingJudgement) -> str:
        """Return a reference to the entity of a finding."""
        return self.book.ref(
            "entity",
            self.label(entry.key),
            "entity",
            evidence=self.material.findings.evidence,
            derivation=f"finding.{entry.finding}.key",
        )

    def label(self, key: Mapping[str, Value]) -> str:
        """Return how the finding with `key` is called."""
        return entity_label(key, self.context.item, self.context.procedure.timezone)

    def count(self, label: str, value: int, derivation: str) -> str:
        """Return a reference to a number that is counted over stored findings."""
        return self.book.ref(
            label, value, "integer", evidence=self.material.findings.evidence, derivation=derivation
        )
