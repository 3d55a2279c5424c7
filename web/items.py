"""The page of an item: the report as it will be sent, and beside it everything that it rests on."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from graph.rounds import AnswerRefusedError, NothingToAnswerError, answer_item
from tools.records.leases import LeaseHeldError
from tools.records.review import DecisionKind, OutcomeKind
from tools.records.rows import RoundItemRow
from web.access import checked_form, person_of
from web.desk import PAGE_ROWS, answer_of, desk_of, item_view, stored_search
from web.users import Role
from web.view import language_of, page
from web.words import words_of

KEPT = ("decision", "outcome", "reason", "question", "knowledge")
"""Fields that stand in the form again after an answer that was not taken."""

DECISIONS: tuple[DecisionKind, ...] = ("deep_dive", "no_deep_dive", "need_more_evidence", "report_defect")
OUTCOMES: tuple[OutcomeKind, ...] = ("incident", "not_incident", "inconclusive")


def show(request: Request) -> Response:
    """Show an item."""
    person_of(request)
    return _shown(request, desk_of(request).item(request.path_params["thread"]))


def _shown(
    request: Request,
    row: RoundItemRow,
    *,
    status: int = 200,
    fault: str = "",
    given: dict[str, Any] | None = None,
) -> Response:
    """Show an item, with why an answer was not taken and what it said."""
    view = item_view(desk_of(request), row)
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
        may_decide=request.state.person.role.may(Role.ANALYST),
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
    except (NothingToAnswerError, LeaseHeldError) as error:
        return await run_in_threadpool(_again, request, row, 409, str(error), fields)
    after = await run_in_threadpool(desk.item, row.thread_id)
    words = words_of(language_of(request))
    request.session["flash"] = words["came_back" if after.awaiting == "review" else "recorded"]
    return RedirectResponse(f"/items/{row.thread_id}", 303)


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
    text = request.query_params.get("page", "1")
    number = min(max(int(text), 1), pages) if text.isascii() and text.isdigit() and len(text) < 9 else 1
    shown = result.rows[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]
    columns = list(result.fields) or list(dict.fromkeys(name for row in result.rows for name in row))
    partial = "hx-request" in request.headers
    return page(
        request,
        "rows.html.jinja" if partial else "evidence.html.jinja",
        digest=digest,
        result=result,
        rows=shown,
        columns=columns,
        number=number,
        pages=pages,
    )
