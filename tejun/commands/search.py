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
from tejun.shapes import SearchShape

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
    json: JsonOption = False,
) -> None:
    """Run one SPL search over the local logs."""
    import time
    from zoneinfo import ZoneInfo

    from spl.errors import SearchFailedError, SearchTimeoutError, SplError
    from spl.timerange import resolve
    from tools.logstore.store import LogStore

    now, zone = time.time(), ZoneInfo(timezone)
    earliest, latest = resolve(from_, now=now, zone=zone), resolve(to, now=now, zone=zone)
    with LogStore(read_settings().logs) as store:
        try:
            result = store.search(
                spl,
                earliest=earliest,
                latest=latest,
                zone=zone,
                limit=limit or None,
                now=now,
                timeout_s=timeout,
            )
        except SplError as error:
            status = {SearchTimeoutError: "timed_out", SearchFailedError: "failed"}.get(
                type(error), "refused"
            )
            _report_error(spl, error, status, earliest, latest, json=json)
            raise typer.Exit(USAGE if status == "refused" else FAILED) from None
    if json:
        print_json(_shape(result))
    else:
        _print(result, timezone)


def _shape(result: Result) -> SearchShape:
    from tools.logstore.server import status_of
    from tools.search.coerce import coerce_row

    return SearchShape(
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
    for message in result.messages:
        console().print(f"note: {clean(message)}")
