"""Every criterion of the library means what it says: one planted day just inside its claim fires it, one just outside does not.

A claim stands in `claims.yaml` beside the procedure: which entity a criterion speaks of, in which order in time, over
which population. `both` is planted for either day, `inside` and `outside` for one of them.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from agents.context import ItemContext
from agents.drill_down import drill_down_item
from agents.judge import judge_item
from agents.material import load_material
from agents.query import query_item
from agents.searching import Searcher
from evals.logs import import_files, planted, write_files
from evals.planting import Plant
from procedures.archive import load_procedure
from procedures.bundled import bundled, find_procedure
from procedures.model import Item
from procedures.source import ProcedureSource, read_source
from tejun.opening import Tejun, open_tejun
from tejun.settings import Settings
from tools.logstore.store import LogStore
from tools.records.finding import CriterionResult, DrillDownRun, Judgement

DAY = dt.date(2026, 11, 12)
"""The day of every round; times in a claim are clock times of it in the procedure's zone."""
PLANT: TypeAdapter[Plant] = TypeAdapter(Plant)

HEARTBEAT: dict[str, list[dict[str, Any]]] = {
    "linux-auth-daily": [{"kind": "sudo", "user": "ops-sato", "command": "/usr/bin/uptime"}],
    "web-access-daily": [{"kind": "hits", "client": "10.9.9.9", "uris": ["/"]}],
    "aws-iam-daily": [
        {"kind": "calls", "who": "app-web", "source": "10.1.5.10", "service": "ec2", "names": ["DescribeInstances"]}
    ],
    "windows-ad-daily": [
        {"kind": "logon", "host": "FS01", "source": "-", "users": ["SYSTEM"], "type": 5},
        {"kind": "windows", "host": "FS01", "code": 7036, "channel": "System", "data": {"param1": "x"}},
    ],
    "ids-alerts-daily": [{"kind": "alert", "source": "203.0.113.150", "codes": [0]}],
}  # fmt: skip
"""What meets no criterion, so that the days before are known to be empty."""


class Claim(BaseModel):
    """What one criterion says, and two days that differ in one thing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    criterion: str
    """`item/c1`, or `item/drill-down/d1`."""
    entity: str
    order: str
    population: str
    finding: dict[str, str] | None = None
    """Key values of the finding that is meant; any finding where absent."""
    both: tuple[dict[str, Any], ...] = ()
    inside: tuple[dict[str, Any], ...] = ()
    outside: tuple[dict[str, Any], ...] = ()
    shows: dict[str, Any] = Field(default_factory=dict)
    """Columns of the drill-down's row on the day inside, `drill-down.column`, worked out by hand."""


def claims_of(procedure: str) -> tuple[Claim, ...]:
    path = find_procedure(procedure) / "claims.yaml"
    return tuple(Claim.model_validate(entry) for entry in yaml.safe_load(path.read_text("utf-8")))


def procedure_of(name: str) -> ProcedureSource:
    return read_source(find_procedure(name))


CLAIMS = [(name, claim) for name in bundled() for claim in claims_of(name)]


def criteria_of(item: Item) -> Iterator[str]:
    for criterion in item.criteria:
        if criterion.question is None:
            yield f"{item.id}/{criterion.id}"
    for drill_down in item.drill_downs:
        for criterion in drill_down.criteria:
            yield f"{item.id}/{drill_down.id}/{criterion.id}"


def test_every_criterion_of_the_library_has_a_claim() -> None:
    claimed = Counter(claim.criterion for _, claim in CLAIMS)
    written = {
        name for one in bundled() for item in load_procedure(procedure_of(one)).items for name in criteria_of(item)
    }  # fmt: skip
    assert set(claimed) == written
    for _, claim in CLAIMS:
        assert claim.inside != claim.outside, claim.criterion
        assert all((claim.entity, claim.order, claim.population)), claim.criterion


def placed(entry: dict[str, Any]) -> Plant:
    """Return a planted thing; `day: -1` is the day before, `at` a clock time."""
    values = dict(entry)
    day = DAY + dt.timedelta(days=int(values.pop("day", 0)))
    clock = dt.time.fromisoformat(str(values.pop("at")))
    return PLANT.validate_python({**values, "at": dt.datetime.combine(day, clock)})


def heartbeats(procedure: str) -> Iterator[dict[str, Any]]:
    for day in range(-8, 1):
        for entry in HEARTBEAT[procedure]:
            yield {**entry, "day": day, "at": "00:00:01"}


async def judged(
    procedure: str, item: str, plants: tuple[dict[str, Any], ...], home: Path
) -> tuple[Judgement, dict[str, dict[str, Any]]]:
    """Import what is planted, search, drill down and judge; return the judgement and each finding's drilled columns."""
    source = procedure_of(procedure)
    zone = load_procedure(source).timezone
    start = dt.datetime.combine(DAY, dt.time(), ZoneInfo(zone)).timestamp()
    context = ItemContext(source, item, start, start + 86400)
    events = planted([placed(entry) for entry in (*heartbeats(procedure), *plants)], context.zone)
    with LogStore(home / "logs"):
        pass
    import_files(home / "logs", write_files(events, home / "files", written_at=start + 2 * 86400))
    settings = Settings(home=home, casebook_url=f"sqlite:///{home / 'casebook.sqlite'}", user="analyst")
    async with open_tejun(settings) as tejun:
        return await _judged(tejun, context, start + 3 * 86400)


async def _judged(
    tejun: Tejun, context: ItemContext, now: float
) -> tuple[Judgement, dict[str, dict[str, Any]]]:
    evidence = tejun.resources.evidence
    searcher = Searcher(
        await tejun.resources.session(context), evidence, context.procedure.budget, lambda: now
    )
    findings = await query_item(context, searcher)
    runs: tuple[DrillDownRun, ...] = ()
    while True:
        material = load_material(context.item, findings, runs, evidence)
        judgement = judge_item(context, material)
        if not judgement.due:
            break
        runs += await drill_down_item(context, searcher, findings, material.query.rows, judgement.due)
    assert all(entry.status.value == "ok" for entry in searcher.log), [
        (entry.purpose, entry.status) for entry in searcher.log
    ]
    drilled = {
        finding.id: {
            f"{run.drill_down}.{name}": value
            for run in runs
            for index in run.rows.get(finding.id, ())
            for name, value in material.results[run.evidence].rows[index].items()
        }
        for finding in findings.findings
    }
    return judgement, drilled


def results_of(judgement: Judgement, claim: Claim) -> list[tuple[str, CriterionResult]]:
    name = claim.criterion.partition("/")[2]
    found = [("", result) for result in judgement.item_results if result.id == name]
    for entry in judgement.findings:
        wanted = claim.finding or {}
        if all(str(entry.key.get(field)) == value for field, value in wanted.items()):
            found += [(entry.finding, result) for result in entry.results if result.id == name]
    return found


@pytest.mark.parametrize(
    ("procedure", "claim"),
    CLAIMS,
    ids=[f"{claim.criterion}-{number}" for number, (_, claim) in enumerate(CLAIMS)],
)
def test_what_is_just_inside_fires_and_what_is_just_outside_does_not(
    procedure: str, claim: Claim, tmp_path: Path
) -> None:
    item = claim.criterion.split("/")[0]
    inside, drilled = asyncio.run(judged(procedure, item, (*claim.both, *claim.inside), tmp_path / "inside"))
    outside, _ = asyncio.run(judged(procedure, item, (*claim.both, *claim.outside), tmp_path / "outside"))
    fired = [(finding, result) for finding, result in results_of(inside, claim) if result.fired]
    assert fired, ("inside", [(entry.key, entry.results) for entry in inside.findings])
    unfired = results_of(outside, claim)
    assert all(result.fired is False for _, result in unfired), ("outside", unfired)
    if claim.shows:
        shown = drilled[fired[0][0]]
        assert {name: shown.get(name) for name in claim.shows} == claim.shows
