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
from evals.counting import Row
from evals.labelled import SETS as LABELLED
from evals.labelled import run_labelled
from evals.output import Output
from evals.result import CaseResult, RunResult, totals
from evals.rule_score import RuleScore
from evals.run import Plan
from evals.scorers import SCORERS
from evals.scoring import Subject
from evals.sheet import Finding, ItemSheet, Sheet
from evals.variant import Job
from procedures.archive import load_procedure
from procedures.bundled import find_procedure
from procedures.model import Item
from procedures.schedule import RoundWindow
from procedures.source import ProcedureSource, read_source
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
    edits: tuple[tuple[str, str], ...] = ()
    """Replacements in the procedure's files: where the set keeps its logs, and what its span does not allow."""
    last_s: int | None = None
    """Only so many seconds at the end of the set's window; all of it when absent."""
    part: str = ""
    """Tells two readings of one set apart."""

    @property
    def id(self) -> str:
        """What the result is called."""
        return "-".join(("real", self.name, *filter(None, (self.part,))))

    def source(self) -> ProcedureSource:
        """Return the procedure, pointed at the set."""
        source = read_source(find_procedure(self.procedure))
        return source.model_copy(
            update={"files": {name: self._edited(text) for name, text in source.files.items()}}
        )

    def window(self, truth: dict[str, Any]) -> RoundWindow:
        """Return the window of the round."""
        start, end = truth["earliest"], truth["latest"]
        return RoundWindow(max(start, end - (self.last_s or end)), end, ad_hoc=True)

    def _edited(self, text: str) -> str:
        for old, new in self.edits:
            text = text.replace(old, new)
        return text


_TIMES = {"first": "first", "last": "last"}
_WINDOWS = (
    ("sourcetype: XmlWinEventLog", "sourcetype: 'nxlog:winevent:json'"),
    ("sourcetype=XmlWinEventLog", "sourcetype=nxlog:winevent:json"),
    ("XmlWinEventLog:", "WinEventLog:"),
    ("DC01$,", "MORDORDC$,"),
    ("baseline: {periods: 7, step: 1d}", "baseline: {periods: 1, step: 39d}"),
)
"""The same channels through another collector, that domain's controller, and periods that do not overlap."""
_ALERTS = (
    ("sourcetype: suricata", "sourcetype: 'suricata:alert'"),
    ("index=ids sourcetype=suricata event_type=alert", "index=ids"),
    ("'alert.signature_id', signature='alert.signature'", "signature_code"),
    ("'alert.severity'", "null()"),
    ("'alert.action'", "null()"),
    ("target=dest_ip", "target=host"),
    ("baseline: {periods: 7,", "baseline: {periods: 3,"),
    ("| rare | 3 | 3 |", "| rare | 1 | 3 |"),
)
"""Alerts of three detectors without severities; three days before the last one; the facts ask for a single alert."""
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
    RealSet("windows_ad", "windows-ad-daily", (
        Facts("WN-02", "logon-bruteforce", {"user": "TargetUserName"}, {"failures": "count"}, all=True, where=lambda fact: fact["count"] >= 20),
        Facts("WN-03", "password-spray", {"src": "host"}, {"users": "users", "failures": "count"}, all=True),
        Facts("WN-09", "kerberoasting", {"user": "TargetUserName"}, {"tickets": "count", "names": "services"}, all=True),
        Facts("WN-10", "weak-tgt", {"user": "TargetUserName"}, all=True),
        Facts("WN-04", "new-ad-account", {"host": "host", "user": "TargetUserName"}, {"first": "_time", "made_by": "SubjectUserName"}, all=True),
        Facts("WN-08", "dcsync", {"user": "SubjectUserName"}, {"accesses": "count", "first": "first"}, all=True),
        Facts("WN-11", "anonymous-change", {"host": "host", "account": "TargetUserName"}, {"first": "_time"}, all=True),
        Facts("WN-12", "permission-change", {"user": "SubjectUserName", "object": "ObjectDN"}, {"changes": "count", "first": "first"}, all=True),
        Facts("WN-06", "new-service", {"host": "host", "service": "ServiceName"}, {"first": "_time"}, all=True),
        Facts("WN-07", "scheduled-task", {"host": "host", "task": "TaskName", "user": "SubjectUserName"}, {"first": "_time"}, all=True),
        Facts("WN-13", "admin-share", {"host": "host", "user": "SubjectUserName"}, all=True),
    ), _WINDOWS),
    RealSet("ids_alerts", "ids-alerts-daily", (
        Facts("IA-05", "alert-burst", {"_time": "_time"}, {"alerts": "count"}, all=True),
        Facts("IA-06", "rare-signature", {"code": "signature_code"}, {"first": "_time", "last": "_time"}, all=True),
        Facts("IA-08", "source-spread", {"src_ip": "src_ip"}, {"kinds": "sigs", "alerts": "count"}, all=True),
    ), _ALERTS),
    RealSet("ids_alerts", "ids-alerts-daily", (
        Facts("IA-07", "new-signature", {"code": "signature_code"}, {"alerts": "count", "first": "first"}, all=True),
        Facts("IA-12", "new-signature", {"code": "signature_code"}, {"alerts": "count"}),
    ), _ALERTS, last_s=DAY_S, part="last-day"),
)  # fmt: skip
"""The sets that the library's procedures read."""


def run_real(
    folder: Path, plan: Plan, *, progress: Callable[[CaseResult], None] = lambda case: None
) -> RunResult:
    """Run every real set below `folder`; sets that are not there, or that nothing reads, are told as skipped."""
    clock, started = time.time(), time.monotonic()
    skipped: dict[str, str] = {}
    done = []
    for real in SETS:
        if not (folder / real.name / TRUTH).is_file():
            skipped[real.name] = f"{str(folder / real.name)!r} is absent"
            continue
        done.append(_score(real, folder / real.name, plan))
        progress(done[-1])
    labelled: list[RuleScore] = []
    for one in LABELLED:
        if one.is_there(folder):
            labelled.extend(run_labelled(one, folder, plan))
        else:
            skipped[one.name] = f"{str(folder / one.name)!r} is absent"
    return RunResult(
        variant=plan.variant.id,
        started_at=clock,
        seconds=time.monotonic() - started,
        workers=1,
        cases=tuple(done),
        totals=totals(done),
        skipped=skipped,
        labelled=tuple(labelled),
    )


def _score(real: RealSet, folder: Path, plan: Plan) -> CaseResult:
    truth = json.loads((folder / TRUTH).read_text("utf-8"))
    sheet = _sheet(real, truth)
    subject = Subject(sheet, _run(real, folder, sheet, plan))
    scores = {name: score for name in SCORES if (score := SCORERS[name].score(subject))}
    failed = "; ".join(f"{item}: {reason}" for item, reason in subject.output.failed.items())
    return CaseResult(id=real.id, title=sheet.case.title, tags=("real",), scores=scores, error=failed or None)


def _run(real: RealSet, folder: Path, sheet: Sheet, plan: Plan) -> Output:
    home = Path(tempfile.mkdtemp(prefix=f"tejun-eval-{real.name}-"))
    try:
        with LogStore(home / "logs") as store:
            store.import_paths([str(folder / EVENTS)])
        window = RoundWindow(sheet.start, sheet.end, ad_hoc=True)
        output = asyncio.run(plan.variant.run(Job(home, real.source(), window, (), sheet.end + DAY_S)))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if plan.keep is not None:
        plan.keep.mkdir(parents=True, exist_ok=True)
        (plan.keep / f"{real.id}.md").write_text(output.markdown, "utf-8")
    return output


def _sheet(real: RealSet, truth: dict[str, Any]) -> Sheet:
    procedure, window = load_procedure(real.source()), real.window(truth)
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
        start=window.start,
        end=window.end,
        items={
            name: _item_sheet(items[name], tuple(found.values()), exhaustive=name in exhaustive)
            for name, found in by_item.items()
        },
    )


def _case(real: RealSet) -> Case:
    return Case(
        id=real.id,
        title=" ".join(("real logs:", real.name, *filter(None, (real.part,)))),
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
