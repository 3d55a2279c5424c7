"""`make eval-model`: the product and the plain ReAct agent on the same cases with the same small model, side by side.

The plain agent runs twice: with the model, which may give up early, and played from a script that does all that the procedure
demands in the fewest calls. Tokens are those of the model's server.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from evals.able import ServerCount, run_able
from evals.case import Case, load_cases
from evals.output import Output
from evals.result import CaseResult
from evals.run import Plan, run_case
from evals.variant import Job, Variant
from tejun.variants import VARIANTS, demanded_searches
from tests.model.conftest import small_model

NAME = "qwen2.5-1.5b"
CASES = ("trail-tampering-fires", "console-no-mfa-fires", "server-errors-above", "not-found-scan-above")
"""One item each, in both languages; two of each procedure, whose beginning the server has then read already."""
MODEL = {"TIMEOUT": "900", "MAX_TOKENS": "400", "RETRIES": "0"}
SECONDS = 1200
"""After so long no further case begins with the model; those that did not run are named."""
SERVED_S = 3600

OURS, PLAIN, SCRIPTED = "Tejun", "plain agent", "plain agent, scripted"
SCORES = ("verdicts", "told", "true", "calls", "tokens_in", "tokens", "seconds")
COUNTED = {"calls", "tokens_in"}
"""All that means anything of a script."""

Results = dict[str, dict[str, CaseResult]]
"""By variant and case."""


async def play(job: Job) -> Output:
    """Play the plain agent at its best; its tokens are counted by the server of the environment."""
    return await run_able(job, await demanded_searches(job), ServerCount(os.environ["TEJUN_MODEL_BASE_URL"]))


BESIDE = (
    Variant(OURS, "", VARIANTS["model"].run),
    Variant(SCRIPTED, "", play),
    Variant(PLAIN, "", VARIANTS["react"].run),
)


def main(cases: Sequence[Case], folder: Path) -> None:
    """Run the cases with one variant after the other, print a line as each ends, then all of them side by side."""
    results: Results = {variant.id: {} for variant in BESIDE}
    until = time.monotonic() + SECONDS
    with tempfile.TemporaryDirectory(prefix="tejun-eval-") as work:
        for variant in BESIDE:
            plan = Plan(variant, workers=1, keep=folder / variant.id)
            for case in sorted(cases, key=lambda case: case.procedure):
                if time.monotonic() > until:
                    print(f"{variant.id}: {case.id} not run: the time is used up", flush=True)
                    continue
                result = run_case(case, plan, Path(work))
                results[variant.id][case.id] = result
                print(f"{variant.id}: {case.id}: {', '.join(_told(variant.id, result))}", flush=True)
    console = Console(width=150)
    console.print(_side_by_side(results))
    console.print(_shares(results))


def _told(variant: str, result: CaseResult) -> Iterator[str]:
    for name in SCORES:
        if variant != SCRIPTED or name in COUNTED:
            yield f"{name} {_shown(result, name)}"
    yield result.error or "came to its end"


def _side_by_side(results: Results) -> Table:
    table = Table("case", "variant", *SCORES, "came to an end", title=f"side by side, with {NAME}")
    for case in results[OURS]:
        for variant in (OURS, PLAIN, SCRIPTED):
            if result := results[variant].get(case):
                shown = (
                    _shown(result, name) if variant != SCRIPTED or name in COUNTED else "" for name in SCORES
                )
                table.add_row(case, variant, *shown, result.error or "yes")
        table.add_section()
    return table


def _shares(results: Results) -> Table:
    """Return the input tokens of each case; a sum is over the cases that both have."""
    table = Table("case", OURS, PLAIN, "share", SCRIPTED, "share", title="input tokens")
    for case in results[OURS]:
        table.add_row(case, *_share_cells(results, [case]))
    table.add_section()
    table.add_row("all", *_share_cells(results, list(results[OURS])))
    return table


def _share_cells(results: Results, cases: Sequence[str]) -> Iterator[str]:
    yield f"{sum(_tokens(results, OURS, case) for case in cases):.0f}"
    for variant in (PLAIN, SCRIPTED):
        both = [case for case in cases if _tokens(results, OURS, case) and _tokens(results, variant, case)]
        ours, theirs = (sum(_tokens(results, name, case) for case in both) for name in (OURS, variant))
        yield from (f"{theirs:.0f}", f"{ours / theirs:.1%}") if both else ("", "")


def _tokens(results: Results, variant: str, case: str) -> float:
    result = results[variant].get(case)
    score = result.scores.get("tokens_in") if result else None
    return score.value if score else 0.0


def _shown(result: CaseResult, name: str) -> str:
    score = result.scores.get(name)
    return f"{score.value:.2f}".removesuffix(".00") if score else ""


if __name__ == "__main__":
    template = Path(__file__).with_name("tools.jinja")
    try:
        with small_model(NAME, template=template, served_s=SERVED_S) as url:
            os.environ |= {"TEJUN_MODEL": NAME, "TEJUN_MODEL_BASE_URL": url}
            os.environ |= {f"TEJUN_MODEL_{name}": value for name, value in MODEL.items()}
            main(load_cases(ids=sys.argv[1:] or CASES), Path(".tejun/eval"))
    except pytest.skip.Exception as reason:
        sys.exit(str(reason))
