"""The timeline picture of an item: one lane a finding, the window shaded, its edges drawn.

`picture_of` places everything; `render_svg` writes it for a page, and the PDF draws the same places.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from markupsafe import escape

from agents.render.values import clock, visible
from agents.render.words import word
from procedures.verdict import Verdict
from tools.defang import defang
from tools.records.report import ItemReport

SYMBOLS = {Verdict.INVESTIGATE: "◆", Verdict.UNDETERMINED: "■", Verdict.OBSERVE: "●", Verdict.NONE: "|"}
"""The markers as text: a verdict is told by its shape as well as by its colour."""

MARKERS = {
    Verdict.INVESTIGATE: "M{x} {top}l5 5-5 5-5-5z",
    Verdict.UNDETERMINED: "M{x} {top}m-4 1h8v8h-8z",
    Verdict.OBSERVE: "M{x} {top}m-4 5a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
    Verdict.NONE: "M{x} {top}m-1 0h2v10h-2z",
}
"""Paths of the markers; `top` lies 5 above the middle of the lane."""

LABEL_LENGTH = 42
WIDTH, LANE, TOP, BOTTOM = 800.0, 26.0, 8.0, 30.0
"""Of the picture, of a lane, and of what is above and below the lanes; in units of about a pixel."""
LETTER = 6.6
"""Width of a narrow letter at the size of the labels."""
MOST_TICKS = 8
DAY = 86400
STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
"""Seconds between ticks inside a day; beyond, whole days."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One finding: from `left` to `right` at height `y`."""

    label: str
    verdict: Verdict
    left: float
    right: float
    y: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis of times."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything in its place; x grows to the right, y downwards."""

    height: float
    left: float
    """Where the labels end and the times begin."""
    window: tuple[float, float]
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]

    @property
    def floor(self) -> float:
        """Height of the axis."""
        return self.height - BOTTOM


def picture_of(report: ItemReport) -> Picture:
    """Place the findings of a report between the edges of what was searched."""
    earliest, latest = _edges(report)
    labels = [_label(point.label) for point in report.timeline]
    left = 16 + LETTER * max(map(_columns, labels), default=0)
    length = WIDTH - 24 - left

    def at(epoch: float) -> float:
        return left + length * (min(max(epoch, earliest), latest) - earliest) / (latest - earliest)

    lanes = tuple(
        Lane(label, point.verdict, at(point.first), at(point.last), TOP + LANE * (lane + 0.5))
        for lane, (label, point) in enumerate(zip(labels, report.timeline, strict=True))
    )
    ticks = tuple(
        Tick(at(epoch), text) for epoch, text in _ticks(earliest, latest, ZoneInfo(report.timezone))
    )
    height = TOP + LANE * len(labels) + BOTTOM
    return Picture(height, left, (at(report.start), at(report.end)), lanes, ticks)


def _edges(report: ItemReport) -> tuple[float, float]:
    """Return what was searched: a log may name times that no calendar holds, and they are drawn at its edge."""
    earliest = min(report.start, report.item_earliest)
    return earliest, max(report.end, report.item_latest, earliest + 1)


def _ticks(earliest: float, latest: float, zone: ZoneInfo) -> Iterator[tuple[float, str]]:
    """Yield round times of the zone with their text: the clock, and the date at midnight."""
    span = latest - earliest
    step = next((step for step in STEPS if span / step <= MOST_TICKS), None)
    days = 1 if step else next(days for days in itertools.count(1) if span / (days * DAY) <= MOST_TICKS)
    midnight = dt.datetime.fromtimestamp(earliest, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    while midnight.timestamp() <= latest:
        for offset in range(0, DAY, step or DAY):
            moment = dt.datetime.fromtimestamp(midnight.timestamp() + offset, zone)
            if earliest <= moment.timestamp() <= latest:
                shown = f"{moment:%m-%d}" if (moment.hour, moment.minute) == (0, 0) else f"{moment:%H:%M}"
                yield moment.timestamp(), shown
        midnight = midnight.replace(tzinfo=None) + dt.timedelta(days=days)
        midnight = midnight.replace(tzinfo=zone)


def render_svg(report: ItemReport) -> str:
    """Return the timeline as an SVG element; the same report gives the same text."""
    picture = picture_of(report)
    lanes = (_lane(lane, picture.left) for lane in picture.lanes)
    return "".join([_opening(report, picture), _window(picture), *lanes, *_axis(picture), "</svg>"])


def _window(picture: Picture) -> str:
    (begin, end), floor = picture.window, picture.floor
    return (
        f'<rect x="{begin:.1f}" y="0" width="{end - begin:.1f}" height="{floor:.1f}" fill="currentColor" '
        f'fill-opacity="0.05"/><path d="M{begin:.1f} 0V{floor:.1f}M{end:.1f} 0V{floor:.1f}" '
        'stroke="currentColor" stroke-dasharray="5 4" fill="none"/>'
    )


def _lane(lane: Lane, left: float) -> str:
    marks = "".join(
        MARKERS[lane.verdict].format(x=f"{x:.1f}", top=f"{lane.y - 5:.1f}") for x in (lane.left, lane.right)
    )
    return (
        f'<text x="{left - 10:.1f}" y="{lane.y + 4:.1f}" text-anchor="end">{escape(lane.label)}</text>'
        f'<g class="{lane.verdict.value}"><path d="M{lane.left:.1f} {lane.y:.1f}H{lane.right:.1f}" '
        f'stroke="currentColor" stroke-width="3"/><path d="{marks}" fill="currentColor"/></g>'
    )


def _axis(picture: Picture) -> Iterator[str]:
    floor = picture.floor
    marks = "".join(f"M{tick.x:.1f} {floor:.1f}v5" for tick in picture.ticks)
    yield f'<path d="M{picture.left:.1f} {floor:.1f}H{WIDTH - 16:.1f}{marks}" stroke="currentColor" fill="none"/>'
    for tick in picture.ticks:
        yield f'<text x="{tick.x:.1f}" y="{floor + 19:.1f}" text-anchor="middle">{tick.text}</text>'


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _label(text: str) -> str:
    shown = visible(defang(text[: 20 * LABEL_LENGTH]))
    if _columns(shown) <= LABEL_LENGTH:
        return shown
    while _columns(shown) >= LABEL_LENGTH:
        shown = shown[:-1]
    return f"{shown}…"


def _opening(report: ItemReport, picture: Picture) -> str:
    """Return the opening tag, sized by its container and named for screen readers."""
    name = "t" + hashlib.sha256(report.item.encode()).hexdigest()[:8]
    lang, zone = report.language, report.timezone
    title = escape(f"{word('timeline', lang)}: {report.title}")
    window = f"{clock(report.start, zone)} – {clock(report.end, zone)}"
    described = escape(f"{word('window', lang)} {window}. {word('lanes', lang)}: {len(report.timeline)}")
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} {picture.height:.0f}" role="img" font-size="12" fill="currentColor" '
        f'aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{title}</title><desc id="{name}-desc">{described}</desc>'
    )
