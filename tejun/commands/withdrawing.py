"""`tejun round`: what is done with a round as a whole, beside running and signing it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from tejun.guarding import guarded, run_async
from tejun.output import JsonOption, console, print_json
from tejun.settings import read_settings

if TYPE_CHECKING:
    from tools.records.rows import Round

app = typer.Typer(help="Do something with a round as a whole.", no_args_is_help=True)


@app.callback()
def round_command() -> None:
    """Do something with a round as a whole."""


@app.command("withdraw")
@guarded
def withdraw(
    round_: Annotated[
        str, typer.Argument(metavar="ROUND", help="A round id or its beginning, a procedure id, or latest.")
    ],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the chain and printed in the report.")],
    json: JsonOption = False,
) -> None:
    """Take back a round that is not signed, for example a trial: what nobody has answered leaves the inbox."""
    taken, open_items = run_async(_withdraw(round_, reason))
    if json:
        print_json(taken)
        return
    console().print(
        f"round {taken.id[:8]} withdrawn; {open_items} items need no answer any more. What was answered stays.",
        markup=False,
    )


async def _withdraw(name: str, reason: str) -> tuple[Round, int]:
    """Withdraw; return the round, and how many items it closed."""
    from graph.renewal import withdraw_round
    from tejun.opening import open_resources

    async with open_resources(read_settings()) as resources:
        taken = await asyncio.to_thread(withdraw_round, resources, name, reason)
        return taken, sum(row.state == "withdrawn" for row in resources.casebook.items(taken.id))
