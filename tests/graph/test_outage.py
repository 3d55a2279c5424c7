"""A round that the SIEM left in the lurch: it says so, the same command repeats it, and it can be signed with its gaps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.render.markdown import render_round
from agents.round_report import assemble_round
from agents.unfinished import unfinished_searches
from graph.renewal import NotWithdrawnError, withdraw_round
from graph.rounds import ClosedError, NothingToAnswerError, answer_item, config_of, plan_round, run_round
from graph.signing import NotReadyError, sign_round
from procedures.source import DOCUMENT, ProcedureSource, read_source
from tejun.opening import Tejun
from tests.graph.conftest import opened
from tests.graph.faulty import failed, failing, foreign, over
from tests.graph.test_rounds import LIBRARY, demo_window
from tools.demo import plan
from tools.records.casebook import AlreadyDecidedError
from tools.records.report import ItemReport, RoundReport
from tools.records.rows import Round, RoundItemRow
from tools.search.result import SearchRequest, SearchResult, SearchStatus

DECIDED = {"decision": "no_deep_dive", "reason": "seen"}


def edited(note: str) -> ProcedureSource:
    source = read_source(LIBRARY / plan.LINUX)
    return source.model_copy(
        update={"files": {**source.files, DOCUMENT: source.document + f"\n<!-- {note} -->\n"}}
    )


def down(request: SearchRequest, result: SearchResult) -> SearchResult:
    """The whole SIEM is away."""
    return failed(result, text="connection refused by 10.0.0.9, token=[redacted]")


async def run(tejun: Tejun, *only: str, again: bool = False, source: ProcedureSource | None = None) -> Round:
    round_ = plan_round(
        tejun.resources, source or read_source(LIBRARY / plan.LINUX), demo_window(plan.LINUX), again=again
    )
    await run_round(tejun.graph, tejun.resources, round_, only=only)
    return round_


def item_of(tejun: Tejun, round_: Round, name: str) -> RoundItemRow:
    return next(row for row in tejun.resources.casebook.items(round_.id) if row.item_id == name)


def report_of(tejun: Tejun, row: RoundItemRow) -> ItemReport:
    assert row.report is not None
    return tejun.resources.evidence.get(row.report, ItemReport)


def whole(tejun: Tejun, round_: Round) -> RoundReport:
    resources = tejun.resources
    known = resources.casebook.round(round_.id)
    assert known is not None
    return assemble_round(known, resources.casebook, resources.evidence, now=resources.clock())


async def decide(tejun: Tejun, row: RoundItemRow) -> None:
    await answer_item(tejun.graph, tejun.resources, row, DECIDED, awaiting="review")


class TestRunAgain:
    async def test_the_same_command_repeats_what_failed_and_nobody_has_answered(self, tejun: Tejun) -> None:
        faulty, siem = over(tejun, down)
        round_ = await run(faulty, "root-shell", "root-login")
        before = item_of(faulty, round_, "root-shell")
        assert (before.verdict, before.state) == ("undetermined", "paused")
        siem.fault = foreign
        again = await run(faulty, "root-shell", "root-login")
        assert again.id == round_.id
        after = item_of(faulty, round_, "root-shell")
        assert (after.verdict, after.complete, after.state) == ("investigate", True, "paused")
        assert after.interrupt_id != before.interrupt_id
        assert item_of(faulty, round_, "root-login").state == "recorded"
        report = report_of(faulty, after)
        assert {entry.status for entry in report.search_log} <= {SearchStatus.OK, SearchStatus.NO_DATA}
        assert report.earlier == (before.report,)
        assert {entry.status for entry in report_of(faulty, before).search_log} == {SearchStatus.FAILED}
        text = render_round(whole(faulty, round_), spl_of=lambda digest: "")
        assert (before.report or "")[:12] in text

    async def test_a_repeated_item_is_answered_like_any_other(self, tejun: Tejun) -> None:
        faulty, siem = over(tejun, down)
        round_ = await run(faulty, "root-shell")
        old = item_of(faulty, round_, "root-shell")
        siem.fault = foreign
        await run(faulty, "root-shell")
        with pytest.raises(NothingToAnswerError):
            await decide(faulty, old)
        await decide(faulty, item_of(faulty, round_, "root-shell"))
        assert item_of(faulty, round_, "root-shell").state == "recorded"
        assert len(faulty.resources.casebook.decisions(thread_id=old.thread_id)) == 1

    async def test_an_answered_item_is_never_run_again(self, tejun: Tejun) -> None:
        faulty, siem = over(tejun, down)
        round_ = await run(faulty, "root-shell", "root-login")
        await decide(faulty, item_of(faulty, round_, "root-shell"))
        dive = {"decision": "deep_dive", "reason": "look"}
        row = item_of(faulty, round_, "root-login")
        await answer_item(faulty.graph, faulty.resources, row, dive, awaiting="review")
        siem.fault, sent = foreign, len(siem.asked)
        await run(faulty, "root-shell", "root-login")
        assert len(siem.asked) == sent
        assert item_of(faulty, round_, "root-login").awaiting == "outcome"

    async def test_what_a_policy_leaves_undetermined_is_not_repeated(self, tejun: Tejun) -> None:
        """Cut off at the row limit, or silent: the SIEM has answered."""

        def cut(request: SearchRequest, result: SearchResult) -> SearchResult:
            status = SearchStatus.TRUNCATED if result.rows else SearchStatus.NO_DATA
            return foreign(request, result).model_copy(update={"status": status})

        faulty, siem = over(tejun, cut)
        round_ = await run(faulty, "root-shell")
        assert item_of(faulty, round_, "root-shell").state == "paused"
        sent = len(siem.asked)
        await run(faulty, "root-shell")
        assert len(siem.asked) == sent

    async def test_what_somebody_holds_for_review_is_left_alone(self, tejun: Tejun) -> None:
        faulty, siem = over(tejun, down)
        round_ = await run(faulty, "root-shell")
        row = item_of(faulty, round_, "root-shell")
        faulty.resources.casebook.attention.claim(row.thread_id, "sato", now=faulty.resources.clock())
        sent = len(siem.asked)
        await run(faulty, "root-shell")
        assert len(siem.asked) == sent

    async def test_an_item_that_failed_begins_anew(self, tejun: Tejun) -> None:
        broken = {"on": True}

        def fault(request: SearchRequest, result: SearchResult) -> SearchResult:
            if broken["on"] and "| table" in request.spl:
                raise RuntimeError("broken on the way")
            return foreign(request, result)

        faulty, siem = over(tejun, fault)
        round_ = await run(faulty, "root-shell")
        assert item_of(faulty, round_, "root-shell").state == "failed"
        broken["on"], sent = False, len(siem.asked)
        await run(faulty, "root-shell")
        row = item_of(faulty, round_, "root-shell")
        assert (row.state, row.error, row.verdict) == ("paused", None, "investigate")
        log = report_of(faulty, row).search_log
        assert (log[0].purpose, log[0].taken_from) == ("query", "round")
        assert len(siem.asked) > sent

    async def test_a_repeated_item_survives_the_end_of_its_process(self, home: Path) -> None:
        async with opened(home) as tejun:
            faulty, _ = over(tejun, down)
            round_ = await run(faulty, "root-shell")
        async with opened(home) as tejun:
            await run(tejun, "root-shell")
            row = item_of(tejun, round_, "root-shell")
            assert (row.verdict, row.state) == ("investigate", "paused")
            await decide(tejun, row)


class TestSaid:
    async def test_the_round_names_every_search_that_failed_in_the_servers_words(self, tejun: Tejun) -> None:
        faulty, _ = over(tejun, down)
        round_ = await run(faulty)
        report = whole(faulty, round_)
        assert not report.complete
        named = {(search.item, search.purpose) for search in report.unfinished}
        assert ("root-login", "total") in named
        assert ("ssh-bruteforce", "query") in named
        assert {item.item for item in report.items} == {item for item, _ in named}
        text = render_round(report, spl_of=lambda digest: "")
        assert "完了しなかった検索" in text
        assert "connection refused" in text

    async def test_a_healthy_round_names_none(self, tejun: Tejun) -> None:
        faulty, _ = over(tejun, foreign)
        round_ = await run(faulty, "root-login", "root-shell")
        assert whole(faulty, round_).unfinished == ()
        for row in faulty.resources.casebook.items(round_.id):
            if row.report:
                assert list(unfinished_searches(report_of(faulty, row), faulty.resources.evidence)) == []


class TestSigning:
    @pytest.mark.parametrize("part", ["", "| stats count AS", "Accepted"])
    async def test_an_outage_that_was_decided_is_signed_with_its_gaps(self, tejun: Tejun, part: str) -> None:
        faulty, _ = over(tejun, failing(part))
        round_ = await run(faulty)
        for row in faulty.resources.casebook.items(round_.id):
            if row.awaiting:
                await decide(faulty, row)
        report = whole(faulty, round_)
        failed_checks = [
            (item.item, c.id, c.defects) for item in report.items if item.checks for c in item.checks.failed
        ]
        assert failed_checks == []
        sign_round(faulty.resources, round_.id)
        (entry,) = [
            entry
            for entry in faulty.resources.casebook.decisions(round_id=round_.id)
            if entry.kind == "signature"
        ]
        stated = json.loads(entry.body)["gaps"]
        searches = {(gap["item"], gap["search"]) for gap in stated if "search" in gap}
        assert searches == {(search.item, search.purpose) for search in report.unfinished}
        assert searches
        assert faulty.resources.casebook.verify_chain().ok

    async def test_a_whole_round_states_no_gap(self, tejun: Tejun) -> None:
        round_ = await run(tejun)
        for row in tejun.resources.casebook.items(round_.id):
            if row.awaiting:
                await decide(tejun, row)
        sign_round(tejun.resources, round_.id)
        (entry,) = [
            entry
            for entry in tejun.resources.casebook.decisions(round_id=round_.id)
            if entry.kind == "signature"
        ]
        assert json.loads(entry.body) == {}


class TestSuperseded:
    async def test_a_newer_generation_takes_the_place_of_what_nobody_has_answered(self, tejun: Tejun) -> None:
        first = await run(tejun, "root-shell", "ssh-burst")
        touched = item_of(tejun, first, "ssh-burst")
        await decide(tejun, touched)
        second = await run(tejun, "root-shell", "ssh-burst", again=True)
        assert second.id != first.id
        old = item_of(tejun, first, "root-shell")
        assert (old.state, old.awaiting) == ("superseded", None)
        assert item_of(tejun, first, "ssh-burst").state == "recorded"
        waiting = [row.thread_id for row in tejun.resources.casebook.inbox()]
        assert old.thread_id not in waiting
        assert item_of(tejun, second, "root-shell").thread_id in waiting
        shown = {item.item: item for item in whole(tejun, first).items}
        assert shown["root-shell"].superseded_by == second.id
        assert second.id in render_round(whole(tejun, first), spl_of=lambda digest: "")

    async def test_a_superseded_item_takes_no_answer_by_any_way(self, tejun: Tejun) -> None:
        first = await run(tejun, "root-shell")
        seen = item_of(tejun, first, "root-shell")
        await run(tejun, "root-shell", again=True)
        with pytest.raises(ClosedError, match="superseded"):
            await decide(tejun, seen)
        assert item_of(tejun, first, "root-shell").state == "superseded"
        assert tejun.resources.casebook.decisions(thread_id=seen.thread_id) == []
        snapshot = await tejun.graph.aget_state(config_of(seen))
        from langgraph.types import Command

        command = Command(resume={snapshot.interrupts[0].id: DECIDED})
        await tejun.graph.ainvoke(command, config_of(seen), durability="sync")
        assert tejun.resources.casebook.decisions(thread_id=seen.thread_id) == []

    async def test_an_edited_procedure_takes_the_place_too_and_other_windows_stay(self, tejun: Tejun) -> None:
        first = await run(tejun, "root-shell")
        other = plan_round(
            tejun.resources,
            read_source(LIBRARY / plan.LINUX),
            demo_window(plan.LINUX).__class__(plan.tokyo(0), plan.tokyo(0) + 43200, ad_hoc=True),
        )
        await run_round(tejun.graph, tejun.resources, other, only=["root-shell"])
        await run(tejun, "root-shell", source=edited("a clearer title"))
        assert item_of(tejun, first, "root-shell").state == "superseded"
        assert item_of(tejun, other, "root-shell").state in {"paused", "recorded"}

    async def test_another_environment_is_another_round(self, tejun: Tejun) -> None:
        first = await run(tejun, "root-shell")
        prod = read_source(LIBRARY / plan.LINUX).model_copy(update={"environment": "prod"})
        await run(tejun, "root-shell", source=prod)
        assert item_of(tejun, first, "root-shell").state == "paused"

    async def test_what_had_its_data_is_not_superseded_by_what_lacks_it(self, tejun: Tejun) -> None:
        faulty, siem = over(tejun, foreign)
        first = await run(faulty, "root-shell")
        siem.fault = down
        second = await run(faulty, "root-shell", again=True)
        assert item_of(faulty, first, "root-shell").state == "paused"
        siem.fault = foreign
        await run(faulty, "root-shell")
        assert item_of(faulty, second, "root-shell").verdict == "investigate"
        assert item_of(faulty, first, "root-shell").state == "superseded"

    async def test_a_superseded_round_is_not_signed(self, tejun: Tejun) -> None:
        first = await run(tejun, "root-shell")
        await run(tejun, "root-shell", again=True)
        with pytest.raises(NotReadyError, match="superseded by round"):
            sign_round(tejun.resources, first.id)


class TestWithdrawn:
    async def test_a_trial_is_withdrawn_with_a_reason_in_the_chain(self, tejun: Tejun) -> None:
        round_ = await run(tejun, "root-shell", "ssh-burst")
        await decide(tejun, item_of(tejun, round_, "ssh-burst"))
        withdraw_round(tejun.resources, round_.id, "a trial of the new rule")
        assert item_of(tejun, round_, "root-shell").state == "withdrawn"
        assert item_of(tejun, round_, "ssh-burst").state == "recorded"
        assert tejun.resources.casebook.inbox() == []
        (entry,) = [
            entry
            for entry in tejun.resources.casebook.decisions(round_id=round_.id)
            if entry.kind == "withdrawal"
        ]
        assert (entry.reviewer, json.loads(entry.body)) == ("analyst", {"reason": "a trial of the new rule"})
        assert tejun.resources.casebook.verify_chain().ok
        report = whole(tejun, round_)
        assert report.status == "withdrawn"
        text = render_round(report, spl_of=lambda digest: "")
        assert "a trial of the new rule" in text
        with pytest.raises(AlreadyDecidedError, match="withdrawn"):
            sign_round(tejun.resources, round_.id)
        with pytest.raises(NotWithdrawnError, match="before"):
            withdraw_round(tejun.resources, round_.id, "again")

    async def test_a_withdrawn_item_takes_no_answer_and_the_next_run_is_a_new_round(
        self, tejun: Tejun
    ) -> None:
        round_ = await run(tejun, "root-shell")
        seen = item_of(tejun, round_, "root-shell")
        withdraw_round(tejun.resources, round_.id, "trial")
        with pytest.raises(ClosedError, match="withdrawn"):
            await decide(tejun, seen)
        after = await run(tejun, "root-shell")
        assert after.id != round_.id
        assert item_of(tejun, after, "root-shell").state == "paused"
        assert item_of(tejun, round_, "root-shell").state == "withdrawn"

    async def test_a_withdrawn_round_is_no_history(self, tejun: Tejun) -> None:
        round_ = await run(tejun, "root-shell")
        casebook, end = tejun.resources.casebook, demo_window(plan.LINUX).end
        known = casebook.previous_judgement(plan.LINUX, round_.source, "root-shell", end)
        assert known is not None
        withdraw_round(tejun.resources, round_.id, "trial")
        assert casebook.previous_judgement(plan.LINUX, round_.source, "root-shell", end) is None

    async def test_a_signed_round_and_one_that_is_worked_on_stay(self, tejun: Tejun) -> None:
        round_ = await run(tejun)
        row = item_of(tejun, round_, "root-shell")
        with pytest.raises(NotWithdrawnError, match="reason"):
            withdraw_round(tejun.resources, round_.id, "  ")
        with (
            tejun.resources.casebook.lease(row.thread_id),
            pytest.raises(NotWithdrawnError, match="worked on"),
        ):
            withdraw_round(tejun.resources, round_.id, "trial")
        for waiting in tejun.resources.casebook.items(round_.id):
            if waiting.awaiting:
                await decide(tejun, waiting)
        sign_round(tejun.resources, round_.id)
        with pytest.raises(NotWithdrawnError, match="signed"):
            withdraw_round(tejun.resources, round_.id, "trial")
