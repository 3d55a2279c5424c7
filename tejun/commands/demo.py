"""`tejun demo`: the main job, with nothing but what is bundled."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

from tejun.commands.rounds import print_round, run_one
from tejun.guarding import guarded, run_async
from tejun.output import console
from tejun.settings import read_settings

if TYPE_CHECKING:
    from tools.records.rows import RoundItemRow


@guarded
def demo() -> None:
    """Import two weeks of demo logs, run the bundled procedures over one day, stop at the reviews."""
    from tools.demo.generate import generate
    from tools.logstore.store import LogStore

    settings = read_settings()
    started = time.monotonic()
    out = console()
    out.print("[bold]1.[/] Writing two weeks of demo logs (seeded, with planted attacks; see docs/demo.md)")
    files = generate(settings.home / "demo")
    out.print(
        f"[bold]2.[/] Importing {sum(file.events for file in files):,} events into {settings.logs}",
        soft_wrap=True,
    )
    with LogStore(settings.logs) as store:
        for file in files:
            store.import_paths([str(file.path)], index=file.index, sourcetype=file.sourcetype)
    out.print("[bold]3.[/] Running the bundled procedures over 2026-11-19, without any model\n")
    waiting = run_async(_rounds())
    _next_steps(waiting, time.monotonic() - started)


async def _rounds() -> list[RoundItemRow]:
    from procedures.archive import load_procedure
    from procedures.bundled import find_procedure
    from procedures.schedule import round_windows
    from procedures.source import read_source
    from tejun.opening import open_tejun
    from tools.demo.plan import DEMO_DAY, PROCEDURES

    async with open_tejun(read_settings()) as tejun:
        for name in PROCEDURES:
            source = read_source(find_procedure(name))
            (window,) = round_windows(
                load_procedure(source),
                now=time.time(),
                from_=DEMO_DAY.isoformat(),
                to=(DEMO_DAY + dt.timedelta(days=1)).isoformat(),
            )
            round_, _ = await run_one(tejun, source, window, [])
            print_round(round_, tejun.resources.casebook.items(round_.id), {})
        return tejun.resources.casebook.inbox()


def _next_steps(waiting: list[RoundItemRow], seconds: float) -> None:
    out = console()
    out.print(
        f"\nDone in {seconds:.0f} s. [bold]{len(waiting)} items wait for a person.[/] What to type next:\n"
    )
    if waiting:
        name = f"{waiting[0].round_id[:8]}/{waiting[0].item_id}"
        steps = (
            ("tejun inbox", "everything that waits, worst first"),
            (f"tejun show {name}", "its report, evidence and checks"),
            (f'tejun decide {name} --decision deep_dive --reason "ask the owner"', "your decision"),
            ("tejun report linux-auth-daily --format html -o round.html", "the report of the whole round"),
        )
        for command, meaning in steps:
            out.print(f"  [bold cyan].venv/bin/{command}[/]\n      {meaning}", soft_wrap=True)
