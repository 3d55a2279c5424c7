"""The bundled procedures over real logs find the facts that others marked as alerts, with equal counts and times."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from graph.rounds import config_of, plan_round, run_round
from procedures.schedule import RoundWindow
from procedures.source import read_source
from tejun.opening import Tejun, open_tejun
from tejun.settings import Settings
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
    settings = Settings(home=home, casebook_url=f"sqlite:///{home / 'casebook.sqlite'}", user="analyst")
    async with open_tejun(settings) as everything:
        yield everything


def facts_of(shared_dir: Path, name: str) -> tuple[dict[str, Any], RoundWindow]:
    truth = json.loads((shared_dir / "data" / name / "truth.json").read_text())
    facts = {fact["id"]: fact["expected"] for fact in truth["facts"]}
    return facts, RoundWindow(truth["earliest"], truth["latest"], ad_hoc=True)


async def run(tejun: Tejun, procedure: str, window: RoundWindow) -> Found:
    round_ = plan_round(tejun.resources, read_source(LIBRARY / procedure), window)
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
