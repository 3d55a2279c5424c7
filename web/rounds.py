"""The page of a round: the whole report, quiet items confirmed together, the signature, and the files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agents.render import html, markdown, pdf
from agents.render.json import to_json
from graph.rounds import AnswerRefusedError, ClosedError, NothingToAnswerError, answer_item
from graph.signing import sign_round, stated_gaps
from tools.records.attention import ClaimedError
from tools.records.leases import LeaseHeldError
from web.access import checked_form, person_of
from web.desk import desk_of, is_quiet
from web.items import closed_text
from web.users import Role
from web.view import language_of, page
from web.words import words_of

FORMATS = {
    "md": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json; charset=utf-8",
    "pdf": "application/pdf",
}


def show(request: Request) -> Response:
    """Show a round."""
    person = person_of(request)
    desk = desk_of(request)
    round_ = desk.round(request.path_params["round"])
    report = desk.report(round_)
    rows = desk.resources.casebook.items(round_.id)
    failed = [check for item in report.items if item.checks for check in item.checks.failed]
    failed += [check for check in report.checks if check.status == "failed"]
    ready = report.status == "reviewed" and not failed
    return page(
        request,
        "round.html.jinja",
        round=round_,
        report=report,
        rows=rows,
        quiet=[row for row in rows if is_quiet(desk, row)],
        failed=failed,
        body=html.round_body(report, spl_of=desk.spl_of),
        ready=ready,
        gaps=len(stated_gaps(report)),
        may_decide=person.role.may(Role.ANALYST),
        may_sign=person.role.may(Role.LEAD),
    )


async def confirm(request: Request) -> Response:
    """Answer several quiet items with the same decision and reason, each as it was looked at."""
    fields = await checked_form(request)
    person = person_of(request, Role.ANALYST)
    desk = desk_of(request)
    reason = fields.get("reason", [""])[0].strip()
    rows = {
        row.thread_id: row
        for row in await run_in_threadpool(desk.resources.casebook.items, request.path_params["round"])
    }
    faults = []
    for chosen in fields.get("item", []):
        thread_id, _, interrupt_id = chosen.partition(":")
        row = rows.get(thread_id)
        if row is None or not await run_in_threadpool(is_quiet, desk, row):
            faults.append(f"{row.item_id if row else thread_id[:36]}: not to be confirmed with others.")
            continue
        answer: dict[str, Any] = {"decision": "no_deep_dive", "reason": reason}
        looked_at = row.model_copy(update={"interrupt_id": interrupt_id})
        try:
            await answer_item(
                desk.graph, desk.resources, looked_at, answer, awaiting="review", reviewer=person.name
            )
        except ClosedError as error:
            faults.append(f"{row.item_id}: {closed_text(error, language_of(request))}")
        except (AnswerRefusedError, NothingToAnswerError, LeaseHeldError, ClaimedError) as error:
            faults.append(f"{row.item_id}: {error}")
    request.session["flash"] = "; ".join(faults)[:1500] or words_of(language_of(request))["recorded"]
    return RedirectResponse(f"/rounds/{request.path_params['round']}", 303)


async def sign(request: Request) -> Response:
    """Sign the round."""
    await checked_form(request)
    person = person_of(request, Role.LEAD)
    desk = desk_of(request)
    round_ = await run_in_threadpool(desk.round, request.path_params["round"])
    await run_in_threadpool(lambda: sign_round(desk.resources, round_.id, reviewer=person.name))
    request.session["flash"] = words_of(language_of(request))["recorded"]
    return RedirectResponse(f"/rounds/{round_.id}", 303)


def download(request: Request) -> Response:
    """Send the report of a round as a file, as `tejun report` writes it."""
    person_of(request)
    desk, format_ = desk_of(request), request.path_params["format"]
    if format_ not in FORMATS:
        raise HTTPException(404, f"format {format_!r} is unknown. Expected {', '.join(FORMATS)}.")
    round_ = desk.round(request.path_params["round"])
    render: dict[str, Callable[..., str | bytes]] = {
        "md": markdown.render_round,
        "html": html.render_round,
        "json": to_json,
        "pdf": pdf.render_round,
    }
    content = render[format_](desk.report(round_), spl_of=desk.spl_of)
    name = f"{round_.procedure_id}-{round_.id[:8]}.{format_}"
    return Response(
        content,
        media_type=FORMATS[format_],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
