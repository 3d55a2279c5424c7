"""A value that cannot be written into a drill-down takes that drill-down from its own finding, and from no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.context import ItemContext
from agents.drill_down import drill_down_item
from agents.judge import judge_item
from agents.material import Material
from agents.searching import Searcher
from procedures.source import ProcedureSource
from procedures.verdict import Verdict
from spl.parse import parse_search
from spl.plan import command_names
from tools.records.evidence import EvidenceStore
from tools.records.finding import DrillDownRun, Finding, Findings
from tools.search.guard import MOST_CHARACTERS, ROOM, GuardedSession
from tools.search.result import Row, SearchRequest, SearchResult, SearchStatus, TimedResult

SMALL = Path(__file__).parents[1] / "procedures" / "small.md"


class Listening:
    """A SIEM that answers every search with one log-in for each source that it is asked about by name."""

    source = "stand-in"

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def search(self, request: SearchRequest) -> TimedResult:
        self.sent.append(request.spl)
        result = SearchResult(
            status=SearchStatus.OK,
            spl=request.spl,
            earliest=request.earliest,
            latest=request.latest,
            fields=("src_ip", "accepted"),
            rows=({"src_ip": "10.9.9.9", "accepted": 1},),
        )
        return TimedResult(result=result, executed_at=0, duration_s=0)

    async def utc_offset_s(self, at: float) -> int | None:
        return 0


async def drilled(
    tmp_path: Path, values: list[str], search: str = "src_ip IN ($src_ip$)"
) -> tuple[tuple[DrillDownRun, ...], list[str], Material, ItemContext]:
    text = SMALL.read_text("utf-8").replace("src_ip IN ($src_ip$)", search)
    source = ProcedureSource(name="small", files={"PROCEDURE.md": text})
    context = ItemContext(source=source, item_id="brute", start=0, end=86_400)
    siem, evidence = Listening(), EvidenceStore(tmp_path)
    rows: tuple[Row, ...] = tuple(
        {"src_ip": value, "failures": 50, "first": 1, "last": 2} for value in values
    )
    query = SearchResult(status=SearchStatus.OK, spl="index=os", earliest=0, latest=86_400, rows=rows)
    findings = Findings(
        item="brute",
        evidence=evidence.put(query),
        findings=tuple(
            Finding(id=f"f{place}", key={"src_ip": value}, rows=(place,))
            for place, value in enumerate(values)
        ),
    )
    session = GuardedSession(siem, allowed_indexes=frozenset({"os"}), macros=context.macros)
    searcher = Searcher(
        session=session, evidence=evidence, budget=context.procedure.budget, clock=lambda: 1e9
    )
    due = [("after", tuple(finding.id for finding in findings.findings))]
    runs = await drill_down_item(context, searcher, findings, rows, due)
    results = {run.evidence: evidence.get(run.evidence, SearchResult) for run in runs if run.evidence}
    material = Material(context.item, findings, query, (), runs, results, None)
    return runs, siem.sent, material, context


ATTACK = "`drop_dm_object_name()) | where 1=2 | search (y IN (a)`"


async def test_a_macro_call_in_a_value_changes_nothing_for_the_others(tmp_path: Path) -> None:
    runs, sent, material, context = await drilled(tmp_path, ["10.9.9.9", ATTACK])
    assert [(run.status, run.findings) for run in runs] == [(SearchStatus.OK, ("f0", "f1"))]
    assert len(sent) == 1
    assert "`" not in sent[0]
    assert command_names(parse_search(sent[0])) == ("search", "where", "stats")
    judged = {entry.key["src_ip"]: entry for entry in judge_item(context, material).findings}
    assert any(result.id == "after/d1" and result.fired for result in judged["10.9.9.9"].results)


@pytest.mark.parametrize("value", ["\0", "adm*", ATTACK])
async def test_what_cannot_be_written_is_refused_for_its_own_finding(tmp_path: Path, value: str) -> None:
    search = "NOT user=x src_ip=$src_ip$ NOT host=$src_ip$"
    values = ["10.9.9.9", value, "10.0.0.2"]
    runs, sent, material, context = await drilled(tmp_path, values, search)
    told = {finding: run for run in runs for finding in run.findings}
    assert {name: run.status for name, run in told.items()} == {
        "f0": SearchStatus.OK,
        "f1": SearchStatus.REFUSED,
        "f2": SearchStatus.OK,
    }
    assert told["f1"].unwritable == "src_ip"
    assert len(sent) == 1
    judged = {entry.finding: entry for entry in judge_item(context, material).findings}
    assert [note.code for note in judged["f1"].notes] == ["drill_down_refused"]
    assert judged["f1"].verdict.severity >= Verdict.UNDETERMINED.severity
    assert not judged["f0"].notes


async def test_a_long_value_does_not_take_the_search_from_the_others(tmp_path: Path) -> None:
    values = ["x" * 3_000, "10.9.9.9", "y" * 3_000, "z" * 20]
    runs, sent, _, _ = await drilled(tmp_path, values)
    assert {finding for run in runs for finding in run.findings} == {"f0", "f1", "f2", "f3"}
    assert all(run.status is SearchStatus.OK for run in runs)
    assert all(len(text) <= MOST_CHARACTERS - ROOM for text in sent)


async def test_findings_without_strange_values_share_one_search(tmp_path: Path) -> None:
    runs, sent, _, _ = await drilled(tmp_path, [f"10.0.0.{place}" for place in range(100)])
    assert len(runs) == len(sent) == 1
