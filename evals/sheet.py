"""The answer sheet of a case: per item, which figures a report must tell and which it may tell."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from zoneinfo import ZoneInfo

from evals.case import Case, Expected, Gap
from evals.counting import Row, Value
from evals.logs import Events, Prepared, epoch
from evals.reading import Figure, figures, plain
from evals.reference import REFERENCES, source_times
from procedures.model import Baseline, DataSource, Item, Procedure

DAY_S = 86400
_THRESHOLD = re.compile(r"(\d+) \* \$(\w+)\$")
_FACTOR = re.compile(r"(\d+) \* before")
_TIME_COLUMNS = ("_time", "first", "last")
"""How the names of columns that hold a time begin."""


@dataclass(frozen=True)
class Finding:
    """A finding that must be told, with every column of its row."""

    names: tuple[str, ...]
    """Key values as people read them; empty for keys that are only a time."""
    key: Row
    row: Row
    verdict: str
    unsuppressed: str


@dataclass(frozen=True)
class ItemSheet:
    """What is right about one item."""

    item: str
    verdict: str
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    columns: dict[str, str]
    """Label of each output column by its source."""
    allowed: frozenset[Figure]
    """Figures that may stand anywhere in the item's part."""
    of_entity: dict[str, frozenset[Figure]]
    """Figures that may stand beside an entity."""
    known: tuple[str, ...]
    """Texts whose digits are no figures."""
    exhaustive: bool = True
    """Whether `findings` are all that there are."""


@dataclass(frozen=True)
class Sheet:
    """What is right about a case."""

    case: Case
    zone: ZoneInfo
    language: str
    start: float
    end: float
    items: dict[str, ItemSheet]


def figure(column: str, value: Value) -> Figure | None:
    """Return a value as the figure that a report shows; None for text."""
    if isinstance(value, str | list):
        return None
    kind = "time" if column.rpartition(".")[2].startswith(_TIME_COLUMNS) else "number"
    return Figure(kind, round(float(value), 4))  # type: ignore[arg-type]


def make_sheet(prepared: Prepared, events: Events) -> Sheet:
    """Work out the answer sheet of a generated case from the generator's events."""
    procedure = prepared.case.parsed()
    wanted = prepared.case.truth.items
    items = {item.id: item for item in procedure.items if item.id in wanted}
    return Sheet(
        prepared.case,
        prepared.zone,
        procedure.language,
        prepared.start,
        prepared.end,
        {name: _item_sheet(prepared, procedure, item, events) for name, item in items.items()},
    )


def _item_sheet(prepared: Prepared, procedure: Procedure, item: Item, events: Events) -> ItemSheet:
    truth, zone = prepared.case.truth, prepared.zone
    count = REFERENCES[item.id]
    rows = list(count(events, prepared.start, prepared.end))
    earlier = [list(count(events, *window)) for window in _periods(item.baseline, prepared)]
    findings = tuple(
        _finding(expected, rows, zone) for expected in truth.findings if expected.item == item.id
    )
    written = _written_numbers(prepared.case, item, zone)
    allowed = {
        *written,
        *_window_figures(prepared, procedure, item),
        *_count_figures(item, rows, findings),
        *_source_figures(prepared, procedure, item, events),
        *_summary_figures(item, rows, earlier),
    }
    if not any(one.verdict != "none" for one in findings):
        allowed |= {shown for row in rows for name, value in row.items() if (shown := figure(name, value))}
    return ItemSheet(
        item=item.id,
        verdict=truth.items[item.id],
        findings=findings,
        gaps=truth.gaps.get(item.id, ()),
        columns={column.source: column.label for column in item.output},
        allowed=frozenset(allowed),
        of_entity=_entity_figures(item, rows, earlier),
        known=tuple(_known(procedure, item, rows, events)),
    )


def _finding(expected: Expected, rows: Sequence[Row], zone: ZoneInfo) -> Finding:
    key: Row = {
        name: epoch(value, zone) if isinstance(value, dt.datetime) else value
        for name, value in expected.key.items()
    }
    row = next((row for row in rows if all(row.get(name) == value for name, value in key.items())), {})
    unsuppressed = expected.unsuppressed or expected.verdict
    return Finding(_names(key), key, {**key, **row}, expected.verdict, unsuppressed)


def _names(key: Row) -> tuple[str, ...]:
    return tuple(str(value) for value in key.values() if isinstance(value, str))


def _periods(baseline: Baseline | None, prepared: Prepared) -> Iterator[tuple[float, float]]:
    """Yield the earlier windows; whole days keep their clock time."""
    for back in range(1, baseline.periods + 1 if baseline else 1):
        days = dt.timedelta(seconds=back * baseline.step_s if baseline else 0)
        edges = (dt.datetime.fromtimestamp(edge, prepared.zone) for edge in (prepared.start, prepared.end))
        start, end = ((edge - days).timestamp() for edge in edges)
        yield start, end


def _written_numbers(case: Case, item: Item, zone: ZoneInfo) -> set[Figure]:
    """Return what the procedure itself says about the item: its chapter, parameters, sources and budget."""
    document = case.source().document
    head, _, rest = document.partition(f"## {item.id}:")
    chapter = re.split(r"^##? ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    tables = [line for line in head.splitlines() if line.startswith(("|", "  - {", "budget:"))]
    texts = [plain(line) for line in (*chapter.splitlines(), *tables)]
    found = {shown for text in texts for shown in figures(text, zone)}
    parameters = {
        parameter.name: float(parameter.values["default"]) for parameter in case.parsed().parameters
    }
    thresholds = (
        float(factor) * parameters[name]
        for criterion in item.criteria
        for factor, name in _THRESHOLD.findall(criterion.when or "")
    )
    return found | {Figure("number", threshold) for threshold in thresholds}


def _factors(item: Item) -> set[float]:
    """Return by what the item's criteria multiply what was before."""
    return {1.0, *(float(one) for part in item.criteria for one in _FACTOR.findall(part.when or ""))}


def _window_figures(prepared: Prepared, procedure: Procedure, item: Item) -> Iterator[Figure]:
    for moment in (prepared.start, prepared.end, *_item_window(prepared, item)):
        yield Figure("time", moment)
    for source in procedure.data_sources:
        yield Figure("time", prepared.end + source.settle_s)


def _item_window(prepared: Prepared, item: Item) -> tuple[float, float]:
    """Return the window in which the item searches."""
    edges = {"start": prepared.start, "end": prepared.end, "now": prepared.run_at}
    earliest, latest = item.window.earliest, item.window.latest
    return edges[earliest.anchor] + earliest.offset_s, edges[latest.anchor] + latest.offset_s


def _count_figures(item: Item, rows: Sequence[Row], findings: Sequence[Finding]) -> Iterator[Figure]:
    groups = {tuple(str(row.get(name)) for name in item.key) for row in rows}
    told = [one for one in findings if one.unsuppressed != "none"]
    above = [one for one in told if one.verdict != "none"]
    suppressed = [one for one in told if one.unsuppressed != one.verdict]
    counts = {0, len(groups), len(rows), len(above), len(suppressed), max(0, len(told) - item.show)}
    yield from (Figure("number", float(count)) for count in counts)


def _source_figures(prepared: Prepared, procedure: Procedure, item: Item, events: Events) -> Iterator[Figure]:
    for source in procedure.data_sources:
        if source.id not in item.needs:
            continue
        yield Figure("duration", source.max_silence_s)
        inside = silences(source, events, *_item_window(prepared, item))
        yield Figure("number", float(sum(count for count, _, _ in inside.values())))
        for _, length, since in inside.values():
            yield Figure("duration", length)
            yield Figure("time", since)


def silences(
    source: DataSource, events: Events, start: float, end: float
) -> dict[str, tuple[int, float, float]]:
    """Return, per host, the number of events in the window, the longest silence and when it began."""
    times = source_times(events, source.id)
    if not source.by:
        times = {"": [at for part in times.values() for at in part]}
    found = {}
    for host, seconds in times.items():
        inside = sorted(at for at in seconds if start <= at < end)
        edges = [start, *inside, end]
        since, until = max(pairwise(edges), key=lambda pair: pair[1] - pair[0])
        found[host] = (len(inside), until - since, since)
    return found


def _totals(rows: Sequence[Row]) -> dict[str, float]:
    totals: dict[str, float] = {"rows": float(len(rows))}
    for row in rows:
        for name, value in row.items():
            if isinstance(value, int | float):
                totals[name] = totals.get(name, 0) + value
    return totals


def _summary_figures(item: Item, rows: Sequence[Row], earlier: Sequence[Sequence[Row]]) -> Iterator[Figure]:
    """Yield totals now and before, and what criteria over the whole item compare them with."""
    yield from (Figure("number", round(total, 4)) for total in _totals(rows).values())
    before = [_totals(part) for part in earlier]
    yield from (Figure("number", float(number)) for number in range(1, len(before) + 1))
    factors = _factors(item)
    for name in {name for part in before for name in part}:
        average = fmean(part.get(name, 0.0) for part in before)
        yield from (Figure("number", round(factor * average, 4)) for factor in factors)


def _entity_figures(
    item: Item, rows: Sequence[Row], earlier: Sequence[Sequence[Row]]
) -> dict[str, frozenset[Figure]]:
    found: dict[str, set[Figure]] = {}
    for row in rows:
        keys = [str(row[name]) for name in item.key]
        mine = {shown for name, value in row.items() if (shown := figure(name, value))}
        before = [
            old for part in earlier for old in part if [str(old.get(name)) for name in item.key] == keys
        ]
        for old in before:
            mine |= {shown for name, value in old.items() if (shown := figure(name, value))}
        mine |= set(_compared(item, before, len(earlier)))
        for name in item.key:
            found.setdefault(_entity_name(row, name), set()).update(mine)
    return {name: frozenset(shown) for name, shown in found.items()}


def _compared(item: Item, before: Sequence[Row], periods: int) -> Iterator[Figure]:
    """Yield the averages over the earlier periods that an entity's figures are compared with."""
    for name in {name for old in before for name in old}:
        numbers = [float(value) for old in before if isinstance(value := old.get(name), int | float)]
        for factor in _factors(item):
            yield Figure("number", round(factor * sum(numbers) / periods, 4))


def _entity_name(row: Row, name: str) -> str:
    value = row[name]
    return f"time {value}" if name == "_time" else str(value)


def _known(procedure: Procedure, item: Item, rows: Sequence[Row], events: Events) -> Iterator[str]:
    for row in rows:
        for value in row.values():
            if isinstance(value, str):
                yield value
            elif isinstance(value, list):
                yield from value
    for source in procedure.data_sources:
        yield source.id
        yield from source_times(events, source.id)
    yield from (entry.id for entry in procedure.known_benign)
    yield from item.attack
