"""Signing a round: only when nothing waits and no check failed; what could not be seen is part of the signature."""

from __future__ import annotations

import hashlib

import orjson

from agents.round_report import assemble_round
from graph.resources import Resources
from tools.records.casebook import CasebookError
from tools.records.report import ItemReport, ReportRow, RoundReport
from tools.records.rows import Entry, Round

NO_GAP = frozenset({"rows_omitted", "looks_like_instruction", "lookup_lapsed"})
"""Notes of a finding that say nothing against completeness."""


class NotReadyError(CasebookError):
    """The round cannot be signed yet; the text says what is left to do."""


def sign_round(resources: Resources, name: str, *, reviewer: str | None = None) -> Round:
    """Sign the round `name` as `reviewer`; by default as the user of this process.

    Raises:
        NotReadyError: Items wait, failed or are superseded, or a check failed.
        AlreadyDecidedError: It is signed or withdrawn.
    """
    casebook = resources.casebook
    round_ = casebook.find_round(name)
    report = assemble_round(round_, casebook, resources.evidence, now=resources.clock())
    if round_.signed_by is None and report.withdrawal is None:
        _demand_readiness(round_, report)
    digest = hashlib.sha256(report.model_dump_json().encode()).hexdigest()
    entry = Entry(
        thread_id=round_.id,
        round_id=round_.id,
        item_id="",
        kind="signature",
        interrupt_id=digest[:32],
        body=orjson.dumps(_body(report), option=orjson.OPT_SORT_KEYS).decode(),
        reviewer=reviewer or resources.reviewer(),
        decided_at=resources.clock(),
        evidence_digest=digest,
        procedure_digest=report.procedure_digest,
    )
    return casebook.sign(round_.id, entry, digest=digest)


def _demand_readiness(round_: Round, report: RoundReport) -> None:
    if newer := {item.superseded_by for item in report.items if item.superseded_by}:
        listed = ", ".join(sorted(name[:8] for name in newer))
        raise NotReadyError(f"round {round_.id[:8]} is superseded by round {listed}. Sign that one.")
    waiting = [item.item for item in report.items if item.state != "recorded"]
    if waiting:
        raise NotReadyError(
            f"round {round_.id[:8]} cannot be signed: {', '.join(waiting)} not finished. See `tejun inbox`."
        )
    failed = [
        f"{item.item} ({check.id})" for item in report.items if item.checks for check in item.checks.failed
    ]
    failed += [check.id for check in report.checks if check.status == "failed"]
    if failed:
        raise NotReadyError(f"round {round_.id[:8]} cannot be signed as checked: {', '.join(failed)} failed.")


def stated_gaps(report: RoundReport) -> list[dict[str, object]]:
    """Return what a round could not see, as its signature states it: searches, then what makes items incomplete."""
    searches: list[dict[str, object]] = [
        {"item": search.item, "search": search.purpose, "status": search.status.value}
        for search in report.unfinished
    ]
    notes: list[dict[str, object]] = [
        {"item": item.item, "gap": note.code, "values": dict(note.values)}
        for item in report.items
        if item.report
        for note in (*item.report.incomplete, *(note for row in _rows(item.report) for note in row.notes))
        if note.code not in NO_GAP
    ]
    return searches + notes


def signed_gaps(resources: Resources, round_: Round) -> list[dict[str, object]]:
    """Return the gaps that the signature of a round states."""
    entries = resources.casebook.decisions(round_id=round_.id)
    return [
        gap
        for entry in entries
        if entry.kind == "signature"
        for gap in orjson.loads(entry.body).get("gaps", [])
    ]


def _rows(report: ItemReport) -> tuple[ReportRow, ...]:
    return (*report.rows, *report.attached)


def _body(report: RoundReport) -> dict[str, object]:
    gaps = stated_gaps(report)
    return {"gaps": gaps} if gaps else {}
