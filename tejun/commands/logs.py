"""`tejun logs`: the local log store and its MCP server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tejun.guarding import guarded
from tejun.output import FAILED, JsonOption, clock, console, known_zone, print_json, print_table
from tejun.settings import read_settings
from tejun.shapes import ImportedFile, SourceShape

if TYPE_CHECKING:
    from tools.logstore.importer import FileReport

app = typer.Typer(help="Import, list and serve local logs.", no_args_is_help=True)


@app.command("import")
@guarded
def import_logs(
    paths: Annotated[
        list[str], typer.Argument(help="Files, folders, or - for standard input; plain or gzip.")
    ],
    index: Annotated[str | None, typer.Option(help="Index of events that do not name one.")] = None,
    sourcetype: Annotated[
        str | None, typer.Option(help="Sourcetype of events that do not name one, e.g. linux_secure.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Host of events that do not name one.")] = None,
    written: Annotated[
        str | None,
        typer.Option(
            help="When the logs were written, e.g. 2026-11-20: decides the year of times without one. Default: the file's own time."
        ),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone",
            callback=known_zone,
            help="Zone of clock times that carry none, e.g. Asia/Tokyo. Default: the sourcetype's.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Import logs into the local store. Importing the same file twice adds nothing.

    NDJSON events that carry _time, index, sourcetype and _raw need no option. A line that is no event is
    kept aside and shown with its number, never dropped.
    """
    import time
    from zoneinfo import ZoneInfo

    from spl.timerange import resolve
    from tools.logstore.store import LogStore

    zone = ZoneInfo(timezone) if timezone else None
    written_at = resolve(written, now=time.time(), zone=zone or ZoneInfo("UTC")) if written else None
    reports: list[FileReport] = []
    with LogStore(read_settings().logs) as store, _progress(paths, quiet=json) as show:

        def done(report: FileReport) -> None:
            reports.append(report)
            if not json:
                _print_report(report)

        store.import_paths(
            paths,
            index=index,
            sourcetype=sourcetype,
            host=host,
            written_at=written_at,
            zone=zone,
            progress=show,
            each=done,
        )
    if json:
        print_json([_shape(report) for report in reports])
    if any(report.rejected for report in reports):
        raise typer.Exit(FAILED)


class _Progress:
    """A progress bar on a terminal; nothing elsewhere."""

    def __init__(self, paths: list[str], *, quiet: bool) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        from tejun.output import errors

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[events]:,} events"),
            TimeElapsedColumn(),
            console=errors(),
            transient=True,
            disable=quiet or not errors().is_terminal,
        )
        self._tasks: dict[str, object] = {}

    def __enter__(self) -> Callable[[str, int, int], None]:
        self._bar.start()
        return self.show

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def show(self, path: str, read: int, events: int) -> None:
        if path not in self._tasks:
            total = Path(path).stat().st_size if path != "-" else None
            self._tasks[path] = self._bar.add_task(Path(path).name, total=total, events=0)
        self._bar.update(self._tasks[path], completed=read, events=events)  # type: ignore[arg-type]


def _progress(paths: list[str], *, quiet: bool) -> _Progress:
    return _Progress(paths, quiet=quiet)


def _print_report(report: FileReport) -> None:
    if report.duplicate:
        console().print(f"{report.path}: already imported, nothing added", markup=False)
        return
    span = f", {clock(report.first)} to {clock(report.last)}" if report.first is not None else ""
    console().print(f"{report.path}: {report.events:,} events{span}", markup=False)
    if report.assumed_years:
        years = "-".join(map(str, report.assumed_years))
        console().print(f"  assumed the year {years} (times carry none; --written decides)", markup=False)
    if report.assumed_zone:
        console().print(
            f"  assumed the zone {report.assumed_zone} (times carry none; --timezone decides)", markup=False
        )
    for line, reason in report.rejects:
        console().print(f"  line {line}: {reason}", markup=False)
    if report.rejected:
        console().print(f"  {report.rejected:,} lines kept aside in {report.rejects_file}", markup=False)


def _shape(report: FileReport) -> ImportedFile:
    return ImportedFile(
        path=report.path,
        events=report.events,
        rejected=report.rejected,
        duplicate=report.duplicate,
        rejects=list(report.rejects),
        rejects_file=report.rejects_file,
        first=report.first,
        last=report.last,
        assumed_zone=report.assumed_zone,
        assumed_years=list(report.assumed_years),
    )


@app.command("list")
@guarded
def list_logs(json: JsonOption = False) -> None:
    """Show what is stored, by index and sourcetype."""
    import dataclasses

    from tools.logstore.store import LogStore

    with LogStore(read_settings().logs) as store:
        sources = store.sources()
    if json:
        print_json([SourceShape(**dataclasses.asdict(source)) for source in sources])
        return
    if not sources:
        console().print("Nothing is stored yet. Import logs with `tejun logs import`, or run `tejun demo`.")
        return
    rows = (
        [
            source.index,
            source.sourcetype,
            f"{source.events:,}",
            clock(source.first),
            clock(source.last),
            f"{source.bytes / 1e6:.1f}",
        ]
        for source in sources
    )
    print_table(["index", "sourcetype", "events", "first", "last", "MB"], rows)


@app.command("serve")
@guarded
def serve_logs(
    http: Annotated[
        int | None,
        typer.Option(metavar="PORT", help="Serve streamable HTTP on 127.0.0.1:PORT/mcp; default is stdio."),
    ] = None,
    timezone: Annotated[
        str,
        typer.Option(
            callback=known_zone, help="Zone in which clock times are read, as a Splunk user's setting."
        ),
    ] = "UTC",
) -> None:
    """Serve the local store over MCP, with the tools of the official Splunk MCP server."""
    from zoneinfo import ZoneInfo

    from tools.logstore.server import build_server, serve_http, serve_stdio
    from tools.logstore.store import LogStore

    settings = read_settings()
    with LogStore(settings.logs, knowledge=settings.home) as store:
        server = build_server(store, zone=ZoneInfo(timezone), port=http or 8000)
        if http is None:
            serve_stdio(server)
        else:
            serve_http(server)
