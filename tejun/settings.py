"""Settings from the environment; this folder is the only one that reads it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from tejun.siem import LOCAL, SettingsError, SiemSettings, read_siem
from tools.model.settings import ModelSettings, Price
from tools.records.leases import user

__all__ = [
    "AGENTS",
    "OFF",
    "Settings",
    "SettingsError",
    "SiemSettings",
    "has_langsmith_key",
    "read_judge",
    "read_settings",
]

AGENTS = ("judge", "drill_down", "reporter")
OFF = "off"


class Settings(BaseModel):
    """Everything that can be set.

    `TEJUN_HOME` is the data directory; `TEJUN_SIEM_*` name a Splunk MCP server instead of the local log store;
    `TEJUN_CASEBOOK_URL` another database; `TEJUN_USER` the reviewer.
    `TEJUN_MODEL` names a chat model; without it no model is used.
    `TEJUN_WEB_AUTH` says how the review pages know people: `off` (loopback only), `token` or `proxy`.
    """

    model_config = ConfigDict(frozen=True)

    home: Path
    siem: SiemSettings | None = None
    """None: the log store in the data directory is searched."""
    casebook_url: str
    user: str
    models: dict[str, ModelSettings] = {}
    """By agent; an agent without one works deterministically."""
    web_auth: Literal["off", "token", "proxy"] = "off"
    web_user_header: str = "x-forwarded-user"
    web_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses whose header names the user."""
    web_hosts: tuple[str, ...] = ()
    """Names under which the pages are reached, besides loopback's."""
    web_https: bool = False
    siem_link: str | None = None
    """Address of the SIEM's search page with `{spl}`, `{earliest}` and `{latest}`."""

    @property
    def logs(self) -> Path:
        """Folder of the local log store."""
        return self.home / "logs"

    @property
    def evidence(self) -> Path:
        """Folder of the evidence store."""
        return self.home / "evidence"

    @property
    def checkpoints(self) -> Path:
        """File of the checkpoints."""
        return self.home / "checkpoints.sqlite"

    @property
    def users(self) -> Path:
        """File of the people who may use the review pages."""
        return self.home / "users.json"

    @property
    def source(self) -> str:
        """A stable name of what is searched."""
        return self.siem.source if self.siem else LOCAL


def read_settings() -> Settings:
    """Read the settings of this process."""
    home = Path(os.environ.get("TEJUN_HOME", ".tejun")).absolute()
    return Settings(
        home=home,
        siem=read_siem(),
        casebook_url=os.environ.get("TEJUN_CASEBOOK_URL") or f"sqlite:///{home / 'casebook.sqlite'}",
        user=os.environ.get("TEJUN_USER") or user(),
        models={agent: model for agent in AGENTS if (model := _model(agent))},
        **_web_settings(),
    )


def _model(agent: str) -> ModelSettings | None:
    """Return the model of one agent: each variable of its own, else the common one.

    Raises:
        SettingsError: A variable cannot be read.
    """
    return _model_of(lambda suffix: _of(suffix, agent))


def read_judge(name: str | None = None) -> ModelSettings | None:
    """Return the model whose opinion of the prose `tejun eval` asks; None: no opinion is asked.

    `TEJUN_JUDGE_MODEL` and `TEJUN_JUDGE_MODEL_<SUFFIX>` set it; a suffix that is not set is that of `TEJUN_MODEL`.

    Args:
        name: Stands for `TEJUN_JUDGE_MODEL`.

    Raises:
        SettingsError: A variable cannot be read.
    """

    def of(suffix: str) -> str:
        if not suffix:
            return name or os.environ.get("TEJUN_JUDGE_MODEL", "")
        own = os.environ.get(f"TEJUN_JUDGE_MODEL_{suffix}")
        return own or os.environ.get(f"TEJUN_MODEL_{suffix}", "")

    return _model_of(of)


def _model_of(of: Callable[[str], str]) -> ModelSettings | None:
    name = of("")
    if not name or name == OFF:
        return None
    variable = of("KEY_VARIABLE") or "OPENAI_API_KEY"
    key = os.environ.get(variable)
    given = {
        "temperature": _temperature(of("TEMPERATURE")),
        "timeout_s": of("TIMEOUT"),
        "retries": of("RETRIES"),
        "max_tokens": of("MAX_TOKENS"),
        "price": _price(of("PRICE")),
    }
    try:
        return ModelSettings(
            name=name,
            base_url=of("BASE_URL") or None,
            key=SecretStr(key) if key else None,
            key_variable=variable,
            **{field: value for field, value in given.items() if value != ""},
        )
    except ValidationError as error:
        first = error.errors()[0]
        suffix = {"timeout_s": "TIMEOUT"}.get(str(first["loc"][0]), str(first["loc"][0]).upper())
        raise SettingsError(
            f"TEJUN_MODEL_{suffix} {first['input']!r} cannot be used: {first['msg']}."
        ) from None


def _of(suffix: str, agent: str) -> str:
    """Return `TEJUN_MODEL_<AGENT>_<SUFFIX>`, else `TEJUN_MODEL_<SUFFIX>`, else nothing."""
    tail = f"_{suffix}" if suffix else ""
    own = os.environ.get(f"TEJUN_MODEL_{agent.upper()}{tail}")
    return own or os.environ.get(f"TEJUN_MODEL{tail}", "")


def _temperature(text: str) -> str | None:
    """Return the temperature; `default` leaves it to the model."""
    return None if text == "default" else text


def _price(text: str) -> Price | str:
    """Return a price written as `input,cached,output` per million tokens.

    Raises:
        SettingsError: It is not three numbers.
    """
    if not text:
        return ""
    try:
        fresh, cached, output = (float(part) for part in text.split(","))
    except ValueError:
        raise SettingsError(
            f"TEJUN_MODEL_PRICE {text!r} cannot be used. Expected input,cached,output per million tokens, "
            "for example 0.4,0.1,1.6."
        ) from None
    return Price(input=fresh, cached=cached, output=output)


def has_langsmith_key() -> bool:
    """Tell whether a key for LangSmith is set; its client reads the key itself."""
    return bool(os.environ.get("LANGSMITH_API_KEY") or os.environ.get("LANGCHAIN_API_KEY"))


def _web_settings() -> dict[str, Any]:
    """Read what the review pages are told; what is not set keeps its default."""
    mode = os.environ.get("TEJUN_WEB_AUTH", "off")
    if mode not in {"off", "token", "proxy"}:
        raise SettingsError(f"TEJUN_WEB_AUTH is {mode!r}. Expected off, token or proxy.")
    given: dict[str, Any] = {"web_auth": mode, "web_https": os.environ.get("TEJUN_WEB_HTTPS") == "1"}
    if header := os.environ.get("TEJUN_WEB_USER_HEADER"):
        given["web_user_header"] = header
    for name, variable in (("web_proxies", "TEJUN_WEB_PROXIES"), ("web_hosts", "TEJUN_WEB_HOSTS")):
        if text := os.environ.get(variable):
            given[name] = tuple(part.strip() for part in text.split(",") if part.strip())
    if link := os.environ.get("TEJUN_SIEM_LINK"):
        given["siem_link"] = _checked_link(link)
    return given


def _checked_link(link: str) -> str:
    try:
        filled = link.format(spl="", earliest="0", latest="0")
    except (KeyError, IndexError, ValueError):
        filled = ""
    if urlsplit(filled).scheme not in {"http", "https"}:
        raise SettingsError(
            f"TEJUN_SIEM_LINK is {link!r}. Expected an http(s) address with {{spl}}, {{earliest}} and {{latest}}."
        )
    return link
