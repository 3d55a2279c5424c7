"""`tejun logs`: the local log store and its MCP server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
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
    fail,
    known_zone,
    print_json,
    print_table,
)
from tejun.settings import read_settings
from tejun.shapes import ImportedFile, SetAsideLine, SetAsideShape, SourceOfFileShape, SourceShape

if TYPE_CHECKING:
    from tools.logstore.importer import FileReport, SourceOfFile
    from tools.logstore.manifest import ImportWithRejects, SetAside
    from tools.logstore.store import LogStore

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

    NDJSON events that carry _time, index, sourcetype and _raw need no option, nor do events that Splunk exported as CSV
    with _raw; fields that only _raw holds are read from it where the sourcetype is known, given ones stay. An event with
    broken bytes is kept and flagged (`_flaw=*`). A line that is no event is set aside, never dropped, and told by every
    search that may have missed it (`tejun logs set-aside`).

    Exit code: 0 when every line is an event, 1 when lines were set aside or a sourcetype was left without any field.
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
    if any(report.rejected or report.without_fields for report in reports):
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
    _print_fields(report)
    for line, reason in report.rejects:
        console().print(f"  line {line}: {clean(reason)}")
    if report.rejected:
        console().print(
            f"  {report.rejected:,} lines set aside in {report.rejects_file}: searches where they belong are incomplete "
            "until someone has looked at them (`tejun logs set-aside`)",
            markup=False,
        )


def _print_fields(report: FileReport) -> None:
    """Say what is missing in what was kept."""
    from tools.logstore.sourcetypes import all_sourcetypes

    if report.from_raw:
        console().print(f"  {report.from_raw:,} events got fields from their _raw")
    if report.flagged:
        console().print(f"  {report.flagged:,} events kept with broken bytes or values; find them by _flaw=*")
    bare = set(report.without_fields)
    for source in report.undescribed:
        if source not in bare:
            console().print(
                f"  sourcetype {clean(source.sourcetype)} is not described here: {source.events:,} events have the fields "
                "that came with them, and no other"
            )
    for source in report.without_fields:
        known = source not in report.undescribed
        errors().print(
            f"  NO FIELD in {source.events:,} events of index={clean(source.index)} sourcetype={clean(source.sourcetype)}: "
            "searches by field find nothing in them. "
            + (
                "Their text is not what this sourcetype looks like: check --sourcetype."
                if known
                else "The sourcetype is not described here: export the events with their fields, or name one that is "
                f"({', '.join(sorted(all_sourcetypes()))})."
            )
        )


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
        flagged=report.flagged,
        from_raw=report.from_raw,
        without_fields=[_source_shape(source) for source in report.without_fields],
        undescribed=[_source_shape(source) for source in report.undescribed],
    )


def _source_shape(source: SourceOfFile) -> SourceOfFileShape:
    return SourceOfFileShape(index=source.index, sourcetype=source.sourcetype, events=source.events)


ANY = "(any)"
"""Stands for the index or sourcetype of a line that does not say whose it is."""


@app.command("list")
@guarded
def list_logs(json: JsonOption = False) -> None:
    """Show what is stored, by index and sourcetype, and how many lines the import had to set aside."""
    from tools.logstore.store import LogStore

    with LogStore(read_settings().logs) as store:
        sources = _with_set_aside(store)
    if json:
        print_json(sources)
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
            f"{source.set_aside:,}",
        ]
        for source in sources
    )
    print_table(["index", "sourcetype", "events", "first", "last", "MB", "set aside"], rows)


def _with_set_aside(store: LogStore) -> list[SourceShape]:
    """Return every source with its lines set aside; those of no source known so far come last."""
    import dataclasses

    aside: dict[tuple[str, str], list[SetAside]] = {}
    for one in store.set_aside():
        aside.setdefault((one.index or ANY, one.sourcetype or ANY), []).append(one)
    shapes = [
        SourceShape(
            **dataclasses.asdict(source),
            set_aside=sum(one.lines for one in aside.pop((source.index, source.sourcetype), ())),
        )
        for source in store.sources()
    ]
    for (index, sourcetype), ones in sorted(aside.items()):
        first, last = min(one.first for one in ones), max(one.last for one in ones)
        lines = sum(one.lines for one in ones)
        shapes.append(
            SourceShape(
                index=index,
                sourcetype=sourcetype,
                events=0,
                first=first,
                last=last,
                files=0,
                bytes=0,
                set_aside=lines,
            )
        )
    return shapes


@app.command("set-aside")
@guarded
def list_set_aside(
    lines: Annotated[int, typer.Option(min=0, help="Lines shown of each import.")] = 20,
    settle: Annotated[
        int | None,
        typer.Option(
            metavar="IMPORT", help="You looked at the lines of this import: tell of them no longer."
        ),
    ] = None,
    because: Annotated[
        str | None, typer.Option(help="Why they need not be told; kept with your name.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the lines that imports could not read as events, with their bytes shown and nothing in them alive.

    A round whose searches may have missed such a line is incomplete. Nothing clears them but a person who looked:
    `--settle IMPORT --because "…"`; the lines themselves stay. To bring what they say into the store, mend them and
    import the mended lines as a file of their own.
    """
    from tools.logstore.store import LogStore

    settings = read_settings()
    with LogStore(settings.logs) as store:
        if settle is not None:
            if not because:
                fail("--settle needs --because: say why these lines need not be told.", USAGE)
            store.settle(settle, by=settings.user, because=because)
        found = [_set_aside_shape(one, kept, lines) for one, kept in store.rejected()]
    if json:
        print_json(found)
        return
    if not found:
        console().print("No line was set aside.")
    for one in found:
        _print_set_aside(one)


def _set_aside_shape(one: ImportWithRejects, kept: list[dict[str, object]], lines: int) -> SetAsideShape:
    from tools.logstore.rejects import line_of

    return SetAsideShape(
        id=one.id,
        source=one.source,
        imported_at=one.imported_at,
        lines=one.rejected,
        settled_by=one.settled_by,
        because=one.because,
        shown=[SetAsideLine(**line_of(entry)) for entry in kept[:lines]],
    )


def _print_set_aside(one: SetAsideShape) -> None:
    settled = f", settled by {one.settled_by}: {one.because}" if one.settled_by else ""
    console().print(
        clean(f"import {one.id}: {one.lines:,} lines of {one.source}, {clock(one.imported_at)}{settled}"),
    )
    for line in one.shown:
        when = clock(line.time) if line.time is not None else ""
        when = when or (f"after {clock(line.after)}" if line.after is not None else "time unknown")
        place = f"index={line.index or ANY} sourcetype={line.sourcetype or ANY}"
        console().print(clean(f"  line {line.line}, {when}, {place}: {line.reason}"))
        console().print(clean(f"    {line.text}"))
    if one.lines > len(one.shown):
        console().print(f"  {one.lines - len(one.shown):,} more lines")


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
