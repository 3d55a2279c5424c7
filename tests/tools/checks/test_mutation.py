"""The checks catch what is wrong in a report, and nothing that is not."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from graph.rounds import plan_round, run_round
from procedures.schedule import RoundWindow
from procedures.source import DOCUMENT, ProcedureSource, read_source
from tejun.opening import open_tejun
from tejun.settings import Settings
from tests import mutations
from tests.mutation import LIBRARY, demo_windows, finish, measure, measure_rounds, table
from tools.demo import plan
from tools.logstore.store import LogStore
from tools.records.report import Check, Checks


def settings_of(home: Path) -> Settings:
    return Settings(home=home, casebook_url=f"sqlite:///{home / 'casebook.sqlite'}", user="analyst")


async def test_seeded_defects_are_caught_and_finished_reports_pass(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mutations, "EACH", 2)
    async with open_tejun(settings_of(home)) as tejun:
        finished = [part for source, window in demo_windows() for part in await finish(tejun, source, window)]
        assert [
            (part.report.item, check.id, check.defects) for part in finished for check in part.checks().failed
        ] == []
        rates, missed = measure(finished)
        rates["missing_item"] = measure_rounds(tejun)
    with capsys.disabled():
        print("", *table(rates), sep="\n")
    assert all(seeded for _, seeded in rates.values()), rates
    for kind, (caught, seeded) in rates.items():
        assert caught >= 0.98 * seeded, (kind, missed)


def without_minimum(source: ProcedureSource) -> ProcedureSource:
    """Return the procedure with ratios that no minimum decides, so that no earlier day leaves them undecided."""
    text, found = re.subn(r" AND total\(\w+\) >= [$\w]+`", "`", source.document)
    assert found
    return source.model_copy(update={"files": {**source.files, DOCUMENT: text}})


async def test_every_word_for_undecided_in_a_text_is_checked(home: Path) -> None:
    async with open_tejun(settings_of(home)) as tejun:
        reports = await finish(tejun, without_minimum(read_source(LIBRARY / plan.WEB)), RoundWindow(0, 86400))
    assert any(result.fired is None for part in reports for result in part.report.item_results)
    for part in reports:
        for match in re.finditer("判定不能", part.text[: part.text.rindex("\n## ")]):
            text = part.text[: match.start()] + "不要" + part.text[match.end() :]
            assert replace(part, text=text).checks().failed, text[match.start() - 80 : match.end() + 40]


async def test_the_reason_of_a_criterion_over_the_item_is_the_procedures(home: Path) -> None:
    window = RoundWindow(plan.tokyo(0), plan.tokyo(0) + 86400)
    async with open_tejun(settings_of(home)) as tejun:
        reports = await finish(tejun, read_source(LIBRARY / plan.LINUX), window)
    told = [(part, result) for part in reports for result in part.report.item_results if result.why]
    assert told
    for part, result in told:
        assert result.why in part.text
        assert replace(part, text=part.text.replace(result.why, "別の理由")).checks().failed


async def test_events_are_counted_again_and_a_late_event_is_a_difference(home: Path, tmp_path: Path) -> None:
    source = read_source(LIBRARY / plan.LINUX)
    text = source.document.replace("review: findings\n", "review: findings\nrecheck: investigate\n", 1)
    source = source.model_copy(update={"files": {**source.files, DOCUMENT: text}})
    window = RoundWindow(plan.tokyo(0), plan.tokyo(0) + 86400)
    async with open_tejun(settings_of(home)) as tejun:
        round_ = plan_round(tejun.resources, source, window)
        await run_round(tejun.graph, tejun.resources, round_, only=["ssh-bruteforce"])
        (row,) = [row for row in tejun.resources.casebook.items(round_.id) if row.item_id == "ssh-bruteforce"]
        checks = by_id(tejun.resources.evidence.get(row.checks or "", Checks))
        assert (checks["recount"].status, checks["recheck"].status) == ("passed", "passed")
        assert all(tejun.resources.evidence.has(digest) for digest in checks["recount"].evidence)
    late = tmp_path / "late.log"
    late.write_text(
        "Nov 19 03:00:00 web01 sshd[77]: Failed password for root from 203.0.113.66 port 4242 ssh2\n"
    )
    with LogStore(home / "logs") as store:
        store.import_paths(
            [str(late)],
            index="os",
            sourcetype="linux_secure",
            written_at=plan.tokyo(0) + 86400,
            zone=ZoneInfo("Asia/Tokyo"),
        )
    async with open_tejun(settings_of(home)) as tejun:
        reports = await finish(tejun, source, window)
        (late_report,) = [part for part in reports if part.report.item == "ssh-bruteforce"]
        after = by_id(late_report.checks())
    assert (after["recount"].status, after["recheck"].status) == ("failed", "failed")
    assert any("203.0.113.66" in defect for defect in after["recheck"].defects)


def by_id(checks: Checks) -> dict[str, Check]:
    return {check.id: check for check in checks.checks}
