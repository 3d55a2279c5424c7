"""A zero that nobody looked at twice waits for a person; what the second look cannot see is said; late events are told."""

from __future__ import annotations

import pytest

from agents.render.markdown import render_item
from graph.rounds import config_of, plan_round, run_round
from procedures.archive import load_procedure
from procedures.schedule import RoundWindow
from procedures.source import DOCUMENT, ProcedureSource, read_source
from tejun.opening import Tejun
from tests.graph.faulty import Fault, emptied, failed, failing, foreign, over, own_text
from tests.graph.test_rounds import LIBRARY, demo_window
from tools.checks.again import Again
from tools.demo import plan
from tools.records.finding import Judgement
from tools.records.report import Checks, ItemReport
from tools.records.rows import RoundItemRow
from tools.search.result import SearchRequest, SearchResult, SearchStatus

QUIET = RoundWindow(plan.tokyo(0) - 86400, plan.tokyo(0))
"""A day on which root does not log in and no account is made."""


def linux(*changes: tuple[str, str]) -> ProcedureSource:
    source = read_source(LIBRARY / plan.LINUX)
    text = source.document
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return source.model_copy(update={"files": {**source.files, DOCUMENT: text}})


async def run_item(
    tejun: Tejun,
    fault: Fault,
    item: str,
    *,
    source: ProcedureSource | None = None,
    window: RoundWindow | None = None,
) -> tuple[Tejun, RoundItemRow]:
    faulty, _ = over(tejun, fault)
    round_ = plan_round(faulty.resources, source or linux(), window or demo_window(plan.LINUX))
    await run_round(faulty.graph, faulty.resources, round_, only=[item])
    row = next(row for row in faulty.resources.casebook.items(round_.id) if row.item_id == item)
    assert row.error is None
    return faulty, row


def notes_of(tejun: Tejun, row: RoundItemRow) -> list[str]:
    assert row.judgement is not None
    judgement = tejun.resources.evidence.get(row.judgement, Judgement)
    return [note.code for note in judgement.incomplete]


def told_of(tejun: Tejun, row: RoundItemRow) -> list[dict[str, object]]:
    assert row.report is not None
    return [dict(note.values) for note in tejun.resources.evidence.get(row.report, ItemReport).told]


def failed_checks(tejun: Tejun, row: RoundItemRow) -> list[str]:
    assert row.checks is not None
    return [check.id for check in tejun.resources.evidence.get(row.checks, Checks).failed]


class TestZero:
    """`root-login` has a total, `root-shell` only a recount; both find nothing on the quiet day."""

    @pytest.mark.parametrize("item", ["root-login", "root-shell", "new-account"])
    async def test_a_healthy_foreign_siem_records_a_zero_that_a_second_search_confirms(
        self, tejun: Tejun, item: str
    ) -> None:
        faulty, row = await run_item(tejun, foreign, item, window=QUIET)
        assert (row.verdict, row.complete, row.state) == ("none", True, "recorded")
        assert failed_checks(faulty, row) == []

    @pytest.mark.parametrize("status", [SearchStatus.FAILED, SearchStatus.REFUSED, SearchStatus.TIMED_OUT])
    async def test_a_recount_that_failed_is_no_second_look(self, tejun: Tejun, status: SearchStatus) -> None:
        def fault(request: SearchRequest, result: SearchResult) -> SearchResult:
            if "sudo" in own_text(request) and "| table" in own_text(request):
                return failed(result, status)
            return foreign(request, result)

        faulty, row = await run_item(tejun, fault, "root-shell", window=QUIET)
        assert (row.verdict, row.complete, row.state) == ("undetermined", False, "paused")
        assert notes_of(faulty, row) == ["recount_failed"]

    async def test_a_zero_that_cannot_be_counted_in_another_way_waits_and_says_why(
        self, tejun: Tejun
    ) -> None:
        source = linux(
            ("| table _time host user uid", "| eventstats count AS made BY user | table _time host user uid")
        )
        faulty, row = await run_item(tejun, foreign, "new-account", source=source, window=QUIET)
        assert (row.verdict, row.complete, row.state) == ("undetermined", False, "paused")
        assert notes_of(faulty, row) == ["no_second_look"]
        assert row.report is not None
        text = render_item(
            faulty.resources.evidence.get(row.report, ItemReport), checks=None, spl_of=lambda digest: ""
        )
        assert "検知 0 件を別の検索で確かめていない" in text
        assert "別の方法で数え直せない" in text
        snapshot = await faulty.graph.aget_state(config_of(row))
        unknowns = [note["code"] for note in snapshot.interrupts[0].value["unknowns"]]
        assert "no_second_look" in unknowns
        assert failed_checks(faulty, row) == []

    async def test_our_own_store_proves_a_zero_by_what_it_scanned(self, tejun: Tejun) -> None:
        source = linux(
            ("| table _time host user uid", "| eventstats count AS made BY user | table _time host user uid")
        )
        _, row = await run_item(
            tejun, lambda request, result: result, "new-account", source=source, window=QUIET
        )
        assert (row.verdict, row.complete, row.state) == ("none", True, "recorded")

    async def test_too_many_events_to_fetch_and_no_total_is_no_second_look(self, tejun: Tejun) -> None:
        def fault(request: SearchRequest, result: SearchResult) -> SearchResult:
            if "sudo" not in own_text(request):
                return foreign(request, result)
            cut = SearchStatus.TRUNCATED if "| table" in own_text(request) else SearchStatus.OK
            return emptied(foreign(request, result)).model_copy(update={"status": cut})

        faulty, row = await run_item(tejun, fault, "root-shell", window=QUIET)
        assert (row.verdict, row.state) == ("undetermined", "paused")
        assert "no_second_look" in notes_of(faulty, row)

    async def test_a_search_that_lost_its_rows_is_caught_by_the_recount(self, tejun: Tejun) -> None:
        def fault(request: SearchRequest, result: SearchResult) -> SearchResult:
            lost = "sudo" in own_text(request) and "| stats" in own_text(request)
            return emptied(result) if lost else foreign(request, result)

        faulty, row = await run_item(tejun, fault, "root-shell")
        assert (row.verdict, row.complete, row.state) == ("undetermined", False, "paused")
        assert "recount_failed" in notes_of(faulty, row)
        assert "recount" in failed_checks(faulty, row)

    async def test_a_listing_is_counted_by_another_search(self, tejun: Tejun) -> None:
        def fault(request: SearchRequest, result: SearchResult) -> SearchResult:
            lost = "useradd" in own_text(request) and "| table" in own_text(request)
            return emptied(result) if lost else foreign(request, result)

        faulty, row = await run_item(tejun, fault, "new-account")
        assert row.verdict == "undetermined"
        assert "recount_failed" in notes_of(faulty, row)


class TestTotal:
    async def test_a_total_that_failed_is_named_and_is_no_passed_check(self, tejun: Tejun) -> None:
        total = load_procedure(linux()).item("root-login").total_spl or ""
        fault = failing(total[total.rindex("| stats") :])
        faulty, row = await run_item(tejun, fault, "root-login", window=QUIET)
        assert (row.verdict, row.complete) == ("undetermined", False)
        assert "search_failed" in notes_of(faulty, row)
        assert failed_checks(faulty, row) == []
        assert row.checks is not None
        checks = {
            check.id: check.status for check in faulty.resources.evidence.get(row.checks, Checks).checks
        }
        assert checks["total"] == "not_checked"


class TestDrillDowns:
    """`success-after` of `ssh-bruteforce` decides between observing and investigating."""

    async def _again(self, tejun: Tejun, row: RoundItemRow) -> Again:
        values = (await tejun.graph.aget_state(config_of(row))).values
        return Again.model_validate(values["again"])

    async def test_a_drill_down_that_decides_runs_again_by_default(self, tejun: Tejun) -> None:
        faulty, row = await run_item(tejun, foreign, "ssh-bruteforce")
        again = await self._again(faulty, row)
        assert again.reruns is not None
        (pair,) = again.reruns
        assert pair[0] == pair[1]
        never = linux(("review: findings\n", "review: findings\nrecheck: never\n"))
        faulty, row = await run_item(tejun, foreign, "ssh-bruteforce", source=never)
        assert (await self._again(faulty, row)).reruns is None

    async def test_a_drill_down_that_lost_its_rows_keeps_no_verdict_down(self, tejun: Tejun) -> None:
        """It once answers with nothing: the re-run shows what it had lost."""
        seen: list[str] = []

        def fault(request: SearchRequest, result: SearchResult) -> SearchResult:
            if "Accepted" in own_text(request) and request.spl not in seen:
                seen.append(request.spl)
                return emptied(result)
            return foreign(request, result)

        healthy = (await run_item(tejun, foreign, "ssh-bruteforce"))[1].verdict
        assert healthy == "investigate"
        lost = linux(("review: findings\n", "review: findings # again\n"))
        faulty, row = await run_item(tejun, fault, "ssh-bruteforce", source=lost)
        assert seen
        told = [str(note["purpose"]) for note in told_of(faulty, row)]
        assert told == ["drill_down:success-after"]
        assert row.state == "paused"

    async def test_a_failed_re_run_is_said_and_makes_the_item_incomplete(self, tejun: Tejun) -> None:
        seen: list[str] = []

        def fault(request: SearchRequest, result: SearchResult) -> SearchResult:
            if "Accepted" in own_text(request):
                seen.append(request.spl)
                return failed(result) if len(seen) > 1 else foreign(request, result)
            return foreign(request, result)

        faulty, row = await run_item(tejun, fault, "ssh-bruteforce")
        assert row.complete is False
        assert notes_of(faulty, row) == ["recount_failed"]
        assert failed_checks(faulty, row) == []
        assert row.checks is not None
        checks = {
            check.id: check.status for check in faulty.resources.evidence.get(row.checks, Checks).checks
        }
        assert checks["recheck"] == "not_checked"

    async def test_a_failed_drill_down_lets_no_verdict_fall(self, tejun: Tejun) -> None:
        """Without the drill-down the finding would be one to observe."""
        source = linux()
        faulty, row = await run_item(tejun, failing("Accepted"), "ssh-bruteforce", source=source)
        assert row.judgement is not None
        assert row.report is not None
        judgement = faulty.resources.evidence.get(row.judgement, Judgement)
        above = [entry for entry in judgement.findings if entry.unsuppressed.value != "none"]
        hung = [entry for entry in above if any(note.code == "drill_down_failed" for note in entry.notes)]
        assert hung
        assert {entry.verdict.value for entry in hung} <= {"undetermined", "investigate"}
        report = faulty.resources.evidence.get(row.report, ItemReport)
        logged = {entry.purpose: entry.status.value for entry in report.search_log}
        assert logged["drill_down:success-after"] == "failed"
        assert failed_checks(faulty, row) == []


class TestLateEvents:
    async def test_events_between_search_and_recount_are_told_and_are_no_defect(self, tejun: Tejun) -> None:
        """The first answer counts one shell too few of each user; all later ones have it."""
        seen: list[str] = []

        def fault(request: SearchRequest, result: SearchResult) -> SearchResult:
            if "stats count AS shells" in request.spl and request.spl not in seen:
                seen.append(request.spl)
                rows = tuple({**row, "shells": int(str(row["shells"])) - 1} for row in result.rows)
                return foreign(request, result).model_copy(update={"rows": rows})
            return foreign(request, result)

        faulty, row = await run_item(tejun, fault, "root-shell")
        assert (row.complete, row.verdict) == (True, "investigate")
        assert failed_checks(faulty, row) == []
        (told,) = told_of(faulty, row)
        assert (told["purpose"], told["rows"], told["rows_now"]) == ("query", 2, 2)

    async def test_late_events_that_change_the_verdict_leave_it_open(self, tejun: Tejun) -> None:
        seen: list[str] = []

        def fault(request: SearchRequest, result: SearchResult) -> SearchResult:
            if "stats count AS shells" in request.spl and request.spl not in seen:
                seen.append(request.spl)
                return emptied(result)
            return foreign(request, result)

        faulty, row = await run_item(tejun, fault, "root-shell")
        assert (row.verdict, row.complete, row.state) == ("undetermined", False, "paused")
        assert notes_of(faulty, row) == ["late_verdict"]
        assert failed_checks(faulty, row) == []

    async def test_an_event_that_vanishes_is_a_defect(self, tejun: Tejun) -> None:
        seen: list[str] = []

        def fault(request: SearchRequest, result: SearchResult) -> SearchResult:
            if "stats count AS shells" in request.spl and request.spl not in seen:
                seen.append(request.spl)
                rows = tuple({**row, "shells": int(str(row["shells"])) + 1} for row in result.rows)
                return foreign(request, result).model_copy(update={"rows": rows})
            return foreign(request, result)

        faulty, row = await run_item(tejun, fault, "root-shell")
        assert row.complete is False
        assert "recount_failed" in notes_of(faulty, row)
        assert {"recount", "recheck"} <= set(failed_checks(faulty, row))
