"""A round says when it looked for fields that the logs do not hold, and stays calm where that means nothing."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.render.markdown import render_item
from graph.rounds import plan_round, run_round
from procedures.bundled import find_procedure
from procedures.schedule import RoundWindow
from procedures.source import read_source
from tejun.opening import open_tejun
from tests.calm import Days, measure, table
from tests.calm import opened as resources_of
from tests.graph.conftest import settings_of
from tests.lost_fields import told
from tests.mutation import finish
from tests.mutations import Finished
from tools.demo import plan
from tools.logstore.store import LogStore
from tools.records.finding import Findings
from tools.records.report import ItemReport

AWS = "aws-iam-daily"
START = plan.utc(0)
WINDOW = RoundWindow(START, START + 86400)
CALL = {
    "eventName": "DescribeInstances",
    "userIdentity.type": "IAMUser",
    "userIdentity.userName": "deploy",
    "userIdentity.arn": "arn:aws:iam::111122223333:user/deploy",
    "sourceIPAddress": "192.0.2.7",
    "readOnly": "true",
    "recipientAccountId": "111122223333",
}
STOPPED = CALL | {"eventName": "StopLogging", "readOnly": "false"}
REFUSED = CALL | {"errorCode": "AccessDenied"}
Event = dict[str, Any]


def at(hours: float, fields: Event) -> Event:
    place = {"index": "aws", "sourcetype": "aws:cloudtrail", "host": "h", "source": "trail"}
    return {"_time": START + 3600 * hours, "_raw": f"call {uuid.uuid4()}", **place, **fields}


def quiet(first: float, last: float, fields: Event = CALL) -> list[Event]:
    """Return a call every half hour from `first` to `last`, hours from the window's start."""
    return [at(first + n / 2, fields) for n in range(int(2 * (last - first)))]


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[list[Event]], Path]:
    def store(events: list[Event]) -> Path:
        file = tmp_path / "events.ndjson"
        file.write_text("".join(json.dumps(event) + "\n" for event in events))
        with LogStore(tmp_path / "home" / "logs") as logs:
            logs.import_paths([str(file)])
        return tmp_path / "home"

    return store


async def finished(home: Path, *items: str) -> dict[str, Finished]:
    async with open_tejun(settings_of(home)) as tejun:
        return {
            part.report.item: part for part in await finish(tejun, read_source(find_procedure(AWS)), WINDOW)
        }


def text_of(part: Finished) -> str:
    return render_item(part.report, checks=None, spl_of=lambda digest: "")


async def test_events_without_their_fields_are_no_all_clear(stored: Callable[[list[Event]], Path]) -> None:
    reports = await finished(stored([*quiet(-48, 24, {}), at(9, {})]))
    for item, part in reports.items():
        assert part.report.verdict == "undetermined", item
        (note,) = [note for note in part.report.incomplete if note.code == "source_fields"]
        assert note.values["source"] == "cloudtrail"
        assert part.checks().failed == (), item
        first = next(s for s in part.report.sections if s.id == "assessment").paragraphs[0]
        assert "which the verdict needs" in first
    assert "eventName" in text_of(reports["trail-tampering"])


async def test_a_renamed_field_is_missed_where_it_was_usual(stored: Callable[[list[Event]], Path]) -> None:
    renamed = {**{k: v for k, v in STOPPED.items() if k != "eventName"}, "event_name": "StopLogging"}
    calls = {**{k: v for k, v in CALL.items() if k != "eventName"}, "event_name": "DescribeInstances"}
    reports = await finished(stored([*quiet(-72, 0), *quiet(0, 24, calls), at(9, renamed)]))
    report = reports["trail-tampering"].report
    assert report.verdict == "undetermined"
    assert [note.values["fields"] for note in report.incomplete] == [["eventName"]]


async def test_a_field_missing_only_where_an_item_looks_is_missed(
    stored: Callable[[list[Event]], Path],
) -> None:
    """A secret is read without its name: the field is there in other calls, and lost in these."""
    other = CALL | {"eventName": "DescribeSecret", "requestParameters.secretId": "s"}
    reads = CALL | {"eventName": "GetSecretValue"}
    reports = await finished(stored([*quiet(-24, 24), *quiet(-24, 24, other), *quiet(-24, 24, reads)]))
    report = reports["secret-reads"].report
    assert report.verdict == "undetermined"
    assert [note.values["fields"] for note in report.incomplete] == [["requestParameters.secretId"]]
    assert reports["trail-tampering"].report.verdict == "none"


async def test_a_quiet_day_tells_the_last_day_of_a_field_and_holds_nothing_back(
    stored: Callable[[list[Event]], Path],
) -> None:
    reports = await finished(stored([*quiet(-120, 24), at(-40, REFUSED)]))
    part = reports["denied-calls"]
    assert (part.report.verdict, part.report.complete) == ("none", True)
    assert part.checks().failed == ()
    assert "without a value in the window: errorCode (last on 2026-11-17 08:00:00 UTC)" in text_of(part)


async def test_a_quiet_first_day_without_history_is_calm(stored: Callable[[list[Event]], Path]) -> None:
    reports = await finished(stored(quiet(0, 24)))
    for item, part in reports.items():
        codes = {note.code for note in part.report.incomplete}
        assert codes <= {"baseline_incomplete"}, (item, part.report.incomplete)
        assert part.checks().failed == (), item


async def test_a_report_that_hides_a_missing_field_fails_its_checks(
    stored: Callable[[list[Event]], Path],
) -> None:
    part = (await finished(stored([*quiet(-72, 0), *quiet(0, 24, {})])))["trail-tampering"]
    assert part.checks().failed == ()
    hidden = part.changed(incomplete=(), complete=True)
    assert "gaps" in {check.id for check in hidden.checks().failed}
    findings = part.evidence.get(part.report.findings_digest, Findings)
    for fields in ((), tuple(state.model_copy(update={"state": "absent"}) for state in findings.fields)):
        digest = part.evidence.put(findings.model_copy(update={"fields": fields}))
        assert "gaps" in {check.id for check in part.changed(findings_digest=digest).checks().failed}
    assert "fields" not in findings.model_copy(update={"fields": ()}).model_dump()


async def test_a_search_that_counted_too_little_fails_the_checks(
    stored: Callable[[list[Event]], Path],
) -> None:
    part = (await finished(stored(quiet(-72, 24))))["trail-tampering"]
    log = tuple(entry for entry in part.report.search_log if not entry.purpose.startswith("completeness"))
    assert "search_log" in {check.id for check in replace(part).changed(search_log=log).checks().failed}


async def test_a_drill_down_into_another_source_watches_it(home: Path) -> None:
    async with open_tejun(settings_of(home)) as tejun:
        window = RoundWindow(plan.tokyo(0), plan.tokyo(0) + 86400)
        round_ = plan_round(tejun.resources, read_source(find_procedure(plan.WINDOWS)), window)
        await run_round(tejun.graph, tejun.resources, round_, only=("new-service",))
        (row,) = [row for row in tejun.resources.casebook.items(round_.id) if row.item_id == "new-service"]
        assert row.report
        report = tejun.resources.evidence.get(row.report, ItemReport)
    assert {"completeness:security", "completeness:system"} <= {entry.purpose for entry in report.search_log}


@pytest.mark.parametrize("procedure", [plan.LINUX, plan.IDS])
async def test_no_field_of_an_item_goes_missing_in_silence(home: Path, procedure: str) -> None:
    window = (plan.tokyo(0), plan.tokyo(0) + 86400)
    async with resources_of(home) as resources:
        found = await told(resources, lambda source: window, only=procedure)
    assert {one.state for one in found} <= {"lost", "absent", "unseen"}
    assert {one.field for one in found if one.when == "today" and one.state == "lost"}
    for one in found:
        assert (
            one.state != "unseen" or one.when == "always" or not one.occurs or one.field == "repeat_count"
        ), one


async def test_healthy_days_stay_calm(home: Path) -> None:
    """`make calm` runs every procedure over every day."""
    days = Days("demo", plan.IDS, (plan.DEMO_DAY - dt.timedelta(days=2), plan.DEMO_DAY))
    async with resources_of(home) as resources:
        calm = await measure(resources, days)
    assert (calm.items, calm.false, calm.fields) == (10, 0, 0), list(table([calm]))
