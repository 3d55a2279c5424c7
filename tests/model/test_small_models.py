"""Whole items with real small models: whatever they write, every figure is right and no verdict is lowered."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.prose import REFERENCE
from agents.render.values import render_fact
from tests.graph.model_rounds import Ran, library, model_settings, opened_with_model, run_item
from tests.model.conftest import small_model
from tools.demo import plan
from tools.records.model_use import sum_calls

pytestmark = [pytest.mark.model, pytest.mark.timeout(1700)]

ITEMS = (
    (plan.LINUX, "ssh-bruteforce"),
    (plan.AWS, "console-no-mfa"),
    (plan.LINUX, "root-shell"),
    (plan.AWS, "denied-calls"),
    (plan.WEB, "not-found-scan"),
    (plan.AWS, "trail-tampering"),
)
"""Three Japanese and three English items; the short version runs the first two."""
SHORT = os.environ.get("TEJUN_TEST_MODEL") == "short"
COUNT = 2 if SHORT else len(ITEMS)


@dataclass(frozen=True)
class Patience:
    """How long a model may take."""

    item_s: int
    """For the questions of one item, as the procedure's budget; then the fixed wording stands in."""
    all_s: int
    """After so long no further item begins; those that did not run are named."""
    tokens: int
    """Most of one answer."""


PATIENCE = {"smollm2-135m": Patience(50, 300, 240), "qwen2.5-1.5b": Patience(300, 780, 300)}
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Line:
    """What is printed for one model and item."""

    model: str
    item: str
    figures: int
    wrong: int
    lowered: int
    repairs: int
    narrative: str
    failed: tuple[str, ...]
    tokens_in: int
    tokens_out: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.model:14} {self.item:16} figures {self.figures:3} wrong {self.wrong} lowered {self.lowered} "
            f"repairs {self.repairs} narrative {self.narrative:5} tokens {self.tokens_in:5}/{self.tokens_out:4} "
            f"{self.seconds:5.0f} s {' '.join(self.failed)}"
        )


def figures_of(ran: Ran) -> list[tuple[str, object]]:
    """Return every value of the findings table by its finding and column."""
    return [
        (f"{row.finding}.{column.source}", ran.report.fact(cell).value if cell else None)
        for row in (*ran.report.rows, *ran.report.attached)
        for column, cell in zip(ran.report.columns, row.cells, strict=True)
    ]


def wrong_figures(ran: Ran, before: Ran) -> int:
    """Count table values that differ from those without a model, and digits in prose that come from no fact."""
    old = dict(figures_of(before))
    wrong = sum(old.get(place) != value for place, value in figures_of(ran))
    for section in ran.report.sections:
        for text in section.paragraphs:
            wrong += len(_NUMBER.findall(REFERENCE.sub("", text)))
            wrong += sum(
                not render_fact(ran.report.fact(name), ran.report.language, ran.report.timezone)
                for name in REFERENCE.findall(text)
            )
    return wrong


def lowered(ran: Ran, before: Ran) -> int:
    old = {entry.finding: entry.verdict.severity for entry in before.judgement.findings}
    return sum(entry.verdict.severity < old[entry.finding] for entry in ran.judgement.findings) + (
        ran.judgement.verdict.severity < before.judgement.verdict.severity
    )


def patient(seconds: int) -> Callable[[str], str]:
    """Return what gives a procedure the time that a small model on a small machine takes."""
    return lambda text: re.sub(
        r"budget: \{.*\}", f"budget: {{tokens: 40000, model_seconds: {seconds}}}", text
    )


async def run_all(home: Path, name: str, url: str) -> list[Line]:
    patience = PATIENCE[name]
    models = model_settings(url, name=name, timeout_s=patience.item_s, max_tokens=patience.tokens)
    lines: list[Line] = []
    until = time.monotonic() + patience.all_s
    for procedure, item in ITEMS[:COUNT]:
        if time.monotonic() > until:
            tell(f"{name:14} {item:16} not run: the time is used up")
            continue
        source = library(procedure, patient(patience.item_s))
        async with opened_with_model(home, {}) as tejun:
            before = await run_item(tejun, source, item)
        async with opened_with_model(home, models) as tejun:
            ran = await run_item(tejun, source, item)
        use = ran.report.model_use
        assert use is not None
        assert ran.checks.failed == ()
        totals = sum_calls(use.calls)
        line = Line(
            model=name,
            item=item,
            figures=len(figures_of(ran)),
            wrong=wrong_figures(ran, before),
            lowered=lowered(ran, before),
            repairs=use.repairs,
            narrative=use.narrative,
            failed=tuple(f"{call.agent}:{call.outcome}" for call in use.calls if call.outcome != "ok"),
            tokens_in=totals.tokens_in,
            tokens_out=totals.tokens_out,
            seconds=totals.seconds,
        )
        tell(str(line))
        lines.append(line)
    accepted = sum(line.narrative == "model" for line in lines)
    tell(f"{name:14} {len(lines)} items: {accepted} narratives by the model, {len(lines) - accepted} by code")
    return lines


def tell(text: str) -> None:
    print(text, file=sys.__stderr__, flush=True)


async def test_a_hopeless_writer_gets_no_figure_wrong(home: Path) -> None:
    with small_model("smollm2-135m") as url:
        lines = await run_all(home, "smollm2-135m", url)
    assert sum(line.wrong for line in lines) == 0
    assert sum(line.lowered for line in lines) == 0


@pytest.mark.skipif(SHORT, reason="the short version runs the smallest model alone")
async def test_a_realistic_model_writes_half_of_the_narratives_and_gets_no_figure_wrong(home: Path) -> None:
    with small_model("qwen2.5-1.5b") as url:
        lines = await run_all(home, "qwen2.5-1.5b", url)
    assert sum(line.wrong for line in lines) == 0
    assert sum(line.lowered for line in lines) == 0
    accepted = sum(line.narrative == "model" for line in lines)
    assert accepted * 2 >= len(lines), [str(line) for line in lines]
