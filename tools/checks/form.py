"""Checks of form: search log, sections, indicators, gaps, exceptions, omissions, drill-downs, totals."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from procedures.verdict import Verdict
from tools.checks.fields import fields_searches, uncounted_fields, untold_fields, untold_set_aside
from tools.checks.silence import untold_silences
from tools.checks.subject import Subject
from tools.checks.taken import wrongly_taken
from tools.defang import live_indicators
from tools.search.result import SearchStatus

SECTIONS = (
    "overview",
    "details",
    "assessment",
    "recommendation",
    "exceptions",
    "completeness",
    "not_covered",
)
ABOUT_NO_GAP = {"rows_omitted", "looks_like_instruction", "lookup_lapsed"}
"""Notes of a finding that say nothing against completeness."""
_REFERENCE = re.compile(r"\{\{(f\d+)\}\}")
_CODE = re.compile(r"(`{3,})[^\n]*\n.*?\n\1(?:\n|\Z)|`[^`\n]*`", re.DOTALL)


def check_zone(subject: Subject) -> Iterator[str]:
    """The zone of all times is stated where they stand."""
    if subject.report.timezone != subject.procedure.timezone:
        yield f"{subject.report.timezone} / {subject.procedure.timezone}"
    if any(fact.kind == "time" for fact in subject.report.facts) and not re.search(
        r"\d\d:\d\d:\d\d(?:\.\d+)? [A-Z+-]", subject.rendered
    ):
        yield subject.report.timezone


def check_search_log(subject: Subject) -> Iterator[str]:
    """Every search of the evidence is in the log, and every line of the log is stored as it says."""
    logged = {entry.evidence for entry in subject.report.search_log}
    used = {fact.evidence for fact in subject.report.facts if fact.evidence}
    used |= {run.evidence for run in subject.runs if run.evidence}
    used |= {period.evidence for period in subject.findings.baseline if period.evidence}
    used |= {source.evidence for source in subject.findings.sources if source.evidence}
    used |= {subject.findings.evidence, subject.findings.total_evidence or subject.findings.evidence}
    for digest in sorted(used - logged):
        if not (digest == subject.findings.evidence and subject.query.status is SearchStatus.REFUSED):
            yield digest[:12]
    yield from _missing_purposes(subject)
    yield from wrongly_taken(subject)
    yield from uncounted_fields(subject)
    for entry in subject.report.search_log:
        stored = subject.result(entry.evidence)
        if (stored.status, len(stored.rows), stored.earliest, stored.latest) != (
            entry.status,
            entry.rows,
            entry.earliest,
            entry.latest,
        ):
            yield f"{entry.purpose}: {entry.evidence[:12]}"


def _missing_purposes(subject: Subject) -> Iterator[str]:
    """Yield what the procedure asks to be searched and the log does not name as often as it must."""
    asked = [f"completeness:{source.source}" for source in subject.findings.sources if source.evidence]
    asked += [
        f"seen_before:{source.id}"
        for source in subject.procedure.data_sources
        if source.by
        and any(state.source == source.id and state.state != "unknown" for state in subject.findings.sources)
    ]
    asked = ["query", *dict.fromkeys(asked), *fields_searches(subject)]
    asked += [f"baseline:{period.index}" for period in subject.findings.baseline if period.evidence]
    asked += ["total"] if subject.findings.total_evidence else []
    for run in subject.runs:
        if run.evidence:
            each = next((part.each for part in subject.item.drill_downs if part.id == run.drill_down), None)
            if each is None:
                asked.append(
                    f"{run.drill_down}:{run.findings[0]}"
                )  # a search of a model's own bears its name
                continue
            asked.append(
                f"drill_down:{run.drill_down}" + (f":{run.findings[0]}" if each == "finding" else "")
            )
    logged = Counter(entry.purpose for entry in subject.report.search_log)
    if subject.query.status is SearchStatus.REFUSED and not logged["query"]:
        asked.remove("query")
    yield from sorted((Counter(asked) - logged) + (logged - Counter(asked)))


def check_sections(subject: Subject) -> Iterator[str]:
    """The mandatory sections are there, in order, and none but what may be empty is."""
    found = tuple(section.id for section in subject.report.sections)
    if found != SECTIONS:
        yield ", ".join(found)
    for section in subject.report.sections:
        told = section.paragraphs or (section.id == "completeness" and subject.report.incomplete)
        if not told and section.id not in {"details", "not_covered"}:
            yield section.title


def check_indicators(subject: Subject) -> Iterator[str]:
    """Nothing in the text as read, outside code, can be clicked or resolved."""
    text = _CODE.sub("", subject.rendered).replace("\\", "")
    yield from dict.fromkeys(live_indicators(text))


def check_gaps(subject: Subject) -> Iterator[str]:
    """Every search that did not end well is spoken of."""
    spoken = {str(value) for note in subject.report.incomplete for value in note.values.values()}
    spoken |= {
        f"drill_down:{note.values.get('drill_down', '')}" for row in subject.rows for note in row.notes
    }
    if subject.report.model_use:
        spoken |= {str(note.values.get("search")) for note in subject.report.model_use.notes}
    for entry in subject.report.search_log:
        if entry.status is SearchStatus.OK:
            continue
        head, _, rest = entry.purpose.partition(":")
        if head in {"seen_before", "fields_before"} and entry.status is SearchStatus.NO_DATA:
            continue
        names = {entry.purpose, rest, rest.partition(":")[0], f"{head}:{rest.partition(':')[0]}"}
        if head == "baseline" and any(
            note.code == "baseline_incomplete" for note in subject.report.incomplete
        ):
            continue
        if head == "total" and any(note.code == "total_differs" for note in subject.report.incomplete):
            continue
        if not names & spoken:
            yield f"{entry.purpose}: {entry.status.value}"
    yield from untold_silences(subject)
    yield from untold_fields(subject)
    yield from untold_set_aside(subject)
    yield from _notes(subject)


def _notes(subject: Subject) -> Iterator[str]:
    """Yield where the report's notes, or its claim to be complete, are not the judgement's."""
    judged = subject.judgement
    if (subject.report.complete, subject.report.incomplete) != (judged.complete, judged.incomplete):
        yield f"{subject.report.complete} / {judged.complete}"
    if subject.report.told != judged.told:
        yield "told"
    notes = {
        entry.finding: tuple(note for note in entry.notes if note.code not in ABOUT_NO_GAP)
        for entry in judged.findings
    }
    told: set[str] = set()
    for row in subject.rows:
        shown = tuple(note for note in row.notes if note.code not in ABOUT_NO_GAP)
        if shown != (() if row.finding in told else notes.get(row.finding)):
            yield row.finding
        told.add(row.finding)
    if judged.complete and (judged.incomplete or any(notes.values())):
        yield "complete"


def check_exceptions(subject: Subject) -> Iterator[str]:
    """Every exception that took something out, and every expired one that would have, is named."""
    entries = {
        fact.id: str(fact.value)
        for fact in subject.report.facts
        if fact.derivation.startswith("procedure.known_benign.")
    }
    named = {
        entries[name]
        for section in subject.report.sections
        if section.id == "exceptions"
        for paragraph in section.paragraphs
        for name in _REFERENCE.findall(paragraph)
        if name in entries
    }
    used = {
        result.suppressed_by
        for entry in subject.judgement.findings
        for result in entry.results
        if result.suppressed_by
    }
    yield from sorted((used | set(subject.judgement.lapsed)) ^ named)


def check_omissions(subject: Subject) -> Iterator[str]:
    """Every finding above none is in the table or attached, with its own verdict."""
    rows = {finding.id: len(finding.rows[: subject.item.show]) for finding in subject.findings.findings}
    for entry in subject.judgement.findings:
        told = [row for row in subject.rows if row.finding == entry.finding]
        wanted = (entry.verdict, entry.unsuppressed, entry.recurrence)
        above = entry.unsuppressed is not Verdict.NONE
        if len(told) != (rows.get(entry.finding) if above else 0) or any(
            (row.verdict, row.unsuppressed, row.recurrence) != wanted for row in told
        ):
            yield entry.finding
    if len({row.finding for row in subject.report.rows}) != min(
        subject.item.show, sum(entry.unsuppressed is not Verdict.NONE for entry in subject.judgement.findings)
    ):
        yield str(len(subject.report.rows))
    if len({row.finding for row in subject.report.attached}) != subject.report.omitted:
        yield str(subject.report.omitted)
    if subject.report.verdict is not subject.judgement.verdict:
        yield f"{subject.report.verdict.value} / {subject.judgement.verdict.value}"


def check_drill_downs(subject: Subject) -> Iterator[str]:
    """Every drill-down that a fired criterion asks for has covered the finding."""
    covered = {(run.drill_down, finding) for run in subject.runs for finding in run.findings}
    for entry in subject.judgement.findings:
        fired = {result.id for result in entry.results if result.fired is not False}
        for drill_down in subject.item.drill_downs:
            wanted = "always" in drill_down.runs or fired & set(drill_down.runs)
            if wanted and (drill_down.id, entry.finding) not in covered:
                yield f"{drill_down.id}: {entry.finding}"


def check_total(subject: Subject) -> Iterator[str]:
    """The independent total equals the sum of the same column over the findings' rows."""
    digest = subject.findings.total_evidence
    if digest is None:
        return
    total = subject.result(digest)
    row = total.rows[0] if total.rows else {}
    used = [subject.query.rows[index] for finding in subject.findings.findings for index in finding.rows]
    for column, expected in row.items():
        found = sum(value for entry in used if isinstance(value := entry.get(column), int | float))
        if total.status not in {SearchStatus.OK, SearchStatus.NO_DATA} or found != expected:
            yield f"{column}: {found} / {expected}"
