"""What a case plants in its logs: a small vocabulary over the demo's generator."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from random import Random
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from tools.demo import auth, cloudtrail, ids, web, windows


class Model(BaseModel):
    """Frozen, and strict about unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Planted(Model):
    """Something that happens `count` times from `at` on, `every` so many seconds.

    In text values `{n}` is the running number from 0.
    """

    at: dt.datetime
    """Clock time in the procedure's zone; an ambiguous one is the first."""
    count: int = Field(1, ge=1)
    every: float = 60

    def times(self, zone: ZoneInfo) -> Iterator[tuple[int, float]]:
        """Yield the running number and the epoch of every time that it happens."""
        start = self.at.replace(tzinfo=self.at.tzinfo or zone).timestamp()
        for number in range(self.count):
            yield number, start + number * self.every


class AuthPlanted(Planted):
    """Something in the authentication logs."""

    host: str = "bastion01"

    def lines(self, zone: ZoneInfo) -> Iterator[auth.Line]:
        """Yield the lines."""
        for number, moment in self.times(zone):
            yield moment, self.host, self.text(number)

    def text(self, number: int) -> str:
        """Return the message of one line with its process."""
        raise NotImplementedError


class Failed(AuthPlanted):
    """Failed SSH passwords; `users` take turns, `repeat` writes each as `message repeated N times`."""

    kind: Literal["failed"]
    source: str
    users: tuple[str, ...] = ("admin",)
    repeat: int = Field(1, ge=1)

    def text(self, number: int) -> str:
        """Return one failure."""
        user, source = _filled(self.users[number % len(self.users)], number), _filled(self.source, number)
        line = f"Failed password for invalid user {user} from {source} port {40000 + number % 20000} ssh2"
        if self.repeat > 1:
            line = f"message repeated {self.repeat} times: [ {line}]"
        return f"sshd[4242]: {line}"


class Accepted(AuthPlanted):
    """SSH logins."""

    kind: Literal["accepted"]
    source: str
    user: str
    method: Literal["password", "publickey"] = "password"

    def text(self, number: int) -> str:
        """Return one login."""
        return f"sshd[4300]: Accepted {self.method} for {self.user} from {self.source} port 52900 ssh2"


class UserAdd(AuthPlanted):
    """New accounts on a host."""

    kind: Literal["useradd"]
    user: str
    uid: int

    def text(self, number: int) -> str:
        """Return one creation."""
        home = f"home=/home/{self.user}, shell=/bin/bash"
        return f"useradd[771]: new user: name={self.user}, UID={self.uid}, GID={self.uid}, {home}"


class Sudo(AuthPlanted):
    """Commands run with sudo."""

    kind: Literal["sudo"]
    user: str
    command: str
    run_as: str = "root"
    refused: str = ""
    """Why sudo refused it, in its own words; empty when it ran."""

    def text(self, number: int) -> str:
        """Return one command."""
        why = f"{self.refused} ; " if self.refused else ""
        where = f"{why}TTY=pts/2 ; PWD=/home/{self.user}"
        return f"sudo:   {self.user} : {where} ; USER={self.run_as} ; COMMAND={self.command}"


class Hits(Planted):
    """Web requests; `uris` take turns."""

    kind: Literal["hits"]
    client: str
    uris: tuple[str, ...]
    status: int = 200
    size: int = 400
    agent: str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"

    def hits(self, zone: ZoneInfo) -> Iterator[web.Hit]:
        """Yield the requests."""
        for number, moment in self.times(zone):
            uri, client = _filled(self.uris[number % len(self.uris)], number), _filled(self.client, number)
            yield web.Hit(moment, client, uri, self.status, self.size, self.agent)


class Calls(Planted):
    """AWS calls; `names` take turns, `record` adds or replaces parts of the CloudTrail record."""

    kind: Literal["calls"]
    who: str
    source: str
    service: str
    names: tuple[str, ...]
    write: bool = False
    error: str | None = None
    parameters: dict[str, Any] | None = None
    record: dict[str, Any] = Field(default_factory=dict)

    def records(self, rng: Random, zone: ZoneInfo) -> Iterator[cloudtrail.Timed]:
        """Yield the records."""
        for number, moment in self.times(zone):
            more = {"requestParameters": _deep(self.parameters, number), **_deep(self.record, number)}
            if self.error:
                more |= {"errorCode": self.error, "errorMessage": "refused"}
            name = self.names[number % len(self.names)]
            service = f"{self.service}.amazonaws.com"
            yield cloudtrail.call(rng, moment, self.who, self.source, service, name, write=self.write, **more)


class ConsoleLogin(Planted):
    """Console logins that succeed."""

    kind: Literal["login"]
    who: str
    source: str
    mfa: Literal["Yes", "No"]

    def records(self, rng: Random, zone: ZoneInfo) -> Iterator[cloudtrail.Timed]:
        """Yield the records."""
        for _, moment in self.times(zone):
            yield cloudtrail.login(rng, moment, self.who, self.source, mfa=self.mfa)


class WindowsPlanted(Planted):
    """Something in the events of a Windows computer."""

    host: str = "DC01"

    def events(self, zone: ZoneInfo) -> Iterator[windows.WindowsEvent]:
        """Yield the events."""
        for number, moment in self.times(zone):
            yield self.event(number, moment)

    def event(self, number: int, moment: float) -> windows.WindowsEvent:
        """Return one event."""
        raise NotImplementedError


class Logon(WindowsPlanted):
    """Logons to a Windows computer; `users` take turns."""

    kind: Literal["logon"]
    source: str
    users: tuple[str, ...]
    failed: bool = False
    type: int = 3

    def event(self, number: int, moment: float) -> windows.WindowsEvent:
        """Return one logon."""
        user = _filled(self.users[number % len(self.users)], number)
        return windows.logon(moment, self.host, user, self.source, kind=self.type, failed=self.failed)


class Ticket(WindowsPlanted):
    """Kerberos tickets; `services` take turns, and `krbtgt` is a user's first ticket."""

    kind: Literal["ticket"]
    user: str
    source: str
    services: tuple[str, ...] = ("krbtgt",)
    encryption: str = windows.RC4

    def event(self, number: int, moment: float) -> windows.WindowsEvent:
        """Return one ticket."""
        service = self.services[number % len(self.services)]
        return windows.ticket(moment, self.user, self.source, self.encryption, service=service)


class WindowsOther(WindowsPlanted):
    """Any Windows event: its number and its data."""

    kind: Literal["windows"]
    code: int
    channel: Literal["Security", "System"] = "Security"
    data: dict[str, str] = Field(default_factory=dict)

    def event(self, number: int, moment: float) -> windows.WindowsEvent:
        """Return one event."""
        return windows.WindowsEvent(moment, self.host, self.code, _deep(self.data, number), self.channel)


class AlertPlanted(Planted):
    """Alerts of a sensor; `codes` take turns. Those that fire every day bring their name and severity."""

    kind: Literal["alert"]
    source: str
    codes: tuple[int, ...]
    target: str = ids.SERVERS[0]
    sensor: str = ids.SENSORS[0]
    name: str = ""
    severity: int = 3
    action: Literal["allowed", "blocked"] = "allowed"

    def alerts(self, zone: ZoneInfo) -> Iterator[ids.Alert]:
        """Yield the alerts."""
        for number, moment in self.times(zone):
            code, source = self.codes[number % len(self.codes)], _filled(self.source, number)
            if code in ids.USUAL:
                yield ids.usual(moment, source, self.target, code, sensor=self.sensor)
            else:
                what = (code, self.name, self.severity, self.action)
                yield ids.Alert(moment, self.sensor, source, self.target, *what)


Plant = Annotated[
    Failed
    | Accepted
    | UserAdd
    | Sudo
    | Hits
    | Calls
    | ConsoleLogin
    | Logon
    | Ticket
    | WindowsOther
    | AlertPlanted,
    Field(discriminator="kind"),
]


def _filled(text: str, number: int) -> str:
    """Replace `{n}` by the running number, and `{high}.{low}` by it as two octets."""
    high, low = divmod(number, 250)
    return text.replace("{n}", str(number)).replace("{high}", str(high)).replace("{low}", str(low + 1))


def _deep(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return _filled(value, number)
    if isinstance(value, dict):
        return {name: _deep(part, number) for name, part in value.items()}
    if isinstance(value, list):
        return [_deep(part, number) for part in value]
    return value
