"""Reports built from the models, with the worst that a log can hold in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest

from agents.facts import FactBook
from procedures.verdict import Verdict
from tools.records.finding import CriterionResult, LoggedSearch, Note, Observation
from tools.records.report import (
    Check,
    Checks,
    EntityRow,
    ItemReport,
    ReportColumn,
    ReportRow,
    RoundItem,
    RoundReport,
    Section,
    TimelinePoint,
)
from tools.search.result import SearchStatus

START, END = 1_795_014_000.0, 1_795_100_400.0
HOSTILE = "<script>alert(1)</script>|`x`\n# not a heading [a](http://evil.example/p) \u202egpj.exe"
LINK = "[.](//evil.example) ![](http://evil.example/i.png)"
LISTED = "- root\x07"
EVIDENCE = hashlib.sha256(b"query").hexdigest()
SEARCHES = {
    EVIDENCE: 'index=os "Failed" | stats count AS failures BY src_ip',
    hashlib.sha256(b"drill").hexdigest(): 'index=os user="```\n</code><script>\u202e<br>"',
}


def log(purpose: str, evidence: str, status: SearchStatus = SearchStatus.OK) -> LoggedSearch:
    return LoggedSearch(
        purpose=purpose,
        evidence=evidence,
        status=status,
        earliest=START - 3600,
        latest=END,
        rows=1234,
        scanned=None if status is SearchStatus.FAILED else 100_000,
        executed_at=END + 700,
        duration_s=0.0421,
    )


def criterion(verdict: Verdict, **changes: object) -> CriterionResult:
    given: dict[str, object] = {
        "id": "c1",
        "verdict": verdict,
        "fired": True,
        "expression": "failures >= 10",
        "why": "level of a dictionary attack",
        "observed": (Observation(name="failures", value=12),),
        "threshold": 10,
        "margin": 2.0,
        "before": (3, 2, None, "a|b<i>"),
        "evidence": EVIDENCE,
    }
    return CriterionResult.model_validate({**given, **changes})


def finding_row(
    book: FactBook, name: str, verdict: Verdict, values: tuple[object, ...], **changes: object
) -> ReportRow:
    kinds = ("entity", "integer", "time", "duration", "list", "percent")
    cells = [
        None if value is None else book.add("cell", value, kind, evidence=EVIDENCE, derivation=f"{name}.{at}")  # type: ignore[arg-type]
        for at, (value, kind) in enumerate(zip(values, kinds, strict=True))
    ]
    return ReportRow.model_validate(
        {
            "finding": name,
            "verdict": verdict,
            "unsuppressed": verdict,
            "recurrence": "new",
            "cells": cells,
            "reasons": (),
            **changes,
        }
    )


def item_report(language: str) -> ItemReport:
    book = FactBook()
    ja = language == "ja"
    rows = (
        finding_row(
            book, "a1", Verdict.INVESTIGATE, ("203.0.113.7", 1234, START + 3.25, 3723, ["root", HOSTILE], 99.5),
            reasons=(criterion(Verdict.INVESTIGATE), criterion(Verdict.INVESTIGATE, id="d/d1", expression='user="192.0.2.1"', threshold=None, margin=None, observed=(Observation(name="user", value=LINK), Observation(name="n", value=None)), before=())),
        ),
        finding_row(
            book, "b2", Verdict.UNDETERMINED, (HOSTILE, 0, END - 1, 0.5, [], None), recurrence="recurring",
            reasons=(criterion(Verdict.UNDETERMINED, fired=None, threshold=None, margin=None, observed=(), before=()),),
            notes=(Note(code="drill_down_failed", values={"drill_down": "success-after", "status": "timed_out"}),),
        ),
        finding_row(
            book, "c3", Verdict.NONE, (LISTED, -5, 1e18, None, ["10.20.0.9"], 0.1), unsuppressed=Verdict.OBSERVE,
            reasons=(criterion(Verdict.OBSERVE, suppressed_by="kb-001"),),
        ),
    )  # fmt: skip
    purpose = book.ref(
        "purpose",
        "総当たりを\n見つける" if ja else "Find\nbrute force",
        "text",
        derivation="procedure.x.purpose",
    )
    entity = book.ref("entity", LISTED, "entity", evidence=EVIDENCE, derivation="key")
    link = book.ref("entity", LINK, "entity", evidence=EVIDENCE, derivation="key2")
    sections: dict[str, tuple[str, ...]] = {
        "overview": (purpose,),
        "details": (),
        "assessment": (f"{entity} / {link}",),
        "recommendation": ("対応" if ja else "Act",),
        "exceptions": ("kb-001",),
        "completeness": (),
        "not_covered": ("分散型" if ja else "Distributed attempts",),
    }
    titles = ("監視概要・サマリ", "詳細結果", "総合所見", "推奨対応", "静観対象", "データの充足性", "対象外")
    english = (
        "Overview and summary",
        "Detailed results",
        "Assessment",
        "Recommendation",
        "Known benign",
        "Completeness",
        "Not covered",
    )
    return ItemReport.model_validate(
        {
            "procedure": "linux-auth-daily", "procedure_digest": "d" * 64, "procedure_version": "1.2.0",
            "item": "ssh-bruteforce", "title": "SSH 総当たり <b>" if ja else "SSH brute force <b>",
            "language": language, "timezone": "Asia/Tokyo" if ja else "America/New_York", "tlp": "AMBER+STRICT",
            "start": START, "end": END, "item_earliest": START - 3600, "item_latest": END,
            "verdict": Verdict.INVESTIGATE, "complete": False,
            "incomplete": (
                Note(code="source_gap", values={"source": "sshd", "value": "host<1>.example.com", "gap_s": 7200, "gap_start": START, "max_silence_s": 3600}),
                Note(code="source_silent", values={"source": "sshd", "value": "", "max_silence_s": 3600}),
                Note(code="search_failed", values={"purpose": "drill_down:success-after:a1", "status": "failed"}),
            ),
            "attack": ("T1110.001",),
            "facts": book.facts,
            "sections": [{"id": ident, "title": title, "paragraphs": text} for (ident, text), title in zip(sections.items(), titles if ja else english, strict=True)],
            "columns": [ReportColumn(label=label, source=label, format=fmt) for label, fmt in (("送信元" if ja else "Source", "defang"), ("n", "integer"), ("t", "time"), ("d", "duration"), ("u|v", "list"), ("%", "percent"))],
            "rows": rows[:2], "omitted": 1, "attached": rows[2:],
            "item_results": (criterion(Verdict.OBSERVE, id="c3", fired=None, expression='rows >= 3 * before_avg("rows")'),),
            "timeline": (
                TimelinePoint(finding="a1", label="203.0.113.7", first=START + 3600, last=START + 40_000, verdict=Verdict.INVESTIGATE),
                TimelinePoint(finding="b2", label=f"送信元 {HOSTILE}", first=START - 1800, last=END - 1, verdict=Verdict.UNDETERMINED),
                TimelinePoint(finding="c3", label="$x^2$ lane-0. & <b>", first=START + 50, last=1e18, verdict=Verdict.OBSERVE),
            ),
            "search_log": tuple(log(purpose, digest, status) for purpose, digest, status in zip(("query", "drill_down:success-after:a1"), SEARCHES, (SearchStatus.OK, SearchStatus.FAILED), strict=True)),
            "findings_digest": "f" * 64, "judgement_digest": "e" * 64,
        }
    )  # fmt: skip


def clean_report(language: str) -> ItemReport:
    book = FactBook()
    count = book.ref("findings", 0, "integer", evidence=EVIDENCE, derivation="count(findings)")
    events = book.ref("events", 4095, "integer", evidence=EVIDENCE, derivation="sum(events)")
    near = book.ref("observed", 8, "decimal", evidence=EVIDENCE, derivation="nearest_miss.c1.observed")
    ja = language == "ja"
    told = (
        (f"検知は {count} 件。", f"母数 {events} 件。", f"最も近い値は {near}。")
        if ja
        else (f"{count} findings.", f"{events} events.", f"Nearest: {near}.")
    )
    base = item_report(language)
    return base.model_copy(
        update={
            "item": "root-login", "title": "root", "verdict": Verdict.NONE, "complete": True, "incomplete": (),
            "facts": tuple(book.facts), "rows": (), "attached": (), "omitted": 0, "item_results": (), "timeline": (),
            "search_log": base.search_log[:1],
            "sections": (
                Section(id="overview", title="-", paragraphs=("PURPOSE", *told)),
                Section(id="exceptions", title="-", paragraphs=("NO EXCEPTION",)),
                Section(id="completeness", title="-", paragraphs=("NOT INDEPENDENTLY CHECKED",)),
            ),
        }
    )  # fmt: skip


def checks(status: str = "failed") -> Checks:
    defects = ("192.0.2.1 | <i>",) if status == "failed" else ()
    first = Check(id="figures", status="passed", looked_at="every figure is a fact")
    return Checks(
        report="r" * 64,
        checks=(first, Check(id="search_log", status=status, looked_at="log", defects=defects)),
    )  # type: ignore[arg-type]


def entry(kind: str, **body: object) -> dict[str, object]:
    return {"kind": kind, "reviewer": "佐藤|<b>", "decided_at": END + 90_000.0, "body": json.dumps(body)}


def entries() -> tuple[dict[str, object], ...]:
    decided = entry(
        "decision",
        decisions=[
            {
                "findings": ["a1"],
                "decision": "deep_dive",
                "reason": "see http://evil.example | x",
                "case": "INC-1",
            },
            {"findings": "rest", "decision": "report_defect", "reason": "wrong <total>"},
        ],
        corrections=[{"fact": "f2", "verdict": None, "finding": None, "value": "1,235", "note": "recounted"}],
        knowledge="raise the threshold",
        question=None,
        run=[],
    )
    return (decided, entry("outcome", outcome="incident", reason="confirmed", knowledge=None))


def round_of(language: str) -> RoundReport:
    items = (
        RoundItem(item="ssh-bruteforce", title="SSH", state="recorded", report=item_report(language), checks=checks(), decisions=entries()),
        RoundItem(item="root-login", title="root", state="recorded", report=clean_report(language), checks=checks("passed")),
        RoundItem(item="sudo", title="sudo", state="failed", report=None, checks=None, error="no <index> at http://siem.example"),
    )  # fmt: skip
    entity = EntityRow(kind="ip", value="203.0.113.7", verdicts={"ssh-bruteforce": Verdict.INVESTIGATE})
    return RoundReport.model_validate(
        {
            "round": "0a1b2c3d", "procedure": "linux-auth-daily", "procedure_title": "Linux 認証ログ" if language == "ja" else "Linux authentication",
            "procedure_version": "1.2.0", "procedure_digest": "d" * 64, "language": language,
            "timezone": "Asia/Tokyo" if language == "ja" else "America/New_York", "tlp": "AMBER+STRICT",
            "start": START, "end": END, "ad_hoc": False, "source": "local", "status": "signed", "signed_by": "田中",
            "signed_at": END + 99_000.0, "overdue_review": True, "verdict": Verdict.INVESTIGATE, "complete": False,
            "entities": (entity,), "items": items,
        }
    )  # fmt: skip


@pytest.fixture(params=["ja", "en"])
def language(request: pytest.FixtureRequest) -> str:
    """Both languages, one after the other."""
    return str(request.param)


@pytest.fixture
def report(language: str) -> ItemReport:
    """An item with three findings, gaps and hostile values everywhere."""
    return item_report(language)


@pytest.fixture
def round_report(language: str) -> RoundReport:
    """A signed round: a hostile item with a defect, a clean item, and one that failed."""
    return round_of(language)


@pytest.fixture
def spl_of() -> Callable[[str], str]:
    """The search text of an evidence digest."""
    return SEARCHES.__getitem__


@pytest.fixture
def failed_checks() -> Checks:
    """Checks of which one failed."""
    return checks()
