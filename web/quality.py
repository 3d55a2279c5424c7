"""The quality page: do people agree with what was proposed, how long do reviews take, what stays undetermined."""

from __future__ import annotations

import datetime as dt
import io
import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from agents.render.words import Language
from agents.review import propose
from procedures.archive import load_procedure
from procedures.model import Procedure
from procedures.source import ProcedureSource
from tools.records.finding import Judgement
from tools.records.report import Checks, ItemReport
from tools.records.rows import CLOSED, ChainedEntry, Round, RoundItemRow
from web.access import person_of
from web.desk import Desk, desk_of
from web.view import language_of, page
from web.words import words_of

ROUNDS = 100
"""Newest rounds that are counted."""
Direction = Literal["same", "raised", "lowered", "other"]
DIRECTIONS: tuple[Direction, ...] = ("same", "raised", "lowered", "other")
COLOURS = {"same": "#15803d", "raised": "#c2410c", "lowered": "#0369a1", "other": "#71717a"}


@dataclass
class Quality:
    """What the newest rounds of one procedure say about it."""

    procedure: Procedure
    age_days: int
    """Since the procedure was last updated."""
    overdue: bool
    rounds: int = 0
    judged: int = 0
    undetermined: int = 0
    check_failures: Counter[str] = field(default_factory=Counter)
    lapsed: set[str] = field(default_factory=set)
    """Exceptions that have expired and would have matched."""
    directions: Counter[Direction] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """Review seconds by item."""

    @property
    def decisions(self) -> int:
        """Decisions that were compared with their proposals."""
        return self.directions.total()

    @property
    def median_s(self) -> float | None:
        """Median of all review seconds; None while none were recorded."""
        every = [seconds for item in self.seconds.values() for seconds in item]
        return statistics.median(every) if every else None

    @property
    def items(self) -> list[tuple[str, int, float]]:
        """Items with their reviews and the median of their seconds, slowest first."""
        found = [(item, len(every), statistics.median(every)) for item, every in self.seconds.items()]
        return sorted(found, key=lambda row: -row[2])


def show(request: Request) -> Response:
    """Show the page."""
    person_of(request)
    return page(request, "quality.html.jinja", measured=_recent(desk_of(request)), directions=DIRECTIONS)


async def chart(request: Request) -> Response:
    """Send the picture of agreement; drawn once for the same figures."""
    person_of(request)
    measured = await run_in_threadpool(_recent, desk_of(request))
    bars = tuple((one.procedure.id, tuple(one.directions[name] for name in DIRECTIONS)) for one in measured)
    return Response(await run_in_threadpool(_drawn, bars, language_of(request)), media_type="image/svg+xml")


def _recent(desk: Desk) -> list[Quality]:
    made: list[Quality] = desk.recent.get("quality", lambda: measure(desk))
    return made


def measure(desk: Desk) -> list[Quality]:
    """Measure every procedure over its newest rounds."""
    casebook, now = desk.resources.casebook, desk.resources.clock()
    opened = {
        (seen.thread_id, seen.interrupt_id, seen.reviewer): seen.opened_at
        for seen in casebook.attention.openings()
    }
    found: dict[str, Quality] = {}
    for round_ in casebook.newest_rounds(ROUNDS):
        quality = found.setdefault(round_.procedure_id, _begin(desk, round_, now))
        quality.rounds += 1
        for row in casebook.items(round_.id):
            _count(desk, quality, row)
        for entry in casebook.decisions(round_id=round_.id):
            if entry.kind == "decision":
                quality.directions[_direction(desk, entry)] += 1
            began = opened.get((entry.thread_id, entry.interrupt_id, entry.reviewer))
            if began is not None:
                quality.seconds.setdefault(entry.item_id, []).append(max(entry.decided_at - began, 0.0))
    return list(found.values())


def _begin(desk: Desk, round_: Round, now: float) -> Quality:
    procedure = _procedure(desk, round_.procedure_digest)
    today = dt.datetime.fromtimestamp(now, dt.UTC).date()
    return Quality(procedure, (today - procedure.updated).days, procedure.review_by < today)


@lru_cache(maxsize=256)
def _procedure(desk: Desk, digest: str) -> Procedure:
    return load_procedure(desk.resources.evidence.get(digest, ProcedureSource))


def _count(desk: Desk, quality: Quality, row: RoundItemRow) -> None:
    if row.judgement is None or row.state in CLOSED:
        return
    quality.judged += 1
    quality.undetermined += row.verdict == "undetermined"
    quality.lapsed.update(_lapsed(desk, row.judgement))
    if row.checks is not None:
        quality.check_failures.update(_failures(desk, row.checks))


@lru_cache(maxsize=4096)
def _lapsed(desk: Desk, digest: str) -> tuple[str, ...]:
    return desk.resources.evidence.get(digest, Judgement).lapsed


@lru_cache(maxsize=4096)
def _failures(desk: Desk, digest: str) -> tuple[str, ...]:
    return tuple(check.id for check in desk.resources.evidence.get(digest, Checks).failed)


@lru_cache(maxsize=4096)
def _proposed(desk: Desk, report: str) -> str:
    """Return what was proposed for the report that a reviewer looked at."""
    evidence = desk.resources.evidence
    draft = evidence.get(report, ItemReport)
    return propose(evidence.get(draft.judgement_digest, Judgement), draft.language).decision


def _direction(desk: Desk, entry: ChainedEntry) -> Direction:
    """Tell how a decision stands to the proposal; one deep dive among its findings makes it one."""
    made = set(_made(entry))
    decided = next((kind for kind in ("deep_dive", "no_deep_dive") if kind in made), None)
    proposed = _proposed(desk, entry.evidence_digest)
    if decided is None:
        return "other"
    if decided == proposed:
        return "same"
    return "raised" if decided == "deep_dive" else "lowered"


def _made(entry: ChainedEntry) -> Iterator[str]:
    for part in orjson.loads(entry.body).get("decisions", []):
        yield part["decision"]


@lru_cache(maxsize=32)
def _placeholder(direction: Direction) -> str:
    """Return a text as wide as any label of the legend, whose own letters the picture's font may lack."""
    return f"legend-{direction}.".ljust(26, ".")


def _drawn(bars: tuple[tuple[str, tuple[int, ...]], ...], language: Language) -> bytes:
    """Draw decisions by their direction, a bar a procedure; texts stay texts, in the reader's own font."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    words = words_of(language)
    figure = Figure(figsize=(8, 1.1 + 0.4 * len(bars)), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    names, left = [name for name, _ in bars], [0] * len(bars)
    for at, direction in enumerate(DIRECTIONS):
        counts = [row[at] for _, row in bars]
        axes.barh(names, counts, left=left, color=COLOURS[direction], label=_placeholder(direction))
        left = [before + count for before, count in zip(left, counts, strict=True)]
    axes.invert_yaxis()
    axes.set_xlim(0, max([1, *left]) * 1.05)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
    target = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "tejun"}):
        figure.savefig(target, format="svg", metadata={"Date": None})
    text = target.getvalue()
    for direction in DIRECTIONS:
        text = text.replace(_placeholder(direction), words[f"direction_{direction}"])
    return text.encode()
