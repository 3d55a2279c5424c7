"""Running cases: each in a data directory of its own, in several processes, scored where it ran."""

from __future__ import annotations

import asyncio
import multiprocessing
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

from evals.case import Case
from evals.logs import Prepared, background_key, background_store, events_of, fill_home, prepare
from evals.made import made_with
from evals.opinion import opinions_of, prose_of
from evals.output import Output
from evals.result import CaseResult, RunResult, totals
from evals.scorers import SCORERS
from evals.scoring import Subject
from evals.sheet import make_sheet
from evals.variant import Job, Variant
from procedures.schedule import RoundWindow
from tools.model.settings import ModelSettings

Progress = Callable[[CaseResult], None]
"""Called with every case as it ends."""


@dataclass(frozen=True)
class Plan:
    """How a run goes."""

    variant: Variant
    workers: int = 2
    repeat: int = 1
    """Runs of each case; more than one measures stability."""
    keep: Path | None = None
    """Where to keep every report, for a person to look at."""
    models: Mapping[str, str] = field(default_factory=dict)
    """What speaks for each agent, for people."""
    judge: ModelSettings | None = None
    """The model whose opinion of the prose is asked; None: none is."""


def run_cases(cases: Sequence[Case], plan: Plan, *, progress: Progress = lambda case: None) -> RunResult:
    """Run and score cases; a case that fails is told and does not stop the others.

    Args:
        cases: Generated cases.
        plan: How.
        progress: Called with every case as it ends.
    """
    clock, started = time.time(), time.monotonic()
    misfits = [
        CaseResult(id=case.id, title=case.title, tags=case.tags, error=reason)
        for case in cases
        if (reason := case.misfit())
    ]
    unfit = {case.id for case in misfits}
    with tempfile.TemporaryDirectory(prefix="tejun-eval-") as folder:
        fit = [case for case in cases if case.id not in unfit]
        done = [*misfits, *_all(fit, plan, Path(folder), progress)]
    order = {case.id: place for place, case in enumerate(cases)}
    done.sort(key=lambda case: order[case.id])
    return RunResult(
        variant=plan.variant.id,
        started_at=clock,
        seconds=time.monotonic() - started,
        workers=plan.workers,
        cases=tuple(done),
        totals=totals(done),
        made=made_with(cases, plan.models),
        judge=plan.judge.name if plan.judge else None,
    )


def _all(cases: Sequence[Case], plan: Plan, folder: Path, progress: Progress) -> list[CaseResult]:
    done = []
    if plan.workers == 1 or len(cases) <= 1:
        for case in cases:
            done.append(run_case(case, plan, folder))
            progress(done[-1])
        return done
    spawn = multiprocessing.get_context("spawn")  # forking would copy the threads of a running loop
    with ProcessPoolExecutor(plan.workers, mp_context=spawn) as pool:
        list(pool.map(_warm, _backgrounds(cases), repeat(folder)))
        running = [pool.submit(run_case, case, plan, folder) for case in _costly_first(cases)]
        for future in as_completed(running):
            done.append(future.result())
            progress(done[-1])
    return done


def _backgrounds(cases: Sequence[Case]) -> list[Case]:
    """Return one case of each background, those with the most days first."""
    first: dict[str, Case] = {}
    for case in cases:
        first.setdefault(background_key(prepare(case)), case)
    return sorted(first.values(), key=lambda case: -case.logs.days)


def _warm(case: Case, folder: Path) -> None:
    background_store(prepare(case), _cache(folder))


def _costly_first(cases: Sequence[Case]) -> list[Case]:
    """Order cases so that whole rounds come first and none of them is left for the end."""
    return sorted(cases, key=lambda case: (-len(case.truth.items), case.procedure, case.id))


def run_case(case: Case, plan: Plan, folder: Path) -> CaseResult:
    """Run one case and score it.

    Args:
        case: A generated case.
        plan: How.
        folder: For data directories and the backgrounds that cases share.
    """
    try:
        prepared = prepare(case)
        outputs = [_run(prepared, plan, folder) for _ in range(plan.repeat)]
        subject = Subject(make_sheet(prepared, events_of(prepared)), outputs[0], outputs[1:])
        scores = {name: score for name, one in SCORERS.items() if (score := one.score(subject))}
        opinions = opinions_of(prose_of(subject.sections), plan.judge) if plan.judge else {}
    except Exception as error:  # an edge: one case's failure is its own, and is shown
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"{type(error).__name__}: {error} ({place.name})"
        return CaseResult(id=case.id, title=case.title, tags=case.tags, error=reason)
    faults = [f"{item}: {reason}" for item, reason in outputs[0].failed.items()]
    return CaseResult(
        id=case.id,
        title=case.title,
        tags=case.tags,
        scores=scores,
        error="; ".join(faults) or None,
        opinions=opinions,
    )


def _run(prepared: Prepared, plan: Plan, folder: Path) -> Output:
    case = prepared.case
    home = Path(tempfile.mkdtemp(prefix=f"{case.id}-", dir=folder))
    try:
        fill_home(prepared, home, _cache(folder))
        window = RoundWindow(prepared.start, prepared.end)
        job = Job(home, case.source(), window, case.items, prepared.run_at)
        output = asyncio.run(plan.variant.run(job))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if plan.keep is not None:
        plan.keep.mkdir(parents=True, exist_ok=True)
        (plan.keep / f"{case.id}.md").write_text(output.markdown, "utf-8")
    return output


def _cache(folder: Path) -> Path:
    cache = folder / "backgrounds"
    cache.mkdir(exist_ok=True)
    return cache
