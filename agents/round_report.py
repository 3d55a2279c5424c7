"""The round report, assembled from the casebook and the evidence; nothing in it is made up here."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

import orjson

from agents.unfinished import unfinished_searches
from procedures.archive import load_procedure
from procedures.model import Procedure
from procedures.source import ProcedureSource
from procedures.verdict import Verdict, worst
from tools.checks.round import check_round
from tools.records.casebook import Casebook
from tools.records.evidence import EvidenceStore
from tools.records.finding import Judgement
from tools.records.report import (
    Checks,
    EntityRow,
    ItemReport,
    RoundItem,
    RoundReport,
    RoundStatus,
    Withdrawal,
)
from tools.records.rows import ChainedEntry, Closing, Round, RoundItemRow

SHOWN_ENTITIES = 50


def assemble_round(round_: Round, casebook: Casebook, evidence: EvidenceStore, *, now: float) -> RoundReport:
    """Return the report of a round as it stands now.

    Args:
        round_: The round.
        casebook: Where its items and decisions are.
        evidence: Where reports, checks and judgements are.
        now: Epoch seconds, for the review date of the procedure.
    """
    procedure = load_procedure(evidence.get(round_.procedure_digest, ProcedureSource))
    rows = casebook.items(round_.id)
    decisions: dict[str, list[dict[str, object]]] = defaultdict(list)
    for entry in casebook.decisions(round_id=round_.id):
        decisions[entry.thread_id].append(entry.model_dump(mode="json"))
    closings = casebook.closings.of_all([row.thread_id for row in rows])
    items = tuple(
        _item(row, evidence, tuple(decisions[row.thread_id]), closings.get(row.thread_id)) for row in rows
    )
    withdrawal = _withdrawal(casebook.closings.withdrawal(round_.id))
    report = RoundReport(
        round=round_.id,
        procedure=procedure.id,
        procedure_title=procedure.title,
        procedure_version=procedure.version,
        procedure_digest=procedure.digest,
        language=procedure.language,
        timezone=procedure.timezone,
        tlp=procedure.tlp,
        start=round_.start,
        end=round_.end,
        ad_hoc=round_.ad_hoc,
        source=round_.source,
        status=_status(round_, rows, withdrawal),
        signed_by=round_.signed_by,
        signed_at=round_.signed_at,
        overdue_review=procedure.review_by < dt.datetime.fromtimestamp(now, dt.UTC).date(),
        verdict=worst(item.report.verdict if item.report else Verdict.UNDETERMINED for item in items),
        complete=all(item.report is not None and item.report.complete for item in items),
        entities=_entities(procedure, rows, evidence),
        items=items,
        model=", ".join(_models(items)) or None,
        unfinished=tuple(
            search for item in items if item.report for search in unfinished_searches(item.report, evidence)
        ),
        withdrawal=withdrawal,
    )
    return report.model_copy(update={"checks": check_round(procedure, report)})


def _models(items: tuple[RoundItem, ...]) -> dict[str, None]:
    """Return the names of the models that took part, each once."""
    uses = (item.report.model_use for item in items if item.report)
    return {name: None for use in uses if use for name in use.names}


def _status(round_: Round, rows: list[RoundItemRow], withdrawal: Withdrawal | None) -> RoundStatus:
    if withdrawal is not None:
        return "withdrawn"
    if round_.signed_by is not None:
        return "signed"
    states = {row.state for row in rows}
    if not states <= {"recorded", "superseded"}:
        return "open"
    return "superseded" if "superseded" in states else "reviewed"


def _withdrawal(entry: ChainedEntry | None) -> Withdrawal | None:
    if entry is None:
        return None
    return Withdrawal(by=entry.reviewer, at=entry.decided_at, reason=orjson.loads(entry.body)["reason"])


def _item(
    row: RoundItemRow,
    evidence: EvidenceStore,
    decisions: tuple[dict[str, object], ...],
    closing: Closing | None,
) -> RoundItem:
    return RoundItem(
        item=row.item_id,
        title=row.title,
        state=row.state,
        report=evidence.get(row.report, ItemReport) if row.report else None,
        checks=evidence.get(row.checks, Checks) if row.checks else None,
        decisions=decisions,
        error=row.error,
        superseded_by=closing.by_round if closing and closing.kind == "superseded" else None,
    )


def _entities(
    procedure: Procedure, rows: list[RoundItemRow], evidence: EvidenceStore
) -> tuple[EntityRow, ...]:
    """Gather findings above none by entity; those that show in several items come first."""
    seen: dict[tuple[str, str], dict[str, Verdict]] = defaultdict(dict)
    for row in rows:
        if row.judgement is None:
            continue
        kinds = procedure.item(row.item_id).entity
        for entry in evidence.get(row.judgement, Judgement).findings:
            if entry.unsuppressed is Verdict.NONE:
                continue
            for name, kind in kinds.items():
                if name in entry.key:
                    verdicts = seen[kind, str(entry.key[name])]
                    verdicts[row.item_id] = worst([entry.verdict, verdicts.get(row.item_id, Verdict.NONE)])
    ordered = sorted(
        seen.items(), key=lambda pair: (-len(pair[1]), -worst(pair[1].values()).severity, pair[0])
    )
    return tuple(
        EntityRow(kind=kind, value=value, verdicts=verdicts)
        for (kind, value), verdicts in ordered[:SHOWN_ENTITIES]
    )
