"""What the judge makes of searches that end in every way, with a scripted SIEM."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.completeness import longest_silence
from agents.context import ItemContext
from agents.drill_down import drill_down_item
from agents.judge import judge_item
from agents.material import load_material
from agents.query import query_item
from agents.searching import Searcher
from procedures.model import Budget
from procedures.source import ProcedureSource
from procedures.verdict import Verdict
from tools.records.evidence import EvidenceStore
from tools.records.finding import DrillDownRun, Judgement
from tools.search.result import Row, SearchRequest, SearchResult, SearchStatus, TimedResult

SMALL = (Path(__file__).parent.parent / "procedures" / "small.md").read_text("utf-8")
DAY = 86400.0
FAILED = 'vendor_action="Failed password"'
Rows = list[Row]


class Scripted:
    """A SIEM that answers by the first part of its script that the search contains."""

    source = "scripted"

    def __init__(self, script: dict[str, Rows | SearchStatus], offset: int | None = 0) -> None:
        self.script = {
            "bin _time": [
                {
                    "events": 18,
                    "first": 100,
                    "last": DAY - 100,
                    "silence": 900,
                    "silent_from": 400,
                    "inside": 60,
                }
            ],
            **script,
        }
        self.offset = offset
        self.sent: list[str] = []

    async def search(self, request: SearchRequest) -> TimedResult:
        self.sent.append(request.spl)
        answer = next(answer for part, answer in self.script.items() if part in request.spl)
        status, rows = (SearchStatus.OK, answer) if isinstance(answer, list) else (answer, [])
        counted = re.findall(r" sum\((z[sf]\d+)\)", request.spl)
        rows = [{**dict.fromkeys(counted, row.get("events", 0)), **row} for row in rows]
        result = SearchResult(
            status=status, spl=request.spl, earliest=request.earliest, latest=request.latest, rows=tuple(rows)
        )
        return TimedResult(result=result, executed_at=0, duration_s=0.01)

    async def utc_offset_s(self, at: float) -> int | None:
        return self.offset


def failures(count: int, source: str = "192.0.2.1", **more: Any) -> Row:
    return {"src_ip": source, "failures": count, "first": 100.0, "last": 200.0, **more}


Judge = Callable[..., Any]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Return a way to query, drill down and judge the small procedure's item to its end."""

    async def run(
        script: dict[str, Rows | SearchStatus],
        *,
        change: Callable[[str], str] = lambda text: text,
        budget: Budget | None = None,
        offset: int | None = 0,
        now: float = 2 * DAY,
        previous: Judgement | None = None,
    ) -> tuple[Judgement, Scripted]:
        text = change(SMALL.replace("max_silence: 6h", "max_silence: 24h"))
        context = ItemContext(ProcedureSource(name="x", files={"PROCEDURE.md": text}), "brute", 0.0, DAY)
        siem = Scripted(script, offset)
        evidence = EvidenceStore(tmp_path / "evidence")
        searcher = Searcher(siem, evidence, budget or context.procedure.budget, lambda: now)
        findings = await query_item(context, searcher)
        runs: tuple[DrillDownRun, ...] = ()
        while True:
            material = load_material(context.item, findings, runs, evidence)
            judged = judge_item(context, material, previous=previous)
            if not judged.due:
                return judged, siem
            runs += await drill_down_item(context, searcher, findings, material.query.rows, judged.due)

    return run


async def test_the_worst_fired_criterion_wins(judge: Judge) -> None:
    judged, _ = await judge(
        {"Accepted": [], FAILED: [failures(30), failures(10, "192.0.2.2"), failures(9, "192.0.2.3")]}
    )
    assert [entry.verdict.value for entry in judged.findings] == ["investigate", "observe", "none"]
    assert (judged.verdict, judged.complete) == (Verdict.INVESTIGATE, True)


async def test_a_margin_tells_observed_and_threshold(judge: Judge) -> None:
    judged, _ = await judge({"Accepted": [], FAILED: [failures(12)]})
    result = next(result for result in judged.findings[0].results if result.id == "c2")
    assert (result.threshold, result.margin, result.fired) == (10.0, 2.0, True)


async def test_no_finding_names_the_nearest_miss(judge: Judge) -> None:
    judged, _ = await judge({FAILED: [failures(9)]})
    assert judged.verdict is Verdict.NONE
    assert judged.nearest_miss is not None
    assert (judged.nearest_miss.criterion, judged.nearest_miss.observed, judged.nearest_miss.threshold) == (
        "c2",
        9,
        10,
    )


async def test_a_null_condition_is_undetermined_and_never_clean(judge: Judge) -> None:
    judged, _ = await judge({"Accepted": [], FAILED: [{"src_ip": "192.0.2.1", "first": 1.0, "last": 2.0}]})
    assert judged.findings[0].verdict is Verdict.UNDETERMINED


@pytest.mark.parametrize("status", [status for status in SearchStatus if status is not SearchStatus.OK])
async def test_a_search_that_did_not_end_well_is_undetermined(judge: Judge, status: SearchStatus) -> None:
    judged, _ = await judge({FAILED: status})
    assert (judged.verdict, judged.complete) == (Verdict.UNDETERMINED, False)


@pytest.mark.parametrize("status", [status for status in SearchStatus if status is not SearchStatus.OK])
async def test_a_drill_down_that_did_not_end_well_makes_its_finding_undetermined(
    judge: Judge, status: SearchStatus
) -> None:
    judged, _ = await judge({"Accepted": status, FAILED: [failures(12), failures(3, "192.0.2.2")]})
    assert [entry.verdict for entry in judged.findings] == [Verdict.UNDETERMINED, Verdict.NONE]
    assert not judged.complete


async def test_a_drill_down_can_only_raise(judge: Judge) -> None:
    judged, _ = await judge(
        {
            "Accepted": [{"src_ip": "192.0.2.1", "accepted": 2}],
            FAILED: [failures(12), failures(12, "192.0.2.2")],
        }
    )
    assert {str(entry.key["src_ip"]): entry.verdict.value for entry in judged.findings} == {
        "192.0.2.1": "investigate",
        "192.0.2.2": "observe",
    }


async def test_rows_of_a_batch_that_carry_no_key_fail_loudly(judge: Judge) -> None:
    judged, _ = await judge({"Accepted": [{"accepted": 2}], FAILED: [failures(12)]})
    assert judged.findings[0].verdict is Verdict.UNDETERMINED


async def test_what_the_budget_does_not_reach_is_undetermined(judge: Judge) -> None:
    judged, siem = await judge({"Accepted": [], FAILED: [failures(12)]}, budget=Budget(searches=2))
    assert len(siem.sent) == 2
    assert judged.findings[0].verdict is Verdict.UNDETERMINED
    assert not judged.complete


async def test_an_exception_takes_a_criterion_out_but_never_the_finding_or_its_drill_down(
    judge: Judge,
) -> None:
    judged, siem = await judge(
        {
            "Accepted": [{"src_ip": "10.0.0.1", "accepted": 1}],
            FAILED: [failures(50, "10.0.0.1")],
        },
        change=lambda text: text.replace("2026-11-01 | 2027-01-31", "1969-01-01 | 2099-01-31"),
    )
    (entry,) = judged.findings
    assert any("Accepted" in spl for spl in siem.sent)
    assert next(result for result in entry.results if result.id == "c1").suppressed_by == "kb-1"
    assert (entry.verdict, entry.unsuppressed) == (Verdict.INVESTIGATE, Verdict.INVESTIGATE)


async def test_an_expired_exception_no_longer_matches_and_is_named(judge: Judge) -> None:
    judged, _ = await judge(
        {"Accepted": [], FAILED: [failures(50, "10.0.0.1")]},
        change=lambda text: text.replace("2026-11-01 | 2027-01-31", "1969-01-01 | 1969-12-31"),
    )
    assert judged.findings[0].verdict is Verdict.INVESTIGATE
    assert judged.lapsed == ("kb-1",)


async def test_a_round_that_starts_too_early_is_not_complete(judge: Judge) -> None:
    judged, _ = await judge({FAILED: []}, now=DAY - 1)
    assert (judged.verdict, judged.complete) == (Verdict.UNDETERMINED, False)


async def test_clock_times_read_in_another_zone_are_undetermined(judge: Judge) -> None:
    def zoned(text: str) -> str:
        return text.replace(
            "| stats count AS failures", '| where strftime(_time, "%H") >= "00" | stats count AS failures', 1
        )

    for offset, verdict in ((0, Verdict.NONE), (32400, Verdict.UNDETERMINED), (None, Verdict.UNDETERMINED)):
        judged, _ = await judge({FAILED: []}, change=zoned, offset=offset)
        assert judged.verdict is verdict


async def test_findings_outside_the_window_do_not_count(judge: Judge) -> None:
    judged, _ = await judge({FAILED: [failures(50, last=-5.0)]})
    assert judged.findings == ()


async def test_the_independent_total_must_agree(judge: Judge) -> None:
    def with_total(text: str) -> str:
        return text.replace(
            "### Not covered",
            "### Independent total\n\n```spl\nindex=os total=1 | stats count AS failures\n```\n\n### Not covered",
        )

    for total, complete in ((9, True), (11, False)):
        judged, _ = await judge({"total=1": [{"failures": total}], FAILED: [failures(9)]}, change=with_total)
        assert judged.complete is complete
        assert judged.totals[0].agrees is complete


async def test_the_entity_that_is_gone_is_named(judge: Judge) -> None:
    before, _ = await judge({"Accepted": [], FAILED: [failures(50)]})
    judged, _ = await judge({FAILED: [failures(3, "192.0.2.9")]}, previous=before)
    assert judged.gone == ({"src_ip": "192.0.2.1"},)


def test_the_longest_silence_counts_both_edges_and_is_a_bound_where_a_bin_may_hide_a_longer_one() -> None:
    row = {"first": 40.0, "last": 45.0, "inside": 5.0}
    assert longest_silence(row, earliest=0, latest=100) == (55.0, 45.0, True)
    assert longest_silence({**row, "last": 99.0}, earliest=0, latest=100) == (40.0, 0, True)
    among = {**row, "last": 99.0, "silence": 50.0, "silent_from": 45.0}
    assert longest_silence(among, earliest=0, latest=100) == (50.0, 45.0, True)
    assert longest_silence({**among, "inside": 54.0}, earliest=0, latest=100) == (54.0, 45.0, False)


async def test_an_answer_that_counts_no_fields_is_no_proof_of_them(judge: Judge) -> None:
    """A server that leaves out the columns that were asked for has not said that the fields are there."""
    row = {"events": 18, "first": 100, "last": DAY - 100, "silence": 900, "silent_from": 400, "inside": 60}
    judged, siem = await judge({FAILED: [], "bin _time": [row]})
    assert judged.complete
    without = {name: value for name, value in row.items() if name != "events"} | {"events": "18", "zf0": ""}
    judged, siem = await judge({FAILED: [], "bin _time": [without]})
    assert judged.verdict is Verdict.UNDETERMINED
    assert any("sum(zf0)" in spl for spl in siem.sent)
