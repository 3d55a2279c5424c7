"""The timeline picture of an item: one lane a finding, the window's edges drawn. SVG from matplotlib.

The labels go in as placeholders and are put in place afterwards: matplotlib measures text with its own fonts,
which lack Japanese, and a label from a log is escaped once, here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
import unicodedata
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from markupsafe import escape

from agents.render.values import clock, visible
from agents.render.words import word
from procedures.verdict import Verdict
from tools.defang import defang
from tools.records.report import ItemReport, TimelinePoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    Verdict.INVESTIGATE: "#010101",
    Verdict.UNDETERMINED: "#020202",
    Verdict.OBSERVE: "#030303",
    Verdict.NONE: "#040404",
}
"""Stand for the page's own colours, which differ on light and dark ground."""

MARKERS = {Verdict.INVESTIGATE: "D", Verdict.UNDETERMINED: "s", Verdict.OBSERVE: "o", Verdict.NONE: "|"}
SYMBOLS = {Verdict.INVESTIGATE: "◆", Verdict.UNDETERMINED: "■", Verdict.OBSERVE: "●", Verdict.NONE: "|"}
"""The markers as text: a verdict is told by its shape as well as by its colour."""

LABEL_LENGTH = 42
_WIDTH, _LANE, _EDGE = 8.0, 0.3, 0.75
"""Inches: of the picture, of a lane, and of what is above and below the lanes."""
_INK = "#050505"


def render_svg(report: ItemReport) -> str:
    """Return the timeline as an SVG element; the same report gives the same text."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    labels = [_label(point.label) for point in report.timeline]
    height = _EDGE + _LANE * len(labels)
    figure = Figure(figsize=(_WIDTH, height))
    FigureCanvasSVG(figure)
    left = 0.15 + 0.085 * max(map(_columns, labels), default=0)
    axes = figure.add_axes((left / _WIDTH, 0.5 / height, 1 - (left + 0.25) / _WIDTH, 1 - 0.6 / height))
    _draw(axes, report)
    settings: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "tejun"}
    target = io.StringIO()
    with mpl.rc_context(settings):
        figure.savefig(
            target,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")),
        )
    return _element(target.getvalue(), report, labels)


def _draw(axes: Axes, report: ItemReport) -> None:
    """Draw the lanes, the window's edges and the axis of times."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    zone = ZoneInfo(report.timezone)
    for lane, point in enumerate(report.timeline):
        _lane(axes, lane, point, _span(report, point), zone)
    for edge in (report.start, report.end):
        axes.axvline(_at(edge, zone), color=_INK, linestyle="--", linewidth=1)
    edges = min(report.start, report.item_earliest), max(report.end, report.item_latest)
    left, right = (_at(edge, zone) for edge in edges)
    axes.set_xlim(left - 0.02 * (right - left), right + 0.02 * (right - left))
    count = len(report.timeline)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_yticks(range(count), [f"lane-{lane}." for lane in range(count)])
    locator = AutoDateLocator(tz=zone, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))  # type: ignore[no-untyped-call]
    axes.tick_params(colors=_INK)
    axes.xaxis.get_offset_text().set_color(_INK)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(_INK)


def _span(report: ItemReport, point: TimelinePoint) -> tuple[float, float]:
    """Return the finding's span inside what was searched: a log may name times that no calendar holds."""
    earliest, latest = min(report.start, report.item_earliest), max(report.end, report.item_latest)
    return min(max(point.first, earliest), latest), min(max(point.last, earliest), latest)


def _lane(axes: Axes, lane: int, point: TimelinePoint, epochs: tuple[float, float], zone: ZoneInfo) -> None:
    colour, span = COLOURS[point.verdict], [_at(epoch, zone) for epoch in epochs]
    axes.plot(span, [lane, lane], color=colour, linewidth=3, solid_capstyle="round", clip_on=False)
    axes.plot(span, [lane, lane], MARKERS[point.verdict], color=colour, markersize=6, clip_on=False)


def _at(epoch: float, zone: ZoneInfo) -> float:
    from matplotlib.dates import date2num

    return float(date2num(dt.datetime.fromtimestamp(epoch, zone)))  # type: ignore[no-untyped-call]


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _label(text: str) -> str:
    shown = visible(defang(text))
    if _columns(shown) <= LABEL_LENGTH:
        return shown
    while _columns(shown) >= LABEL_LENGTH:
        shown = shown[:-1]
    return f"{shown}…"


def _element(svg: str, report: ItemReport, labels: list[str]) -> str:
    """Keep the svg element only, sized by its container, with ids of its own, named for screen readers."""
    name = "t" + hashlib.sha256(report.item.encode()).hexdigest()[:8]
    body = svg[svg.index("<svg") :]
    body = re.sub(
        r'<svg[^>]*?viewBox="([^"]*)"[^>]*>', lambda match: _opening(name, match[1], report), body, count=1
    )
    body = re.sub(r"\s*<metadata>.*?</metadata>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r"\s*<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"font-family: [^;]*; ", "", body)  # the page's font, which has Japanese
    body = re.sub(r'(?<=\sid=")(?!t[0-9a-f]{8}-)', f"{name}-", body)
    body = re.sub(r'xlink:href="#', f'href="#{name}-', body).replace("url(#", f"url(#{name}-")
    for verdict, colour in COLOURS.items():
        body = body.replace(colour, f"var(--{verdict.value})")
    body = body.replace(_INK, "currentColor")
    return re.sub(r"lane-(\d+)\.", lambda match: str(escape(labels[int(match[1])])), body).strip()


def _opening(name: str, view: str, report: ItemReport) -> str:
    lang, zone = report.language, report.timezone
    title = escape(f"{word('timeline', lang)}: {report.title}")
    window = f"{clock(report.start, zone)} – {clock(report.end, zone)}"
    described = escape(f"{word('window', lang)} {window}. {word('lanes', lang)}: {len(report.timeline)}")
    return (
        f'<svg viewBox="{view}" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{title}</title><desc id="{name}-desc">{described}</desc>'
    )
