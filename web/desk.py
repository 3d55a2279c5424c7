"""What the pages work with, and the views that they show: all of it read from the casebook and the evidence."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from threading import Lock
from typing import Any, Literal
from urllib.parse import quote

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request

from agents.entity import entity_label
from agents.render import html
from agents.render.search_log import taken_words
from agents.review import propose
from agents.round_report import assemble_round
from graph.build import ItemGraph
from graph.resources import Resources
from procedures.archive import load_procedure
from procedures.model import DrillDown, Procedure
from procedures.source import ProcedureSource
from procedures.verdict import Verdict
from tools.records.evidence import EvidenceError
from tools.records.fact import Fact
from tools.records.finding import CriterionResult, FindingJudgement, Judgement
from tools.records.report import Check, Checks, ItemReport, RoundReport
from tools.records.rows import Claim, Closing, Round, RoundItemRow
from tools.search.result import SearchResult
from web.access import Access

PAGE_ROWS = 25
RECENT_S = 1.0
EARLIER = 10
MOST_CHOICES = 300
_CELL = re.compile(r"cell\[(\d+)\]\.(.+)", re.DOTALL)


class Recent:
    """Values that are the same for everybody who asks within a second; whoever changes something asks anew."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return the value of `key`, made by one asker for all."""
        with self._lock:
            made_at, value = self._kept.get(key, (-RECENT_S, None))
            if time.monotonic() - made_at >= RECENT_S:
                if len(self._kept) > MOST_CHOICES:
                    self._kept.clear()
                value = make()
                self._kept[key] = time.monotonic(), value
            return value

    def forget(self) -> None:
        """Make everything anew."""
        with self._lock:
            self._kept.clear()


@dataclass(frozen=True, eq=False)
class Desk:
    """Everything open that the pages act through: the same graph and stores as the command line's."""

    graph: ItemGraph
    resources: Resources
    access: Access
    siem_link: str | None = None
    """Address of the SIEM's own search page, with `{spl}`, `{earliest}` and `{latest}`."""
    seen: set[tuple[str, str, str]] = field(default_factory=set)
    """Openings that this process has written already."""
    recent: Recent = field(default_factory=Recent)

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
        round_: Round | None = self.recent.get(
            ("round", round_id), lambda: self.resources.casebook.round(round_id)
        )
        if round_ is None:
            raise HTTPException(404, f"round {round_id[:36]!r} is unknown.")
        return round_

    def opened(self, thread_id: str, interrupt_id: str, reviewer: str) -> None:
        """Keep when somebody who may decide first saw a review."""
        opening = (thread_id, interrupt_id, reviewer)
        if opening not in self.seen:
            self.resources.casebook.attention.opened(*opening, now=self.resources.clock())
            self.seen.add(opening)

    def claims(self) -> dict[str, Claim]:
        """Return what is held for review, by thread."""
        now = self.resources.clock()
        claims: dict[str, Claim] = self.recent.get(
            "claims", lambda: self.resources.casebook.attention.claims(now=now)
        )
        return claims

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
        link_of=evidence_link,
    )


def evidence_link(fact: Fact) -> str | None:
    """Return where the stored row of a fact is shown; None for what no search gave.

    >>> evidence_link(Fact(id="f1", label="", value=3, kind="integer", evidence="ab", derivation="cell[2].n"))
    '/evidence/ab?row=2&field=n'
    """
    if not fact.evidence:
        return None
    cell = _CELL.fullmatch(fact.derivation)
    return f"/evidence/{fact.evidence}" + (f"?row={cell[1]}&field={quote(cell[2], safe='')}" if cell else "")


@dataclass(frozen=True, slots=True)
class Search:
    """One search of an item, with what a page needs to show it."""

    purpose: str
    digest: str
    status: str
    rows: int
    spl: str
    url: str | None
    taken: str
    """From where its answer was taken, and of when it is; empty when it was sent for."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One criterion on one finding: what was observed, against what, and what was usual."""

    finding: str
    entity: str
    recurrence: str
    verdict: str
    result: CriterionResult


@dataclass(frozen=True, eq=False)
class Stored:
    """What an item rests on; it never changes under its digests, so that it is read and rendered once."""

    report: ItemReport
    judgement: Judgement
    procedure: Procedure
    failed: tuple[Check, ...]
    checks: tuple[Check, ...]
    """Failures on top."""
    criteria: tuple[Seen, ...]
    searches: tuple[Search, ...]
    findings: tuple[tuple[str, str], ...]
    """Ids of the findings above none, with their entity."""
    facts: tuple[Fact, ...]
    """Figures that a reviewer may correct."""


@lru_cache(maxsize=256)
def _stored(desk: Desk, report: str, checks: str, judgement: str, procedure: str) -> Stored:
    evidence = desk.resources.evidence
    draft, judged = evidence.get(report, ItemReport), evidence.get(judgement, Judgement)
    made = evidence.get(checks, Checks)
    ranked = sorted(made.checks, key=lambda check: ("failed", "not_checked", "passed").index(check.status))
    above = [entry for entry in judged.findings if entry.unsuppressed is not Verdict.NONE]
    written = load_procedure(evidence.get(procedure, ProcedureSource))

    def label(entry: FindingJudgement) -> str:
        return entity_label(entry.key, written.item(draft.item), written.timezone)

    return Stored(
        report=draft,
        judgement=judged,
        procedure=written,
        failed=made.failed,
        checks=tuple(ranked),
        criteria=tuple(_criteria(judged, label)),
        searches=tuple(_searches(desk, draft)),
        findings=tuple((entry.finding, label(entry)) for entry in above),
        facts=draft.facts[:MOST_CHOICES],
    )


@dataclass(frozen=True, slots=True)
class ItemView:
    """Everything that the page of an item shows."""

    row: RoundItemRow
    round: Round
    stored: Stored | None
    """None: the item has no report."""
    body: str
    drill_downs: tuple[DrillDown, ...]
    proposal: Any
    answers: tuple[dict[str, Any], ...]
    closing: Closing | None
    """Why it takes no answer any more."""
    earlier: tuple[dict[str, Any], ...]
    """Decisions on this item in other rounds, newest first."""


def item_view(desk: Desk, row: RoundItemRow) -> ItemView:
    """Read everything about one item."""
    casebook = desk.resources.casebook
    round_ = desk.round(row.round_id)
    answers = tuple(entry.model_dump(mode="json") for entry in casebook.decisions(thread_id=row.thread_id))
    closing = casebook.closings.of(row.thread_id)
    if row.report is None or row.checks is None or row.judgement is None:
        return ItemView(row, round_, None, "", (), None, answers, closing, ())
    stored = _stored(desk, row.report, row.checks, row.judgement, round_.procedure_digest)
    return ItemView(
        row=row,
        round=round_,
        stored=stored,
        body=_item_html(desk, row.report, row.checks, orjson.dumps(answers).decode()),
        drill_downs=stored.procedure.item(row.item_id).drill_downs,
        proposal=propose(stored.judgement, stored.report.language),
        answers=tuple(_told(answer) for answer in answers),
        closing=closing,
        earlier=desk.recent.get(
            ("earlier", row.thread_id), lambda: tuple(islice(_earlier(desk, row, round_), EARLIER))
        ),
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
            taken=taken_words(entry, report.language, report.timezone),
        )


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of the casebook with its body read."""
    body = orjson.loads(answer["body"])
    parts = [body] if "outcome" in body else body.get("decisions", [])
    return {**answer, "parts": parts, "question": body.get("question"), "round": answer["round_id"]}


def _earlier(desk: Desk, row: RoundItemRow, round_: Round) -> Iterator[dict[str, Any]]:
    """Yield the answers that the same item of the same procedure had in other rounds, newest first."""
    casebook, rounds = desk.resources.casebook, dict[str, bool]()
    for entry in reversed(casebook.decisions(item_id=row.item_id)):
        if entry.round_id not in rounds:
            known = casebook.round(entry.round_id)
            rounds[entry.round_id] = known is not None and known.procedure_id == round_.procedure_id
        if rounds[entry.round_id] and entry.thread_id != row.thread_id:
            yield _told(entry.model_dump(mode="json"))


def changes(desk: Desk, row: RoundItemRow) -> dict[str, int]:
    """Count what is new, what recurs and what is gone since the round before."""
    return {} if row.judgement is None else _changes(desk, row.judgement)


@lru_cache(maxsize=2048)
def _changes(desk: Desk, digest: str) -> dict[str, int]:
    judgement = desk.resources.evidence.get(digest, Judgement)
    above = [entry.recurrence for entry in judgement.findings if entry.verdict is not Verdict.NONE]
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
        "corrections": list(_corrections(fields)),
        "run": fields.get("run", []),
        "question": first("question") or None,
        **common,
    }


def _corrections(fields: dict[str, list[str]]) -> Iterator[dict[str, str]]:
    """Yield the corrections of a form: what is wrong, the right value or verdict, and why."""
    names = ("correct", "correct_value", "correct_verdict", "correct_note")
    for target, value, verdict, note in zip(*(fields.get(name, []) for name in names), strict=False):
        kind, _, name = target.partition(":")
        if kind in {"fact", "finding"}:
            right = {"value": value.strip(), "verdict": verdict}
            yield {kind: name, "note": note.strip(), **{key: text for key, text in right.items() if text}}
