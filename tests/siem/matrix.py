"""`make faults`: every item of the library, over each server, with each fault; one table, and no false all-clear.

A cell is one item over one server under one fault. It counts where the fault hit a search that the item rests
on and where the healthy verdict, over the local log store, is above none. It is a *false all-clear* when the
item says less than over the local store, and less than undetermined.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from procedures.verdict import Verdict
from tests.siem.faults import FAULTS
from tests.siem.faulty import Fault, Switch
from tests.siem.hosting import Hosted, hosting
from tests.siem.rounds import PROCEDURES, TIMEOUT_S, Said, local, lookups_of, ran, reached
from tests.siem.safeguards import SAFEGUARDS
from tests.siem.searchhead import SearchHead
from tests.siem.servers import STAND_INS
from tools.demo.generate import generate
from tools.logstore.store import LogStore
from tools.search import retries
from tools.search.result import SearchSession

CALM = {"harmless"}
FULL = ("official-1.2", "mcp-for-splunk-0.6.13")
"""Servers over which all items run under all faults."""
FAILING_S = 10.0
"""Seconds that a search may take where a fault answers: what is measured is the answer, not the machine."""
HEALTHY_S = 30.0
"""Seconds that a search may take where no fault is on: a busy machine is no fault."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One item over one server under one fault."""

    server: str
    fault: str
    procedure: str
    item: str
    expected: str
    got: str
    outcome: str
    """`ok`, `not applicable`, `false all-clear`, `not calm`, `crashed` or `unknowable`."""
    detail: str = ""


@dataclass
class Matrix:
    """The runs, beside what the local store says."""

    hosted: Hosted
    folder: Path
    only: tuple[str, ...] = ()
    """Items that are run; none means all."""
    locally: dict[str, dict[str, Said]] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)
    _homes: int = 0

    def home(self) -> Path:
        """Return a fresh data directory over the same logs."""
        self._homes += 1
        home = self.folder / f"home{self._homes}"
        home.mkdir()
        (home / "logs").symlink_to(self.folder / "demo" / "logs")
        return home

    async def expected(self, procedure: str) -> dict[str, Said]:
        """Return what the local store says."""
        if procedure not in self.locally:
            home = self.home()
            async with local(home) as resources:
                self.locally[procedure] = await ran(resources, procedure, None, {})
            shutil.rmtree(home)
        return self.locally[procedure]

    async def over(
        self, server: str, wire: str, procedure: str, fault: Fault | None, timeout_s: float
    ) -> dict[str, Said]:
        """Run one procedure over one server under one fault."""
        async with reached(self.hosted, server, wire) as session:
            return await self.with_session(session, procedure, fault, timeout_s)

    async def with_session(
        self, session: SearchSession, procedure: str, fault: Fault | None, timeout_s: float
    ) -> dict[str, Said]:
        """Run one procedure over an open session under one fault, in a home of its own."""
        switch, head = self.hosted.switch, self.hosted.head
        head.zone, head.lookups = lookups_of(procedure)
        head.forget_asked()
        home = self.home()
        try:
            async with local(home) as resources:
                switch.purposes.clear()
                switch.set(fault)
                with _head_as(head, fault):
                    return await ran(
                        resources, procedure, session, switch.purposes, timeout_s=timeout_s, only=self.only
                    )
        finally:
            switch.set_kept()
            shutil.rmtree(home)

    async def row(self, server: str, procedure: str, fault: Fault, wire: str = "") -> list[Cell]:
        """Add the cells of one procedure over one server under one fault."""
        expected = await self.expected(procedure)
        kind = STAND_INS[server]
        timeout_s = HEALTHY_S if fault.kind in CALM else TIMEOUT_S if fault.hangs else FAILING_S
        got = await self.over(server, wire or kind.wires[0], procedure, fault, timeout_s)
        hits = tuple(self.hosted.switch.kept)
        found = [_cell(server, procedure, fault, item, expected[item], got[item], hits) for item in got]
        self.cells += found
        return found


@contextmanager
def _head_as(head: SearchHead, fault: Fault | None) -> Iterator[None]:
    changed = dict(fault.head) if fault else {}
    kept = {name: getattr(head, name) for name in changed}
    for name, value in changed.items():
        setattr(head, name, value)
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(head, name, value)


def _cell(
    server: str, procedure: str, fault: Fault, item: str, local: Said, got: Said, hits: tuple[str, ...]
) -> Cell:
    hit = any(text in search for search in hits for text in got.searches)
    return Cell(
        server,
        fault.name,
        procedure,
        item,
        local.verdict,
        got.verdict,
        outcome_of(fault, server, local, got, hit=hit),
        got.error,
    )


def outcome_of(fault: Fault, server: str, local: Said, got: Said, *, hit: bool) -> str:
    """Return what a cell shows."""
    if got.verdict == "failed":
        return "crashed"
    if fault.kind in CALM:
        return "ok" if got.told == local.told else "not calm"
    below = Verdict(got.verdict).severity < Verdict(local.verdict).severity
    if local.verdict == Verdict.NONE or not (hit or below):
        return "not applicable"
    if below and Verdict(got.verdict).severity < Verdict.UNDETERMINED.severity:
        return "unknowable" if server in fault.unknowable else "false all-clear"
    return "ok"


def pairs(
    servers: Iterable[str], faults: Sequence[Fault], procedures: Sequence[str]
) -> Iterator[tuple[str, Fault, str]]:
    """Yield what is run: everything on two servers, elsewhere one procedure for each fault, in turn."""
    for server in servers:
        for number, fault in enumerate(faults):
            if fault.only and server not in fault.only:
                continue
            chosen = procedures if server in FULL else [procedures[number % len(procedures)]]
            yield from ((server, fault, procedure) for procedure in chosen)


@contextmanager
def matrix_over(folder: Path, logs: Path | None = None) -> Iterator[Matrix]:
    """Host all stand-ins over the demo logs for the length of a block."""
    demo = folder / "demo"
    demo.mkdir()
    if logs is None:
        with LogStore(demo / "logs") as store:
            for file in generate(demo / "files"):
                store.import_paths([str(file.path)], index=file.index, sourcetype=file.sourcetype)
    else:
        (demo / "logs").symlink_to(logs)
    head, switch = SearchHead((demo / "logs").resolve()), Switch()
    kept, retries.PAUSES_S = retries.PAUSES_S, (0.01, 0.02, 0.05)  # as often as ever, without the wait
    try:
        with hosting(head, switch) as hosted:
            yield Matrix(hosted, folder)
    finally:
        retries.PAUSES_S = kept
        head.close()


def summary(cells: Sequence[Cell]) -> dict[str, int]:
    """Return how many cells show what."""
    counted = Counter(cell.outcome for cell in cells)
    names = ("ok", "not applicable", "false all-clear", "not calm", "crashed", "unknowable")
    return {name: counted[name] for name in names}


def printed(cells: Sequence[Cell], console: Console) -> None:
    """Print one line for each fault: servers beside outcomes."""
    servers = list(dict.fromkeys(cell.server for cell in cells))
    table = Table("fault", *servers, title="false all-clears / not calm or crashed / cells that count")
    for fault in dict.fromkeys(cell.fault for cell in cells):
        line = []
        for server in servers:
            mine = [cell for cell in cells if (cell.fault, cell.server) == (fault, server)]
            bad = sum(cell.outcome == "false all-clear" for cell in mine)
            odd = sum(cell.outcome in {"not calm", "crashed"} for cell in mine)
            counted = sum(cell.outcome != "not applicable" for cell in mine)
            style = "red" if bad else "yellow" if odd else "green" if counted else "dim"
            unknown = " ?" if any(cell.outcome == "unknowable" for cell in mine) else ""
            line.append(f"[{style}]{bad} / {odd} / {counted}{unknown}[/]" if mine else "")
        table.add_row(fault, *line)
    console.print(table)
    console.print(summary(cells))


async def _run(matrix: Matrix, arguments: argparse.Namespace, console: Console) -> None:
    faults = [fault for fault in FAULTS if not arguments.fault or fault.name in arguments.fault]
    todo = list(pairs(arguments.server or STAND_INS, faults, arguments.procedure or PROCEDURES))
    for number, (server, fault, procedure) in enumerate(todo, 1):
        started = time.monotonic()
        cells = await matrix.row(server, procedure, fault)
        bad = [
            f"{cell.item}: {cell.expected} → {cell.got} {cell.outcome} {cell.detail[:120]}"
            for cell in cells
            if cell.outcome not in {"ok", "not applicable", "unknowable"}
        ]
        seconds = time.monotonic() - started
        console.print(
            f"{number}/{len(todo)} {server} · {fault.name} · {procedure} · {seconds:.1f} s",
            *bad,
            sep="\n    ",
            highlight=False,
            markup=False,
        )


async def _switched_off(matrix: Matrix, console: Console) -> list[dict[str, str]]:
    """Run each safeguard's table without it, and return what it turned into."""
    shown = []
    for one in SAFEGUARDS:
        with one.off():
            cells = await matrix.row(one.server, one.procedure, one.shown_by)
        del matrix.cells[-len(cells) :]
        red = one.turns in {cell.outcome for cell in cells}
        shown.append(
            {
                "safeguard": one.name,
                "fault": one.fault,
                "server": one.server,
                "without": one.turns if red else "green",
            }
        )
        console.print(
            f"without {one.name}: {shown[-1]['without']} ({one.fault}, {one.server})", highlight=False
        )
    return shown


def main() -> None:
    """Run the matrix and write it as JSON; exit 1 where it is red."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", action="append", choices=list(STAND_INS))
    parser.add_argument("--fault", action="append", choices=[fault.name for fault in FAULTS])
    parser.add_argument("--procedure", action="append", choices=PROCEDURES)
    parser.add_argument(
        "--logs", type=Path, help="a log store with the demo's logs; by default they are made"
    )
    parser.add_argument("--output", type=Path, default=Path(".tejun/faults.json"))
    arguments = parser.parse_args()
    logging.getLogger("mcp").setLevel(logging.CRITICAL)  # it logs what the client reads as a failure anyway
    console = Console(width=int(os.environ.get("COLUMNS", "220")))
    with tempfile.TemporaryDirectory() as name, matrix_over(Path(name), arguments.logs) as matrix:
        asyncio.run(_run(matrix, arguments, console))
        cells, shown = matrix.cells, asyncio.run(_switched_off(matrix, console))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    body = {
        "summary": summary(cells),
        "safeguards": shown,
        "cells": [{slot: getattr(cell, slot) for slot in Cell.__slots__} for cell in cells],
    }
    arguments.output.write_text(json.dumps(body, ensure_ascii=False, indent=1), "utf-8")
    printed(cells, console)
    bad = summary(cells)
    blunt = [one["safeguard"] for one in shown if one["without"] == "green"]
    console.print(f"safeguards without which the table stays green: {', '.join(blunt) or 'none'}")
    sys.exit(bool(bad["false all-clear"] or bad["not calm"] or bad["crashed"] or blunt))


if __name__ == "__main__":
    main()
