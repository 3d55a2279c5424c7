"""`make eval-model`: the product and the plain ReAct agent, with the same small model on the same cases, side by side."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from evals.case import load_cases
from evals.result import CaseResult
from evals.run import Plan, run_case
from tejun.variants import VARIANTS
from tests.model.conftest import small_model

NAME = "qwen2.5-1.5b"
CASES = ("trail-tampering-fires", "root-login-fires", "console-no-mfa-fires", "server-errors-above")
"""One item each, in both languages."""
SHOWN = ("verdicts", "told", "true", "calls", "tokens_in", "tokens", "seconds")
BESIDE = ("model", "react")


def main(wanted: Sequence[str], folder: Path) -> None:
    """Run the cases, print a line for each variant and case as it ends, then the sums."""
    results: dict[str, list[CaseResult]] = {name: [] for name in BESIDE}
    with tempfile.TemporaryDirectory(prefix="tejun-eval-") as work:
        for case in load_cases(ids=wanted):
            for name in BESIDE:
                plan = Plan(VARIANTS[name], workers=1, keep=folder / name)
                results[name].append(run_case(case, plan, Path(work)))
                _print({name: results[name][-1:]})
    _print(results)
    ours, theirs = (sum(_of(one, "tokens_in") for one in results[name]) for name in BESIDE)
    if theirs:
        Console().print(
            f"input tokens: {ours:.0f} of ours, {theirs:.0f} of the baseline: {ours / theirs:.0%}"
        )


def _of(result: CaseResult, score: str) -> float:
    return result.scores[score].value if score in result.scores else 0.0


def _print(results: dict[str, list[CaseResult]]) -> None:
    table = Table("variant", "case", *SHOWN, "came to an end")
    for name, cases in results.items():
        for case in cases:
            shown = (f"{_of(case, score):.2f}".removesuffix(".00") for score in SHOWN)
            table.add_row(name, case.id, *shown, case.error or "yes")
    Console(width=160).print(table)


if __name__ == "__main__":
    template = Path(__file__).with_name("tools.jinja")
    try:
        with small_model(NAME, template=template) as url:
            os.environ |= {
                "TEJUN_MODEL": NAME, "TEJUN_MODEL_BASE_URL": url, "TEJUN_MODEL_TIMEOUT": "600",
                "TEJUN_MODEL_MAX_TOKENS": "300", "TEJUN_MODEL_RETRIES": "0",
            }  # fmt: skip
            main(sys.argv[1:] or CASES, Path(".tejun/eval"))
    except pytest.skip.Exception as reason:
        sys.exit(str(reason))
