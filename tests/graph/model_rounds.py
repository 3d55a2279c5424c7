"""Rounds of one item with a scripted model."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.render.values import render_prose
from graph.rounds import config_of, plan_round, run_round
from procedures.schedule import RoundWindow
from procedures.source import ProcedureSource, read_source
from tejun.opening import Tejun, open_tejun
from tejun.settings import Settings
from tests.model_server import Answer, ModelServer, Request, says
from tools.demo import plan
from tools.model.settings import ModelSettings
from tools.records.finding import Judgement
from tools.records.report import Checks, ItemReport

LIBRARY = Path(__file__).resolve().parent.parent.parent / "procedures" / "library"
AGENTS = ("judge", "drill_down", "reporter")


def model_settings(url: str, **changes: Any) -> dict[str, ModelSettings]:
    given = {"name": "scripted-1", "base_url": url, "timeout_s": 5.0, "retries": 0, **changes}
    return {agent: ModelSettings.model_validate(given) for agent in AGENTS}


@asynccontextmanager
async def opened_with_model(home: Path, models: dict[str, ModelSettings]) -> AsyncIterator[Tejun]:
    settings = Settings(
        home=home, casebook_url=f"sqlite:///{home / 'casebook.sqlite'}", user="analyst", models=models
    )
    async with open_tejun(settings) as tejun:
        yield tejun


@dataclass(frozen=True)
class Ran:
    """What came of one item."""

    report: ItemReport
    judgement: Judgement
    checks: Checks
    state: dict[str, Any]

    def section(self, name: str) -> str:
        return "\n".join(next(part.paragraphs for part in self.report.sections if part.id == name))

    def read(self, name: str) -> str:
        """Return a section as people read it."""
        facts = {fact.id: fact for fact in self.report.facts}
        return render_prose(self.section(name), facts, self.report.language, self.report.timezone)

    def author(self, name: str) -> str | None:
        return next(part.author for part in self.report.sections if part.id == name)


def library(procedure: str, change: Callable[[str], str] = lambda text: text) -> ProcedureSource:
    source = read_source(LIBRARY / procedure)
    return source.model_copy(update={"files": {**source.files, "PROCEDURE.md": change(source.document)}})


async def run_item(tejun: Tejun, source: ProcedureSource, item: str, day: int = 0) -> Ran:
    procedure = re.search(r"^id: (\S+)", source.document, re.MULTILINE)
    assert procedure
    start = (plan.utc if procedure[1] == plan.AWS else plan.tokyo)(day)
    round_ = plan_round(tejun.resources, source, RoundWindow(start, start + 86400), again=True)
    (outcome,) = await run_round(tejun.graph, tejun.resources, round_, only=[item])
    assert outcome.state in {"paused", "recorded"}, outcome
    row = next(row for row in tejun.resources.casebook.items(round_.id) if row.item_id == item)
    assert row.report
    assert row.judgement
    assert row.checks
    evidence = tejun.resources.evidence
    snapshot = await tejun.graph.aget_state(config_of(row))
    return Ran(
        evidence.get(row.report, ItemReport),
        evidence.get(row.judgement, Judgement),
        evidence.get(row.checks, Checks),
        dict(snapshot.values),
    )


def agent_of(request: Request) -> str:
    """Return which agent asks, by the form that it wants."""
    wanted = request["response_format"]["json_schema"]["schema"]["properties"]
    return "judge" if "concerns" in wanted else "drill_down" if "choices" in wanted else "reporter"


def judged(request: Request, answers: list[object], concerns: list[object]) -> Answer:
    """Return a judge's answer in the form that is asked for: answers only where a question is open."""
    wanted = request["response_format"]["json_schema"]["schema"]["properties"]
    given = {"answers": answers} if "answers" in wanted else {}
    return says({**given, "concerns": concerns})


def user_of(request: Request) -> str:
    return str(request["messages"][1]["content"])


def finding_facts(request: Request, name: str = "F1") -> list[tuple[str, str]]:
    """Return the facts of a finding as the model sees them: id, and its label with the value where it is shown."""
    line = next(line for line in user_of(request).splitlines() if line.startswith(f"{name} |"))
    cells = [re.match(r"(.*?) ?\{\{(f\d+)\}\} ?(.*)", cell) for cell in line.split(" | ")]
    return [(cell[2], cell[1] + cell[3]) for cell in cells if cell]


def entity_of(request: Request, name: str = "F1") -> str:
    """Return a reference to the first fact of a finding, which is its key."""
    return f"{{{{{finding_facts(request, name)[0][0]}}}}}"


def fact_named(request: Request, part: str) -> str:
    return next(ident for ident, text in finding_facts(request) if part in text)


def diligent(request: Request) -> Answer:
    """Answer as a good model would: only words and references."""
    agent = agent_of(request)
    if agent == "drill_down":
        return says({"enough": True, "choices": []})
    if agent == "judge":
        return judged(request, [], [])
    entity = entity_of(request)
    if "総合所見" in request["messages"][0]["content"]:
        return says(
            {
                "assessment": [f"送信元 {entity} からの操作が判断基準に該当した。"],
                "recommendation": [f"{entity} の管理者に心当たりを確認する。"],
            }
        )
    return says(
        {
            "assessment": [f"The activity of {entity} met a criterion of the procedure."],
            "recommendation": [f"Ask the owner whether the activity of {entity} is known."],
        }
    )


def scripted(server: ModelServer, **agents: Callable[[Request], Answer]) -> None:
    """Let `agents` answer in their own way, and the others diligently."""
    server.script = lambda request: agents.get(agent_of(request), diligent)(request)
