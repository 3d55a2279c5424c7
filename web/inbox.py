"""The inbox: what waits for a person, worst first, and the rounds as they run."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from agents.render.words import Language
from tools.records.rows import Claim, Lease
from web.access import person_of
from web.desk import Desk, changes, desk_of
from web.view import age, language_of, page, part

MOST = 100
ROUNDS = 20
VERDICTS = ("investigate", "undetermined", "observe", "none")


def show(request: Request) -> Response:
    """Show the whole page."""
    person_of(request)
    desk = desk_of(request)
    return page(
        request,
        "inbox.html.jinja",
        tables=_tables(request),
        verdicts=VERDICTS,
        verdict=request.query_params.get("verdict", ""),
        procedure=request.query_params.get("procedure", ""),
        procedures=desk.recent.get("procedures", desk.resources.casebook.procedures),
        query=request.url.query,
    )


def live(request: Request) -> Response:
    """Show the tables alone, for the page that is open to renew itself."""
    person_of(request)
    return HTMLResponse(_tables(request))


def _tables(request: Request) -> Markup:
    """Return what waits and the rounds; everybody who asks within a second sees the same."""
    desk, language = desk_of(request), language_of(request)
    verdict, procedure = request.query_params.get("verdict", ""), request.query_params.get("procedure", "")
    made: Markup = desk.recent.get(
        ("inbox", language, verdict, procedure),
        lambda: part("inbox_tables.html.jinja", language, **_view(desk, language, verdict, procedure)),
    )
    return made


def _view(desk: Desk, language: Language, verdict: str, procedure: str) -> dict[str, Any]:
    casebook = desk.resources.casebook
    shown = casebook.inbox(verdict=verdict, procedure=procedure, most=MOST)
    rounds = casebook.rounds_of(sorted({row.round_id for row in shown}))
    now = desk.resources.clock()
    claims, leases = casebook.attention.claims(now=now), casebook.leases()
    lines = [
        {
            "row": row,
            "round": rounds[row.round_id],
            "age": age(now - row.updated_at, language),
            "change": changes(desk, row),
            "holder": _holder(row.thread_id, claims, leases),
        }
        for row in shown
    ]
    newest = casebook.newest_rounds(ROUNDS)
    states = casebook.states([round_.id for round_ in newest])
    return {
        "lines": lines,
        "more": casebook.waiting(verdict=verdict, procedure=procedure) - len(lines),
        "rounds": [{"round": round_, "states": states[round_.id]} for round_ in newest],
    }


def _holder(thread_id: str, claims: dict[str, Claim], leases: dict[str, Lease]) -> str:
    """Return who has an item: a reviewer, or a process that works on it right now."""
    held = claims.get(thread_id) or leases.get(thread_id)
    return held.holder if held else ""
