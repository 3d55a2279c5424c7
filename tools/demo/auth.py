"""Linux authentication logs of three hosts, in syslog lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from random import Random

from tools.demo import plan

HOSTS = ("bastion01", "web01", "db01")
ADMINS = {"ops-sato": "192.168.10.11", "ops-mori": "192.168.10.12", "monitor": "192.168.20.5"}
GUESSED = ("root", "admin", "test", "oracle", "postgres", "ubuntu", "git", "pi", "user", "guest")

Line = tuple[float, str, str]
"""Epoch, host and message with its process."""


def auth_lines(rng: Random, start: float, end: float) -> list[Line]:
    """Return all lines between two epochs, ordered by time."""
    lines = [*background(rng, start, end), *_planted()]
    kept = [line for line in lines if start <= line[0] < end and not _is_quiet(line)]
    return sorted(kept, key=lambda line: line[0])


def background(rng: Random, start: float, end: float) -> Iterator[Line]:
    """Yield benign lines of machines, people and the internet; some begin before `end` and reach past it."""
    yield from _machines(rng, start, end)
    yield from _people(rng, start, end)
    yield from _internet(rng, start, end)


def _is_quiet(line: Line) -> bool:
    return line[1] == plan.QUIET_HOST and plan.QUIET[0] <= line[0] < plan.QUIET[1]


def render(line: Line) -> str:
    """Return a line in syslog form; clocks of the hosts run in UTC."""
    moment = dt.datetime.fromtimestamp(line[0], dt.UTC)
    return f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S} {line[1]} {line[2]}"


def _machines(rng: Random, start: float, end: float) -> Iterator[Line]:
    """Cron jobs and logind, every few minutes on every host."""
    for host in HOSTS:
        moment = start + rng.random() * 60
        while moment < end:
            pid = rng.randrange(1000, 32000)
            user = rng.choice(("root", "root", "www-data"))
            yield (
                moment,
                host,
                f"CRON[{pid}]: pam_unix(cron:session): session opened for user {user} by (uid=0)",
            )
            yield moment + 1, host, f"CRON[{pid}]: pam_unix(cron:session): session closed for user {user}"
            moment += 150 + rng.random() * 60


def _busy(epoch: float) -> float:
    """Return how busy people are: working hours in Tokyo, less at weekends."""
    local = dt.datetime.fromtimestamp(epoch, plan.TOKYO)
    work = 1.0 if 9 <= local.hour < 19 else 0.08
    return work * (0.15 if local.weekday() > 4 else 1.0)


def _people(rng: Random, start: float, end: float) -> Iterator[Line]:
    """Administrators log in with keys, run sudo, and log out; one of them opens a root shell every day."""
    moment = start
    while moment < end:
        moment += rng.expovariate(1 / 240)
        if rng.random() > _busy(moment):
            continue
        user, source = rng.choice(list(ADMINS.items()))
        host, pid, port = rng.choice(HOSTS), rng.randrange(1000, 32000), rng.randrange(40000, 60000)
        yield (
            moment,
            host,
            f"sshd[{pid}]: Accepted publickey for {user} from {source} port {port} ssh2: ED25519 SHA256:{rng.randbytes(8).hex()}",
        )
        yield (
            moment + 1,
            host,
            f"sshd[{pid}]: pam_unix(sshd:session): session opened for user {user} by (uid=0)",
        )
        command = rng.choice(
            ("/usr/bin/systemctl status nginx", "/usr/bin/apt-get update", "/usr/bin/journalctl -n 50")
        )
        yield (
            moment + 20,
            host,
            f"sudo:   {user} : TTY=pts/0 ; PWD=/home/{user} ; USER=root ; COMMAND={command}",
        )
        yield moment + 300, host, f"sshd[{pid}]: pam_unix(sshd:session): session closed for user {user}"
        if rng.random() < 0.05:
            yield moment + 5, host, f"sshd[{pid}]: Failed password for {user} from {source} port {port} ssh2"
    day = start - start % 86400
    while day < end:
        yield (
            day + 7200 + rng.random() * 3600,
            "web01",
            "sudo: ops-sato : TTY=pts/1 ; PWD=/root ; USER=root ; COMMAND=/bin/bash",
        )
        day += 86400


def _internet(rng: Random, start: float, end: float) -> Iterator[Line]:
    """Guessing from the whole internet: few attempts from each of many addresses, day and night."""
    day = start - start % 86400 - 86400
    while day < end:
        for _ in range(34):
            source = (
                f"203.0.113.{rng.randrange(1, 60)}"
                if rng.random() < 0.5
                else f"198.51.100.{rng.randrange(150, 250)}"
            )
            moment = day + rng.random() * 86400
            for _ in range(rng.randrange(1, 3)):
                user, pid = rng.choice(GUESSED), rng.randrange(1000, 32000)
                known = "" if user in {"root", "git", "ubuntu"} else "invalid user "
                yield (
                    moment,
                    "bastion01",
                    f"sshd[{pid}]: Failed password for {known}{user} from {source} port {rng.randrange(1024, 65000)} ssh2",
                )
                yield (
                    moment + 1,
                    "bastion01",
                    f"sshd[{pid}]: Connection closed by {source} port {rng.randrange(1024, 65000)} [preauth]",
                )
                moment += 600 + rng.random() * 3000
        day += 86400


def failed(moment: float, source: str, user: str, *, host: str = "bastion01", invalid: bool = True) -> Line:
    """Return one failed password."""
    kind = "invalid user " if invalid else ""
    return moment, host, f"sshd[4242]: Failed password for {kind}{user} from {source} port 52000 ssh2"


def _planted() -> Iterator[Line]:
    """What the plan says, line by line."""
    start = plan.tokyo(2, 10)
    for number in range(200):
        line = failed(
            start + number * 5,
            plan.ATTACKER,
            ("root", "admin", "deploy")[number % 3],
            invalid=number % 3 == 1,
        )
        if number % 10 == 9:
            text = line[2].partition(": ")[2]
            line = line[0], line[1], f"sshd[4242]: message repeated 3 times: [ {text}]"
        yield line
    yield (
        plan.tokyo(2, 27, 3),
        "bastion01",
        f"sshd[4300]: Accepted password for deploy from {plan.ATTACKER} port 52900 ssh2",
    )
    for number in range(10):
        yield failed(plan.tokyo(1 + 2 * number, 17), plan.EDGE_WATCH, "admin")
    for number in range(9):
        yield failed(plan.tokyo(2 + 2 * number, 41), plan.BELOW_WATCH, "admin")
    names = [*plan.HOSTILE_NAMES, *(f"name{number:02d}" for number in range(21))]
    for number, name in enumerate(names):
        yield failed(plan.tokyo(number, 33), plan.GUESSER, name)
    for number in range(60):
        yield failed(plan.tokyo(20) + number * 120, plan.SCANNER, f"scan{number % 6}", host="web01")
    for number in range(8):
        yield failed(plan.tokyo(0) - 480 + number * 60, plan.MIDNIGHT, "admin")
        yield failed(plan.tokyo(0) + 60 + number * 60, plan.MIDNIGHT, "admin")
    yield (
        plan.tokyo(14, 5),
        "db01",
        "useradd[771]: new user: name=svc-backup2, UID=1042, GID=1042, home=/home/svc-backup2, shell=/bin/bash",
    )
    yield (
        plan.tokyo(10, 30),
        "web01",
        "useradd[772]: new user: name=svc-migrate9, UID=1043, GID=1043, home=/home/svc-migrate9, shell=/bin/bash",
    )
    for minute in (12, 47):
        yield (
            plan.tokyo(16, minute),
            "db01",
            "sudo:   tanaka : TTY=pts/2 ; PWD=/home/tanaka ; USER=root ; COMMAND=/bin/su -",
        )
