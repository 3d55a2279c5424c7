"""`tejun procedure`: lint, show and prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tejun.guarding import guarded
from tejun.output import FAILED, USAGE, JsonOption, clean, console, fail, print_json, print_table
from tejun.shapes import FaultShape

if TYPE_CHECKING:
    from procedures.model import Fault
    from procedures.source import ProcedureSource

app = typer.Typer(help="Check and show written procedures.", no_args_is_help=True)

ProcedureArgument = Annotated[str, typer.Argument(help="A bundled id, a folder, or a PROCEDURE.md.")]


@app.command("lint")
@guarded
def lint_procedure(
    procedures: Annotated[list[str], typer.Argument(help="Bundled ids, folders, or PROCEDURE.md files.")],
    environment: Annotated[str, typer.Option("--env", help="Column of the parameter table.")] = "default",
    server: Annotated[
        str | None,
        typer.Option(
            "--for", help="A server whose commands and length are looked at too, for example official-1.2."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Report all faults of procedures as path:line:column: CODE message. Exit 1 when one is an error.

    Where the data directory has a casebook, a text that changed under the version of an earlier round is told; where
    it has logs, a field that no event of theirs holds.
    """
    import datetime as dt

    from procedures.bundled import find_procedure
    from procedures.lint import lint
    from procedures.servers import SERVERS
    from procedures.source import read_source
    from tejun.settings import read_settings
    from tools.logstore.knowledge import Knowledge

    if server is not None and server not in SERVERS:
        fail(f"server {server!r} is not known. Known: {', '.join(SERVERS)}.", USAGE)
    limits = SERVERS[server] if server is not None else None
    today, ran = dt.datetime.now(dt.UTC).date(), _ran()
    datasets = Knowledge(read_settings().home).datasets()
    sources = [read_source(find_procedure(name), environment) for name in procedures]
    faults = [
        fault
        for source in sources
        for fault in _with_stored(
            source, lint(source, today=today, ran=ran, datasets=datasets, server=limits)
        )
    ]
    if json:
        print_json(
            [
                FaultShape(
                    path=fault.place.path,
                    line=fault.place.line,
                    column=fault.place.column,
                    code=fault.code,
                    severity=fault.severity,
                    message=fault.message,
                )
                for fault in faults
            ]
        )
    else:
        for fault in faults:
            style = "red" if fault.severity == "error" else "yellow"
            console().print(
                f"{clean(str(fault.place))}: [{style}]{fault.code}[/] {clean(fault.message)}", soft_wrap=True
            )
        errors = sum(fault.severity == "error" for fault in faults)
        console().print(f"{errors} errors, {len(faults) - errors} warnings in {len(procedures)} procedures")
    if any(fault.severity == "error" for fault in faults):
        raise typer.Exit(FAILED)


def _with_stored(source: ProcedureSource, faults: Sequence[Fault]) -> Iterator[Fault]:
    """Yield what lint found, and the fields that no stored event holds; none where there is no store yet."""
    from tejun.settings import read_settings
    from tools.logstore.read_fields import unheld_fields
    from tools.logstore.store import LogStore

    yield from faults
    folder = read_settings().logs
    if folder.is_dir() and not any(fault.severity == "error" for fault in faults):
        with LogStore(folder) as store:
            yield from unheld_fields(source, store.catalog())


def _ran() -> dict[tuple[str, str], set[str]]:
    """Return the texts that the casebook's rounds ran, by id and version; none where there is no casebook yet."""
    from procedures.source import ProcedureSource
    from tejun.settings import read_settings
    from tools.records.casebook import Casebook
    from tools.records.evidence import EvidenceStore

    settings = read_settings()
    file = settings.casebook_url.removeprefix("sqlite:///")
    if file != settings.casebook_url and not Path(file).is_file():
        return {}
    casebook, evidence = Casebook(settings.casebook_url), EvidenceStore(settings.evidence)
    found: dict[tuple[str, str], set[str]] = {}
    for one in casebook.rounds():
        if evidence.has(one.procedure_digest):
            text = evidence.get(one.procedure_digest, ProcedureSource).text_digest
            found.setdefault((one.procedure_id, one.procedure_version), set()).add(text)
    casebook.close()
    return found


@app.command("show")
@guarded
def show_procedure(procedure: ProcedureArgument, json: JsonOption = False) -> None:
    """Show a procedure as the machine reads it."""
    from procedures.archive import load_procedure
    from procedures.bundled import find_procedure
    from procedures.source import read_source

    parsed = load_procedure(read_source(find_procedure(procedure)))
    if json:
        print_json(parsed)
        return
    console().print(
        f"{parsed.title} ({parsed.id} {parsed.version}, {parsed.status.value}), digest {parsed.digest[:16]}",
        markup=False,
    )
    console().print(
        f"zone {parsed.timezone}, period {parsed.period_s:g} s, review by {parsed.review_by}", markup=False
    )
    rows = (
        [
            item.id,
            item.title,
            ", ".join(item.key) or "—",
            ", ".join(criterion.id for criterion in item.criteria),
            ", ".join(down.id for down in item.drill_downs) or "—",
        ]
        for item in parsed.items
    )
    print_table(["item", "title", "key", "criteria", "drill-downs"], rows)


@app.command("prompt")
@guarded
def show_prompt(
    procedure: ProcedureArgument,
    item: Annotated[str | None, typer.Option(help="An item; all of them when left out.")] = None,
    agent: Annotated[
        str | None, typer.Option(help="judge, drill_down or reporter; all when left out.")
    ] = None,
    environment: Annotated[str, typer.Option("--env", help="Column of the parameter table.")] = "default",
) -> None:
    """Show the instructions that a model gets for a procedure; log text comes separately, fenced."""
    import sys
    from typing import get_args

    from agents.context import ItemContext
    from agents.prompting import compile_prompt
    from procedures.archive import load_procedure
    from procedures.bundled import find_procedure
    from procedures.source import read_source
    from tools.records.model_use import Agent

    source = read_source(find_procedure(procedure), environment)
    items = [part.id for part in load_procedure(source).items]
    if item is not None and item not in items:
        fail(f"item {item!r} is not in {procedure}. Items: {', '.join(items)}.", USAGE)
    agents: tuple[Agent, ...] = get_args(Agent)
    if agent is not None and agent not in agents:
        fail(f"agent {agent!r} is unknown. Agents: {', '.join(agents)}.", USAGE)
    for ident in [item] if item else items:
        context = ItemContext(source=source, item_id=ident, start=0, end=0)
        for name in agents:
            if agent in {None, name}:
                sys.stdout.write(f"===== {ident} · {name} =====\n{compile_prompt(name, context)}\n")
