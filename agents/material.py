"""Everything the judge looks at, read back from the evidence store."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from agents.grouping import finding_id, key_of
from procedures.model import Item
from tools.records.evidence import EvidenceStore
from tools.records.finding import DrillDownRun, Finding, Findings
from tools.search.result import Row, SearchResult


@dataclass(frozen=True, slots=True)
class Sighting:
    """A row as a criterion sees it: where it stands in the evidence, and its values."""

    evidence: str
    index: int | None
    values: Row


@dataclass(frozen=True)
class Material:
    """The stored results that one item's judgement rests on."""

    item: Item
    findings: Findings
    query: SearchResult
    baseline: tuple[SearchResult | None, ...]
    """Per baseline period, newest first; None where it is not `ok`."""
    runs: tuple[DrillDownRun, ...]
    results: dict[str, SearchResult]
    """Results of the drill-down runs by evidence digest."""
    total: SearchResult | None

    def sightings(self, finding: Finding) -> list[Sighting]:
        """Return the rows of `finding` in the item's own search."""
        return [Sighting(self.findings.evidence, index, self.query.rows[index]) for index in finding.rows]

    def drilled(self, finding: Finding, drill_down: str) -> list[Sighting] | None:
        """Return the rows that `drill_down` brought for `finding`, with the item's columns beneath.

        None when it has not run for this finding.
        """
        runs = [run for run in self.runs if run.drill_down == drill_down and finding.id in run.findings]
        if not runs:
            return None
        latest = runs[-1]
        rows = self.results[latest.evidence].rows if latest.evidence else ()
        base = [self.query.rows[index] for index in finding.rows]
        return [
            Sighting(latest.evidence, index, {**row, **rows[index]})
            for row in base
            for index in latest.rows.get(finding.id, ())
        ]

    def run_of(self, finding: Finding, drill_down: str) -> DrillDownRun | None:
        """Return the newest run of `drill_down` that covers `finding`."""
        runs = [run for run in self.runs if run.drill_down == drill_down and finding.id in run.findings]
        return runs[-1] if runs else None

    @cached_property
    def _by_period(self) -> tuple[dict[str, tuple[Row, ...]] | None, ...]:
        """Rows of each baseline period by finding id; None for a period that is not `ok`."""
        return tuple(None if result is None else self._index(result) for result in self.baseline)

    def _index(self, result: SearchResult) -> dict[str, tuple[Row, ...]]:
        groups: dict[str, list[Row]] = {}
        for row in result.rows:
            groups.setdefault(finding_id(self.item.id, key_of(row, self.item.key)), []).append(row)
        return {ident: tuple(rows) for ident, rows in groups.items()}

    def by_period(self, finding: Finding) -> tuple[tuple[Row, ...] | None, ...]:
        """Return the entity's rows per baseline period, newest first; None for a period that is not `ok`."""
        return tuple(None if period is None else period.get(finding.id, ()) for period in self._by_period)

    def earlier_rows(self, finding: Finding) -> tuple[tuple[Row, ...], ...] | None:
        """Return the entity's rows per baseline period; None when a period is not `ok` or none is asked for."""
        periods = [period for period in self.by_period(finding) if period is not None]
        return tuple(periods) if periods and len(periods) == len(self.baseline) else None


def load_material(
    item: Item, findings: Findings, runs: tuple[DrillDownRun, ...], evidence: EvidenceStore
) -> Material:
    """Read every result that `findings` and `runs` name, verified by digest."""

    def result(digest: str) -> SearchResult:
        return evidence.get(digest, SearchResult)

    return Material(
        item=item,
        findings=findings,
        query=result(findings.evidence),
        baseline=tuple(result(period.evidence) if period.ok else None for period in findings.baseline),
        runs=runs,
        results={run.evidence: result(run.evidence) for run in runs if run.evidence},
        total=result(findings.total_evidence) if findings.total_evidence else None,
    )
