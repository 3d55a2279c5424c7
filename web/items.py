"""The page of an item: the report as it will be sent, and beside it everything that it rests on."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from agents.render.words import Language
from graph.rounds import AnswerRefusedError, ClosedError, NothingToAnswerError, answer_item
from tools.records.attention import ClaimedError
from tools.records.leases import LeaseHeldError
from tools.records.review import DecisionKind, OutcomeKind
from tools.records.rows import RoundItemRow
from web.access import checked_form, person_of
from web.desk import PAGE_ROWS, answer_of, desk_of, item_view, stored_search
from web.users import Role
from web.view import fragment, language_of, page
from web.words import words_of

RAW = "_raw"
"""The field that holds an event's own text; it stands behind a toggle."""

KEPT = ("decision", "outcome", "reason", "question", "knowledge")
"""Fields that stand in the form again after an answer that was not taken."""

DECISIONS: tuple[DecisionKind, ...] = ("deep_dive", "no_deep_dive", "need_more_evidence", "report_defect")
OUTCOMES: tuple[OutcomeKind, ...] = ("incident", "not_incident", "inconclusive")


def show(request: Request) -> Response:
    """Show an item."""
    person, desk = person_of(request), desk_of(request)
    row = desk.item(request.path_params["thread"])
    if row.awaiting and row.interrupt_id and person.role.may(Role.ANALYST):
        desk.opened(row.thread_id, row.interrupt_id, person.name)
    return _shown(request, row)


def _shown(
    request: Request,
    row: RoundItemRow,
    *,
    status: int = 200,
    fault: str = "",
    given: dict[str, Any] | None = None,
) -> Response:
    """Show an item, with why an answer was not taken and what it said."""
    desk, person = desk_of(request), person_of(request)
    view = item_view(desk, row)
    claim = desk.claims().get(row.thread_id)
    return page(
        request,
        "item.html.jinja",
        status=status,
        view=view,
        row=row,
        fault=fault,
        given={name: (given or {}).get(name, "") for name in KEPT},
        decisions=DECISIONS,
        outcomes=OUTCOMES,
        claim=claim,
        mine=claim is not None and claim.holder == person.name,
        may_decide=person.role.may(Role.ANALYST),
    )


async def answer(request: Request) -> Response:
    """Take an answer to a review or a deep dive: the graph goes on, and the page comes back."""
    fields = await checked_form(request)
    person = person_of(request, Role.ANALYST)
    desk = desk_of(request)
    row = await run_in_threadpool(desk.item, request.path_params["thread"])
    awaiting = "outcome" if fields.get("awaiting") == ["outcome"] else "review"
    looked_at = row.model_copy(update={"interrupt_id": fields.get("interrupt_id", [""])[0]})
    try:
        await answer_item(
            desk.graph,
            desk.resources,
            looked_at,
            answer_of(fields, awaiting),  # type: ignore[arg-type]
            awaiting=awaiting,  # type: ignore[arg-type]
            reviewer=person.name,
        )
    except AnswerRefusedError as error:
        return await run_in_threadpool(_again, request, row, 422, str(error), fields)
    except ClosedError as error:
        fault = closed_text(error, language_of(request))
        return await run_in_threadpool(_again, request, row, 409, fault, fields)
    except (NothingToAnswerError, LeaseHeldError, ClaimedError) as error:
        return await run_in_threadpool(_again, request, row, 409, str(error), fields)
    after = await run_in_threadpool(desk.item, row.thread_id)
    words = words_of(language_of(request))
    request.session["flash"] = words["came_back" if after.awaiting == "review" else "recorded"]
    return RedirectResponse(f"/items/{row.thread_id}", 303)


def closed_text(error: ClosedError, language: Language) -> str:
    """Return why a superseded or withdrawn item takes no answer, in the language of the page."""
    return words_of(language)[f"closed_{error.closing.kind}"]


async def hold(request: Request) -> Response:
    """Claim an item for review, or release it."""
    await checked_form(request)
    person, desk = person_of(request, Role.ANALYST), desk_of(request)
    row = await run_in_threadpool(desk.item, request.path_params["thread"])
    attention, act = desk.resources.casebook.attention, request.path_params["act"]
    if act == "claim":
        await run_in_threadpool(
            lambda: attention.claim(row.thread_id, person.name, now=desk.resources.clock())
        )
    elif act == "release":
        await run_in_threadpool(attention.release, row.thread_id, person.name)
    else:
        raise HTTPException(404, f"{act[:20]!r} is nothing that can be done with an item.")
    return RedirectResponse(f"/items/{row.thread_id}", 303)


def correction(request: Request) -> Response:
    """Show the fields of one more correction."""
    person_of(request, Role.ANALYST)
    desk = desk_of(request)
    view = item_view(desk, desk.item(request.path_params["thread"]))
    if view.stored is None:
        raise HTTPException(404, "the item has no report yet.")
    return HTMLResponse(fragment("correction.html.jinja", language_of(request), view.stored))


def _again(
    request: Request, row: RoundItemRow, status: int, fault: str, fields: dict[str, list[str]]
) -> Response:
    now = desk_of(request).item(row.thread_id)
    given = {name: fields[name][0] for name in KEPT if name in fields}
    return _shown(request, now, status=status, fault=fault, given=given)


def rows(request: Request) -> Response:
    """Show the stored rows of a search, a page at a time."""
    person_of(request)
    digest = request.path_params["digest"]
    result = stored_search(desk_of(request), digest)
    pages = max(1, -(-len(result.rows) // PAGE_ROWS))
    text = request.query_params.get("page", "")
    marked = _number(request.query_params.get("row", ""), 0, len(result.rows) - 1)
    first = 1 if marked is None else marked // PAGE_ROWS + 1
    number = _number(text, 1, pages) or first
    shown = result.rows[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]
    names = list(result.fields) or list(dict.fromkeys(name for row in result.rows for name in row))
    columns = [name for name in names if name != RAW]
    partial = "hx-request" in request.headers
    return page(
        request,
        "rows.html.jinja" if partial else "evidence.html.jinja",
        digest=digest,
        result=result,
        rows=shown,
        columns=columns,
        raw=RAW if RAW in names else None,
        marked=marked,
        offset=(number - 1) * PAGE_ROWS,
        field=request.query_params.get("field", ""),
        number=number,
        pages=pages,
    )


def _number(text: str, least: int, most: int) -> int | None:
    """Return a number of an address, brought between two bounds; None for anything else."""
    plain = text.isascii() and text.isdigit() and len(text) < 9
    return min(max(int(text), least), max(most, least)) if plain else None
