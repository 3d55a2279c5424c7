"""The review pages as one Starlette application."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graph.rounds import AnswerRefusedError, NothingToAnswerError
from tools.records.attention import ClaimedError
from tools.records.casebook import CasebookError
from tools.records.evidence import EvidenceError
from tools.records.leases import LeaseHeldError
from web import inbox, items, quality, rounds
from web.access import LOOPBACK_NAMES, checked_form, log_in
from web.desk import Desk, desk_of
from web.view import LANGUAGE_COOKIE, STATIC, page

SESSION_S = 12 * 3600
OPEN = ("/login", "/static/", "/language", "/healthz")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
    "Cache-Control": "no-store",
}


def build_app(desk: Desk, *, key: str, hosts: list[str] | None = None, https: bool = False) -> Starlette:
    """Return the application.

    Args:
        desk: What the pages work with.
        key: Secret that signs sessions.
        hosts: Names under which it is reached; only loopback names by default, so that no foreign name that
            points at this machine can read anything.
        https: Whether browsers reach it by HTTPS only; the session's cookie is then marked so.
    """
    middleware = [
        Middleware(TrustedHostMiddleware, allowed_hosts=hosts or LOOPBACK_NAMES),
        Middleware(Headers),
        Middleware(
            SessionMiddleware,
            secret_key=key,
            session_cookie="tejun",
            max_age=SESSION_S,
            same_site="strict",
            https_only=https,
        ),
        Middleware(Known),
    ]
    routes = [
        Route("/", inbox.show, name="inbox"),
        Route("/inbox/live", inbox.live),
        Route("/items/{thread}", items.show, name="item"),
        Route("/items/{thread}/answer", items.answer, methods=["POST"]),
        Route("/items/{thread}/{act:str}", items.hold, methods=["POST"]),
        Route("/items/{thread}/correction", items.correction),
        Route("/evidence/{digest}", items.rows),
        Route("/rounds/{round}", rounds.show, name="round"),
        Route("/rounds/{round}/confirm", rounds.confirm, methods=["POST"]),
        Route("/rounds/{round}/sign", rounds.sign, methods=["POST"]),
        Route("/rounds/{round}/report.{format}", rounds.download),
        Route("/quality", quality.show),
        Route("/quality/agreement.svg", quality.chart),
        Route("/login", login, methods=["GET", "POST"]),
        Route("/logout", logout, methods=["POST"]),
        Route("/language/{language}", choose_language, methods=["POST"]),
        Route("/healthz", healthz),
        Mount("/static", StaticFiles(directory=str(STATIC))),
    ]
    app = Starlette(
        routes=routes,
        middleware=middleware,
        exception_handlers={
            HTTPException: _told,
            CasebookError: _told,
            EvidenceError: _told,
            LeaseHeldError: _told,
            ClaimedError: _told,
            AnswerRefusedError: _told,
            NothingToAnswerError: _told,
            500: _broken,
        },
    )
    app.state.desk = desk
    return app


class Headers:
    """Adds the headers of every page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with the headers added to its answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "max-age=3600"
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class Known:
    """Lets nobody in who is not known; a login page is all that others see."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its person, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        request.state.person = desk_of(request).access.person(request)
        await (_refusal(request) or self._app)(scope, receive, send)
        if request.method == "POST":
            desk_of(request).recent.forget()


def _refusal(request: Request) -> Response | None:
    """Return the answer to a request of nobody who is known; None where it may go on."""
    if request.state.person is not None or request.url.path.startswith(OPEN):
        return None
    access = desk_of(request).access
    if access.mode == "proxy" or request.method != "GET" or "hx-request" in request.headers:
        return JSONResponse({"error": "log in first"}, 401)
    return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)


def _told(request: Request, error: Exception) -> Response:
    """Show an error that somebody can act on."""
    if isinstance(error, HTTPException):
        status, text = error.status_code, error.detail
    else:
        status, text = 409, str(error)
    return page(request, "error.html.jinja", status=status, text=text, status_code=status)


def _broken(request: Request, error: Exception) -> Response:
    """Say that something of ours broke; what it was stands in the log of the process, not in the answer."""
    text = "Something broke here. Nothing was recorded; the log of `tejun serve` says what it was.\n"
    return PlainTextResponse(text, 500, HEADERS)


async def login(request: Request) -> Response:
    """Log in with a name and a token."""
    desk = desk_of(request)
    target = request.query_params.get("next", "/")
    target = (
        target
        if urlsplit(target)[:2] == ("", "") and target.startswith("/") and target[1:2] not in "/\\"
        else "/"
    )
    target = target or "/"
    if desk.access.mode != "token":
        return RedirectResponse("/", 303)
    if request.method == "GET":
        return page(request, "login.html.jinja", failed=False, target=target)
    fields = await checked_form(request)
    user = desk.access.users.login(fields.get("name", [""])[0], fields.get("token", [""])[0])
    if user is None:
        return page(request, "login.html.jinja", status=401, failed=True, target=target)
    log_in(request, user)
    return RedirectResponse(target, 303)


async def logout(request: Request) -> Response:
    """End the session."""
    await checked_form(request)
    request.session.clear()
    return RedirectResponse("/login", 303)


async def choose_language(request: Request) -> Response:
    """Keep the language of the pages in a cookie."""
    fields = await checked_form(request)
    language = "en" if request.path_params["language"] == "en" else "ja"
    back = fields.get("back", ["/"])[0]
    response = RedirectResponse(back if back.startswith("/") and back[1:2] not in {"/", "\\"} else "/", 303)
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=365 * 86400, httponly=True, samesite="strict")
    return response


def healthz(request: Request) -> Response:
    """Say that the application answers."""
    return JSONResponse({"ok": True})
