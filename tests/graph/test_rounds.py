"""Rounds over the demo logs find what was planted, to the last figure, and pause where a person must look."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from agents.context import ItemContext
from agents.render.markdown import render_item
from graph.rounds import (
    AnswerRefusedError,
    NothingToAnswerError,
    answer_item,
    config_of,
    plan_round,
    run_round,
)
from procedures.schedule import RoundWindow
from procedures.source import read_source
from tejun.opening import Tejun
from tools.demo import plan
from tools.records.finding import Findings, Judgement
from tools.records.report import Checks, ItemReport
from tools.records.rows import Round, RoundItemRow
from tools.search.result import SearchRequest, SearchResult, SearchStatus

LIBRARY = Path(__file__).resolve().parent.parent.parent / "procedures" / "library"
CHECKPOINT_BYTES = 128 * 1024


def demo_window(procedure: str) -> RoundWindow:
    start = plan.utc(0) if procedure == plan.AWS else plan.tokyo(0)
    return RoundWindow(start, start + 86400)


async def demo_round(tejun: Tejun, procedure: str, *only: str) -> Round:
    round_ = plan_round(tejun.resources, read_source(LIBRARY / procedure), demo_window(procedure))
    outcomes = await run_round(tejun.graph, tejun.resources, round_, only=only)
    assert {outcome.state for outcome in outcomes} <= {"paused", "recorded"}, outcomes
    return round_


async def rows_by_finding(tejun: Tejun, row: RoundItemRow) -> dict[str, dict[str, Any]]:
    snapshot = await tejun.graph.aget_state(config_of(row))
    findings = tejun.resources.evidence.get(snapshot.values["findings"], Findings)
    rows = tejun.resources.evidence.get(findings.evidence, SearchResult).rows
    return {finding.id: dict(rows[finding.rows[0]]) for finding in findings.findings}


def same_key(key: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return {name: str(value) for name, value in key.items()} == {
        name: str(int(value)) if isinstance(value, float) else str(value) for name, value in wanted.items()
    }


async def test_a_search_may_use_the_lookups_beside_its_procedure(tejun: Tejun) -> None:
    source = read_source(LIBRARY / plan.LINUX)
    files = {
        "lookups/people.csv": "\ufeffwho,team\nDEPLOY,platform\n",
        "lookups/transforms.conf": "[teams]\nfilename = people.csv\ncase_sensitive_match = false\n",
    }
    window = demo_window(plan.LINUX)
    spl = "index=os user=deploy | head 1 | lookup teams who AS user OUTPUT team | table user team"
    request = SearchRequest(spl=spl, earliest=window.start, latest=window.end, row_limit=10, timeout_s=30)
    found = {}
    for name, beside in (("with", files), ("without", {})):
        given = source.model_copy(update={"files": source.files | beside})
        context = ItemContext(source=given, item_id="root-login", start=window.start, end=window.end)
        session = await tejun.resources.session(context)
        found[name] = (await session.search(request)).result
    assert [dict(row) for row in found["with"].rows] == [{"user": "deploy", "team": "platform"}]
    assert found["without"].status is SearchStatus.REFUSED
    assert "lookup 'teams' is not one of the procedure's" in " ".join(found["without"].messages)


@pytest.mark.parametrize("procedure", plan.PROCEDURES)
async def test_the_demo_round_finds_exactly_what_was_planted(tejun: Tejun, procedure: str) -> None:
    round_ = await demo_round(tejun, procedure)
    for row in tejun.resources.casebook.items(round_.id):
        assert row.judgement is not None
        assert row.complete, row
        rows = await rows_by_finding(tejun, row)
        judgement = tejun.resources.evidence.get(row.judgement, Judgement)
        above = [entry for entry in judgement.findings if entry.unsuppressed.value != "none"]
        wanted = [
            planted
            for planted in plan.PLANTED
            if (planted.procedure, planted.item) == (procedure, row.item_id)
        ]
        assert len(above) == len(wanted), (row.item_id, [entry.key for entry in above])
        for planted in wanted:
            entry = next((entry for entry in above if same_key(entry.key, planted.key)), None)
            assert entry is not None, (planted, [entry.key for entry in above])
            assert (entry.verdict.value, entry.unsuppressed.value) == (
                planted.verdict,
                planted.unsuppressed or planted.verdict,
            )
            assert {name: rows[entry.finding].get(name) for name in planted.values} == planted.values
        for below in plan.BELOW:
            if (below.procedure, below.item) == (procedure, row.item_id):
                entry = next(entry for entry in judgement.findings if same_key(entry.key, below.key))
                assert entry.verdict.value == "none"
                assert {name: rows[entry.finding].get(name) for name in below.values} == below.values


@pytest.mark.parametrize("procedure", plan.PROCEDURES)
async def test_what_an_exception_took_out_is_counted_and_drawn_as_none(tejun: Tejun, procedure: str) -> None:
    round_ = await demo_round(tejun, procedure)
    suppressed = 0
    for row in tejun.resources.casebook.items(round_.id):
        assert row.judgement is not None
        assert row.report is not None
        report = tejun.resources.evidence.get(row.report, ItemReport)
        judgement = tejun.resources.evidence.get(row.judgement, Judgement)
        above = [entry for entry in judgement.findings if entry.verdict.value != "none"]
        counted = next(fact for fact in report.facts if fact.derivation == "count(findings above none)")
        assert counted.value == len(above) == row.findings, row.item_id
        drawn = {point.finding: point.verdict for point in report.timeline}
        for entry in judgement.findings:
            assert drawn.get(entry.finding, entry.verdict) is entry.verdict
            if entry.verdict is not entry.unsuppressed:
                suppressed += 1
                assert entry.finding in {one.finding for one in report.rows}
    wanted = [planted for planted in plan.PLANTED if planted.procedure == procedure and planted.unsuppressed]
    assert suppressed == len(wanted)


@pytest.mark.parametrize("procedure", plan.PROCEDURES)
async def test_every_check_of_the_demo_round_passes(tejun: Tejun, procedure: str) -> None:
    round_ = await demo_round(tejun, procedure)
    for row in tejun.resources.casebook.items(round_.id):
        assert row.checks is not None
        assert tejun.resources.evidence.get(row.checks, Checks).failed == ()


async def test_a_clean_item_does_not_pause_and_a_finding_does(tejun: Tejun) -> None:
    round_ = await demo_round(tejun, plan.LINUX, "root-login", "root-shell")
    states = {row.item_id: row.state for row in tejun.resources.casebook.items(round_.id)}
    assert (states["root-login"], states["root-shell"]) == ("recorded", "paused")


async def test_a_silent_source_is_never_a_clean_verdict(tejun: Tejun) -> None:
    start = plan.QUIET[0]
    source = read_source(LIBRARY / plan.LINUX)
    round_ = plan_round(tejun.resources, source, RoundWindow(start, start + 43200, ad_hoc=True))
    await run_round(tejun.graph, tejun.resources, round_, only=["root-login", "new-account"])
    row = next(row for row in tejun.resources.casebook.items(round_.id) if row.item_id == "new-account")
    assert row.verdict in {"undetermined", "none"}
    empty = plan_round(tejun.resources, source, RoundWindow(0, 86400))
    await run_round(tejun.graph, tejun.resources, empty, only=["root-login"])
    silent = next(row for row in tejun.resources.casebook.items(empty.id) if row.item_id == "root-login")
    assert (silent.verdict, silent.complete, silent.state) == ("undetermined", False, "paused")


async def test_the_same_round_twice_is_one_round(tejun: Tejun) -> None:
    first = await demo_round(tejun, plan.LINUX, "ssh-burst")
    before = tejun.resources.casebook.items(first.id)
    second = await demo_round(tejun, plan.LINUX, "ssh-burst")
    assert first.id == second.id
    assert [row.report for row in tejun.resources.casebook.items(second.id)] == [row.report for row in before]
    again = plan_round(
        tejun.resources, read_source(LIBRARY / plan.LINUX), demo_window(plan.LINUX), again=True
    )
    assert again.id != first.id


async def test_the_round_before_tells_new_from_recurring(tejun: Tejun) -> None:
    source = read_source(LIBRARY / plan.WEB)
    today = demo_window(plan.WEB)
    yesterday = RoundWindow(today.start - 86400, today.start)
    for window in (yesterday, today):
        round_ = plan_round(tejun.resources, source, window)
        await run_round(tejun.graph, tejun.resources, round_, only=["error-share"])
    row = next(row for row in tejun.resources.casebook.items(round_.id) if row.item_id == "error-share")
    assert row.judgement is not None
    entries = tejun.resources.evidence.get(row.judgement, Judgement).findings
    recurrence = {str(entry.key["clientip"]): entry.recurrence for entry in entries}
    assert recurrence[plan.LINK_CHECK] == "recurring"
    assert recurrence[plan.ATTACKER] == "new"


async def test_the_checkpoints_of_a_paused_item_stay_small(tejun: Tejun, home: Path) -> None:
    round_ = await demo_round(tejun, plan.LINUX)
    with sqlite3.connect(home / "checkpoints.sqlite") as connection:
        query = "SELECT thread_id, sum(length(checkpoint)) FROM checkpoints GROUP BY thread_id"
        sizes = dict(connection.execute(query).fetchall())
        for thread, size in connection.execute(
            "SELECT thread_id, sum(length(value)) FROM writes GROUP BY thread_id"
        ):
            sizes[thread] = sizes.get(thread, 0) + size
    assert len(sizes) == len(tejun.resources.casebook.items(round_.id))
    assert max(sizes.values()) <= CHECKPOINT_BYTES


class TestAnswers:
    async def _paused(self, tejun: Tejun, item: str = "root-shell") -> RoundItemRow:
        round_ = await demo_round(tejun, plan.LINUX, item)
        return next(row for row in tejun.resources.casebook.items(round_.id) if row.item_id == item)

    async def test_a_decision_is_recorded_with_its_reviewer_and_chained(self, tejun: Tejun) -> None:
        row = await self._paused(tejun)
        answer = {"decision": "no_deep_dive", "reason": "planned work"}
        outcome = await answer_item(tejun.graph, tejun.resources, row, answer, awaiting="review")
        assert outcome.state == "recorded"
        (entry,) = tejun.resources.casebook.decisions(thread_id=row.thread_id)
        assert (entry.reviewer, entry.kind) == ("analyst", "decision")
        assert tejun.resources.casebook.verify_chain().ok

    async def test_a_deep_dive_waits_for_its_outcome(self, tejun: Tejun) -> None:
        row = await self._paused(tejun)
        await answer_item(
            tejun.graph,
            tejun.resources,
            row,
            {"decision": "deep_dive", "reason": "who is it"},
            awaiting="review",
        )
        waiting = tejun.resources.casebook.find_item(row.thread_id)
        assert (waiting.state, waiting.awaiting) == ("paused", "outcome")
        done = {"outcome": "not_incident", "reason": "asked", "knowledge": "add to known benign"}
        await answer_item(tejun.graph, tejun.resources, waiting, done, awaiting="outcome")
        kinds = [entry.kind for entry in tejun.resources.casebook.decisions(thread_id=row.thread_id)]
        assert kinds == ["decision", "outcome"]
        assert [proposal["text"] for proposal in tejun.resources.casebook.proposals()] == [
            "add to known benign"
        ]

    async def test_a_bad_answer_stays_paused_and_says_why(self, tejun: Tejun) -> None:
        row = await self._paused(tejun)
        with pytest.raises(AnswerRefusedError, match="decision"):
            await answer_item(
                tejun.graph, tejun.resources, row, {"decision": "maybe", "reason": "?"}, awaiting="review"
            )
        assert tejun.resources.casebook.find_item(row.thread_id).state == "paused"

    async def test_a_stale_digest_is_refused(self, tejun: Tejun) -> None:
        row = await self._paused(tejun)
        answer = {"decision": "deep_dive", "reason": "x", "evidence_digest": "0" * 64}
        with pytest.raises(AnswerRefusedError, match="Look at the item again"):
            await answer_item(tejun.graph, tejun.resources, row, answer, awaiting="review")

    async def test_the_second_reviewer_is_told_who_won(self, tejun: Tejun) -> None:
        row = await self._paused(tejun)
        answer = {"decision": "no_deep_dive", "reason": "planned"}
        await answer_item(tejun.graph, tejun.resources, row, answer, awaiting="review")
        with pytest.raises(NothingToAnswerError, match="decision by analyst"):
            await answer_item(tejun.graph, tejun.resources, row, answer, awaiting="review")

    async def test_asking_for_a_listed_drill_down_runs_it_and_comes_back(self, tejun: Tejun) -> None:
        row = await self._paused(tejun, "ssh-user-guessing")
        refused = {"decision": "need_more_evidence", "reason": "x", "run": ["nonsense"]}
        with pytest.raises(AnswerRefusedError, match="nonsense"):
            await answer_item(tejun.graph, tejun.resources, row, refused, awaiting="review")
        brute = await self._paused(tejun, "ssh-bruteforce")
        ask = {"decision": "need_more_evidence", "reason": "which names?", "run": ["tried-names"]}
        await answer_item(tejun.graph, tejun.resources, brute, ask, awaiting="review")
        back = tejun.resources.casebook.find_item(brute.thread_id)
        assert (back.state, back.awaiting) == ("paused", "review")
        snapshot = await tejun.graph.aget_state(config_of(brute))
        asked = [run for run in snapshot.values["runs"] if run["requested_by"] == "analyst"]
        assert asked
        assert asked[0]["drill_down"] == "tried-names"
        assert snapshot.interrupts[0].value["attempt"] == 2

    async def test_a_free_question_without_a_model_is_recorded_as_unanswerable(self, tejun: Tejun) -> None:
        row = await self._paused(tejun)
        await answer_item(
            tejun.graph,
            tejun.resources,
            row,
            {"decision": "need_more_evidence", "reason": "was he at work?"},
            awaiting="review",
        )
        snapshot = await tejun.graph.aget_state(config_of(row))
        unknown = snapshot.interrupts[0].value["unknowns"]
        assert {"code": "question", "values": {"question": "was he at work?"}} in unknown


async def test_two_runners_on_one_item_the_second_is_told_who_holds_it(tejun: Tejun) -> None:
    round_ = plan_round(tejun.resources, read_source(LIBRARY / plan.LINUX), demo_window(plan.LINUX))
    first, second = await asyncio.gather(
        run_round(tejun.graph, tejun.resources, round_, only=["ssh-burst"]),
        run_round(tejun.graph, tejun.resources, round_, only=["ssh-burst"]),
    )
    states = sorted(outcome.state for outcome in (*first, *second))
    assert states == ["held", "paused"]
    held = next(outcome for outcome in (*first, *second) if outcome.state == "held")
    assert "is held by" in held.detail


async def test_an_item_that_fails_does_not_take_the_others_with_it(tejun: Tejun, home: Path) -> None:
    round_ = plan_round(tejun.resources, read_source(LIBRARY / plan.LINUX), demo_window(plan.LINUX))
    archive = home / "evidence" / round_.procedure_digest[:2] / f"{round_.procedure_digest}.json"
    kept = archive.read_bytes()
    await run_round(tejun.graph, tejun.resources, round_, only=["ssh-burst"])
    archive.write_bytes(kept.replace(b"burst", b"BURST"))
    (outcome,) = await run_round(tejun.graph, tejun.resources, round_, only=["root-shell"])
    assert outcome.state == "failed"
    assert "was changed after it was written" in outcome.detail
    archive.write_bytes(kept)
    (outcome,) = await run_round(tejun.graph, tejun.resources, round_, only=["root-shell"])
    assert outcome.state == "paused"


async def test_an_expired_line_of_a_lookup_no_longer_enriches_and_the_report_says_so(tejun: Tejun) -> None:
    name = "lookups/admin_sources.csv"
    source = read_source(LIBRARY / plan.LINUX)
    old = source.files[name].replace("運用端末1,soc,2027-03-31", "運用端末1,soc,2026-11-18")
    source = source.model_copy(update={"files": {**source.files, name: old}})
    round_ = plan_round(tejun.resources, source, demo_window(plan.LINUX))
    await run_round(tejun.graph, tejun.resources, round_, only=("unknown-source-login",))
    (row,) = [one for one in tejun.resources.casebook.items(round_.id) if one.judgement]
    snapshot = await tejun.graph.aget_state(config_of(row))
    evidence = tejun.resources.evidence
    judgement = evidence.get(snapshot.values["judgement"], Judgement)
    by_source = {str(entry.key["src_ip"]): entry for entry in judgement.findings}
    lapsed, current = by_source["192.168.10.11"], by_source["192.168.10.12"]
    assert (lapsed.verdict.value, lapsed.enrichment) == ("observe", {})
    assert [(note.code, note.values["expires"]) for note in lapsed.notes] == [("lookup_lapsed", "2026-11-18")]
    assert (current.verdict.value, current.notes) == ("none", ())
    assert current.enrichment["source_owner"] == "運用端末2"
    assert judgement.complete
    assert evidence.get(snapshot.values["checks"], Checks).failed == ()
    report = evidence.get(snapshot.values["report"], ItemReport)
    assert "期限切れ(2026-11-18)" in render_item(report, checks=None, spl_of=lambda digest: "")
