"""The `tejun` command and its subcommands."""

from __future__ import annotations

import typer

from tejun.commands import (
    audit,
    demo,
    doctor,
    evals,
    logs,
    procedures,
    reviews,
    rounds,
    search,
    serve,
    withdrawing,
)

app = typer.Typer(
    name="tejun",
    help="Run written monitoring procedures so that every figure can be trusted.\n\n"
    "Start with [bold]tejun demo[/]. Data lives below TEJUN_HOME (default .tejun).",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(demo.demo)
app.command()(doctor.doctor)
app.add_typer(logs.app, name="logs")
app.command()(search.search)
app.command()(rounds.run)
app.command()(reviews.inbox)
app.command()(reviews.show)
app.command()(reviews.decide)
app.command()(reviews.outcome)
app.command()(rounds.report)
app.command()(rounds.sign)
app.add_typer(withdrawing.app, name="round")
app.command()(serve.serve)
app.add_typer(serve.app, name="user")
app.add_typer(procedures.app, name="procedure")
app.add_typer(audit.app, name="audit")
app.add_typer(evals.app, name="eval")
