"""`tejun serve` and `tejun user`: the review pages, and who may use them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from tejun.guarding import guarded, run_async
from tejun.output import FAILED, USAGE, JsonOption, console, fail, print_json, print_table
from tejun.settings import Settings, read_settings
from tejun.shapes import UserShape

app = typer.Typer(help="People who use the review pages.", no_args_is_help=True)


class RoleChoice(StrEnum):
    """Roles, each including the one before."""

    READER = "reader"
    ANALYST = "analyst"
    LEAD = "lead"


@guarded
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8765,
) -> None:
    """Offer the review pages: inbox, items, rounds. Stop with Ctrl-C."""
    from web.access import BindingError, check_binding
    from web.users import UsersError

    settings = read_settings()
    try:
        check_binding(host, settings.web_auth)
        run_async(_serve(settings, host, port))
    except BindingError as error:
        fail(str(error), USAGE)
    except UsersError as error:
        fail(str(error), FAILED)


async def _serve(settings: Settings, host: str, port: int) -> None:
    import uvicorn

    from tejun.opening import open_tejun
    from web.access import LOOPBACK_NAMES, Access
    from web.app import build_app
    from web.desk import Desk
    from web.users import Users, session_key

    users = Users(settings.users)
    if settings.web_auth == "token" and not users.all():
        fail("nobody could log in. Add somebody with `tejun user add NAME --role lead`.", FAILED)
    access = Access(
        mode=settings.web_auth,
        users=users,
        owner=settings.user,
        header=settings.web_user_header,
        proxies=settings.web_proxies,
    )
    async with open_tejun(settings) as tejun:
        desk = Desk(tejun.graph, tejun.resources, access, siem_link=settings.siem_link)
        application = build_app(
            desk,
            key=session_key(settings.home / "web.key"),
            hosts=[*LOOPBACK_NAMES, *settings.web_hosts],
            https=settings.web_https,
        )
        console().print(f"Review pages: http://{host}:{port}/  (Ctrl-C stops them)", markup=False)
        config = uvicorn.Config(
            application, host=host, port=port, log_level="warning", proxy_headers=False, server_header=False
        )
        await uvicorn.Server(config).serve()


@app.command()
@guarded
def add(
    name: Annotated[str, typer.Argument(help="Name; it is printed in reports.")],
    role: Annotated[
        RoleChoice, typer.Option(help="reader looks, analyst decides, lead also signs.")
    ] = RoleChoice.ANALYST,
) -> None:
    """Add somebody, or give them a new token and role. The token is shown once and kept nowhere."""
    from web.users import Role, Users, UsersError

    try:
        token = Users(read_settings().users).add(name, Role(role.value))
    except UsersError as error:
        fail(str(error), USAGE)
    console().print(f"{name} is a {role.value}. Token, shown only now:\n{token}", markup=False)


@app.command(name="list")
@guarded
def list_(json: JsonOption = False) -> None:
    """List people with their roles."""
    from web.users import Users, UsersError

    try:
        shapes = [UserShape(name=user.name, role=user.role) for user in Users(read_settings().users).all()]
    except UsersError as error:
        fail(str(error), FAILED)
    if json:
        print_json(shapes)
    else:
        print_table(["name", "role"], [[shape.name, shape.role] for shape in shapes])


@app.command()
@guarded
def remove(name: Annotated[str, typer.Argument(help="Name.")]) -> None:
    """Remove somebody; their sessions end at once."""
    from web.users import Users

    if not Users(read_settings().users).remove(name):
        fail(f"user {name!r} is unknown. See `tejun user list`.", FAILED)
    console().print(f"removed {name}", markup=False)
