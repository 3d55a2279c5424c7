"""Printing: tables for people, JSON for programs, errors on standard error, colour only on a terminal."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

USAGE = 2
FAILED = 1
NO_DATA = 3
"""The SIEM did not give the data that was asked for."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def known_zone(name: str | None) -> str | None:
    """Return the name of a time zone; the callback of every `--timezone`.

    Raises:
        typer.BadParameter: There is no such zone.
    """
    try:
        ZoneInfo(name or "UTC")
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise typer.BadParameter(f"{name!r} is no time zone. Expected a name such as Asia/Tokyo.") from None
    return name


VERDICT_STYLE = {"investigate": "bold red", "undetermined": "bold magenta", "observe": "cyan", "none": "dim"}


def console() -> Console:
    """Return the console of standard output."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def errors() -> Console:
    """Return the console of standard error."""
    return Console(stderr=True, highlight=False)


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Print an error and end the command."""
    errors().print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(code)


def print_json(model: BaseModel | Sequence[BaseModel]) -> None:
    """Print one model, or a list of them, as one JSON document."""
    import orjson

    data = (
        model.model_dump(mode="json")
        if isinstance(model, BaseModel)
        else [part.model_dump(mode="json") for part in model]
    )
    sys.stdout.write(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode() + "\n")


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> None:
    """Print a table; names and cells are shown as they are, control characters made visible."""
    table = Table(*(clean(name) for name in header), title=title, title_justify="left", header_style="bold")
    for row in rows:
        table.add_row(*(clean(cell) for cell in row))
    console().print(table)


def clean(text: str) -> str:
    """Return log text that a terminal cannot be steered with."""
    shown = "".join(
        char if char.isprintable() else f"\\x{ord(char):02x}" if ord(char) < 256 else "?" for char in text
    )
    return escape(shown)


def clock(epoch: float | None, timezone: str = "UTC") -> str:
    """Return a time for a table."""
    if epoch is None:
        return "—"
    moment = dt.datetime.fromtimestamp(epoch, ZoneInfo(timezone))
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"


def verdict_cell(verdict: str | None) -> str:
    """Return a verdict for a table, in colour."""
    if verdict is None:
        return "—"
    return f"[{VERDICT_STYLE[verdict]}]{verdict}[/]"
