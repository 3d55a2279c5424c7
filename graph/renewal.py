"""What a round does about what is there already: items that run anew, and older ones that they supersede or withdraw."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from langgraph.types import StateSnapshot

from agents.unfinished import unfinished_searches
from graph.resources import Resources
from procedures.source import ProcedureSource
from tools.records.casebook import CasebookError
from tools.records.leases import LeaseHeldError
from tools.records.report import ItemReport
from tools.records.rows import Closing, Entry, Round, RoundItemRow


class NotWithdrawnError(CasebookError):
    """The round cannot be withdrawn; the text says why."""


def lacks_data(resources: Resources, row: RoundItemRow) -> bool:
    """Tell whether an item failed, or rests on searches that did not bring their data."""
    if row.report is None:
        return True
    report = resources.evidence.get(row.report, ItemReport)
    return row.state == "failed" or any(unfinished_searches(report, resources.evidence))


def runs_anew(resources: Resources, row: RoundItemRow, snapshot: StateSnapshot) -> bool:
    """Tell whether an item begins again: it failed or lacks data, and no person has answered it or looks at it.

    Args:
        resources: The live objects of this process.
        row: The item.
        snapshot: The state of its thread.
    """
    now = resources.casebook.item(row.thread_id) or row
    if resources.casebook.decisions(thread_id=row.thread_id) or snapshot.values.get("answer"):
        return False
    if now.state == "failed":
        return True
    if not snapshot.interrupts or now.report is None:
        return False
    claimed = resources.casebook.attention.claims(now=resources.clock())
    return row.thread_id not in claimed and lacks_data(resources, now)


def supersede(resources: Resources, round_: Round, item_id: str) -> None:
    """Close the untouched item of older rounds in whose place this round's stands now.

    What had its data is not superseded by what lacks it.
    """
    mine = next(row for row in resources.casebook.items(round_.id) if row.item_id == item_id)
    lacking = lacks_data(resources, mine)
    for row in _older(resources, round_):
        if row.item_id == item_id and not (lacking and not lacks_data(resources, row)):
            _close(resources, row, "superseded", round_.id)


def supersede_dropped(resources: Resources, round_: Round, kept: Sequence[str]) -> None:
    """Close the untouched items of older rounds that the procedure does not have any more."""
    for row in _older(resources, round_):
        if row.item_id not in kept:
            _close(resources, row, "superseded", round_.id)


def _older(resources: Resources, round_: Round) -> list[RoundItemRow]:
    """Return the open items of older rounds that nobody holds; with other parameters a round is another one."""
    environment = _environment(resources, round_)
    claimed = resources.casebook.attention.claims(now=resources.clock())
    return [
        row
        for older, row in resources.casebook.closings.older(round_)
        if _environment(resources, older) == environment and row.thread_id not in claimed
    ]


def _environment(resources: Resources, round_: Round) -> str:
    return resources.evidence.get(round_.procedure_digest, ProcedureSource).environment


def _close(resources: Resources, row: RoundItemRow, kind: str, by_round: str) -> bool:
    """Close an item unless somebody works on it or holds it for review."""
    closing = Closing.model_validate(
        {"thread_id": row.thread_id, "kind": kind, "by_round": by_round, "closed_at": resources.clock()}
    )
    try:
        with resources.casebook.lease(row.thread_id):
            return resources.casebook.closings.close(closing)
    except LeaseHeldError:
        return False


def withdraw_round(resources: Resources, name: str, reason: str, *, reviewer: str | None = None) -> Round:
    """Take a round back, for example a trial: its untouched items need no answer; what was answered stays.

    Raises:
        NotWithdrawnError: It is signed or withdrawn, somebody works on it, or no reason is given.
    """
    casebook = resources.casebook
    round_ = casebook.find_round(name)
    if round_.signed_by is not None:
        raise NotWithdrawnError(
            f"round {round_.id[:8]} is signed by {round_.signed_by} and cannot be withdrawn."
        )
    rows = casebook.items(round_.id)
    if known := casebook.closings.withdrawal(round_.id):
        for row in rows:
            _close(resources, row, "withdrawn", round_.id)  # what a process that broke off left open
        raise NotWithdrawnError(f"round {round_.id[:8]} was withdrawn by {known.reviewer} before.")
    if not reason.strip():
        raise NotWithdrawnError("a withdrawal needs a reason. Say why with --reason.")
    if busy := [row.item_id for row in rows if casebook.holder(row.thread_id)]:
        raise NotWithdrawnError(
            f"round {round_.id[:8]} cannot be withdrawn now: {', '.join(busy)} is being worked on. Try again later."
        )
    casebook.append(
        Entry(
            thread_id=round_.id,
            round_id=round_.id,
            item_id="",
            kind="withdrawal",
            interrupt_id="withdrawal",
            body=orjson.dumps({"reason": reason.strip()}, option=orjson.OPT_SORT_KEYS).decode(),
            reviewer=reviewer or resources.reviewer(),
            decided_at=resources.clock(),
            evidence_digest=round_.procedure_digest,
            procedure_digest=round_.procedure_digest,
        )
    )
    for row in rows:
        _close(resources, row, "withdrawn", round_.id)
    return round_
