"""A round sends the same search once, a later round builds on its baselines, and the report says both, truly."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agents.render.markdown import render_item
from graph.build import build_item_graph
from graph.rounds import answer_item, config_of, plan_round, run_round
from procedures.schedule import RoundWindow
from procedures.source import ProcedureSource, read_source
from spl.lookups import NO_LOOKUPS, Lookups
from tejun.opening import Tejun
from tests.graph.test_rounds import LIBRARY, demo_window
from tools.checks.run import check_report
from tools.demo import plan
from tools.records.finding import DrillDownRun, LoggedSearch
from tools.records.report import Checks, ItemReport
from tools.records.rows import Round, RoundItemRow
from tools.search.result import SearchRequest, SearchResult, SearchSession, SearchStatus, TimedResult

CHECKPOINT_BYTES = 48 * 1024


class Counted:
    """Sessions that remember what was sent, let some searches fail, and change what others answer."""

    def __init__(self, tejun: Tejun) -> None:
        self._inner = tejun.resources.sessions
        self.sent: list[SearchRequest] = []
        self.failing = ""
        self.alter: Callable[[SearchResult], SearchResult] = lambda result: result

    async def session(self, zone: str, lookups: Lookups = NO_LOOKUPS) -> SearchSession:
        return _CountedSession(await self._inner.session(zone, lookups), self)


class _CountedSession:
    def __init__(self, inner: SearchSession, counted: Counted) -> None:
        self._inner, self._counted = inner, counted

    @property
    def source(self) -> str:
        return self._inner.source

    async def search(self, request: SearchRequest) -> TimedResult:
        self._counted.sent.append(request)
        timed = await self._inner.search(request)
        if self._counted.failing and self._counted.failing in request.spl:
            failed = timed.result.model_copy(update={"status": SearchStatus.FAILED, "rows": ()})
            return timed.model_copy(update={"result": failed})
        return timed.model_copy(update={"result": self._counted.alter(timed.result)})

    async def utc_offset_s(self, at: float) -> int | None:
        return await self._inner.utc_offset_s(at)


class Desk:
    """Rounds over the demo logs with every sent search counted."""

    def __init__(self, tejun: Tejun) -> None:
        self.counted = Counted(tejun)
        self.resources = replace(tejun.resources, sessions=self.counted)
        self.graph = build_item_graph(self.resources, tejun.graph.checkpointer)  # type: ignore[arg-type]

    async def run(self, procedure: str, *, days_before: int = 0, again: bool = False) -> Round:
        window = demo_window(procedure)
        shifted = RoundWindow(window.start - days_before * 86400, window.end - days_before * 86400)
        round_ = plan_round(self.resources, read_source(LIBRARY / procedure), shifted, again=again)
        await run_round(self.graph, self.resources, round_)
        return round_

    async def log(self, row: RoundItemRow) -> list[LoggedSearch]:
        values = (await self.graph.aget_state(config_of(row))).values
        return [LoggedSearch.model_validate(entry) for entry in values["searches"]]

    async def logs(self, round_: Round) -> list[LoggedSearch]:
        rows = self.resources.casebook.items(round_.id)
        return [entry for row in rows for entry in await self.log(row)]


@pytest.fixture
async def desk(tejun: Tejun) -> Desk:
    return Desk(tejun)


@pytest.mark.parametrize("procedure", plan.PROCEDURES)
async def test_a_source_is_watched_once_per_window_for_all_items(desk: Desk, procedure: str) -> None:
    round_ = await desk.run(procedure)
    log = await desk.logs(round_)
    watching = [entry for entry in log if entry.purpose.split(":")[0] in {"completeness", "seen_before"}]
    windows = {(entry.purpose, entry.earliest, entry.latest) for entry in watching}
    assert sum(entry.taken_from is None for entry in watching) == len(windows)
    assert len(watching) > len(windows)
    assert len({entry.evidence for entry in watching}) <= len(windows)


@pytest.mark.parametrize("procedure", plan.PROCEDURES)
async def test_the_day_after_takes_its_baselines_from_the_day_before(desk: Desk, procedure: str) -> None:
    alone = {
        row.item_id: (row.verdict, row.findings, row.complete)
        for row in desk.resources.casebook.items((await desk.run(procedure)).id)
    }
    await desk.run(procedure, days_before=1)
    today = await desk.run(procedure, again=True)
    periods = [entry for entry in await desk.logs(today) if entry.purpose.startswith("baseline:")]
    assert {entry.taken_from for entry in periods} <= {"earlier"}
    rows = desk.resources.casebook.items(today.id)
    assert {row.item_id: (row.verdict, row.findings, row.complete) for row in rows} == alone
    for row in rows:
        assert row.checks is not None
        assert desk.resources.evidence.get(row.checks, Checks).failed == ()


async def test_a_day_after_an_incomplete_day_searches_its_baseline_itself(desk: Desk) -> None:
    desk.counted.failing = "stats count AS lines"
    yesterday = await desk.run(plan.LINUX, days_before=1)
    assert not all(row.complete for row in desk.resources.casebook.items(yesterday.id))
    desk.counted.failing = ""
    today = await desk.run(plan.LINUX)
    incomplete = {row.item_id for row in desk.resources.casebook.items(yesterday.id) if not row.complete}
    for row in desk.resources.casebook.items(today.id):
        for entry in await desk.log(row):
            if entry.purpose.startswith("baseline:"):
                assert (entry.taken_from is None) == (row.item_id in incomplete)


async def test_the_log_says_what_was_taken_and_when_it_ran(desk: Desk) -> None:
    await desk.run(plan.LINUX, days_before=1)
    today = await desk.run(plan.LINUX)
    row = next(
        row for row in desk.resources.casebook.items(today.id) if row.item_id == "unknown-source-login"
    )
    assert row.report is not None
    report = desk.resources.evidence.get(row.report, ItemReport)
    text = render_item(report, checks=None, spl_of=lambda digest: "")
    assert text.count("以前の回の証跡を使用、") == 7
    assert text.count("同じ回の検索と共有、") == sum(e.taken_from == "round" for e in report.search_log)


def changed(report: ItemReport, purpose: str, **values: object) -> ItemReport:
    log = tuple(
        entry.model_copy(update=values) if entry.purpose == purpose else entry for entry in report.search_log
    )
    return report.model_copy(update={"search_log": log})


async def test_the_checks_find_an_answer_that_had_to_be_sent_for(desk: Desk) -> None:
    await desk.run(plan.LINUX, days_before=1)
    today = await desk.run(plan.LINUX)
    row = next(row for row in desk.resources.casebook.items(today.id) if row.item_id == "ssh-bruteforce")
    values = (await desk.graph.aget_state(config_of(row))).values
    evidence = desk.resources.evidence
    report = evidence.get(values["report"], ItemReport)
    source = evidence.get(values["procedure"], ProcedureSource)
    runs = [DrillDownRun.model_validate(run) for run in values["runs"]]

    def spl_of(digest: str) -> str:
        return evidence.get(digest, SearchResult).spl

    def failed(
        given: ItemReport,
        shown: ItemReport | None = None,
        by: str | None = None,
        text: tuple[str, str] = ("", ""),
    ) -> set[str]:
        rendered = render_item(shown or given, checks=None, spl_of=spl_of).replace(*text)
        asked = [run.model_copy(update={"requested_by": by}) for run in runs]
        checks = check_report(source, given, rendered, asked, evidence, report_digest="")
        return {check.id for check in checks.failed}

    period = next(entry for entry in report.search_log if entry.purpose == "baseline:1")
    assert (failed(report), period.taken_from) == (set(), "earlier")
    early = changed(report, "baseline:1", executed_at=period.latest + 599)
    assert failed(early) == {"search_log"}
    assert failed(changed(report, "query", taken_from="earlier")) == {"search_log"}
    assert failed(changed(report, "total", taken_from="earlier")) == {"search_log"}
    assert failed(report, by="sato") == set()
    drill_down = next(e.purpose for e in report.search_log if e.purpose.startswith("drill_down:"))
    assert failed(changed(report, drill_down, taken_from="round"), by="sato") == {"search_log"}
    assert failed(changed(report, drill_down, taken_from="round")) == set()
    # what stands in the text
    assert failed(report, shown=changed(report, "baseline:1", taken_from=None)) == {"rendered"}
    assert failed(report, shown=changed(report, "query", taken_from="round")) == {"rendered"}
    assert failed(report, shown=changed(report, "baseline:1", taken_from="round")) == {"rendered"}
    moved = changed(report, "baseline:1", executed_at=period.executed_at + 60)
    assert failed(report, shown=moved) == {"rendered"}


async def test_more_evidence_that_a_reviewer_asks_for_is_sent_for(desk: Desk) -> None:
    round_ = await desk.run(plan.LINUX)
    row = next(row for row in desk.resources.casebook.items(round_.id) if row.item_id == "ssh-bruteforce")
    desk.counted.sent.clear()
    answer = {"decision": "need_more_evidence", "reason": "late logs?", "run": ["success-after"]}
    await answer_item(desk.graph, desk.resources, row, answer, awaiting="review")
    last = (await desk.log(row))[-1]
    assert (last.purpose, last.taken_from) == ("drill_down:success-after", None)
    asked = desk.resources.evidence.get(last.evidence, SearchResult).spl
    assert asked in {request.spl for request in desk.counted.sent}


async def test_a_round_that_broke_off_does_not_send_again_what_was_answered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after its searches and before the end of its node, an item goes on with the evidence."""
    round_ = plan_round(desk.resources, read_source(LIBRARY / plan.LINUX), demo_window(plan.LINUX))
    with monkeypatch.context() as broken:
        broken.setattr("agents.query.group_findings", None)
        (outcome,) = await run_round(desk.graph, desk.resources, round_, only=["ssh-bruteforce"])
    assert outcome.state == "failed"
    sent = {request.spl for request in desk.counted.sent}
    desk.counted.sent.clear()
    (outcome,) = await run_round(desk.graph, desk.resources, round_, only=["ssh-bruteforce"])
    assert outcome.state == "paused"
    (row,) = [row for row in desk.resources.casebook.items(round_.id) if row.item_id == "ssh-bruteforce"]
    first = [entry for entry in await desk.log(row) if not entry.purpose.startswith("drill_down")]
    assert {entry.taken_from for entry in first} == {"round"}
    assert not sent & {request.spl for request in desk.counted.sent}


async def test_the_checkpoints_of_an_item_hold_no_rows(desk: Desk, home: Path) -> None:
    await desk.run(plan.WINDOWS)
    query = "SELECT max(length(checkpoint)) FROM checkpoints"
    with sqlite3.connect(home / "checkpoints.sqlite") as connection:
        assert connection.execute(query).fetchone()[0] <= CHECKPOINT_BYTES
