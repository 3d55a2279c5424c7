"""The settings of the SIEM: where its MCP server is, how it is reached, and under which name it is known."""

from __future__ import annotations

import json
import os
import shlex
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

if TYPE_CHECKING:
    from tools.search.transport import Transport

LOCAL = "local"
"""The source's name of the log store in the data directory."""

WAYS = ("http", "sse", "stdio")
_KEPT_BACK = ("TEJUN_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_", "ANTHROPIC_", "AZURE_OPENAI_")
"""Beginnings of variables that a started server is not given: they are ours."""


class SettingsError(Exception):
    """A variable of the environment cannot be used; the text names it and what is expected."""


class SiemSettings(BaseModel):
    """How the MCP server of a SIEM is reached."""

    model_config = ConfigDict(frozen=True)

    way: Literal["http", "sse", "stdio"] = "http"
    url: str | None = None
    command: tuple[str, ...] = ()
    """Program and arguments of a server that is started."""
    headers: dict[str, SecretStr] = {}
    """Sent with every request, the token's among them."""
    ca: Path | None = None
    """Certificates that are trusted besides the usual ones."""
    name: str | None = None
    environment: dict[str, SecretStr] = Field(default={}, repr=False)
    """What a started server is given."""

    @property
    def source(self) -> str:
        """A stable name of what is searched; rounds and baselines belong to it."""
        if self.name:
            return self.name
        return urlsplit(self.url).netloc if self.url else f"stdio:{Path(self.command[0]).name}"

    @property
    def where(self) -> str:
        """What a person is told of where it is: no credential of the address, no argument of the command."""
        if not self.url:
            return self.command[0]
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()

    def transport(self) -> Transport:
        """Return the way to the server."""
        from tools.search.transport import Http, Sse, Stdio

        headers = {name: value.get_secret_value() for name, value in self.headers.items()}
        ca = str(self.ca) if self.ca else None
        if self.url:
            return Sse(self.url, headers, ca) if self.way == "sse" else Http(self.url, headers, ca)
        given = {name: value.get_secret_value() for name, value in self.environment.items()}
        return Stdio(self.command[0], self.command[1:], given)


def read_siem() -> SiemSettings | None:
    """Return what the environment says of the SIEM; None: the local log store is searched.

    Raises:
        SettingsError: A variable cannot be used, or two contradict each other.
    """
    url, command = os.environ.get("TEJUN_SIEM_URL", ""), os.environ.get("TEJUN_SIEM_COMMAND", "")
    way = os.environ.get("TEJUN_SIEM_TRANSPORT", "") or ("stdio" if command and not url else "http")
    _check_way(way, url, command)
    if not url and not command:
        return None
    words = shlex.split(command) if way == "stdio" else []
    return SiemSettings(
        way=cast("Literal['http', 'sse', 'stdio']", way),
        url=url if way != "stdio" else None,
        command=tuple(words),
        headers=_headers(),
        ca=_ca(),
        name=_name(),
        environment=_passed_on(os.environ) if way == "stdio" else {},
    )


def _check_way(way: str, url: str, command: str) -> None:
    given = os.environ.get("TEJUN_SIEM_TRANSPORT", "")
    if way not in WAYS:
        raise SettingsError(f"TEJUN_SIEM_TRANSPORT is {way!r}. Expected http, sse or stdio.")
    if url and command and not given:
        raise SettingsError(
            "TEJUN_SIEM_URL and TEJUN_SIEM_COMMAND are both set. Set one of them, or TEJUN_SIEM_TRANSPORT to say which."
        )
    if way == "stdio" and not command:
        raise SettingsError(
            "TEJUN_SIEM_TRANSPORT is stdio, and TEJUN_SIEM_COMMAND is not set. Set it to the command that starts the server."
        )
    if way != "stdio" and given and not url:
        raise SettingsError(
            f"TEJUN_SIEM_TRANSPORT is {way}, and TEJUN_SIEM_URL is not set. Set it to the server's address."
        )
    if way != "stdio" and url and urlsplit(url).scheme not in {"http", "https"}:
        raise SettingsError(
            "TEJUN_SIEM_URL is no http or https address. Expected for example https://splunk:8089/services/mcp."
        )
    if way == "stdio":
        _check_command(command)


def _check_command(command: str) -> None:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise SettingsError(f"TEJUN_SIEM_COMMAND cannot be read: {error}. Write it as in a shell.") from None
    if not words:
        raise SettingsError("TEJUN_SIEM_COMMAND names no program.")


def _headers() -> dict[str, SecretStr]:
    """Return the headers of a JSON object or of lines `Name: value`, and the one of the token."""
    text, token = os.environ.get("TEJUN_SIEM_HEADERS", "").strip(), os.environ.get("TEJUN_SIEM_TOKEN")
    found: Any = {}
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
    elif text:
        pairs = [line.partition(":") for line in text.splitlines() if line.strip()]
        found = {name.strip(): value.strip() for name, colon, value in pairs if colon and name.strip()}
        found = found if len(found) == len(pairs) else None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise SettingsError(
            'TEJUN_SIEM_HEADERS cannot be read. Expected {"name": "value"} or lines of the form name: value.'
        )
    given = {str(name): SecretStr(value) for name, value in found.items()}
    return ({"Authorization": SecretStr(f"Bearer {token}")} if token else {}) | given


def _ca() -> Path | None:
    text = os.environ.get("TEJUN_SIEM_CA", "")
    if not text:
        return None
    try:
        ssl.create_default_context().load_verify_locations(text)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"TEJUN_SIEM_CA {text!r} cannot be used: {error}. Expected a file of certificates in PEM."
        ) from None
    return Path(text).absolute()


def _name() -> str | None:
    name = os.environ.get("TEJUN_SIEM_NAME", "").strip()
    if name == LOCAL or not name.isprintable():
        raise SettingsError(
            f"TEJUN_SIEM_NAME is {name!r}. Expected another name; this one is the local log store's."
        )
    return name or None


def _passed_on(environment: Mapping[str, str]) -> dict[str, SecretStr]:
    """Return what a started server may see: what is meant for it has any name, what is ours is kept back."""
    return {name: SecretStr(value) for name, value in environment.items() if not name.startswith(_KEPT_BACK)}
