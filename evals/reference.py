"""What each item of the library must find, counted over the generator's own events in plain Python.

Nothing here touches the engine, the agents or their reports: lines are read with the generator's own wording
in mind, and each item is a loop and a few counts. Thresholds are not judged here; verdicts stand in the cases.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from evals.counting import Row, distinct, first_and_last, grouped
from evals.logs import Events
from evals.reference_aws import AWS_REFERENCES
from evals.reference_ids import IDS_REFERENCES
from evals.reference_windows import WINDOWS_REFERENCES
from tools.demo.web import Hit

_FAILED = re.compile(
    r"sshd\[\d+\]: (?:message repeated (\d+) times: \[ )?Failed password for (?:invalid user )?(.*) from (\S+) port"
)
_ACCEPTED = re.compile(r"sshd\[\d+\]: Accepted (\S+) for (.*) from (\S+) port")
_ADDED = re.compile(r"useradd\[\d+\]: new user: name=([^,]*), UID=(\d+)")
_SUDO = re.compile(r"sudo:\s+(\S+) : TTY=.* ; USER=root ; COMMAND=(.*)")
_SHELL = re.compile(r"(?:/usr)?/bin/(?:su|bash|sh|dash|ksh|zsh|fish)(?: |$)")
_SENSITIVE = re.compile(r"(?i)\.(env|git|bak|sql|zip|old)(?=[./]|$)|/(backup|backups|config|\.aws)(?=[./]|$)")
_ADMIN = re.compile(r"(?i)wp-login\.php|wp-admin|xmlrpc\.php|phpmyadmin|/administrator")
_GAP = r"(?:[+ ]|%20|%0a|/\*+/)+"
_ATTACK = re.compile(
    rf"(?i)\.\.(?:/|%2f|%5c)|%2e%2e|union{_GAP}(?:all{_GAP})?select|<script|%3Cscript|etc(?:/|%2f)passwd"
    r"|[?&]cmd=|base64_decode"
)
OWNERS = {"192.168.10.11": "運用端末1", "192.168.10.12": "運用端末2", "192.168.20.5": "監視サーバ"}
"""The administrators' sources, as the procedure's lookup registers them."""

BURST, WATCH, DAY_S, BUCKET_S = 30, 10, 86400, 300


class Failure(NamedTuple):
    """One line of failed passwords."""

    time: int
    attempts: int
    user: str
    source: str


class Login(NamedTuple):
    """One SSH login."""

    time: int
    method: str
    user: str
    source: str
    host: str


def _lines(
    events: Events, start: float, end: float, wanted: re.Pattern[str]
) -> Iterator[tuple[int, str, Any]]:
    """Yield second, host and match of the lines inside a window; a syslog line knows whole seconds."""
    for moment, host, text in events.auth:
        if start <= int(moment) < end and (found := wanted.match(text)):
            yield int(moment), host, found


def _failures(events: Events, start: float, end: float) -> list[Failure]:
    return [
        Failure(at, int(found[1] or 1), found[2], found[3])
        for at, _, found in _lines(events, start, end, _FAILED)
    ]


def _logins(events: Events, start: float, end: float) -> list[Login]:
    return [
        Login(at, found[1], found[2], found[3], host)
        for at, host, found in _lines(events, start, end, _ACCEPTED)
    ]


def _hits(events: Events, start: float, end: float) -> list[Hit]:
    return [hit._replace(time=int(hit.time)) for hit in events.web if start <= int(hit.time) < end]


def ssh_bruteforce(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield failures by source, and the source's logins from its first failure on; a repeated line counts as it says."""
    accepted = grouped(_logins(events, start, end), lambda login: login.source)
    for source, lines in grouped(_failures(events, start, end), lambda line: line.source).items():
        row: Row = {
            "src_ip": source,
            "failures": sum(line.attempts for line in lines),
            "lines": len(lines),
            "users": len({line.user for line in lines}),
            **first_and_last(line.time for line in lines),
        }
        begun = min(line.time for line in lines)
        after = [login for login in accepted.get(source, []) if login.time >= begun]
        if after and int(str(row["failures"])) >= WATCH:
            first = min(login.time for login in after)
            row |= {
                "success-after.accepted": len(after),
                "success-after.accepted_users": distinct(login.user for login in after),
                "success-after.accepted_hosts": distinct(login.host for login in after),
                "success-after.first_ok": first,
                "success-after.tried_before": sum(line.attempts for line in lines if line.time <= first),
            }
        yield row


def ssh_burst(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield failed lines by five minutes."""
    lines = _failures(events, start, end)
    for bucket, part in grouped(lines, lambda line: line.time - line.time % BUCKET_S).items():
        yield {
            "_time": bucket,
            "lines": len(part),
            "sources": len({line.source for line in part}),
            "users": len({line.user for line in part}),
        }


def ssh_user_guessing(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield the names that each source tried."""
    for source, lines in grouped(_failures(events, start, end), lambda line: line.source).items():
        names = distinct(line.user for line in lines)
        span = first_and_last(line.time for line in lines)
        yield {"src_ip": source, "users": len(names), "names": names, "lines": len(lines), **span}


def unknown_source_login(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield logins by source and user; where the source is not registered, with its failures until the last of them."""
    before = grouped(_failures(events, start - DAY_S, end), lambda line: line.source)
    logins = grouped(_logins(events, start, end), lambda login: (login.source, login.user))
    for (source, user), part in logins.items():
        row: Row = {
            "src_ip": source,
            "user": user,
            "logins": len(part),
            "methods": distinct(login.method for login in part),
            "hosts": distinct(login.host for login in part),
            **first_and_last(login.time for login in part),
        }
        if source in OWNERS:
            row["source_owner"] = OWNERS[source]
        else:
            latest = max(login.time for login in part)
            row["failures-before.failed_before"] = sum(
                line.attempts for line in before.get(source, []) if line.time <= latest
            )
        yield row


def root_login(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield logins as root by source."""
    roots = [login for login in _logins(events, start, end) if login.user == "root"]
    for source, part in grouped(roots, lambda login: login.source).items():
        methods = distinct(login.method for login in part)
        yield {
            "src_ip": source,
            "logins": len(part),
            "hosts": distinct(login.host for login in part),
            "methods": methods,
            **first_and_last(one.time for one in part),
        }


def new_account(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield every account that was made, and its logins to the same host from then on."""
    logins = grouped(_logins(events, start, end), lambda login: (login.host, login.user))
    for at, host, found in _lines(events, start, end, _ADDED):
        row: Row = {"host": host, "user": found[1], "_time": at, "uid": found[2]}
        if since := [login for login in logins.get((host, found[1]), []) if login.time >= at]:
            row["used-since.logins"] = len(since)
            row["used-since.login_from"] = distinct(login.source for login in since)
            row["used-since.first_login"] = min(login.time for login in since)
        yield row


def root_shell(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield the root shells of each user."""
    shells = [
        (at, host, found[1], found[2])
        for at, host, found in _lines(events, start, end, _SUDO)
        if _SHELL.match(found[2])
    ]
    for user, part in grouped(shells, lambda shell: shell[2]).items():
        yield {
            "user": user,
            "shells": len(part),
            "hosts": distinct(host for _, host, _, _ in part),
            "commands": distinct(command for *_, command in part),
            **first_and_last(at for at, *_ in part),
        }


def _path(hit: Hit) -> str:
    return hit.uri.partition("?")[0]


def _is_served(hit: Hit) -> bool:
    """Tell whether the client got what it asked for, now or in an answer before; being sent elsewhere is not that."""
    return hit.status < 300 or hit.status == 304


def not_found_scan(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield pages that do not exist, by client, and what the same client was served that it should not see."""
    hits = _hits(events, start, end)
    served = grouped(
        (hit for hit in hits if _is_served(hit) and _SENSITIVE.search(_path(hit))), lambda hit: hit.client
    )
    for client, part in grouped((hit for hit in hits if hit.status == 404), lambda hit: hit.client).items():
        paths = {_path(hit) for hit in part}
        row: Row = {
            "clientip": client,
            "requests": len(part),
            "paths": len(paths),
            **first_and_last(hit.time for hit in part),
        }
        if client in served and len(paths) >= 15:
            row["hits.sensitive_hits"] = len(served[client])
            row["hits.sensitive_paths"] = distinct(_path(hit) for hit in served[client])
            row["hits.first_hit"] = min(hit.time for hit in served[client])
        yield row


def admin_probe(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield requests for pages of administrators, by client."""
    probes = [hit for hit in _hits(events, start, end) if _ADMIN.search(_path(hit))]
    for client, part in grouped(probes, lambda hit: hit.client).items():
        yield {
            "clientip": client,
            "probes": len(part),
            "ok": sum(map(_is_served, part)),
            "paths": distinct(map(_path, part)),
            **first_and_last(hit.time for hit in part),
        }


def injection(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield requests that hold an attack, by client."""
    attacks = [hit for hit in _hits(events, start, end) if _ATTACK.search(hit.uri)]
    for client, part in grouped(attacks, lambda hit: hit.client).items():
        yield {
            "clientip": client,
            "requests": len(part),
            "ok": sum(map(_is_served, part)),
            "uris": distinct(hit.uri for hit in part),
            **first_and_last(hit.time for hit in part),
        }


def server_errors(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield errors of the server by path."""
    errors = [hit for hit in _hits(events, start, end) if hit.status >= 500]
    for path, part in grouped(errors, _path).items():
        clients = len({hit.client for hit in part})
        yield {
            "uri_path": path,
            "errors": len(part),
            "clients": clients,
            **first_and_last(hit.time for hit in part),
        }


def large_transfer(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield the bytes that each client got; a dash in the log is no number. The procedure looks at 100 clients."""
    rows: list[Row] = []
    for client, part in grouped(_hits(events, start, end), lambda hit: hit.client).items():
        row: Row = {"clientip": client, "requests": len(part), **first_and_last(hit.time for hit in part)}
        if sizes := [hit.size for hit in part if hit.size]:
            row |= {"sent": sum(sizes), "largest": max(sizes)}
        rows.append(row)
    rows.sort(key=lambda row: -int(str(row.get("sent", -1))))
    yield from rows[:100]


def error_share(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield the share of failures of clients with at least 20 requests and one failure."""
    for client, part in grouped(_hits(events, start, end), lambda hit: hit.client).items():
        failures = sum(400 <= hit.status < 500 for hit in part)
        if len(part) >= 20 and failures:
            share = round(100 * failures / len(part), 1)
            span = first_and_last(hit.time for hit in part)
            yield {"clientip": client, "requests": len(part), "failures": failures, "share": share, **span}


REFERENCES: dict[str, Callable[[Events, float, float], Iterator[Row]]] = {
    "ssh-bruteforce": ssh_bruteforce, "ssh-burst": ssh_burst, "ssh-user-guessing": ssh_user_guessing,
    "unknown-source-login": unknown_source_login, "root-login": root_login, "new-account": new_account,
    "root-shell": root_shell, "not-found-scan": not_found_scan, "admin-probe": admin_probe, "injection": injection,
    "server-errors": server_errors, "large-transfer": large_transfer, "error-share": error_share, **AWS_REFERENCES, **WINDOWS_REFERENCES, **IDS_REFERENCES,
}  # fmt: skip
"""One count per item of the library."""


def source_times(events: Events, source: str) -> dict[str, list[int]]:
    """Return the seconds of the events of a data source of the library, by host where it has hosts."""
    if source == "cloudtrail":
        return {"": [int(at) for at, _ in events.aws]}
    if source in {"security", "system"}:
        mine = [event for event in events.windows if event.channel.lower() == source]
        return {
            host: [int(one.time) for one in part]
            for host, part in grouped(mine, lambda one: one.host).items()
        }
    if source == "ids":
        sensors = grouped(events.ids, lambda alert: alert.sensor)
        return {sensor: [int(one.time) for one in part] for sensor, part in sensors.items()}
    if source == "access":
        return {"": [int(hit.time) for hit in events.web]}
    lines = [line for line in events.auth if source != "sshd" or line[2].startswith("sshd[")]
    return {
        host: [int(line[0]) for line in part] for host, part in grouped(lines, lambda line: line[1]).items()
    }
