"""The inbox: what waits for a person, worst first, and the rounds as they run."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tools.records.rows import Claim, Lease
from web.access import person_of
from web.desk import changes, desk_of
from web.view import age, language_of, page

MOST = 100
ROUNDS = 20
VERDICTS = ("investigate", "undetermined", "observe", "none")


def show(request: Request) -> Response:
    """Show the whole page."""
    return page(request, "inbox.html.jinja", **_view(request))


def live(request: Request) -> Response:
    """Show the tables alone, for the page that is open to renew itself."""
    return page(request, "inbox_tables.html.jinja", **_view(request))


def _view(request: Request) -> dict[str, Any]:
    person_of(request)
    desk = desk_of(request)
    casebook, language = desk.resources.casebook, language_of(request)
    rounds = {round_.id: round_ for round_ in casebook.rounds()}
    waiting = casebook.inbox()
    verdict, procedure = request.query_params.get("verdict", ""), request.query_params.get("procedure", "")
    shown = [
        row
        for row in waiting
        if (not verdict or row.verdict == verdict)
        and (not procedure or rounds[row.round_id].procedure_id == procedure)
    ]
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
        for row in shown[:MOST]
    ]
    listed = []
    for round_ in list(rounds.values())[:ROUNDS]:
        states = [row.state for row in casebook.items(round_.id)]
        listed.append(
            {"round": round_, "states": {state: states.count(state) for state in dict.fromkeys(states)}}
        )
    return {
        "lines": lines,
        "more": len(shown) - len(lines),
        "rounds": listed,
        "verdicts": VERDICTS,
        "verdict": verdict,
        "procedure": procedure,
        "procedures": sorted({rounds[row.round_id].procedure_id for row in waiting}),
        "query": request.url.query,
    }


def _holder(thread_id: str, claims: dict[str, Claim], leases: dict[str, Lease]) -> str:
    """Return who has an item: a reviewer, or a process that works on it right now."""
    held = claims.get(thread_id) or leases.get(thread_id)
    return held.holder if held else ""
