"""What was observed, beside what was usual and the threshold, as a small picture."""

from __future__ import annotations

import math

from markupsafe import Markup

from tools.records.finding import CriterionResult

BAR, GAP, HEIGHT, EDGE = 22.0, 8.0, 72.0, 10.0
"""Width of a bar, between bars, of the tallest, and of the edge; in units of about a pixel."""


def threshold_bars(result: CriterionResult) -> Markup:
    """Return bars of the earlier periods, oldest first, and of now, with a line at the threshold.

    Empty where there is nothing to compare: no threshold, no earlier period, or values below zero.
    """
    threshold = _number(result.threshold)
    if threshold is None or result.margin is None or not result.before:
        return Markup()
    earlier = [_number(value) for value in reversed(result.before)]
    values = [*earlier, threshold + result.margin]
    known = [threshold, *(value for value in values if value is not None)]
    top = max(known)
    if not 0 < top < math.inf or min(known) < 0:
        return Markup()
    width = 2 * EDGE + len(values) * (BAR + GAP)
    bars = [_bar(place, value, top, place == len(earlier)) for place, value in enumerate(values)]
    level = EDGE + HEIGHT * (1 - threshold / top)
    line = f'<path class="threshold" d="M{EDGE - 4:.1f} {level:.1f}H{width - EDGE:.1f}"/>'
    floor = f'<path class="floor" d="M{EDGE - 4:.1f} {EDGE + HEIGHT:.1f}H{width - EDGE:.1f}"/>'
    size = f'viewBox="0 0 {width:.0f} {HEIGHT + 2 * EDGE:.0f}" width="{width:.0f}"'
    return Markup(f'<svg class="bars" {size} aria-hidden="true">{"".join(bars)}{floor}{line}</svg>')  # noqa: S704 - numbers only


def _bar(place: int, value: float | None, top: float, now: bool) -> str:
    """Return one bar; a period that could not be searched is a gap."""
    if value is None:
        return ""
    height = HEIGHT * value / top
    left, upper = EDGE + place * (BAR + GAP), EDGE + HEIGHT - height
    kind = "now" if now else "earlier"
    return f'<rect class="{kind}" x="{left:.1f}" y="{upper:.1f}" width="{BAR:.0f}" height="{height:.1f}"/>'


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
