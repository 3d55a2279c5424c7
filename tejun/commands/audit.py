"""`tejun audit`: prove that the record of decisions is whole."""

from __future__ import annotations

import typer

from tejun.commands.reviews import open_casebook
from tejun.guarding import guarded
from tejun.output import FAILED, JsonOption, console, print_json
from tejun.shapes import AuditShape

app = typer.Typer(help="Prove the record of decisions.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Prove the record of decisions."""


@app.command("verify")
@guarded
def verify(json: JsonOption = False) -> None:
    """Check every link of the chain of decisions. Exit 1 when one is broken."""
    casebook = open_casebook()
    found = casebook.verify_chain()
    casebook.close()
    if json:
        print_json(AuditShape(**found.model_dump()))
    elif found.ok:
        console().print(f"the chain of {found.length} entries is whole")
    else:
        console().print(f"the chain is broken at entry {found.broken_at}: {found.reason}")
    if not found.ok:
        raise typer.Exit(FAILED)
