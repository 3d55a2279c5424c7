"""`tejun doctor`: is everything there that a round needs?"""

from __future__ import annotations

import typer

from tejun.guarding import guarded, run_async
from tejun.output import FAILED, JsonOption, clean, console, print_json
from tejun.settings import read_settings
from tejun.shapes import DiagnosisShape

STYLES = {"ok": "green", "absent": "dim", "failed": "bold red"}


@guarded
def doctor(json: JsonOption = False) -> None:
    """Look at data directory, stores, SIEM and models; say what is missing and what to do. Exit 1 when something fails."""
    found = run_async(_found())
    if json:
        print_json(found)
    else:
        for part in found:
            console().print(
                f"[{STYLES[part.state]}]{part.state:6}[/] {clean(part.part)}: {clean(part.text)}",
                soft_wrap=True,
            )
    if any(part.state == "failed" for part in found):
        raise typer.Exit(FAILED)


async def _found() -> list[DiagnosisShape]:
    from tejun.doctor import examine

    return [part async for part in examine(read_settings())]
