"""All machine checks of one draft report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from procedures.model import DECIDING
from procedures.source import ProcedureSource
from tools.checks import content, derived, form, order, recount, rendered, second_look
from tools.checks.again import Again
from tools.checks.subject import Subject
from tools.checks.words import LOOKED_AT
from tools.records.evidence import EvidenceStore
from tools.records.finding import DrillDownRun
from tools.records.report import Check, Checks, ItemReport

CHECKS: dict[str, Callable[[Subject], Iterator[str]]] = {
    "figures": content.check_figures,
    "derivations": derived.check_derivations,
    "cells": content.check_cells,
    "rendered": rendered.check_rendered,
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
    "order": order.check_order,
    "drill_downs": form.check_drill_downs,
    "total": form.check_total,
    "recount": recount.check_recount,
    "recheck": recount.check_recheck,
    "second_look": second_look.check_second_look,
}
"""Every check by id; each yields one line per defect."""

NOT_CHECKED: dict[str, Callable[[Subject], bool]] = {
    "total": second_look.not_totalled,
    "recount": recount.not_recounted,
    "recheck": recount.not_rechecked,
}
"""When a check has nothing to compare: it is then "not checked", never passed."""


def check_report(
    source: ProcedureSource,
    report: ItemReport,
    rendered: str,
    runs: Sequence[DrillDownRun],
    evidence: EvidenceStore,
    *,
    report_digest: str,
    again: Again | None = None,
) -> Checks:
    """Run every check.

    Args:
        source: The archived procedure.
        report: The draft.
        rendered: The draft as Markdown, as people will read it.
        runs: The drill-downs that ran.
        evidence: Where the stored values are.
        report_digest: Digest of the stored draft.
        again: What the SIEM answered to the checks' own searches.
    """
    subject = Subject(source, report, rendered, runs, evidence, again)
    asked = subject.procedure.recheck not in {None, DECIDING} or (again is not None and again.reruns)
    names = [name for name in CHECKS if name != "recheck" or asked]
    return Checks(report=report_digest, checks=tuple(_run(name, subject) for name in names))


def _run(name: str, subject: Subject) -> Check:
    looked_at = LOOKED_AT[name][subject.report.language == "en"]
    subject.looked_at.clear()
    skip = NOT_CHECKED.get(name)
    not_checked = skip is not None and skip(subject)
    defects = () if not_checked else tuple(CHECKS[name](subject))
    return Check(
        id=name,
        status="not_checked" if not_checked else "failed" if defects else "passed",
        looked_at=looked_at,
        defects=defects,
        evidence=tuple(subject.looked_at),
    )
