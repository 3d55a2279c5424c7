"""`tejun search`: one search over the local store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tejun.guarding import guarded
from tejun.output import (
    FAILED,
    USAGE,
    JsonOption,
    clean,
    clock,
    console,
    errors,
    known_zone,
    print_json,
    print_table,
)
from tejun.settings import read_settings
from tejun.shapes import ExplainedSearch, SearchShape

CHARTED = 8
"""Series that a chart in the terminal shows at most."""

if TYPE_CHECKING:
    from spl.errors import SplError
    from spl.run import Result


@guarded
def search(
    spl: Annotated[
        str,
        typer.Argument(
            help="The search, e.g. 'index=os vendor_action=\"Failed password\" | stats count BY src_ip'."
        ),
    ],
    from_: Annotated[
        str, typer.Option("--from", help="Start: an epoch, 2026-11-19, 2026-11-19T09:00:00, -24h@h.")
    ] = "-24h",
    to: Annotated[str, typer.Option("--to", help="End, exclusive; the same forms, or now.")] = "now",
    timezone: Annotated[str, typer.Option(callback=known_zone, help="Zone of clock times.")] = "UTC",
    limit: Annotated[int, typer.Option(help="Most rows shown; 0 shows all.")] = 1000,
    timeout: Annotated[float, typer.Option(help="Seconds after which the search is stopped.")] = 60,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show how the search was understood and the SQL that ran.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Write all rows to FILE.csv, FILE.ndjson or FILE.parquet."),
    ] = None,
    chart: Annotated[
        bool | None, typer.Option(help="Draw the result over time; by default for timechart on a terminal.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run one SPL search over the local logs.

    macros.conf, lookups/ (CSV, transforms.conf) and models/ (data models) in the data directory can be used by every
    search.
    """
    import time
    from zoneinfo import ZoneInfo

    from spl.errors import SearchFailedError, SearchTimeoutError, SplError
    from spl.timerange import resolve
    from tejun.exporting import check_target, write_rows
    from tools.logstore.store import LogStore

    target = check_target(output) if output else None
    settings = read_settings()
    now, zone = time.time(), ZoneInfo(timezone)
    earliest, latest = resolve(from_, now=now, zone=zone), resolve(to, now=now, zone=zone)
    with LogStore(settings.logs, knowledge=settings.home) as store:
        try:
            result = store.search(
                spl,
                earliest=earliest,
                latest=latest,
                zone=zone,
                limit=None if target else limit or None,
                now=now,
                timeout_s=timeout,
            )
        except SplError as error:
            status = {SearchTimeoutError: "timed_out", SearchFailedError: "failed"}.get(
                type(error), "refused"
            )
            _report_error(spl, error, status, earliest, latest, json=json)
            raise typer.Exit(USAGE if status == "refused" else FAILED) from None
    if target is not None:
        write_rows(target, result)
    if json:
        print_json(_shape(result, explain=explain))
        return
    if explain:
        _print_explanation(result)
    if target is not None:
        console().print(f"{len(result.rows):,} rows written to {clean(str(target))}")
        _print_notes(result)
        return
    if chart or (chart is None and console().is_terminal and "timechart" in result.spl):
        _print_chart(result, timezone)
    _print(result, timezone)


def _shape(result: Result, *, explain: bool = False) -> SearchShape:
    from tools.logstore.server import status_of
    from tools.search.coerce import coerce_row

    shape = SearchShape(
        status=status_of(result),
        fields=list(result.fields),
        rows=[dict(coerce_row(dict(row))) for row in result.rows],
        total=result.total,
        truncated=result.truncated,
        earliest=result.earliest,
        latest=result.latest,
        spl=result.spl,
        messages=list(result.messages),
        seconds=result.seconds,
    )
    return ExplainedSearch(**dict(shape), statements=list(result.statements)) if explain else shape


def _report_error(
    spl: str, error: SplError, status: str, earliest: float, latest: float, *, json: bool
) -> None:
    if json:
        shape = SearchShape(
            status=status, fields=[], rows=[], total=None, truncated=False, earliest=earliest, latest=latest, spl=spl,
            messages=[str(error)], seconds=0.0,
        )  # fmt: skip
        print_json(shape)
        return
    errors().print(f"[bold red]error:[/] {clean(str(error))}", soft_wrap=True)
    if error.span is not None:
        line = spl.splitlines()[error.line - 1] if spl else ""
        width = max(1, min(error.span.end - error.span.start, len(line) - error.column + 1))
        errors().print(f"  {clean(line)}", soft_wrap=True)
        errors().print(f"  {' ' * (error.column - 1)}[red]{'^' * width}[/]", soft_wrap=True)


def _print_explanation(result: Result) -> None:
    from spl.datamodels import AnyDatasets
    from spl.parse import parse_search

    plan = parse_search(result.spl, datasets=AnyDatasets())
    for number, command in enumerate(plan.commands, 1):
        text = " ".join(result.spl[command.span.start : command.span.end].split())
        console().print(f"{number:3} {command.name:12} {clean(text)}", soft_wrap=True, highlight=False)
    for number, statement in enumerate(result.statements, 1):
        console().print(f"\nSQL {number} of {len(result.statements)}", style="dim")
        console().print(clean(statement.replace(", s", ",\n  s")), soft_wrap=True, highlight=False)


def _print_chart(result: Result, timezone: str) -> None:
    """Draw every numeric series over time."""
    import plotext
    from rich.text import Text

    from spl.values import to_number

    points = [(to_number(row.get("_time")), row) for row in result.rows]
    times = [time for time, _ in points if time is not None]
    names = [
        name
        for name in result.fields
        if name != "_time" and any(to_number(row.get(name)) is not None for row in result.rows)
    ]
    if not names or len(times) < len(points) or len(times) < 2:
        return
    plotext.clear_figure()
    plotext.plot_size(min(console().width, 120), 16)
    for name in names[:CHARTED]:
        plotext.plot(times, [to_number(row.get(name)) or 0.0 for row in result.rows], label=clean(name))
    ticks = [times[place * (len(times) - 1) // 4] for place in range(5)]
    plotext.xticks(ticks, [clock(tick, timezone)[5:16] for tick in ticks])
    plotext.theme("clear")
    console().print(Text.from_ansi(plotext.build()), soft_wrap=True)


def _print(result: Result, timezone: str) -> None:
    from spl.values import to_text
    from tools.logstore.server import status_of

    def cell(name: str, row: dict[str, object]) -> str:
        value = row.get(name)
        if name == "_time" and isinstance(value, int | float):
            return clock(float(value), timezone)
        return ", ".join(value) if isinstance(value, list) else to_text(value) or ""  # type: ignore[arg-type]

    shown = [name for name in result.fields if any(name in row for row in result.rows)]
    if result.rows:
        print_table(shown, ([cell(name, row) for name in shown] for row in result.rows))  # type: ignore[arg-type]
    window = f"{clock(result.earliest, timezone)} to {clock(result.latest, timezone)}"
    scanned = "?" if result.scanned is None else f"{result.scanned:,}"
    console().print(
        f"{status_of(result)}: {len(result.rows):,} of {result.total:,} rows, {scanned} events in scope, "
        f"{window}, {result.seconds:.3f} s"
    )
    _print_notes(result)


def _print_notes(result: Result) -> None:
    for message in result.messages:
        console().print(f"note: {clean(message)}")
