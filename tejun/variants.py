"""The ways of doing the job that `tejun eval` knows. A new one is one function and one line in the table."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from agents.render.markdown import render_round
from agents.round_report import assemble_round
from evals.output import Claim, Cost, Output, Search
from evals.variant import Job, Variant
from graph.rounds import plan_round, run_round
from tejun.contributions import contributions_of
from tejun.opening import Tejun, open_tejun
from tejun.settings import Settings, read_settings
from tools.model.settings import ModelSettings
from tools.records.evidence import EvidenceStore
from tools.records.model_use import sum_calls
from tools.records.report import ItemReport, RoundReport
from tools.search.result import SearchResult

CONCURRENCY = 2
PRODUCT = "product"
"""The variant in which no model takes part."""


class NoModelError(Exception):
    """A variant needs a model and none is configured."""


async def run_product(job: Job) -> Output:
    """Run one round as `tejun run` does, up to its reviews, and hand in its report."""
    return await _run(job, {})


async def run_model(job: Job) -> Output:
    """Run one round with the models of the environment.

    Raises:
        NoModelError: None is configured.
    """
    return await _run(job, _models("model"))


async def run_baseline(job: Job) -> Output:
    """Run the plain ReAct agent with the reporter's model.

    Raises:
        NoModelError: None is configured, or the library of the agent is not installed.
    """
    model = _models("react").get("reporter")
    if model is None:
        raise NoModelError(
            "variant 'react' runs with the reporter's model, which is off. Set TEJUN_MODEL_REPORTER."
        )
    try:
        from evals.react import run_react
    except ModuleNotFoundError as error:
        raise NoModelError(
            f"variant 'react' needs {error.name!r}, one of the development tools: make check."
        ) from None
    return await run_react(job, model)


def _models(variant: str) -> dict[str, ModelSettings]:
    if models := read_settings().models:
        return models
    raise NoModelError(
        f"variant {variant!r} needs a model. Set TEJUN_MODEL and, for a server of your own, TEJUN_MODEL_BASE_URL."
    )


@asynccontextmanager
async def _rounded(job: Job, models: dict[str, ModelSettings]) -> AsyncIterator[tuple[Tejun, RoundReport]]:
    settings = Settings(
        home=job.home, casebook_url=f"sqlite:///{job.home / 'casebook.sqlite'}", user="eval", models=models
    )
    async with open_tejun(settings, clock=lambda: job.now) as tejun:
        round_ = plan_round(tejun.resources, job.source, job.window)
        await run_round(tejun.graph, tejun.resources, round_, only=job.items, concurrency=CONCURRENCY)
        yield tejun, assemble_round(round_, tejun.resources.casebook, tejun.resources.evidence, now=job.now)


async def _run(job: Job, models: dict[str, ModelSettings]) -> Output:
    started = time.monotonic()
    async with _rounded(job, models) as (tejun, whole):
        return _output(tejun, whole, seconds=time.monotonic() - started)


async def demanded_searches(job: Job) -> dict[str, list[list[SearchResult]]]:
    """Return the searches that the procedure demands of each item, in turns: the drill-downs need what came before them."""
    async with _rounded(job, {}) as (tejun, whole):
        return {
            item.item: _turns(item.report, tejun.resources.evidence) for item in whole.items if item.report
        }


def _turns(report: ItemReport, evidence: EvidenceStore) -> list[list[SearchResult]]:
    turns: list[list[SearchResult]] = [[], []]
    for entry in report.search_log:
        turns[entry.purpose.startswith("drill_down:")].append(evidence.get(entry.evidence, SearchResult))
    return [turn for turn in turns if turn]


def _output(tejun: Tejun, whole: RoundReport, *, seconds: float) -> Output:
    evidence = tejun.resources.evidence
    reports = [item.report for item in whole.items if item.report is not None]
    digests = {entry.evidence for report in reports for entry in report.search_log}
    results = {digest: evidence.get(digest, SearchResult) for digest in sorted(digests)}
    return Output(
        markdown=render_round(whole, spl_of=lambda digest: evidence.get(digest, SearchResult).spl),
        failed={item.item: item.error for item in whole.items if item.error},
        claims=tuple(_claims(whole)),
        searches={digest: _search(result) for digest, result in results.items()},
        contributions=tuple(one for report in reports for one in contributions_of(report)),
        cost=_cost(reports, seconds),
    )


def _cost(reports: list[ItemReport], seconds: float) -> Cost:
    uses = [report.model_use for report in reports if report.model_use]
    totals = sum_calls([call for use in uses for call in use.calls])
    return Cost(
        seconds=seconds,
        searches=sum(len(report.search_log) for report in reports),
        calls=totals.calls,
        tokens=totals.tokens_in + totals.tokens_out,
        tokens_in=totals.tokens_in,
        failures=totals.failed,
        repairs=sum(use.repairs for use in uses),
    )


def _claims(whole: RoundReport) -> Iterator[Claim]:
    for item in whole.items:
        for fact in item.report.facts if item.report else ():
            yield Claim(
                item=item.item,
                text=fact.label,
                value=fact.value,
                evidence=fact.evidence,
                place=fact.derivation,
            )


def _search(result: SearchResult) -> Search:
    return Search(
        status=result.status.value,
        spl=result.spl,
        earliest=result.earliest,
        latest=result.latest,
        rows=result.rows,
    )


VARIANTS: dict[str, Variant] = {
    variant.id: variant
    for variant in (
        Variant(PRODUCT, "Tejun without a model", run_product),
        Variant("model", "Tejun with the configured model", run_model),
        Variant("react", "a plain ReAct agent with the configured model", run_baseline),
    )
}
"""Every variant by its id."""
