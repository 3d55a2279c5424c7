"""The ways of doing the job that `tejun eval` knows. A new one is one function and one line in the table."""

from __future__ import annotations

import time
from collections.abc import Iterator

from agents.render.markdown import render_round
from agents.round_report import assemble_round
from evals.output import Claim, Cost, Output, Search
from evals.variant import Job, Variant
from graph.rounds import plan_round, run_round
from tejun.opening import Tejun, open_tejun
from tejun.settings import Settings
from tools.records.report import RoundReport
from tools.search.result import SearchResult

CONCURRENCY = 2


async def run_product(job: Job) -> Output:
    """Run one round as `tejun run` does, up to its reviews, and hand in its report."""
    settings = Settings(home=job.home, casebook_url=f"sqlite:///{job.home / 'casebook.sqlite'}", user="eval")
    started = time.monotonic()
    async with open_tejun(settings, clock=lambda: job.now) as tejun:
        round_ = plan_round(tejun.resources, job.source, job.window)
        await run_round(tejun.graph, tejun.resources, round_, only=job.items, concurrency=CONCURRENCY)
        whole = assemble_round(round_, tejun.resources.casebook, tejun.resources.evidence, now=job.now)
        return _output(tejun, whole, seconds=time.monotonic() - started)


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
        cost=Cost(seconds=seconds, searches=sum(len(report.search_log) for report in reports)),
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
    variant.id: variant for variant in (Variant("product", "Tejun without a model", run_product),)
}
"""Every variant by its id."""
