"""`make limits`: what the heaviest searches cost over a million events, each in a process of its own.

Prints seconds and peak memory; a search either gives the right answer or stops with a clear message.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
from rich.console import Console
from rich.table import Table

from spl.errors import SplError
from spl.run import Result
from tools.logstore.store import LogStore

ROWS = 1_000_000
START = 1_700_000_000
STRIDE = 7_919
"""A prime: `number * STRIDE % rows` goes through every number once, in no order."""
SUBSEARCH = 10_000
USERS = 5000
TIMEOUT_S = 300.0
HOSTILE = "a" * 40 + "!"
"""What `(a|aa)+$` needs years for when it is tried in every way."""


@dataclass(frozen=True)
class Case:
    """A heavy search, and how to tell that its answer, or its refusal, is right for so many events."""

    spl: str
    right: Callable[[Result, int], bool]
    stops: str | None = None
    """What the message says when it must stop instead."""


def first(result: Result, name: str) -> float:
    """Return a field of the first row as a number."""
    return float(str(result.rows[0][name]))


CASES = {
    "sort": Case(
        "index=big | sort 0 n | streamstats count AS place | where place=n+1 | stats count",
        lambda got, rows: first(got, "count") == rows,
    ),
    "sort descending": Case(
        "index=big | sort 0 - n, user | table n user",
        lambda got, rows: got.total == rows and first(got, "n") == rows - 1,
    ),
    "stats": Case(
        "index=big | stats count sum(n) AS s dc(user) AS u BY key",
        lambda got, rows: got.total == rows and first(got, "count") == 1,
    ),
    "eventstats": Case(
        "index=big | eventstats sum(n) AS s BY key | where s=n | stats count",
        lambda got, rows: first(got, "count") == rows,
    ),
    "eventstats of values": Case(
        'index=big | eventstats values(host) AS hosts mode(host) AS most BY sourcetype | where hosts="h" AND most="h" | stats count',
        lambda got, rows: first(got, "count") == rows,
    ),
    "streamstats of one before": Case(
        "index=big | streamstats current=f last(n) AS before BY user | stats count(before) AS n",
        lambda got, rows: first(got, "n") == rows - min(rows, USERS),
    ),
    "streamstats of all before": Case(
        f"index=big | tail {SUBSEARCH} | reverse | streamstats list(user) AS some values(host) AS hosts latest(key) AS newest earliest(key) AS oldest | tail 1"
        " | eval listed=mvcount(some), hosts=mvcount(hosts)",
        lambda got, rows: (got.rows[0]["newest"], got.rows[0]["oldest"], first(got, "listed"), first(got, "hosts"))
        == (f"key{min(SUBSEARCH, rows) - 1:07}", "key0000099", 100, 1),
    ),
    "dedup": Case("index=big | dedup key | stats count", lambda got, rows: first(got, "count") == rows),
    "subsearch": Case(
        f"index=big [search index=big | head {SUBSEARCH} | fields key] | stats count",
        lambda got, rows: first(got, "count") == min(SUBSEARCH, rows) and not got.truncated,
    ),
    "subsearch of pairs": Case(
        f"index=big [search index=big | head {SUBSEARCH} | fields key user] | stats count",
        lambda got, rows: first(got, "count") == min(SUBSEARCH, rows),
    ),
    "subsearch cut": Case(
        f"index=big [search index=big | head {SUBSEARCH + 1} | fields key] | stats count",
        lambda got, rows: first(got, "count") == min(SUBSEARCH, rows)
        and (rows <= SUBSEARCH or any(text.startswith("limit: the subsearch") for text in got.messages)),
    ),
    "transaction": Case(
        "index=big | transaction user maxspan=1s | stats sum(eventcount) AS n",
        lambda got, rows: first(got, "n") == rows,
    ),
    "regex of the database": Case(
        'index=big hostile=1 | rex field=text "(?<x>(a+)+$)" | stats count(x) AS n',
        lambda got, rows: first(got, "n") == 0,
    ),
    "regex of Python": Case(
        'index=big hostile=1 | rex field=text "(?<x>(a|aa)+(?=$))" | stats count(x) AS n',
        lambda got, rows: False,
        stops="regular expression",
    ),
}  # fmt: skip


def event(number: int, rows: int) -> dict[str, object]:
    """Return an event with a key of its own."""
    made: dict[str, object] = {
        "_time": START + number // 100,
        "index": "big",
        "sourcetype": "s",
        "host": "h",
        "n": str(number * STRIDE % rows),
        "key": f"key{number:07}",
        "user": f"user{number % USERS}",
        "_raw": f"event {number}",
    }
    return made | ({"hostile": "1", "text": HOSTILE} if number == 0 else {})


def outcome(case: Case, search: Callable[[str], Result], rows: int) -> str:
    """Return `right`, `WRONG`, or the message of a search that stopped."""
    try:
        result = search(case.spl)
    except SplError as error:
        return "stopped" if case.stops and case.stops in error.message else f"FAILED {error.message}"
    return "right" if case.right(result, rows) else f"WRONG {result.rows[:2]} {result.messages}"


def run_one(name: str, folder: Path, rows: int) -> None:
    """Run one case over a store and print its outcome, seconds and peak memory in MiB."""
    with LogStore(folder) as store:

        def search(text: str) -> Result:
            return store.search(
                text, earliest=0, latest=2e9, zone=ZoneInfo("UTC"), limit=1000, timeout_s=TIMEOUT_S
            )

        started = time.perf_counter()
        told = outcome(CASES[name], search, rows)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{told}\t{seconds:.1f}\t{peak:.0f}\n")


def main() -> int:
    """Import the events, run every case in a process of its own, print the table."""
    if len(sys.argv) == 4:
        run_one(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
        return 0
    rows = int(sys.argv[1]) if len(sys.argv) == 2 else ROWS
    table = Table(title=f"{rows:,} events")
    for column in ("case", "outcome", "seconds", "peak MiB"):
        table.add_column(column)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events.ndjson")
        with path.open("wb") as file:
            file.writelines(orjson.dumps(event(number, rows)) + b"\n" for number in range(rows))
        with LogStore(Path(folder, "logs")) as store:
            store.import_paths([str(path)])
        for name in CASES:
            command = [sys.executable, "-m", "tests.limits", name, str(Path(folder, "logs")), str(rows)]
            told, *figures = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(
                "\t"
            )
            good &= told in {"right", "stopped"}
            table.add_row(name, told, *(figure.strip() for figure in figures))
    Console().print(table)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
