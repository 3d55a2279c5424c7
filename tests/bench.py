"""`make bench`: what import, searches and the graph cost, beside DuckDB's own work in the same run.

Hand-written SQL runs over the same Parquet files and must give the same answer: values compared without
regard to case where SPL does so, rows without a BY field dropped. Ratios are medians of interleaved runs.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import orjson
import pandas
from rich.console import Console
from rich.table import Table

from graph.build import build_item_graph
from graph.rounds import plan_round, run_round
from procedures.schedule import RoundWindow
from procedures.source import ProcedureSource
from spl.compile import run_pipeline
from spl.lookups import Lookups
from spl.parse import parse_search
from spl.python_calls import PythonCalls
from spl.sql_text import install_macros
from spl.stage import Runtime
from tejun.opening import open_tejun
from tejun.settings import Settings
from tests.bench_pages import bench_pages
from tests.bench_searches import DAYS, ELSEWHERE, LONG, START, searches
from tests.counting import TimedSessions, count_day
from tools.demo import plan
from tools.demo.generate import generate
from tools.logstore.catalog import StoreCatalog
from tools.logstore.store import LogStore

EVENTS = int(os.environ.get("TEJUN_BENCH_EVENTS", "5000000"))
REPEATS = 7
ITEMS = 20
UTC = ZoneInfo("UTC")


def write_events(path: Path) -> None:
    """Write events with users, addresses, sizes and messages, 1 % of them rare."""
    rng = random.Random(1)
    users = [f"User{number}" for number in range(5000)]
    with path.open("wb") as file:
        for number in range(EVENTS):
            status = rng.choices(("200", "404", "500", "302"), (90, 6, 1, 3))[0]
            event = {
                "_time": START + number * DAYS * 86400 // EVENTS,
                "index": "bench",
                "sourcetype": "access",
                "host": f"web{number % 5}",
                "source": "bench",
                "user": rng.choice(users),
                "src_ip": f"10.{rng.randrange(4)}.{rng.randrange(256)}.{rng.randrange(256)}",
                "status": status,
                "bytes": str(rng.randrange(100, 90_000)),
                "action": rng.choice(("Allowed", "allowed", "Blocked")),
                "path": f"/item/{rng.randrange(20_000)}",
            }
            event["_raw"] = f"{event['src_ip']} {event['user']} GET {event['path']} {status} {event['bytes']}"
            if number % 500 == 0:
                event["note"] = f"rare {number}"
            file.write(orjson.dumps(event) + b"\n")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that `work` took, and its answer."""
    started = time.perf_counter()
    answer = work()
    return time.perf_counter() - started, answer


def bench_import(folder: Path, table: Table) -> LogStore:
    """Import beside DuckDB's own reading and writing of the same file."""
    source = folder / "events.ndjson"
    write_events(source)
    os.sync()  # what is still being written would slow down what is measured next
    size = source.stat().st_size / 1e6
    store = LogStore(folder / "logs")
    ours, _ = timed(lambda: store.import_paths([str(source)]))
    target = folder / "duckdb.parquet"
    sql = f"COPY (SELECT * FROM read_json_auto('{source}')) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
    os.sync()
    theirs, _ = timed(lambda: duckdb.connect().execute(sql))
    os.sync()
    table.add_row(
        "import",
        f"{size / ours:.0f} MB/s, {EVENTS / ours:,.0f} events/s",
        f"{size / theirs:.0f} MB/s",
        f"{ours / theirs:.1f}",
    )
    return store


def bench_searches(store: LogStore, table: Table) -> float:
    """Run every search both ways, interleaved; return the median ratio."""
    names = ", ".join(f"'{store.folder / file.name}'" for file in store.files())
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET parquet_metadata_cache = true")
    ratios = []
    for name, spl, sql in searches(f"read_parquet([{names}])"):
        window = (
            (START + 86400, START + 2 * 86400) if spl.startswith("DAY ") else (START, START + DAYS * 86400)
        )
        text = spl.removeprefix("DAY ")

        def ours(text: str = text, window: tuple[int, int] = window) -> list[tuple[Any, ...]]:
            result = store.search(text, earliest=window[0], latest=window[1], zone=UTC)
            return [tuple(row.get(field) for field in result.fields) for row in result.rows]

        def theirs(sql: str = sql) -> list[tuple[Any, ...]]:
            return connection.execute(sql).fetchall()

        runs = [(timed(ours), timed(theirs)) for _ in range(REPEATS)]
        (_, mine), (_, reference) = runs[-1]
        if [tuple(map(str_of, row)) for row in mine] != [tuple(map(str_of, row)) for row in reference]:
            sys.exit(f"{name}: the answers differ: {mine[:2]} / {reference[:2]}")
        one, other = (statistics.median(run[side][0] for run in runs) for side in (0, 1))
        ratios.append(one / other)
        table.add_row(
            f"search: {name}", f"{one * 1000:.1f} ms", f"{other * 1000:.1f} ms", f"{one / other:.2f}"
        )
    return statistics.median(ratios)


def bench_planning(store: LogStore, table: Table) -> None:
    """Parse and compile a long search, nothing remembered from the time before, without running it."""
    database = duckdb.connect()
    install_macros(database)
    different = itertools.count()

    def plan_search() -> None:
        search = parse_search(f"{LONG}| eval mark={next(different)}")
        window = (START, START + DAYS * 86400)
        runtime = Runtime(
            connection=database, catalog=StoreCatalog(store.folder, store.files(), lambda _: 0), zone=UTC, now=START,
            given=window, earliest=window[0], latest=window[1], source=search.text, lookups=Lookups(),
            python=PythonCalls(database), run_pipeline=run_pipeline,
        )  # fmt: skip
        run_pipeline(runtime, search)
        runtime.close()

    seconds = statistics.median(timed(plan_search)[0] for _ in range(5 * REPEATS))
    lines = LONG.count("\n") + 1
    table.add_row(f"plan: search of {lines} lines", f"{seconds * 1000:.1f} ms", "goal ≤ 5 ms", "")


def bench_elsewhere(folder: Path, store: LogStore, table: Table) -> None:
    """Ask two of the questions of a SQLite table without an index, and of pandas, with its fastest reader, over the file itself."""
    database = sqlite3.connect(folder / "events.sqlite")
    database.execute(
        "CREATE TABLE events (time REAL, host TEXT, user TEXT, src_ip TEXT, status TEXT, bytes TEXT, action TEXT, path TEXT, raw TEXT)"
    )
    names = ("_time", "host", "user", "src_ip", "status", "bytes", "action", "path", "_raw")
    with (folder / "events.ndjson").open("rb") as lines:
        rows = ([event.get(name) for name in names] for event in map(orjson.loads, lines))
        database.executemany(f"INSERT INTO events VALUES ({', '.join('?' * len(names))})", rows)
    database.commit()
    for name, spl, sql, of_frame in ELSEWHERE:

        def ours(spl: str = spl) -> list[list[str]]:
            found = store.search(spl, earliest=START, latest=START + DAYS * 86400, zone=UTC)
            return [[str_of(row.get(field)) for field in found.fields] for row in found.rows]

        def in_sqlite(sql: str = sql) -> list[list[str]]:
            return [[str_of(value) for value in row] for row in database.execute(sql).fetchall()]

        def in_pandas(of_frame: Callable[[Any], Any] = of_frame) -> list[list[str]]:
            frame = pandas.read_json(
                folder / "events.ndjson", lines=True, engine="pyarrow", dtype_backend="pyarrow"
            )
            counts = of_frame(frame)
            return [[str_of(key), str_of(value)] for key, value in counts.items()]

        mine = [timed(ours) for _ in range(REPEATS)]
        one = statistics.median(seconds for seconds, _ in mine)
        for where, other, repeats in (("SQLite", in_sqlite, 3), ("pandas", in_pandas, 1)):
            theirs = [timed(other) for _ in range(repeats)]
            if mine[0][1] != theirs[0][1]:
                sys.exit(f"{where}, {name}: the answers differ")
            two = statistics.median(seconds for seconds, _ in theirs)
            table.add_row(
                f"{where}: {name}",
                f"{one * 1000:.1f} ms",
                f"{two * 1000:.0f} ms",
                f"{two / one:.0f} × slower",
            )
    database.close()


def str_of(value: object) -> str:
    """Return a value so that 3 and 3.0 are the same."""
    return f"{float(value):g}" if isinstance(value, int | float) else str(value)


def twenty_items() -> ProcedureSource:
    """Return a procedure with one item twenty times."""
    folder = Path(__file__).resolve().parent.parent / "procedures" / "library" / plan.LINUX
    text = (folder / "PROCEDURE.md").read_text("utf-8")
    start, end = text.index("## ssh-bruteforce"), text.index("## ssh-burst")
    item = text[start:end]
    rest = text.index("# 出力フォーマット")
    many = "".join(item.replace("## ssh-bruteforce", f"## item-{number}") for number in range(ITEMS))
    benign = text.index("| kb-scanner"), text.index("# 監視項目")
    document = text[: benign[0]] + text[benign[1] : start] + many + text[rest:]
    return ProcedureSource(
        name="bench",
        files={"PROCEDURE.md": document, "macros.conf": (folder / "macros.conf").read_text("utf-8")},
    )


async def bench_round(folder: Path, table: Table) -> None:
    """Run twenty items one by one: seconds, seconds beside the searches, checkpoint bytes."""
    home = folder / "home"
    with LogStore(home / "logs") as store:
        for file in generate(folder / "demo"):
            if file.sourcetype == "linux_secure":
                store.import_paths([str(file.path)], index=file.index, sourcetype=file.sourcetype)
    settings = Settings(home=home, casebook_url=f"sqlite:///{home / 'casebook.sqlite'}", user="bench")
    async with open_tejun(settings) as tejun:
        window = RoundWindow(plan.tokyo(0), plan.tokyo(0) + 86400)
        timed = TimedSessions(tejun.resources.sessions)
        graph = build_item_graph(replace(tejun.resources, sessions=timed), tejun.graph.checkpointer)  # type: ignore[arg-type]
        round_ = plan_round(tejun.resources, twenty_items(), window)
        started = time.perf_counter()
        await run_round(graph, tejun.resources, round_, concurrency=1)
        seconds, searching = time.perf_counter() - started, timed.seconds
        started = time.perf_counter()
        again = plan_round(tejun.resources, twenty_items(), window, again=True)
        await run_round(tejun.graph, tejun.resources, again)
        together = time.perf_counter() - started
    sizes = checkpoint_bytes(home / "checkpoints.sqlite")
    table.add_row(
        "round: item, one at a time",
        f"{seconds / ITEMS * 1000:.0f} ms",
        f"{searching / ITEMS * 1000:.0f} ms in {timed.count // ITEMS} searches",
        f"{seconds / searching:.2f}",
    )
    table.add_row(
        "round: item beside its searches",
        f"{(seconds - searching) / ITEMS * 1000:.0f} ms",
        "goal ≤ 50 ms",
        "",
    )
    table.add_row("round: 20 items, four at a time", f"{together:.1f} s", "", "")
    table.add_row("checkpoint per item at its pause", f"{max(sizes) / 1024:.0f} KiB", "goal ≤ 128 KiB", "")


async def bench_days(folder: Path, table: Table) -> None:
    """Run the library over the demo's day, without and with a day before: searches and SIEM seconds."""
    files = generate(folder / "demo")
    days = []
    for name in ("first", "second"):
        home = folder / f"{name}-day"
        with LogStore(home / "logs") as store:
            for file in files:
                store.import_paths([str(file.path)], index=file.index, sourcetype=file.sourcetype)
        settings = Settings(home=home, casebook_url=f"sqlite:///{home / 'casebook.sqlite'}", user="bench")
        async with open_tejun(settings) as tejun:
            if name == "second":
                await count_day(tejun, days_before=1)
            days.append(await count_day(tejun))
    for name, day, goal in zip(("first", "second"), days, (4.2, 2.8), strict=True):
        kinds = ", ".join(f"{kind} {count}" for kind, count in day.sent.items() if count)
        table.add_row(f"searches per item, {name} day", f"{day.per_item:.2f} ({kinds})", f"goal ≤ {goal}", "")
        rounds = len(plan.PROCEDURES)
        table.add_row(
            f"SIEM seconds per round, {name} day", f"{day.seconds / rounds:.2f} s", f"{rounds} rounds", ""
        )


def checkpoint_bytes(path: Path) -> list[int]:
    """Return the bytes of all checkpoints and writes of each thread."""
    with sqlite3.connect(path) as connection:
        query = "SELECT thread_id, sum(n) FROM (SELECT thread_id, length(checkpoint) n FROM checkpoints UNION ALL SELECT thread_id, length(value) FROM writes) GROUP BY 1"
        return [size for _, size in connection.execute(query)]


def main() -> None:
    """Print one table."""
    table = Table(
        "what",
        "Tejun",
        "beside it",
        "ratio",
        title=f"Tejun bench: {EVENTS:,} events, {REPEATS} interleaved runs",
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = bench_import(folder, table)
        median = bench_searches(store, table)
        bench_planning(store, table)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        bench_elsewhere(folder, store, table)
        store.close()
        table.add_row("memory: peak of import and searches", f"{peak:,.0f} MiB", "goal ≤ 2,048 MiB", "")
        table.add_row("search: median ratio", "", "goal ≤ 1.3", f"{median:.2f}")
        asyncio.run(bench_round(folder, table))
        asyncio.run(bench_days(folder, table))
        asyncio.run(bench_pages(folder, table))
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
