"""All machine checks of one draft report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from procedures.source import ProcedureSource
from tools.checks import content, form
from tools.checks.subject import Subject
from tools.checks.words import LOOKED_AT
from tools.records.evidence import EvidenceStore
from tools.records.finding import DrillDownRun
from tools.records.report import Check, Checks, ItemReport

CHECKS: dict[str, Callable[[Subject], Iterator[str]]] = {
    "figures": content.check_figures,
    "cells": content.check_cells,
    "counts": content.check_counts,
    "criteria": content.check_criteria,
    "times": content.check_times,
    "zone": form.check_zone,
    "search_log": form.check_search_log,
    "sections": form.check_sections,
    "indicators": form.check_indicators,
    "gaps": form.check_gaps,
    "exceptions": form.check_exceptions,
    "omissions": form.check_omissions,
    "drill_downs": form.check_drill_downs,
    "total": form.check_total,
}
"""Every check by id; each yields one line per defect."""


def check_report(
    source: ProcedureSource,
    report: ItemReport,
    rendered: str,
    runs: Sequence[DrillDownRun],
    evidence: EvidenceStore,
    *,
    report_digest: str,
) -> Checks:
    """Run every check.

    Args:
        source: The archived procedure.
        report: The draft.
        rendered: The draft as Markdown, as people will read it.
        runs: The drill-downs that ran.
        evidence: Where the stored values are.
        report_digest: Digest of the stored draft.
    """
    subject = Subject(source, report, rendered, runs, evidence)
    return Checks(report=report_digest, checks=tuple(_run(name, subject) for name in CHECKS))


def _run(name: str, subject: Subject) -> Check:
    looked_at = LOOKED_AT[name][subject.report.language == "en"]
    if name == "total" and subject.findings.total_evidence is None:
        return Check(id=name, status="not_checked", looked_at=looked_at)
    defects = tuple(CHECKS[name](subject))
    return Check(id=name, status="failed" if defects else "passed", looked_at=looked_at, defects=defects)
