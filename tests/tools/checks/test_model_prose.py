"""The checks look at a model's prose themselves, whatever let it through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agents.render.markdown import render_item
from tejun.opening import Tejun
from tests.graph.model_rounds import diligent, library, model_settings, opened_with_model, run_item
from tests.model_server import ModelServer, serve_model
from tools.checks.run import check_report
from tools.demo import plan
from tools.records.finding import DrillDownRun


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serve_model(diligent) as running:
        yield running


@pytest.fixture
async def tejun(home: Path, server: ModelServer) -> AsyncIterator[Tejun]:
    async with opened_with_model(home, model_settings(server.url)) as everything:
        yield everything


@pytest.mark.parametrize("text", ["失敗は 12 回。", "{{f999}} が行った。", "203.0.113.66 が行った。"])
async def test_a_figure_or_an_entity_in_a_models_prose_fails_the_check(tejun: Tejun, text: str) -> None:
    source = library(plan.LINUX)
    ran = await run_item(tejun, source, "ssh-bruteforce")
    assert ran.author("assessment")
    sections = tuple(
        part.model_copy(update={"paragraphs": (*part.paragraphs, text)}) if part.id == "assessment" else part
        for part in ran.report.sections
    )
    changed = ran.report.model_copy(update={"sections": sections})
    runs = [DrillDownRun.model_validate(run) for run in ran.state["runs"]]
    rendered = render_item(ran.report, checks=None, spl_of=lambda digest: "x")
    checks = check_report(source, changed, rendered, runs, tejun.resources.evidence, report_digest="x")
    assert [check.id for check in checks.failed] == ["figures", "rendered"]
