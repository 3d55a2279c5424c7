"""What the pages work with, and the views that they show: all of it read from the casebook and the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import quote

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request

from agents.entity import entity_label
from agents.render import html
from agents.review import propose
from agents.round_report import assemble_round
from graph.build import ItemGraph
from graph.resources import Resources
from procedures.archive import load_procedure
from procedures.model import DrillDown
from procedures.source import ProcedureSource
from procedures.verdict import Verdict
from tools.records.evidence import EvidenceError
from tools.records.finding import CriterionResult, FindingJudgement, Judgement
from tools.records.report import Check, Checks, ItemReport, RoundReport
from tools.records.rows import Round, RoundItemRow
from tools.search.result import SearchResult
from web.access import Access

PAGE_ROWS = 25


@dataclass(frozen=True)
class Desk:
    """Everything open that the pages act through: the same graph and stores as the command line's."""

    graph: ItemGraph
    resources: Resources
    access: Access
    siem_link: str | None = None
    """Address of the SIEM's own search page, with `{spl}`, `{earliest}` and `{latest}`."""

    def item(self, thread_id: str) -> RoundItemRow:
        """Return an item.

        Raises:
            HTTPException: 404.
        """
        row = self.resources.casebook.item(thread_id)
        if row is None:
            raise HTTPException(404, f"item {thread_id[:36]!r} is unknown.")
        return row

    def round(self, round_id: str) -> Round:
        """Return a round.

        Raises:
            HTTPException: 404.
        """
        for round_ in self.resources.casebook.rounds():
            if round_.id == round_id:
                return round_
        raise HTTPException(404, f"round {round_id[:36]!r} is unknown.")

    def report(self, round_: Round) -> RoundReport:
        """Return the report of a round as it stands now."""
        return assemble_round(
            round_, self.resources.casebook, self.resources.evidence, now=self.resources.clock()
        )

    def spl_of(self, digest: str) -> str:
        """Return the text of a stored search."""
        return self.resources.evidence.get(digest, SearchResult).spl

    def siem_url(self, result: SearchResult) -> str | None:
        """Return the address of a search in the SIEM."""
        if self.siem_link is None:
            return None
        return self.siem_link.format(
            spl=quote(result.spl, safe=""), earliest=f"{result.earliest:.0f}", latest=f"{result.latest:.0f}"
        )


def desk_of(request: Request) -> Desk:
    """Return the desk of the application that serves `request`."""
    desk: Desk = request.app.state.desk
    return desk


@lru_cache(maxsize=256)
def _item_html(desk: Desk, report: str, checks: str, answers: str) -> str:
    evidence = desk.resources.evidence
    return html.item_body(
        evidence.get(report, ItemReport),
        checks=evidence.get(checks, Checks),
        spl_of=desk.spl_of,
        decisions=orjson.loads(answers),
    )


@dataclass(frozen=True, slots=True)
class Search:
    """One search of an item, with what a page needs to show it."""

    purpose: str
    digest: str
    status: str
    rows: int
    spl: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One criterion on one finding: what was observed, against what, and what was usual."""

    finding: str
    entity: str
    recurrence: str
    verdict: str
    result: CriterionResult


@dataclass(frozen=True, slots=True)
class ItemView:
    """Everything that the page of an item shows."""

    row: RoundItemRow
    round: Round
    report: ItemReport | None
    body: str
    checks: tuple[Check, ...]
    failed: tuple[Check, ...]
    criteria: tuple[Seen, ...]
    searches: tuple[Search, ...]
    drill_downs: tuple[DrillDown, ...]
    proposal: Any
    findings: tuple[tuple[str, str], ...]
    """Ids of the findings above none, with their entity."""
    answers: tuple[dict[str, Any], ...]
    earlier: tuple[dict[str, Any], ...]
    """Decisions on this item in other rounds, newest first."""


def item_view(desk: Desk, row: RoundItemRow) -> ItemView:
    """Read everything about one item."""
    casebook, evidence = desk.resources.casebook, desk.resources.evidence
    round_ = desk.round(row.round_id)
    answers = tuple(entry.model_dump(mode="json") for entry in casebook.decisions(thread_id=row.thread_id))
    if row.report is None or row.checks is None or row.judgement is None:
        return ItemView(row, round_, None, "", (), (), (), (), (), None, (), answers, ())
    report, judgement = evidence.get(row.report, ItemReport), evidence.get(row.judgement, Judgement)
    checks = evidence.get(row.checks, Checks)
    ranked = sorted(checks.checks, key=lambda check: ("failed", "not_checked", "passed").index(check.status))
    procedure = load_procedure(evidence.get(round_.procedure_digest, ProcedureSource))
    item = procedure.item(row.item_id)

    def label(entry: FindingJudgement) -> str:
        return entity_label(entry.key, item, procedure.timezone)

    above = [entry for entry in judgement.findings if entry.unsuppressed is not Verdict.NONE]
    return ItemView(
        row=row,
        round=round_,
        report=report,
        body=_item_html(desk, row.report, row.checks, orjson.dumps(answers).decode()),
        checks=tuple(ranked),
        failed=checks.failed,
        criteria=tuple(_criteria(judgement, label)),
        searches=tuple(_searches(desk, report)),
        drill_downs=item.drill_downs,
        proposal=propose(judgement, report.language),
        findings=tuple((entry.finding, label(entry)) for entry in above),
        answers=tuple(_told(answer) for answer in answers),
        earlier=tuple(_earlier(desk, row, round_)),
    )


def _criteria(judgement: Judgement, label: Callable[[FindingJudgement], str]) -> Iterator[Seen]:
    for entry in judgement.findings:
        for result in entry.results:
            if result.fired is not False:
                yield Seen(entry.finding, label(entry), entry.recurrence, entry.verdict.value, result)
    for result in judgement.item_results:
        yield Seen("", "", "", result.verdict.value, result)


def _searches(desk: Desk, report: ItemReport) -> Iterator[Search]:
    for entry in report.search_log:
        result = desk.resources.evidence.get(entry.evidence, SearchResult)
        yield Search(
            purpose=entry.purpose,
            digest=entry.evidence,
            status=entry.status.value,
            rows=entry.rows,
            spl=result.spl,
            url=desk.siem_url(result),
        )


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of the casebook with its body read."""
    body = orjson.loads(answer["body"])
    parts = [body] if "outcome" in body else body.get("decisions", [])
    return {**answer, "parts": parts, "question": body.get("question"), "round": answer["round_id"]}


def _earlier(desk: Desk, row: RoundItemRow, round_: Round) -> Iterator[dict[str, Any]]:
    """Yield the answers that the same item of the same procedure had in other rounds, newest first."""
    same = {
        known.id for known in desk.resources.casebook.rounds() if known.procedure_id == round_.procedure_id
    }
    entries = desk.resources.casebook.decisions()
    for entry in reversed(entries):
        if entry.item_id == row.item_id and entry.round_id in same and entry.thread_id != row.thread_id:
            yield _told(entry.model_dump(mode="json"))


def changes(desk: Desk, row: RoundItemRow) -> dict[str, int]:
    """Count what is new, what recurs and what is gone since the round before."""
    if row.judgement is None:
        return {}
    judgement = desk.resources.evidence.get(row.judgement, Judgement)
    above = [entry.recurrence for entry in judgement.findings if entry.unsuppressed is not Verdict.NONE]
    counted = {"new": above.count("new"), "recurring": above.count("recurring"), "gone": len(judgement.gone)}
    return {name: count for name, count in counted.items() if count}


def is_quiet(desk: Desk, row: RoundItemRow) -> bool:
    """Tell whether an item may be confirmed with others: at observe or none, complete, every check passed."""
    if row.awaiting != "review" or row.verdict not in {"none", "observe"} or not row.complete:
        return False
    return row.checks is not None and not desk.resources.evidence.get(row.checks, Checks).failed


def stored_search(desk: Desk, digest: str) -> SearchResult:
    """Return a stored search.

    Raises:
        HTTPException: 404, nothing of this digest is a search.
    """
    try:
        return desk.resources.evidence.get(digest, SearchResult)
    except EvidenceError as error:
        raise HTTPException(404, str(error)) from None


def answer_of(fields: dict[str, list[str]], awaiting: Literal["review", "outcome"]) -> dict[str, Any]:
    """Return the answer that a form gives, in the shape of the review contract; it is validated there."""

    def first(name: str) -> str:
        return fields.get(name, [""])[0].strip()

    common = {"knowledge": first("knowledge") or None, "evidence_digest": first("evidence_digest") or None}
    if awaiting == "outcome":
        return {"outcome": first("outcome"), "reason": first("reason"), **common}
    parts: dict[str, list[str]] = {}
    for name, values in fields.items():
        if name.startswith("finding:") and values[0]:
            parts.setdefault(values[0], []).append(name.removeprefix("finding:"))
    decisions: list[dict[str, Any]] = [
        {"findings": findings, "decision": decision, "reason": first("reason")}
        for decision, findings in parts.items()
    ]
    decisions.append({"findings": "rest", "decision": first("decision"), "reason": first("reason")})
    return {
        "decisions": decisions,
        "run": fields.get("run", []),
        "question": first("question") or None,
        **common,
    }
