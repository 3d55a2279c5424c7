"""`tejun eval`: how good the reports are, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from tejun.guarding import guarded
from tejun.output import FAILED, USAGE, JsonOption, clean, console, errors, fail, print_json

if TYPE_CHECKING:
    from evals.case import Case
    from evals.compare import Comparison
    from evals.result import RunResult
    from evals.rule_score import RuleScore
    from evals.run import Plan
    from evals.variant import Variant
    from tools.model.settings import ModelSettings

app = typer.Typer(help="Measure the reports against what is true.", no_args_is_help=True)

SHOWN = 3
"""Most faults printed of one score; the result file and the page hold all."""


@app.command()
@guarded
def run(
    case: Annotated[
        list[str] | None, typer.Argument(help="Only these cases; `aws-*` are those that begin so.")
    ] = None,
    variant: Annotated[str, typer.Option(help="Which way of doing the job.")] = "product",
    cases: Annotated[Path | None, typer.Option(help="A folder of cases instead of the bundled ones.")] = None,
    procedures: Annotated[
        Path | None,
        typer.Option(help="A folder of changed procedures, <id>/PROCEDURE.md, in place of the bundled ones."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes at a time.")] = 2,
    repeat: Annotated[int, typer.Option(min=1, max=20, help="Runs of each case, to measure stability.")] = 1,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the result as JSON.")] = None,
    page: Annotated[Path | None, typer.Option(help="Write the result as an HTML page.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep every report in this folder.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="A folder of real sets, measured and printed apart.")
    ] = None,
    judge_model: Annotated[
        str | None,
        typer.Option(
            help="Ask this model's opinion of the prose: shown apart, no part of a mark. Also TEJUN_JUDGE_MODEL."
        ),
    ] = None,
    strict: Annotated[bool, typer.Option(help="Exit 1 when a mark is not reached.")] = False,
    json: JsonOption = False,
) -> None:
    """Run cases in temporary data directories and score the reports.

    Exit 0 when every case ran, 1 when one failed (or, with --strict, when a mark is not reached), 2 on bad usage.
    """
    from evals.page import write_page
    from evals.result import write_result
    from evals.run import Plan

    chosen = _cases(cases, case or [], procedures)
    plan = Plan(
        _variant(variant),
        workers=workers,
        repeat=repeat,
        keep=keep,
        models=_models(variant),
        judge=_judge(judge_model),
    )
    result = _run(chosen, plan, quiet=json)
    if data is not None and not case:
        result = result.model_copy(update={"apart": _run_real(data, plan)})
    if output is not None:
        write_result(result, output)
    if page is not None:
        write_page(result, page)
    if json:
        print_json(result)
    else:
        _print_all(result)
    if any(_errors(result)) or (strict and not result.good):
        raise typer.Exit(FAILED)


def _print_all(result: RunResult) -> None:
    _print(result)
    _print_opinions(result)
    if result.apart is not None:
        console().print("\n[bold]Real logs, apart[/]")
        _print(result.apart)
        _print_rules(result.apart.labelled)


def _errors(result: RunResult) -> Iterator[str]:
    """Yield why cases, real sets and rules failed."""
    for run in (result, result.apart):
        if run is not None:
            yield from (case.error for case in run.cases if case.error)
            yield from (rule.error for rule in run.labelled if rule.error)


def _cases(folder: Path | None, ids: list[str], procedures: Path | None = None) -> tuple[Case, ...]:
    from evals.case import CASES, CaseError, load_cases, with_library

    try:
        chosen = load_cases(folder or CASES, ids)
        return with_library(chosen, procedures) if procedures else chosen
    except CaseError as error:
        fail(str(error), USAGE)


def _variant(name: str) -> Variant:
    from tejun.variants import VARIANTS

    if name not in VARIANTS:
        fail(f"variant {name!r} is unknown. Variants: {', '.join(VARIANTS)}.", USAGE)
    return VARIANTS[name]


def _judge(name: str | None) -> ModelSettings | None:
    """Return the model whose opinion is asked, or stop with the remedy where it cannot be."""
    from evals.opinion import NoJudgeError, require_judge
    from tejun.settings import read_judge

    judge = read_judge(name)
    if judge is not None:
        try:
            require_judge()
        except NoJudgeError as error:
            fail(str(error), USAGE)
    return judge


def _models(variant: str) -> dict[str, str]:
    """Return what speaks for each agent, for people; nothing where no model takes part."""
    from tejun.settings import read_settings
    from tejun.variants import PRODUCT

    if variant == PRODUCT:
        return {}
    return {
        agent: f"{model.name} temperature={model.temperature} max_tokens={model.max_tokens}"
        for agent, model in read_settings().models.items()
    }


def _run(cases: tuple[Case, ...], plan: Plan, *, quiet: bool) -> RunResult:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from evals.run import run_cases

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn())  # fmt: skip
    with Progress(
        *columns, console=errors(), transient=True, disable=quiet or not errors().is_terminal
    ) as bar:
        task = bar.add_task(plan.variant.id, total=len(cases))
        return run_cases(cases, plan, progress=lambda done: bar.update(task, description=done.id, advance=1))


def _run_real(folder: Path, plan: Plan) -> RunResult:
    from evals.real import run_real

    return run_real(folder, plan)


def _print(result: RunResult) -> None:
    from rich.table import Table

    from evals.page import interval, shown
    from evals.scorers import SCORERS

    out = console()
    table = Table("score", "", "value", "95 %", "cases", "mark", header_style="bold")
    for total in result.totals:
        scorer = SCORERS[total.scorer]
        mark = {None: "", True: "[green]reached[/]", False: "[bold red]not reached[/]"}[total.reached]
        few = " (few)" if total.few else ""
        table.add_row(
            scorer.id,
            scorer.title,
            shown(scorer, total.value),
            interval(scorer, total),
            f"{total.cases}{few}",
            mark,
        )
    out.print(f"[bold]{escape(result.variant)}[/]: {len(result.cases)} cases in {result.seconds:.0f} s")
    out.print(table)
    for text in _faults(result):
        out.print(f"  {clean(text)}", soft_wrap=True)
    for name, reason in result.skipped.items():
        out.print(f"  skipped {escape(name)}: {escape(reason)}", soft_wrap=True)


def _print_opinions(result: RunResult) -> None:
    """Print what a judge model thinks; nothing when none was asked."""
    from rich.table import Table

    from evals.opinion import QUESTIONS
    from evals.result import opinion_totals

    if result.judge is None:
        return
    table = Table("opinion", "", "mean", "95 %", "cases", "no answer", header_style="bold")
    for total in opinion_totals(result):
        interval = f"{total.low:.2f} to {total.high:.2f}" if total.value is not None else ""
        mean = "—" if total.value is None else f"{total.value:.2f}"
        table.add_row(
            total.question, QUESTIONS[total.question], mean, interval, str(total.cases), str(total.unanswered)
        )
    out = console()
    out.print(
        f"\n[bold]A model's opinion, apart[/]: {escape(result.judge)}; no part of any mark, never compared"
    )
    out.print(table)


def _print_rules(rules: Sequence[RuleScore]) -> None:
    """Print the rules over labelled events by set, and what is wrong; a set of true events alone has no table."""
    from rich.table import Table

    out = console()
    for name in dict.fromkeys(rule.set for rule in rules):
        mine = [rule for rule in rules if rule.set == name]
        right, labelled = sum(rule.right for rule in mine), sum(rule.true + rule.false for rule in mine)
        out.print(
            f"\n[bold]Labelled events, apart[/]: {escape(name)}: {right} of {labelled} right, {len(mine)} rules"
        )
        table = Table("rule", "labelled", "precision", "recall", header_style="bold")
        for rule in mine:
            count = f"{rule.true} true, {rule.false} false"
            table.add_row(escape(rule.rule), count, _share(rule.precision), _share(rule.recall))
        if any(rule.false for rule in mine):
            out.print(table)
        for rule in mine:
            for text in rule.wrong:
                out.print(f"  {escape(rule.rule)}: {clean(text)}", soft_wrap=True)


def _share(value: float | None) -> str:
    return "—" if value is None else f"{value:.0%}"


def _faults(result: RunResult) -> Iterator[str]:
    """Yield the cases that failed, then the first faults of every score."""
    yield from (f"{case.id}: FAILED: {case.error}" for case in result.cases if case.error)
    for total in result.totals:
        faults = [
            f"{total.scorer}: {case.id}: {fault}"
            for case in result.cases
            if total.scorer in case.scores
            for fault in case.scores[total.scorer].faults
        ]
        yield from faults[:SHOWN]
        if len(faults) > SHOWN:
            yield f"{total.scorer}: … and {len(faults) - SHOWN} more: see --output or --page"


@app.command()
@guarded
def compare(
    before: Annotated[Path, typer.Argument(help="A result of `tejun eval run --output`.")],
    after: Annotated[Path, typer.Argument(help="Another.")],
    json: JsonOption = False,
) -> None:
    """Show, case by case, what got better and what got worse.

    Exit 0 when nothing got worse beyond noise, 1 when something did, 2 on bad usage.
    """
    from evals.compare import compare as compare_runs
    from evals.result import ResultError, read_result

    try:
        comparison = compare_runs(read_result(before), read_result(after))
    except ResultError as error:
        fail(str(error), USAGE)
    if json:
        print_json(comparison)
    else:
        _print_comparison(comparison)
    if comparison.regressions:
        raise typer.Exit(FAILED)


@app.command()
@guarded
def langsmith(
    case: Annotated[list[str] | None, typer.Argument(help="Only these cases.")] = None,
    variant: Annotated[str, typer.Option(help="Which way of doing the job.")] = "product",
    upload: Annotated[bool, typer.Option(help="Send scores, case ids and titles to LangSmith.")] = False,
) -> None:
    """Run the same cases and scorers through LangSmith's `evaluate`; nothing is sent without --upload.

    Exit 0 when every case ran, 2 on bad usage.
    """
    from evals.run import Plan
    from evals.smith import evaluate_cases
    from tejun.settings import has_langsmith_key

    if upload and not has_langsmith_key():
        fail("--upload needs a key for LangSmith. Set LANGSMITH_API_KEY, or leave --upload away.", USAGE)
    chosen, plan = _cases(None, case or []), Plan(_variant(variant))
    for row in evaluate_cases(chosen, plan, upload=upload):
        scores = {one.key: one.score for one in row["evaluation_results"]["results"]}
        shown = ", ".join(
            f"{name} {score:.4g}" for name, score in scores.items() if isinstance(score, int | float)
        )
        console().print(f"{(row['example'].inputs or {})['case']}: {shown}", soft_wrap=True, markup=False)


def _print_comparison(comparison: Comparison) -> None:
    out = console()
    for text in comparison.made:
        out.print(f"made with: {clean(text)}", soft_wrap=True)
    for change in comparison.changes:
        word = "[bold red]worse [/]" if change.worse else "[green]better[/]"
        numbers = f"{change.before:.4g} → {change.after:.4g}"
        out.print(f"{word} {escape(change.case)}: {change.scorer} {numbers}", soft_wrap=True)
        for fault in change.faults:
            out.print(f"         {clean(fault)}", soft_wrap=True)
    for label, names in (("only before", comparison.only_before), ("only after", comparison.only_after)):
        if names:
            out.print(f"{label}: {escape(', '.join(names))}", soft_wrap=True)
    for text in comparison.notes:
        out.print(f"Note: {text}", soft_wrap=True)
    if comparison.regressions:
        out.print("[bold red]Regressions beyond noise:[/]")
        for text in comparison.regressions:
            out.print(f"  {clean(text)}", soft_wrap=True)
    else:
        out.print("No regression beyond noise.")
