"""What the report says about a model: its calls, what was not taken over, and log text that reads like an instruction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agents.material import Material
from agents.writing import Written
from tools.injection import suspicious_fields
from tools.records.finding import Note
from tools.records.model_use import ModelCall, ModelUse
from tools.records.report import ItemReport, ReportRow


def with_model_use(
    written: Written, material: Material, calls: Sequence[ModelCall], notes: Sequence[Note]
) -> ItemReport:
    """Return the report with what a model did in it.

    Args:
        written: The report with its narrative.
        material: The stored results, whose texts are looked at for instructions.
        calls: Every call of the item.
        notes: What earlier steps noted.
    """
    fields = _instructions(material)
    everywhere = dict.fromkeys(name for names in fields.values() for name in names)
    use = ModelUse(
        calls=tuple(calls),
        narrative="model" if written.by_model else "code",
        repairs=written.repairs,
        notes=(*notes, *_failures(calls), *written.notes, *map(_instruction_note, everywhere)),
    )
    return written.report.model_copy(
        update={
            "model": ", ".join(use.names) or None,
            "model_use": use,
            "rows": tuple(_noted(written.report.rows, fields)),
            "attached": tuple(_noted(written.report.attached, fields)),
        }
    )


def _failures(calls: Sequence[ModelCall]) -> Iterator[Note]:
    """Yield a note for every question that a model did not answer."""
    for call in calls:
        if call.outcome != "ok":
            yield Note(code="model_failed", values={"agent": call.agent, "failure": call.outcome})


def _instruction_note(field: str) -> Note:
    return Note(code="looks_like_instruction", values={"field": field})


def _instructions(material: Material) -> dict[str, list[str]]:
    """Return the fields whose text reads like an instruction, by finding."""
    found: dict[str, dict[str, None]] = {}
    for finding in material.findings.findings:
        rows = [material.query.rows[index] for index in finding.rows]
        for run in material.runs:
            if run.evidence:
                rows += [material.results[run.evidence].rows[at] for at in run.rows.get(finding.id, ())]
        names = dict.fromkeys(name for row in rows for name in suspicious_fields(row))
        if names:
            found[finding.id] = names
    return {finding: list(names) for finding, names in found.items()}


def _noted(rows: Sequence[ReportRow], fields: Mapping[str, Sequence[str]]) -> Iterator[ReportRow]:
    """Yield the rows; the first of a finding carries the notes about its texts."""
    seen: set[str] = set()
    for row in rows:
        names = fields.get(row.finding, ()) if row.finding not in seen else ()
        seen.add(row.finding)
        notes = (*row.notes, *map(_instruction_note, names))
        yield row.model_copy(update={"notes": notes}) if names else row
