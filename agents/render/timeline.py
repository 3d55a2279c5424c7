"""The timeline picture of an item: one lane a finding, the window's edges drawn. SVG from matplotlib."""

from __future__ import annotations

import datetime as dt
import io
import re
from zoneinfo import ZoneInfo

from agents.render.values import visible
from agents.render.words import word
from procedures.verdict import Verdict
from tools.defang import defang
from tools.records.report import ItemReport

COLOURS = {
    Verdict.INVESTIGATE: "#c2410c",
    Verdict.UNDETERMINED: "#7c3aed",
    Verdict.OBSERVE: "#0369a1",
    Verdict.NONE: "#6b7280",
}
"""Apart for colour-blind readers too, and legible on light and dark ground."""

MARKERS = {Verdict.INVESTIGATE: "D", Verdict.UNDETERMINED: "s", Verdict.OBSERVE: "o", Verdict.NONE: "|"}
LABEL_LENGTH = 42
_INK = "#71717a"


def render_svg(report: ItemReport) -> str:
    """Return the timeline as an SVG element; the same report gives the same text."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
    from matplotlib.figure import Figure

    zone = ZoneInfo(report.timezone)

    def at(epoch: float) -> float:
        return float(date2num(dt.datetime.fromtimestamp(epoch, zone)))

    points = report.timeline
    figure = Figure(figsize=(8, 0.9 + 0.3 * len(points)), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    for lane, point in enumerate(points):
        colour, marker = COLOURS[point.verdict], MARKERS[point.verdict]
        axes.plot([at(point.first), at(point.last)], [lane, lane], color=colour, linewidth=3, solid_capstyle="round")
        axes.plot([at(point.first), at(point.last)], [lane, lane], marker, color=colour, markersize=6)
    for edge in (report.start, report.end):
        axes.axvline(at(edge), color=_INK, linestyle="--", linewidth=1)
    axes.set_yticks(range(len(points)), [_label(point.label) for point in points])
    axes.invert_yaxis()
    locator = AutoDateLocator(tz=zone)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))
    axes.tick_params(colors=_INK)
    axes.xaxis.get_offset_text().set_color(_INK)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(_INK)
    settings = {"svg.fonttype": "none", "svg.hashsalt": "tejun", "font.family": "sans-serif", "text.parse_math": False}
    target = io.StringIO()
    with mpl.rc_context(settings):
        figure.savefig(target, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _element(target.getvalue(), f"{word('timeline', report.language)}: {report.title}")


def _label(text: str) -> str:
    shown = visible(defang(text)).replace("$", "\\$")
    return shown if len(shown) <= LABEL_LENGTH else shown[: LABEL_LENGTH - 1] + "…"


def _element(svg: str, title: str) -> str:
    """Keep the svg element only, sized by its container and named for screen readers."""
    from markupsafe import escape

    body = svg[svg.index("<svg") :]
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", body, count=1)
    return re.sub(r"(<svg[^>]*>)", rf'\1<title>{escape(title)}</title>', body.replace("<svg", '<svg role="img"', 1), count=1)
