"""Rendering of pages: templates, language, and what every page shows."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from agents.render.layout import visible_lines
from agents.render.values import visible
from agents.render.words import Language
from procedures.verdict import Verdict
from web.access import csrf_token
from web.bars import threshold_bars
from web.words import words_of

STATIC = resources.files("web") / "static"
_ENVIRONMENT = Environment(
    loader=PackageLoader("web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
VERDICTS = tuple(verdict.value for verdict in Verdict)
LANGUAGE_COOKIE = "tejun_language"


def language_of(request: Request) -> Language:
    """Return the language of the pages: as chosen, else as the browser asks."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen == "ja" or chosen == "en":
        return "ja" if chosen == "ja" else "en"
    return "en" if request.headers.get("accept-language", "ja").lower().startswith("en") else "ja"


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """Return a page, or for a request of htmx that part of it which the template is."""
    language = language_of(request)
    person = getattr(request.state, "person", None)
    context = {
        "w": words_of(language),
        "language": language,
        "person": person,
        "csrf": csrf_token(request),
        "path": request.url.path,
        "logout": desk_mode(request) == "token",
        "flash": None if "hx-request" in request.headers else request.session.pop("flash", None),
        **values,
    }
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(context), status)


@lru_cache(maxsize=1024)
def fragment(template: str, language: Language, stored: object) -> Markup:
    """Return a part of a page that says the same about `stored` as long as it lives."""
    return part(template, language, stored=stored, verdicts=VERDICTS)


def part(template: str, language: Language, **values: Any) -> Markup:
    """Return a part of a page, rendered by a template of its own."""
    text = _ENVIRONMENT.get_template(template).render(w=words_of(language), language=language, **values)
    return Markup(text)  # noqa: S704 - the template escapes


def desk_mode(request: Request) -> str:
    """Return how people are known here."""
    return str(request.app.state.desk.access.mode)


def clock(epoch: float | None, timezone: str) -> str:
    """Return a time of a page."""
    if epoch is None:
        return "—"
    return f"{dt.datetime.fromtimestamp(epoch, ZoneInfo(timezone)):%Y-%m-%d %H:%M:%S %Z}"


def age(seconds: float, language: Language) -> str:
    """Return how long something has waited, in its largest unit.

    >>> age(7200, "en"), age(30, "ja")
    ('2 h', '1分未満')
    """
    units = ((86400, "日", " d"), (3600, "時間", " h"), (60, "分", " min"))
    for length, ja, en in units:
        if seconds >= length:
            return f"{int(seconds // length)}{ja if language == 'ja' else en}"
    return "1分未満" if language == "ja" else "< 1 min"


def cell(value: object) -> str:
    """Return a value of a stored row as it can be shown safely: unseen characters visible, long text cut."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    shown = visible(text)
    return shown if len(shown) <= 600 else f"{shown[:600]}… ({len(shown)})"


_ENVIRONMENT.filters.update({"clock": clock, "cell": cell, "visible": visible, "lines": visible_lines})
_ENVIRONMENT.globals.update({"Markup": Markup, "fragment": fragment, "threshold_bars": threshold_bars})
