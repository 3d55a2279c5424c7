"""The pages under load: readers who think for a second between two looks, on loopback, over a full casebook."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from rich.table import Table
from sqlalchemy import create_engine, insert

from graph.rounds import plan_round, run_round
from procedures.schedule import RoundWindow
from procedures.source import read_source
from tejun.opening import open_tejun
from tejun.settings import Settings
from tests.web.chromium import serving
from tools.demo import plan
from tools.demo.generate import generate
from tools.logstore.store import LogStore
from tools.records import schema
from tools.records.rows import RoundItemRow

READERS = int(os.environ.get("TEJUN_BENCH_READERS", "200"))
ITEMS = 10_000
PAUSED = 300
SECONDS = 20.0
THINKING_S = 1.0
LIBRARY = Path(__file__).resolve().parent.parent / "procedures" / "library"


async def bench_pages(folder: Path, table: Table) -> None:
    """Read the item page and the inbox as many people at once; p95 of what they wait."""
    home = folder / "pages"
    items = await full_casebook(home)
    with serving(home, TEJUN_WEB_AUTH="off") as address:
        for name, paths, goal in (("item page", items, 300), ("inbox", ["/"], 200)):
            waited = await read(address, paths)
            p50, p95 = statistics.median(waited), statistics.quantiles(waited, n=20)[-1]
            table.add_row(
                f"pages: {name}, {READERS} readers, {ITEMS:,} items",
                f"p95 {p95 * 1000:.0f} ms",
                f"p50 {p50 * 1000:.0f} ms, {len(waited) / SECONDS:.0f} pages a second",
                f"goal ≤ {goal} ms",
            )


async def full_casebook(home: Path) -> list[str]:
    """Run one round, and fill the casebook with more of it; return paths of items that wait."""
    with LogStore(home / "logs") as store:
        for file in generate(home / "demo"):
            if file.sourcetype == "access_combined":
                store.import_paths([str(file.path)], index=file.index, sourcetype=file.sourcetype)
    settings = Settings(home=home, casebook_url=f"sqlite:///{home / 'casebook.sqlite'}", user="bench")
    async with open_tejun(settings) as tejun:
        window = RoundWindow(plan.tokyo(0), plan.tokyo(0) + 86400)
        round_ = plan_round(tejun.resources, read_source(LIBRARY / plan.WEB), window)
        await run_round(tejun.graph, tejun.resources, round_)
        rows = tejun.resources.casebook.items(round_.id)
    rounds, copies = [], []
    for number in range(ITEMS // len(rows)):
        other = str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
        start = round_.start - 86400 * (number + 1)
        rounds.append({**round_.model_dump(), "id": other, "start": start, "end": start + 86400})
        state = {} if number * len(rows) < PAUSED else {"state": "recorded", "awaiting": None}
        copies += [
            {**row.model_dump(), **state, "round_id": other, "thread_id": str(uuid.uuid4())} for row in rows
        ]
    engine = create_engine(settings.casebook_url)
    with engine.begin() as connection:
        connection.execute(insert(schema.rounds), rounds)
        connection.execute(insert(schema.items), copies)
    engine.dispose()
    return [f"/items/{row.thread_id}" for row in map(RoundItemRow.model_validate, copies) if row.awaiting][
        :60
    ]


async def read(address: str, paths: Sequence[str]) -> list[float]:
    """Return the seconds that each look of each reader took."""
    end = time.monotonic() + SECONDS
    looks = await asyncio.gather(*(reader(address, paths, number, end) for number in range(READERS)))
    return [seconds for look in looks for seconds in look]


async def reader(address: str, paths: Sequence[str], number: int, end: float) -> list[float]:
    """Look at pages over one kept connection; the first look begins at a time of its own."""
    parts = urlsplit(address)
    await asyncio.sleep(THINKING_S * number / READERS)
    streams = await asyncio.open_connection(parts.hostname, parts.port)
    waited = []
    while time.monotonic() < end:
        path = paths[(number + len(waited)) % len(paths)]
        started = time.monotonic()
        await look(*streams, f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Language: en\r\n\r\n")
        waited.append(time.monotonic() - started)
        await asyncio.sleep(THINKING_S)
    streams[1].close()
    return waited


async def look(source: asyncio.StreamReader, target: asyncio.StreamWriter, request: str) -> None:
    """Send a request and read the whole answer."""
    target.write(request.encode())
    head = (await source.readuntil(b"\r\n\r\n")).lower()
    assert head.startswith(b"http/1.1 200"), head[:200]
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    await source.readexactly(length)


if __name__ == "__main__":
    import tempfile

    from rich.console import Console

    alone = Table("what", "waits", "beside it", "goal")
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(bench_pages(Path(name), alone))
    Console(width=130).print(alone)
