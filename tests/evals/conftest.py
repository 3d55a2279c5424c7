"""Outputs of the product for a few cases, made once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

from evals.case import load_cases
from evals.logs import events_of, fill_home, prepare
from evals.scoring import Subject
from evals.sheet import make_sheet
from evals.variant import Job
from procedures.schedule import RoundWindow
from tejun.variants import VARIANTS

Perfect = Callable[[str], Subject]


@pytest.fixture(scope="session")
def perfect(tmp_path_factory: pytest.TempPathFactory) -> Perfect:
    """Return a way to the output of the product beside its answer sheet, by case id."""
    folder: Path = tmp_path_factory.mktemp("eval")
    (folder / "cache").mkdir()

    @lru_cache
    def made(name: str) -> Subject:
        (case,) = load_cases(ids=[name])
        prepared = prepare(case)
        fill_home(prepared, folder / name, folder / "cache")
        window = RoundWindow(prepared.start, prepared.end)
        job = Job(folder / name, case.source(), window, case.items, prepared.run_at)
        output = asyncio.run(VARIANTS["product"].run(job))
        return Subject(make_sheet(prepared, events_of(prepared)), output, [output])

    return made
