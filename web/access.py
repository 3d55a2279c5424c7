"""Who asks, and what they may do: a trusted proxy's header, a local login, or the one user of this machine."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from dataclasses import dataclass
from typing import Literal

from starlette.exceptions import HTTPException
from starlette.requests import Request

from web.users import Role, User, Users

Mode = Literal["off", "token", "proxy"]
LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]", "::1"]


class BindingError(Exception):
    """The pages must not be offered at this address without authentication."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who makes a request."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Access:
    """How people are known."""

    mode: Mode
    users: Users
    owner: str
    """The user of this process; with `off` everybody who reaches the loopback address is them."""
    header: str = "x-forwarded-user"
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses from which the header is believed."""

    def person(self, request: Request) -> Person | None:
        """Return who makes a request; None when nobody has logged in.

        A session ends as soon as its user is removed, given another role, or a new token.
        """
        if self.mode == "off":
            return Person(self.owner, Role.LEAD)
        if self.mode == "proxy":
            return self._of_proxy(request)
        user = self.users.find(str(request.session.get("user", "")))
        if user is None or request.session.get("token") != user.token_hash[:16]:
            return None
        return Person(user.name, user.role)

    def _of_proxy(self, request: Request) -> Person | None:
        if request.client is None or request.client.host not in self.proxies:
            return None
        name = request.headers.get(self.header, "").strip()
        user = self.users.find(name) if name else None
        return Person(name, user.role if user else Role.READER) if name else None


def check_binding(host: str, mode: Mode) -> None:
    """Refuse an address that others reach while everybody is taken for the owner.

    Raises:
        BindingError: It is one.
    """
    if mode != "off" or host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise BindingError(
            f"{host!r} can be reached from elsewhere, and nobody would have to log in. Set TEJUN_WEB_AUTH=token "
            "and add people with `tejun user add NAME --role analyst`, or TEJUN_WEB_AUTH=proxy behind a proxy "
            "that authenticates; or bind to 127.0.0.1."
        )


def log_in(request: Request, user: User) -> None:
    """Begin a session; whatever the browser carried before is dropped."""
    request.session.clear()
    request.session.update({"user": user.name, "token": user.token_hash[:16]})


def csrf_token(request: Request) -> str:
    """Return the token that every form of this session carries."""
    if "csrf" not in request.session:
        request.session["csrf"] = secrets.token_urlsafe(24)
    return str(request.session["csrf"])


async def checked_form(request: Request) -> dict[str, list[str]]:
    """Return the fields of a form that one of our own pages sent.

    Raises:
        HTTPException: 403, the form does not carry this session's token.
    """
    form = await request.form(max_files=0, max_fields=500)
    fields: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        fields.setdefault(name, []).append(str(value))
    given, wanted = fields.get("csrf", [""])[0], str(request.session.get("csrf", ""))
    if not wanted or not hmac.compare_digest(given.encode(), wanted.encode()):
        raise HTTPException(403, "the form is too old or came from another site. Load the page again.")
    return fields


def person_of(request: Request, needed: Role = Role.READER) -> Person:
    """Return who makes the request.

    Raises:
        HTTPException: 403, their role does not include `needed`.
    """
    person: Person = request.state.person
    if not person.role.may(needed):
        raise HTTPException(403, f"{person.name} is a {person.role.value}; this takes a {needed.value}.")
    return person
