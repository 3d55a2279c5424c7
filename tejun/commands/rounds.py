"""`tejun run`, `tejun report`, `tejun sign`: rounds and their reports."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tejun.guarding import guarded, run_async
from tejun.output import (
    FAILED,
    NO_DATA,
    USAGE,
    JsonOption,
    clock,
    console,
    errors,
    fail,
    print_json,
    verdict_cell,
)
from tejun.settings import read_settings
from tejun.shapes import ItemShape, ModelShape, RoundShape, UnfinishedShape

if TYPE_CHECKING:
    from graph.rounds import ItemOutcome
    from procedures.schedule import RoundWindow
    from procedures.source import ProcedureSource
    from tejun.opening import Tejun
    from tejun.outage import Unfinished
    from tools.records.model_use import ModelCall
    from tools.records.rows import Round, RoundItemRow


class ReportFormat(StrEnum):
    """Formats of a report."""

    MD = "md"
    HTML = "html"
    JSON = "json"
    PDF = "pdf"


@guarded
def run(
    procedure: Annotated[str, typer.Argument(help="A bundled id, a folder, or a PROCEDURE.md.")],
    from_: Annotated[
        str | None, typer.Option("--from", help="Start of the window, in the procedure's zone.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="End of the window, exclusive.")] = None,
    last: Annotated[
        str | None, typer.Option(help="Several periods up to now, e.g. 7d: one round per period.")
    ] = None,
    item: Annotated[
        list[str] | None, typer.Option(help="Only these items; may be given several times.")
    ] = None,
    environment: Annotated[str, typer.Option("--env", help="Column of the parameter table.")] = "default",
    again: Annotated[bool, typer.Option(help="Run anew a round that exists; the old one stays.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=32, help="Items at a time.")] = 4,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show the searches and windows, send and write nothing.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run one round: every item to its review or to its end. Run it again to go on where it broke off.

    The same command again also repeats every item that failed, or whose searches failed, as long as nobody has
    answered it.

    Exit 0 when every item reached a review or was recorded, 1 when an item failed or is held by somebody
    else, 2 on bad usage, 3 when data could not be had: items wait whose searches failed.
    """
    import time

    from procedures.archive import load_new
    from procedures.bundled import find_procedure
    from procedures.schedule import round_windows
    from procedures.source import read_source

    source = read_source(find_procedure(procedure), environment)
    parsed = load_new(source)
    known = [part.id for part in parsed.items]
    for name in item or []:
        if name not in known:
            fail(f"item {name!r} is not in {parsed.id}. Items: {', '.join(known)}.", USAGE)
    columns = {name for parameter in parsed.parameters for name in parameter.values} | {"default"}
    if environment not in columns:
        fail(
            f"environment {environment!r} is no column of the parameters. Columns: {', '.join(sorted(columns))}.",
            USAGE,
        )
    windows = round_windows(parsed, now=time.time(), from_=from_, to=to, last=last)
    if plan:
        from tejun.commands.planning import plan_rounds

        plans = run_async(plan_rounds(source, windows, item or [], again=again, quiet=json))
        if json:
            print_json(plans if last else plans[0])
        return
    shapes, code = run_async(
        _run_all(source, windows, item or [], again=again, concurrency=concurrency, quiet=json)
    )
    if json:
        print_json(shapes if last else shapes[0])
    if code:
        raise typer.Exit(code)


async def _run_all(
    source: ProcedureSource,
    windows: tuple[RoundWindow, ...],
    only: list[str],
    *,
    again: bool,
    concurrency: int,
    quiet: bool,
) -> tuple[list[RoundShape], int]:
    """Run every window; return the rounds, and the exit code that they deserve."""
    from tejun.accounting import model_calls
    from tejun.opening import open_tejun
    from tejun.outage import print_unfinished, unfinished_items

    shapes, good, whole = [], True, True
    async with open_tejun(read_settings()) as tejun:
        for window in windows:
            round_, outcomes = await run_one(
                tejun, source, window, only, again=again, concurrency=concurrency, quiet=quiet
            )
            held = {outcome.item: outcome.detail for outcome in outcomes if outcome.state == "held"}
            casebook, evidence = tejun.resources.casebook, tejun.resources.evidence
            rows = casebook.items(round_.id)
            calls = await asyncio.to_thread(model_calls, rows, evidence)
            ran = [row for row in rows if not only or row.item_id in only]
            unfinished = await asyncio.to_thread(unfinished_items, ran, casebook, evidence)
            closed = casebook.closings.of_all([row.thread_id for row in rows])
            newer = {name: closing.by_round for name, closing in closed.items()}
            shapes.append(round_shape(round_, rows, held, calls, unfinished=unfinished, newer=newer))
            good = good and not any(outcome.state in {"failed", "held"} for outcome in outcomes)
            whole = whole and not unfinished
            if not quiet:
                print_round(round_, rows, held, newer)
                if unfinished:
                    print_unfinished(unfinished)
    return shapes, FAILED if not good else 0 if whole else NO_DATA


async def run_one(
    tejun: Tejun,
    source: ProcedureSource,
    window: RoundWindow,
    only: list[str],
    *,
    again: bool = False,
    concurrency: int = 4,
    quiet: bool = False,
) -> tuple[Round, list[ItemOutcome]]:
    """Plan and run one round, with progress on a terminal."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from graph.rounds import plan_round, run_round

    round_ = plan_round(tejun.resources, source, window, again=again)
    total = len(only) or len(tejun.resources.casebook.items(round_.id))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=errors(), transient=True, disable=quiet or not errors().is_terminal
    ) as bar:
        task = bar.add_task(round_.procedure_id, total=total)

        def show(item: str, state: str) -> None:
            bar.update(
                task,
                description=f"{round_.procedure_id}: {item} {state}",
                advance=0 if state == "running" else 1,
            )

        outcomes = await run_round(
            tejun.graph, tejun.resources, round_, only=only, concurrency=concurrency, progress=show
        )
    return round_, outcomes


def round_shape(
    round_: Round,
    rows: list[RoundItemRow],
    held: dict[str, str],
    calls: Mapping[str, Sequence[ModelCall]],
    *,
    unfinished: Unfinished | None = None,
    newer: Mapping[str, str] | None = None,
) -> RoundShape:
    """Return a round as JSON shows it."""
    from tejun.accounting import model_shape

    return RoundShape(
        round=round_.id,
        procedure=round_.procedure_id,
        version=round_.procedure_version,
        digest=round_.procedure_digest,
        start=round_.start,
        end=round_.end,
        timezone=round_.timezone,
        ad_hoc=round_.ad_hoc,
        items=[
            item_shape(
                row,
                held.get(row.item_id),
                model_shape(calls.get(row.item_id, ())),
                unfinished=(unfinished or {}).get(row.item_id, []),
                newer=(newer or {}).get(row.thread_id),
            )
            for row in rows
        ],
        model=model_shape([call for mine in calls.values() for call in mine]),
    )


def item_shape(
    row: RoundItemRow,
    held_by: str | None = None,
    model: ModelShape | None = None,
    *,
    unfinished: Sequence[UnfinishedShape] = (),
    newer: str | None = None,
) -> ItemShape:
    """Return an item as JSON shows it."""
    return ItemShape(
        id=row.thread_id,
        round=row.round_id,
        item=row.item_id,
        title=row.title,
        state=row.state,
        awaiting=row.awaiting,
        verdict=row.verdict,
        complete=row.complete,
        findings=row.findings,
        interrupt_id=row.interrupt_id,
        evidence_digest=row.report,
        error=row.error,
        held_by=held_by,
        superseded_by=newer if row.state == "superseded" else None,
        unfinished=list(unfinished),
        model=model,
    )


def print_round(
    round_: Round, rows: list[RoundItemRow], held: dict[str, str], newer: Mapping[str, str] | None = None
) -> None:
    """Print a round's table and what to type next."""
    from rich.markup import escape
    from rich.table import Column, Table

    window = f"{clock(round_.start, round_.timezone)} to {clock(round_.end, round_.timezone)}"
    label = " [yellow](ad hoc window)[/]" if round_.ad_hoc else ""
    width = max((len(row.item_id) for row in rows), default=0)
    title = f"{escape(round_.procedure_title)} · {window}{label}\nround {round_.id[:8]}"
    table = Table(
        Column("item", min_width=width),
        "verdict",
        "data",
        "found",
        "state",
        title=title,
        title_justify="left",
    )
    for row in rows:
        data = "—" if row.complete is None else "complete" if row.complete else "[yellow]incomplete[/]"
        state = held.get(row.item_id) or row.error or _state_text(row, (newer or {}).get(row.thread_id))
        found = "—" if row.findings is None else str(row.findings)
        table.add_row(
            f"{row.item_id}\n[dim]{escape(row.title)}[/]",
            verdict_cell(row.verdict),
            data,
            found,
            escape(state),
        )
    console().print(table)


def _state_text(row: RoundItemRow, newer: str | None) -> str:
    """Return where an item stands; a superseded one says by which round."""
    if row.awaiting:
        return f"waits for {row.awaiting}"
    return f"superseded by {newer[:8]}" if row.state == "superseded" and newer else row.state


@guarded
def report(
    round_: Annotated[
        str, typer.Argument(metavar="ROUND", help="A round id or its beginning, a procedure id, or latest.")
    ] = "latest",
    format_: Annotated[ReportFormat, typer.Option("--format", help="Format.")] = ReportFormat.MD,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to a file.")] = None,
) -> None:
    """Print the report of a round, as it stands now."""
    content = render_report(round_, format_)
    if output is None:
        import sys

        if isinstance(content, bytes):
            fail("a PDF is no text for a terminal. Name a file with --output report.pdf.", USAGE)
        sys.stdout.write(content)
    else:
        output.write_bytes(content if isinstance(content, bytes) else content.encode())
        console().print(f"wrote {output}", markup=False)


def render_report(name: str, format_: ReportFormat) -> str | bytes:
    """Return the report of a round in a format."""
    import time

    from agents.render import html, markdown, pdf
    from agents.render.json import to_json
    from agents.round_report import assemble_round
    from tools.records.casebook import Casebook
    from tools.records.evidence import EvidenceStore
    from tools.search.result import SearchResult

    settings = read_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    casebook, evidence = Casebook(settings.casebook_url), EvidenceStore(settings.evidence)
    try:
        whole = assemble_round(casebook.find_round(name), casebook, evidence, now=time.time())
    finally:
        casebook.close()

    def spl_of(digest: str) -> str:
        return evidence.get(digest, SearchResult).spl

    if format_ is ReportFormat.JSON:
        return to_json(whole, spl_of=spl_of)
    if format_ is ReportFormat.PDF:
        return pdf.render_round(whole, spl_of=spl_of)
    render = markdown.render_round if format_ is ReportFormat.MD else html.render_round
    return render(whole, spl_of=spl_of)


@guarded
def sign(
    round_: Annotated[
        str, typer.Argument(metavar="ROUND", help="A round id or its beginning, a procedure id, or latest.")
    ],
    json: JsonOption = False,
) -> None:
    """Sign a round whose items are all reviewed and of whose checks none failed; its gaps are part of the signature."""
    signed, gaps = run_async(_sign(round_))
    if json:
        print_json(signed)
    else:
        console().print(
            f"round {signed.id[:8]} signed by {signed.signed_by} at {clock(signed.signed_at, signed.timezone)}",
            markup=False,
        )
        if gaps:
            console().print(f"The signature states {gaps} gaps of the data; `tejun report` names them.")


async def _sign(name: str) -> tuple[Round, int]:
    """Sign; return the round, and how many gaps its signature states."""
    from graph.signing import sign_round, signed_gaps
    from tejun.opening import open_resources

    async with open_resources(read_settings()) as resources:
        signed = await asyncio.to_thread(sign_round, resources, name)
        return signed, len(await asyncio.to_thread(signed_gaps, resources, signed))
