"""How calm does a healthy month stay: `python -m tests.calm` runs every library item over every quiet day.

The demo's days, and the days of the real sets beside the checkout, are judged as rounds would be, except that no
drill-down runs. Printed is, for each set, how many items could not be determined, and by which notes; a note about
fields on a healthy day is a false alarm, whatever else the day brought. A second table takes each field that an item
reads out of the demo's logs, on the day alone and from every day, and says what the item then tells.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from agents.context import ItemContext
from agents.judge import judge_item
from agents.material import load_material
from agents.query import query_item
from agents.searching import Searcher
from graph.resources import Resources
from procedures.archive import load_procedure
from procedures.bundled import find_procedure
from procedures.source import ProcedureSource, read_source
from tejun.opening import open_resources
from tejun.settings import Settings
from tests.lost_fields import Told, told
from tools.demo import plan
from tools.demo.generate import generate
from tools.logstore.store import LogStore
from tools.records.finding import Findings

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
FIELD_NOTES = {"source_fields", "source_set_aside"}
OUTSIDE = {"source_silent", "source_gap", "too_early", "no_data", "baseline_incomplete", "search_truncated"}
"""Notes that say what is true of the day's data, such as logs that do not reach over it."""


@dataclass(frozen=True, slots=True)
class Days:
    """Days of one set that a procedure goes through."""

    name: str
    procedure: str
    days: tuple[dt.date, ...]
    files: tuple[str, ...] = ()
    """Files of the real sets; none for the demo's logs."""


@dataclass(slots=True)
class Calm:
    """What the rounds of one set said."""

    name: str
    procedure: str
    days: int = 0
    items: int = 0
    incomplete: int = 0
    """Items that any note held back."""
    false: int = 0
    """Items that a note held back which is not true of the day's data."""
    fields: int = 0
    """Items that a note about fields held back."""
    told: int = 0
    """Items whose report tells of a field that is absent, without holding the verdict back."""
    notes: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    """Fields that were called lost."""


def _span(first: dt.date, days: int) -> tuple[dt.date, ...]:
    return tuple(first + dt.timedelta(days=day) for day in range(days))


def demo_days(days: int = plan.DAYS) -> tuple[Days, ...]:
    """Return the demo's days up to the day on which something is planted."""
    last = plan.DEMO_DAY
    return tuple(
        Days("demo", procedure, _span(last - dt.timedelta(days=days - 1), days))
        for procedure in plan.PROCEDURES
    )


REAL = (
    Days("linux_auth", plan.LINUX, _span(dt.date(2017, 3, 28), 23), ("linux_auth",)),
    Days("web_access", plan.WEB, _span(dt.date(2015, 5, 17), 4), ("web_access",)),
    Days("aws_cloudtrail", plan.AWS, _span(dt.date(2023, 7, 10), 1), ("aws_cloudtrail",)),
)
"""Sets whose sourcetypes the library reads. The AWS hour is an attack, and not a quiet day: its items may be held back for
anything but fields. The Windows and IDS sets come in formats of other collectors, which no library item reads.
"""


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[Resources]:
    """Open a data directory."""
    settings = Settings(home=home, casebook_url=f"sqlite:///{home / 'casebook.sqlite'}", user="analyst")
    async with open_resources(settings) as resources:
        yield resources


async def findings_of(resources: Resources, source: ProcedureSource, item: str, day: dt.date) -> Findings:
    """Return what the query step finds out about one item on one day."""
    zone = ZoneInfo(load_procedure(source).timezone)
    start = dt.datetime.combine(day, dt.time(), zone).timestamp()
    context = ItemContext(source=source, item_id=item, start=start, end=start + 86400)
    searcher = Searcher(
        session=await resources.session(context),
        evidence=resources.evidence,
        budget=context.procedure.budget,
        clock=resources.clock,
    )
    found = await query_item(context, searcher)
    judge_item(context, load_material(context.item, found, (), resources.evidence))
    return found


async def measure(resources: Resources, days: Days) -> Calm:
    """Return how calm the items of a procedure stay over some days."""
    calm = Calm(days.name, days.procedure, days=len(days.days))
    source = read_source(find_procedure(days.procedure))
    for day in days.days:
        for item in load_procedure(source).items:
            found = await findings_of(resources, source, item.id, day)
            _count(calm, found)
    return calm


def _count(calm: Calm, found: Findings) -> None:
    codes = {note.code for note in found.incomplete}
    calm.items += 1
    calm.incomplete += bool(codes)
    calm.false += bool(codes - OUTSIDE)
    calm.fields += bool(codes & FIELD_NOTES)
    calm.told += any(state.state == "absent" for state in found.fields)
    calm.notes.update(codes)
    calm.named.update(f"{state.source} {state.name}" for state in found.fields if state.state == "lost")


def import_files(home: Path, files: Iterable[str]) -> None:
    """Import real sets, or the demo's logs where none is named."""
    with LogStore(home / "logs") as store:
        names = list(files)
        for name in names:
            store.import_paths([str(SHARED / name / "events.ndjson.gz")])
        if not names:
            for file in generate(home / "files"):
                store.import_paths([str(file.path)], index=file.index, sourcetype=file.sourcetype)


async def measure_all(chosen: Sequence[Days]) -> list[Calm]:
    """Return the measurement of each set, in a data directory of its own."""
    found = []
    for files in dict.fromkeys(days.files for days in chosen):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            import_files(home, files)
            async with opened(home) as resources:
                found += [await measure(resources, days) for days in chosen if days.files == files]
    return found


def table(measured: Sequence[Calm]) -> Iterator[str]:
    """Yield the lines of the table."""
    yield f"{'set':<16}{'procedure':<20}{'days':>5}{'items':>7}{'held back':>11}{'false':>7}{'fields':>8}{'told':>6}  notes"
    for calm in measured:
        notes = ", ".join(f"{code} {count}" for code, count in sorted(calm.notes.items())) or "-"
        yield (
            f"{calm.name:<16}{calm.procedure:<20}{calm.days:>5}{calm.items:>7}{calm.incomplete:>11}{calm.false:>7}"
            f"{calm.fields:>8}{calm.told:>6}  {notes}"
        )
        for name, count in sorted(calm.named.items()):
            yield f"{'':<36}{count:>5} times lost: {name}"
    items = sum(calm.items for calm in measured)
    yield (
        f"false per 100 items: {100 * sum(calm.false for calm in measured) / items:.2f} (at most 0.5);"
        f" for fields: {sum(calm.fields for calm in measured)} (none)"
    )


def day_of(source: ProcedureSource) -> tuple[float, float]:
    """Return the demo's day in a procedure's zone."""
    zone = ZoneInfo(load_procedure(source).timezone)
    start = dt.datetime.combine(plan.DEMO_DAY, dt.time(), zone).timestamp()
    return start, start + 86400


async def lose_fields() -> list[Told]:
    """Return what each item says about each field that it reads, taken out of the demo's logs."""
    with tempfile.TemporaryDirectory() as folder:
        import_files(Path(folder), ())
        async with opened(Path(folder)) as resources:
            return await told(resources, day_of)


def lost_table(missing: Sequence[Told]) -> Iterator[str]:
    """Yield the lines of the table of missing fields."""
    yield f"{'field missing':<20}{'items x fields':>16}{'lost':>8}{'absent':>8}{'unseen':>8}{'silent':>8}"
    for when in ("today", "always"):
        for occurs in (True, False):
            states = Counter(one.state for one in missing if (one.when, one.occurs) == (when, occurs))
            name = when if occurs else f"{when}, never there"
            shown = "".join(f"{states[state]:>8}" for state in ("lost", "absent", "unseen", "silent"))
            yield f"{name:<20}{sum(states.values()):>16}{shown}"


def main() -> int:
    """Measure, print, and tell whether the bounds hold."""
    parser = argparse.ArgumentParser(description="How calm does a healthy month stay?")
    parser.add_argument("--only", help="name of a set: demo, linux_auth, …")
    parser.add_argument("--json", type=Path, help="also write the table here")
    arguments = parser.parse_args()
    chosen = [days for days in (*demo_days(), *REAL) if arguments.only in {None, days.name}]
    chosen = [days for days in chosen if not days.files or SHARED.is_dir()]
    measured = asyncio.run(measure_all(chosen))
    sys.stdout.write("\n".join(table(measured)) + "\n")
    missing = asyncio.run(lose_fields()) if arguments.only in {None, "demo"} else []
    sys.stdout.write("\n".join(lost_table(missing)) + "\n")
    if arguments.json:
        figures = {"calm": [asdict(calm) for calm in measured], "lost": [asdict(one) for one in missing]}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    items = sum(calm.items for calm in measured)
    too_many = 100 * sum(calm.false for calm in measured) > 0.5 * items
    silent = any(one.state == "silent" for one in missing)
    return int(too_many or silent or any(calm.fields for calm in measured))


if __name__ == "__main__":
    raise SystemExit(main())
