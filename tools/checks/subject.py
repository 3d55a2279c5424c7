"""What the checks look at: a draft, its stored values, and the text as it will be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from procedures.archive import load_procedure
from procedures.model import Item, Procedure
from procedures.source import ProcedureSource
from tools.checks.again import Again
from tools.records.evidence import EvidenceStore
from tools.records.finding import DrillDownRun, Findings, Judgement
from tools.records.report import ItemReport, ReportRow
from tools.search.result import SearchResult


@dataclass(frozen=True)
class Subject:
    """One draft under check. The checks read stored values themselves and share nothing with its writer."""

    source: ProcedureSource
    report: ItemReport
    rendered: str
    runs: Sequence[DrillDownRun]
    evidence: EvidenceStore
    again: Again | None = None
    """What the SIEM answered a second time; None when it was not asked."""
    looked_at: list[str] = field(default_factory=list)
    """Digests of the searches that the running check has read."""
    _results: dict[str, SearchResult] = field(default_factory=dict)

    @cached_property
    def procedure(self) -> Procedure:
        """The archived procedure."""
        return load_procedure(self.source)

    @cached_property
    def item(self) -> Item:
        """The item under report."""
        return self.procedure.item(self.report.item)

    @cached_property
    def findings(self) -> Findings:
        """The stored findings."""
        return self.evidence.get(self.report.findings_digest, Findings)

    @cached_property
    def judgement(self) -> Judgement:
        """The stored judgement."""
        return self.evidence.get(self.report.judgement_digest, Judgement)

    @cached_property
    def query(self) -> SearchResult:
        """The item's own search."""
        return self.result(self.findings.evidence)

    def result(self, digest: str) -> SearchResult:
        """Return a stored search; each is read and verified once."""
        if digest not in self.looked_at:
            self.looked_at.append(digest)
        if digest not in self._results:
            self._results[digest] = self.evidence.get(digest, SearchResult)
        return self._results[digest]

    @property
    def rows(self) -> tuple[ReportRow, ...]:
        """Every finding row of the report, shown or attached."""
        return (*self.report.rows, *self.report.attached)
