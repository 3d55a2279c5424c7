"""A result as one self-contained HTML page with charts: no script, nothing from outside."""

from __future__ import annotations

import datetime as dt
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from evals.opinion import QUESTIONS
from evals.result import RunResult, Total, opinion_totals
from evals.scorers import SCORERS
from evals.scoring import Scorer

TEMPLATE = "page.html.jinja"


def shown(scorer: Scorer, value: float) -> str:
    """Return a value of a scorer for people: shares in percent, rounded down so that 100 % is all of them.

    >>> shown(SCORERS["told"], 0.99999), shown(SCORERS["told"], 1.0), shown(SCORERS["missed"], 2.0)
    ('99.9 %', '100 %', '2')
    """
    if scorer.metric == "share":
        return "100 %" if value == 1 else f"{int(value * 1000) / 10:g} %"
    return f"{value:.3g} {scorer.unit}".strip() if scorer.metric == "amount" else f"{value:g}"


def interval(scorer: Scorer, total: Total) -> str:
    """Return the 95 % interval of a total for people."""
    if scorer.metric == "share":
        return f"{total.low * 100:.1f} to {total.high * 100:.1f} %"
    if scorer.metric == "count":
        return f"in {total.low:.1f} to {total.high:.1f} cases"
    return f"{total.low:.3g} to {total.high:.3g}"


def render_page(result: RunResult) -> str:
    """Return the page of a result."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    folder = resources.files(__package__)
    template = environment.from_string(folder.joinpath(TEMPLATE).read_text("utf-8"))
    style = folder.joinpath("page.css").read_text("utf-8")
    return template.render(
        result=result,
        scorers=SCORERS,
        shown=shown,
        interval=interval,
        opinion_totals=opinion_totals,
        questions=QUESTIONS,
        started=dt.datetime.fromtimestamp(result.started_at, dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        style=Markup(style),  # noqa: S704 - our own file
    )


def write_page(result: RunResult, path: Path) -> None:
    """Write the page of a result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_page(result), "utf-8")
