"""Signing a round: only when nothing waits and every check passed."""

from __future__ import annotations

import hashlib

from agents.round_report import assemble_round
from graph.resources import Resources
from tools.records.casebook import CasebookError
from tools.records.rows import Entry, Round


class NotReadyError(CasebookError):
    """The round cannot be signed yet; the text says what is left to do."""


def sign_round(resources: Resources, name: str, *, reviewer: str | None = None) -> Round:
    """Sign the round `name` as `reviewer`; by default as the user of this process.

    Raises:
        NotReadyError: Items wait or failed, or a check failed.
        AlreadyDecidedError: It is signed.
    """
    casebook = resources.casebook
    round_ = casebook.find_round(name)
    report = assemble_round(round_, casebook, resources.evidence, now=resources.clock())
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
    digest = hashlib.sha256(report.model_dump_json().encode()).hexdigest()
    entry = Entry(
        thread_id=round_.id,
        round_id=round_.id,
        item_id="",
        kind="signature",
        interrupt_id=digest[:32],
        body="{}",
        reviewer=reviewer or resources.reviewer(),
        decided_at=resources.clock(),
        evidence_digest=digest,
        procedure_digest=report.procedure_digest,
    )
    return casebook.sign(round_.id, entry, digest=digest)
