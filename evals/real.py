"""Real logs with answers that others derived: the findings of a round against their facts, printed apart.

A set is a folder with `events.ndjson.gz` and `truth.json`. Its facts say which entities there are and with which
counts and times; they give no verdict and do not know every figure of a report, so only the scores in `SCORES`
are taken.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from evals.case import Case, Logs, Truth
from evals.output import Output
from evals.reference import Row
from evals.result import CaseResult, RunResult, totals
from evals.run import Plan
from evals.scorers import SCORERS
from evals.scoring import Subject
from evals.sheet import Finding, ItemSheet, Sheet
from evals.variant import Job
from procedures.archive import load_procedure
from procedures.bundled import find_procedure
from procedures.model import Item
from procedures.schedule import RoundWindow
from procedures.source import read_source
from tools.logstore.store import LogStore

SCORES = ("told", "only", "grounded", "form", "defanged", "brevity", "seconds", "searches")
EVENTS, TRUTH = "events.ndjson.gz", "truth.json"
DAY_S = 86400


@dataclass(frozen=True)
class Facts:
    """How the facts of one id read as findings of one item: columns by the fields of a fact."""

    id: str
    item: str
    key: dict[str, str]
    values: dict[str, str] = field(default_factory=dict)
    all: bool = False
    """Whether these are all findings that the item may have."""
    where: Callable[[dict[str, Any]], bool] = lambda fact: True
    """Which of them the item's thresholds let through."""


@dataclass(frozen=True)
class RealSet:
    """One set, the procedure that reads it, and its facts."""

    name: str
    procedure: str
    facts: tuple[Facts, ...]


_TIMES = {"first": "first", "last": "last"}
SETS = (
    RealSet("linux_auth", "linux-auth-daily", (
        Facts("LA-02", "ssh-bruteforce", {"src_ip": "src_ip"}, {"lines": "count", **_TIMES}),
        Facts("LA-03", "ssh-bruteforce", {"src_ip": "src_ip"}, {"failures": "attempts", "lines": "events"}),
        Facts("LA-14", "ssh-burst", {"_time": "_time"}, {"lines": "count"}, all=True),
        Facts("LA-10", "ssh-user-guessing", {"src_ip": "src_ip"}, {"users": "users", "lines": "count"}, all=True),
        Facts("LA-08", "unknown-source-login", {"src_ip": "src_ip", "user": "user"}, {"logins": "count", **_TIMES}),
        Facts("LA-11", "new-account", {"user": "user"}, {"_time": "_time", "uid": "uid"}, all=True),
    )),
    RealSet("web_access", "web-access-daily", (
        Facts("WA-06", "admin-probe", {"clientip": "clientip"}, {"probes": "count", "ok": "ok"}, all=True,
              where=lambda fact: fact["count"] >= 3 or fact["ok"] > 0),
        Facts("WA-16", "injection", {}, all=True),
    )),
    RealSet("aws_cloudtrail", "aws-iam-daily", (
        Facts("AW-02", "console-no-mfa", {"who": "userIdentity.userName", "source_ip": "sourceIPAddress"}, {"first": "_time"}, all=True),
        Facts("AW-04", "new-credentials", {"target": "requestParameters.userName"}),
        Facts("AW-08", "new-credentials", {"target": "requestParameters.userName"}),
        Facts("AW-09", "admin-grants", {"target": "target"}, {"first": "_time"}, all=True),
        Facts("AW-14", "open-exposure", {"resource": "gid"}),
        Facts("AW-15", "denied-calls", {"who": "who"}, where=lambda fact: fact["count"] >= 10),
        Facts("AW-17", "secret-reads", {"who": "userIdentity.userName", "_time": "_time"}, {"secrets": "secrets"}, all=True),
    )),
)  # fmt: skip
"""The sets that the library's procedures read."""
UNREAD = {
    "windows_ad": "no procedure of the library reads Windows events",
    "ids_alerts": "no procedure of the library reads IDS alerts",
    "panther_tests": "labelled single events; the library's items look at whole days",
    "sigma_regression": "rules of single events; the library's items look at whole days",
}


def run_real(
    folder: Path, plan: Plan, *, progress: Callable[[CaseResult], None] = lambda case: None
) -> RunResult:
    """Run every real set below `folder`; sets that are not there, or that nothing reads, are told as skipped."""
    clock, started = time.time(), time.monotonic()
    skipped = dict(UNREAD)
    done = []
    for real in SETS:
        if not (folder / real.name / TRUTH).is_file():
            skipped[real.name] = f"{str(folder / real.name)!r} is absent"
            continue
        done.append(_score(real, folder / real.name, plan))
        progress(done[-1])
    return RunResult(
        variant=plan.variant.id,
        started_at=clock,
        seconds=time.monotonic() - started,
        workers=1,
        cases=tuple(done),
        totals=totals(done),
        skipped=skipped,
    )


def _score(real: RealSet, folder: Path, plan: Plan) -> CaseResult:
    truth = json.loads((folder / TRUTH).read_text("utf-8"))
    sheet = _sheet(real, truth)
    subject = Subject(sheet, _run(real, folder, sheet, plan))
    scores = {name: score for name in SCORES if (score := SCORERS[name].score(subject))}
    failed = "; ".join(f"{item}: {reason}" for item, reason in subject.output.failed.items())
    return CaseResult(
        id=f"real-{real.name}", title=sheet.case.title, tags=("real",), scores=scores, error=failed or None
    )


def _run(real: RealSet, folder: Path, sheet: Sheet, plan: Plan) -> Output:
    home = Path(tempfile.mkdtemp(prefix=f"tejun-eval-{real.name}-"))
    try:
        with LogStore(home / "logs") as store:
            store.import_paths([str(folder / EVENTS)])
        window = RoundWindow(sheet.start, sheet.end, ad_hoc=True)
        source = read_source(find_procedure(real.procedure))
        output = asyncio.run(plan.variant.run(Job(home, source, window, (), sheet.end + DAY_S)))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if plan.keep is not None:
        plan.keep.mkdir(parents=True, exist_ok=True)
        (plan.keep / f"real-{real.name}.md").write_text(output.markdown, "utf-8")
    return output


def _sheet(real: RealSet, truth: dict[str, Any]) -> Sheet:
    procedure = load_procedure(read_source(find_procedure(real.procedure)))
    expected = {fact["id"]: fact["expected"] for fact in truth["facts"]}
    items = {item.id: item for item in procedure.items}
    exhaustive = {facts.item for facts in real.facts if facts.all}
    by_item: dict[str, dict[tuple[str, ...], Finding]] = {}
    for facts in real.facts:
        found = by_item.setdefault(facts.item, {})
        for finding in _findings(facts, expected[facts.id]):
            label = tuple(map(str, finding.key.values()))
            earlier = found.get(label)
            found[label] = _merged(earlier, finding) if earlier else finding
    return Sheet(
        case=_case(real),
        zone=ZoneInfo(procedure.timezone),
        language=procedure.language,
        start=truth["earliest"],
        end=truth["latest"],
        items={
            name: _item_sheet(items[name], tuple(found.values()), exhaustive=name in exhaustive)
            for name, found in by_item.items()
        },
    )


def _case(real: RealSet) -> Case:
    return Case(
        id=f"real-{real.name}",
        title=f"real logs: {real.name}",
        procedure=real.procedure,
        logs=Logs(set=real.name),
        truth=Truth(items={}),
    )


def _findings(facts: Facts, expected: list[dict[str, Any]]) -> Iterator[Finding]:
    for fact in expected:
        if facts.where(fact):
            key: Row = {column: fact[name] for column, name in facts.key.items()}
            row: Row = {**key, **{column: fact[name] for column, name in facts.values.items()}}
            names = tuple(str(value) for column, value in key.items() if column != "_time")
            yield Finding(names, key, row, verdict="", unsuppressed="")


def _merged(one: Finding, other: Finding) -> Finding:
    return Finding(one.names, one.key, {**one.row, **other.row}, one.verdict, one.unsuppressed)


def _item_sheet(item: Item, findings: tuple[Finding, ...], *, exhaustive: bool) -> ItemSheet:
    return ItemSheet(
        item=item.id,
        verdict="",
        findings=findings,
        gaps=(),
        columns={column.source: column.label for column in item.output},
        allowed=frozenset(),
        of_entity={},
        known=tuple(name for finding in findings for name in finding.names),
        exhaustive=exhaustive,
    )
