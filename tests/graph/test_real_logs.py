"""The bundled procedures over real logs find the facts that others marked as alerts, with equal counts and times."""

from __future__ import annotations

import gzip
import json
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from evals.real import SETS
from graph.rounds import config_of, plan_round, run_round
from procedures.schedule import RoundWindow
from procedures.source import ProcedureSource, read_source
from tejun.opening import Tejun, open_tejun
from tejun.settings import Settings
from tools.logstore.store import LogStore
from tools.records.finding import Findings, Judgement
from tools.records.report import Checks
from tools.search.result import SearchResult

LIBRARY = Path(__file__).resolve().parent.parent.parent / "procedures" / "library"
pytestmark = pytest.mark.shared

Found = dict[str, list[tuple[dict[str, Any], str]]]
"""Per item: the rows of its findings above none, with the verdict."""


@pytest.fixture
async def real(tmp_path: Path, real_logs: Path) -> AsyncIterator[Tejun]:
    home = tmp_path / "home"
    shutil.copytree(real_logs, home / "logs")
    async with opened(home) as everything:
        yield everything


@asynccontextmanager
async def real_set(folder: Path, home: Path) -> AsyncIterator[Tejun]:
    with LogStore(home / "logs") as store:
        store.import_paths([str(folder / "events.ndjson.gz")])
    async with opened(home) as everything:
        yield everything


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[Tejun]:
    settings = Settings(home=home, casebook_url=f"sqlite:///{home / 'casebook.sqlite'}", user="analyst")
    async with open_tejun(settings) as everything:
        yield everything


def facts_of(shared_dir: Path, name: str) -> tuple[dict[str, Any], RoundWindow]:
    truth = json.loads((shared_dir / "data" / name / "truth.json").read_text())
    facts = {fact["id"]: fact["expected"] for fact in truth["facts"]}
    return facts, RoundWindow(truth["earliest"], truth["latest"], ad_hoc=True)


async def run(tejun: Tejun, procedure: str | ProcedureSource, window: RoundWindow) -> Found:
    source = read_source(LIBRARY / procedure) if isinstance(procedure, str) else procedure
    round_ = plan_round(tejun.resources, source, window)
    outcomes = await run_round(tejun.graph, tejun.resources, round_)
    assert {outcome.state for outcome in outcomes} <= {"paused", "recorded"}, outcomes
    found: Found = {}
    for row in tejun.resources.casebook.items(round_.id):
        snapshot = await tejun.graph.aget_state(config_of(row))
        evidence = tejun.resources.evidence
        findings = evidence.get(snapshot.values["findings"], Findings)
        rows = evidence.get(findings.evidence, SearchResult).rows
        judged = {
            entry.finding: entry for entry in evidence.get(snapshot.values["judgement"], Judgement).findings
        }
        found[row.item_id] = [
            (dict(rows[index]), judged[finding.id].unsuppressed.value)
            for finding in findings.findings
            for index in finding.rows
            if judged[finding.id].unsuppressed.value != "none"
        ]
        assert evidence.get(snapshot.values["checks"], Checks).failed == (), row.item_id
    return found


def pick(found: list[tuple[dict[str, Any], str]], *fields: str) -> list[tuple[str, ...]]:
    return sorted(tuple(str(row.get(field, "")) for field in fields) for row, _ in found)


def expect(rows: list[dict[str, Any]], *fields: str) -> list[tuple[str, ...]]:
    return sorted(tuple(str(row.get(field, "")) for field in fields) for row in rows)


async def test_linux_auth(real: Tejun, shared_dir: Path) -> None:
    facts, window = facts_of(shared_dir, "linux_auth")
    found = await run(real, "linux-auth-daily", window)
    brute = {row["src_ip"]: row for row, _ in found["ssh-bruteforce"]}
    for fact in facts["LA-02"]:
        row = brute[fact["src_ip"]]
        assert (row["lines"], row["first"], row["last"]) == (fact["count"], fact["first"], fact["last"])
    for fact in facts["LA-03"]:
        assert (brute[fact["src_ip"]]["failures"], brute[fact["src_ip"]]["lines"]) == (
            fact["attempts"],
            fact["events"],
        )
    at_least = [
        row for row, verdict in found["ssh-bruteforce"] if verdict == "investigate" and row["failures"] >= 30
    ]
    assert {row["src_ip"] for row in at_least} == {
        fact["src_ip"] for fact in facts["LA-03"] if fact["attempts"] >= 30
    }
    assert expect(facts["LA-14"], "_time", "count") == pick(found["ssh-burst"], "_time", "lines")
    assert expect(facts["LA-10"], "src_ip", "users", "count") == pick(
        found["ssh-user-guessing"], "src_ip", "users", "lines"
    )
    logins = {(row["src_ip"], row["user"]): row for row, _ in found["unknown-source-login"]}
    for fact in facts["LA-08"]:
        row = logins[fact["src_ip"], fact["user"]]
        assert (row["logins"], row["first"], row["last"]) == (fact["count"], fact["first"], fact["last"])
    assert expect(facts["LA-11"], "_time", "user", "uid") == pick(
        found["new-account"], "_time", "user", "uid"
    )
    assert found["root-login"] == []


async def test_logins_after_failures_are_those_of_a_plain_count(real: Tejun, shared_dir: Path) -> None:
    """Over the whole set one source has logins before and after its failures; only the latter count."""
    _, window = facts_of(shared_dir, "linux_auth")
    failed: dict[str, list[float]] = defaultdict(list)
    logins: dict[str, list[float]] = defaultdict(list)
    with gzip.open(shared_dir / "data" / "linux_auth" / "events.ndjson.gz", "rt") as lines:
        for event in map(json.loads, lines):
            kind = {"Failed password": failed, "Accepted": logins}.get(event.get("vendor_action"))
            if kind is not None:
                kind[event["src_ip"]].append(float(event["_time"]))
    wanted = {
        source: sum(at >= min(failed[source]) for at in times)
        for source, times in logins.items()
        if len(failed[source]) >= 10
    }
    assert any(0 < count < len(logins[source]) for source, count in wanted.items())
    round_ = plan_round(real.resources, read_source(LIBRARY / "linux-auth-daily"), window)
    await run_round(real.graph, real.resources, round_, only=["ssh-bruteforce"])
    (row,) = (row for row in real.resources.casebook.items(round_.id) if row.item_id == "ssh-bruteforce")
    runs = (await real.graph.aget_state(config_of(row))).values["runs"]
    results = [
        real.resources.evidence.get(run["evidence"], SearchResult)
        for run in runs
        if run["drill_down"] == "success-after"
    ]
    found = {str(one["src_ip"]): one["accepted"] for result in results for one in result.rows}
    assert found == {source: count for source, count in wanted.items() if count}


async def test_web_access(real: Tejun, shared_dir: Path) -> None:
    facts, window = facts_of(shared_dir, "web_access")
    found = await run(real, "web-access-daily", window)
    assert facts["WA-16"] == []
    assert found["injection"] == []
    several = [fact for fact in facts["WA-06"] if fact["count"] >= 3 or fact["ok"] > 0]
    assert expect(several, "clientip", "count", "ok") == pick(
        found["admin-probe"], "clientip", "probes", "ok"
    )
    assert not [verdict for _, verdict in found["admin-probe"] if verdict == "investigate"]


async def test_aws_cloudtrail(real: Tejun, shared_dir: Path) -> None:
    facts, window = facts_of(shared_dir, "aws_cloudtrail")
    found = await run(real, "aws-iam-daily", window)
    assert facts["AW-03"] == 0
    assert found["root-use"] == []
    assert pick(found["console-no-mfa"], "who", "source_ip", "first") == expect(
        facts["AW-02"], "userIdentity.userName", "sourceIPAddress", "_time"
    )
    assert pick(found["admin-grants"], "target", "first") == expect(facts["AW-09"], "target", "_time")
    made = {row["target"] for row, _ in found["new-credentials"]}
    for fact, field in (
        ("AW-04", "requestParameters.userName"),
        ("AW-08", "requestParameters.userName"),
        ("AW-11", "requestParameters.userName"),
    ):
        assert {row[field] for row in facts[fact]} <= made
    assert sum(row["changes"] for row, _ in found["new-credentials"]) == sum(
        len(facts[name]) for name in ("AW-04", "AW-08", "AW-11")
    )
    assert sum(row["attempts"] for row, _ in found["trail-tampering"]) == len(facts["AW-06"])
    assert sum(row["succeeded"] for row, _ in found["trail-tampering"]) == sum(
        row["count"] for row in facts["AW-07"]
    )
    assert pick(found["secret-reads"], "_time", "who", "secrets") == expect(
        facts["AW-17"], "_time", "userIdentity.userName", "secrets"
    )
    assert {row["resource"] for row, _ in found["open-exposure"]} == {row["gid"] for row in facts["AW-14"]}
    assert sum(row["rules"] for row, _ in found["open-exposure"]) == len(facts["AW-14"])
    denied = {row["who"] for row, _ in found["denied-calls"]}
    assert denied == {fact["who"] for fact in facts["AW-15"] if fact["count"] >= 10}


async def test_windows_ad(tmp_path: Path, shared_dir: Path) -> None:
    (reading,) = (one for one in SETS if one.name == "windows_ad")
    facts, window = facts_of(shared_dir, "windows_ad")
    async with real_set(shared_dir / "data" / "windows_ad", tmp_path) as tejun:
        found = await run(tejun, reading.source(), window)
    assert facts["WN-20"] == 0
    assert found["log-cleared"] == []
    assert pick(found["password-spray"], "src", "users", "failures") == expect(
        facts["WN-03"], "host", "users", "count"
    )
    assert max(fact["count"] for fact in facts["WN-02"]) == 1
    assert found["logon-bruteforce"] == []
    assert pick(found["new-ad-account"], "host", "user", "made_by", "first") == [
        tuple(str(row[name]) for name in ("host", "TargetUserName", "SubjectUserName", "_time"))
        for row in facts["WN-04"]
    ]
    assert pick(found["kerberoasting"], "user", "tickets", "names") == expect(
        facts["WN-09"], "TargetUserName", "count", "services"
    )
    assert [(row["user"], row["requests"], row["first"], row["last"]) for row, _ in found["weak-tgt"]] == [
        ("pgustavo", len(facts["WN-10"]), facts["WN-10"][0]["_time"], facts["WN-10"][1]["_time"])
    ]
    assert pick(found["dcsync"], "user", "accesses", "first") == expect(
        facts["WN-08"], "SubjectUserName", "count", "first"
    )
    assert pick(found["anonymous-change"], "host", "account", "first") == expect(
        facts["WN-11"], "host", "TargetUserName", "_time"
    )
    assert pick(found["permission-change"], "user", "object", "changes", "first") == expect(
        facts["WN-12"], "SubjectUserName", "ObjectDN", "count", "first"
    )
    assert pick(found["new-service"], "host", "service", "first", "shell") == expect(
        facts["WN-06"], "host", "ServiceName", "_time", "ps"
    )
    assert pick(found["scheduled-task"], "host", "task", "user", "first") == expect(
        facts["WN-07"], "host", "TaskName", "SubjectUserName", "_time"
    )
    (moved,) = (row for row, _ in found["admin-share"])
    assert moved["accesses"] == sum(fact["count"] for fact in facts["WN-13"])
    assert moved["names"] == sorted(fact["RelativeTargetName"] for fact in facts["WN-13"])
    alerts = (
        "password-spray", "new-ad-account", "kerberoasting", "dcsync", "anonymous-change", "permission-change",
        "new-service", "admin-share",
    )  # fmt: skip
    assert {verdict for item in alerts for _, verdict in found[item]} == {"investigate"}
    tasks = {row["task"]: verdict for row, verdict in found["scheduled-task"]}
    assert [task for task, verdict in tasks.items() if verdict == "investigate"] == ["\\MordorSchtask"]


async def test_ids_alerts(tmp_path: Path, shared_dir: Path) -> None:
    whole, last_day = (one for one in SETS if one.name == "ids_alerts")
    truth = json.loads((shared_dir / "data" / "ids_alerts" / "truth.json").read_text())
    facts = {fact["id"]: fact["expected"] for fact in truth["facts"]}
    async with real_set(shared_dir / "data" / "ids_alerts", tmp_path) as tejun:
        found = await run(tejun, whole.source(), whole.window(truth))
        new = (await run(tejun, last_day.source(), last_day.window(truth)))["new-signature"]
    assert pick(found["alert-burst"], "_time", "alerts") == expect(facts["IA-05"], "_time", "count")
    assert pick(found["rare-signature"], "code", "first") == expect(facts["IA-06"], "signature_code", "_time")
    assert pick(found["source-spread"], "src_ip", "kinds", "alerts") == expect(
        facts["IA-08"], "src_ip", "sigs", "count"
    )
    assert pick(new, "code", "first", "alerts") == expect(facts["IA-07"], "signature_code", "first", "count")
    only_attacks = {fact["signature_code"] for fact in facts["IA-12"]}
    assert only_attacks <= {row["code"] for row, _ in new}
