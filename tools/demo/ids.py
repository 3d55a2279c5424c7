"""Alerts and flows of two Suricata sensors, in the JSON lines of eve.json."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from tools.demo import plan

SENSORS = ("sensor01", "sensor02")
USUAL = {
    9000001 + number: (name, severity)
    for number, (name, severity) in enumerate((
        ("POLICY package manager outbound", 3), ("POLICY cloud storage upload", 3), ("INFO new TLS version", 3),
        ("INFO invalid TLS record", 3), ("SCAN inbound to closed port", 3), ("SCAN SSH banner", 2),
        ("WEB scanner user agent", 2), ("WEB request for .env", 2), ("WEB request for wp-login.php", 2),
        ("DNS query for dynamic host", 2), ("SMTP unexpected reply", 3), ("EXPLOIT known worm request", 1),
    ))
}  # fmt: skip
"""Signatures that fire every day, by number: name and severity."""
WORM = 9000012
"""The only severe one of them; the sensors block it."""
SERVERS = ("192.0.2.10", "192.0.2.11", "192.0.2.12")


class Alert(NamedTuple):
    """One event of a sensor; without a signature it is a flow."""

    time: float
    sensor: str
    source: str
    target: str
    code: int = 0
    name: str = ""
    severity: int = 3
    action: str = "allowed"


def ids_events(rng: Random, start: float, end: float) -> list[Alert]:
    """Return all events between two epochs, ordered by time."""
    events = [*background(rng, start, end), *_planted()]
    return sorted((one for one in events if start <= one.time < end), key=lambda one: one.time)


def render(event: Alert) -> str:
    """Return an event as a line of eve.json."""
    moment = dt.datetime.fromtimestamp(int(event.time), dt.UTC)
    record: dict[str, object] = {
        "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.000000+0000", "event_type": "alert" if event.code else "flow",
        "host": event.sensor, "src_ip": event.source, "dest_ip": event.target, "dest_port": 443, "proto": "TCP",
    }  # fmt: skip
    if event.code:
        record["alert"] = {
            "action": event.action, "gid": 1, "signature_id": event.code, "rev": 1, "signature": event.name,
            "severity": event.severity,
        }  # fmt: skip
    return json.dumps(record, ensure_ascii=False)


def usual(moment: float, source: str, target: str, code: int, *, sensor: str = SENSORS[0]) -> Alert:
    """Return an alert of a signature that fires every day."""
    name, severity = USUAL[code]
    return Alert(
        moment, sensor, source, target, code, name, severity, "blocked" if code == WORM else "allowed"
    )


def background(rng: Random, start: float, end: float) -> Iterator[Alert]:
    """Yield flows, and the alerts of an ordinary day: every usual signature, from sources all over the internet."""
    for sensor in SENSORS:
        moment = start
        while moment < end:
            yield Alert(moment, sensor, _anyone(rng), rng.choice(SERVERS))
            moment += 300 + rng.random() * 600
    for code in USUAL:
        moment = start + rng.random() * 1800
        while moment < end:
            yield usual(moment, _anyone(rng), rng.choice(SERVERS), code, sensor=rng.choice(SENSORS))
            moment += 2400 + rng.random() * 6000


def _anyone(rng: Random) -> str:
    return f"{rng.choice(('203.0.113', '198.51.100'))}.{rng.randrange(150, 250)}"


TOOL, CALLBACK, ODD = 9000101, 9000102, 9000103


def _planted() -> Iterator[Alert]:
    """What the plan says, alert by alert."""
    for number in range(240):
        yield usual(plan.tokyo(3) + number * 12, plan.ATTACKER, SERVERS[number % 3], 9000001 + number % 11)
    for number in range(6):
        yield Alert(
            plan.tokyo(3, 50) + number,
            SENSORS[0],
            plan.ATTACKER,
            SERVERS[0],
            TOOL,
            "EXPLOIT web shell answered",
            1,
        )
    for number in range(4):
        yield Alert(
            plan.tokyo(9 + number, 12), SENSORS[1], "192.168.30.77", "203.0.113.150", CALLBACK,
            f"POLICY unusual user agent {plan.HOSTILE_NAMES[0]}",
        )  # fmt: skip
    for day in (0, 3):
        moment = plan.tokyo(15, 4, day=plan.DEMO_DAY - dt.timedelta(days=day))
        yield Alert(
            moment, SENSORS[1], "192.168.30.42", "198.51.100.61", ODD, "INFO long-lived outbound session"
        )
    for source, count in ((plan.SCANNER, 25), (plan.EDGE_WATCH, 20), (plan.BELOW_WATCH, 19)):
        for number in range(count):
            yield usual(plan.tokyo(20) + number * 30, source, SERVERS[1], WORM)
    for source, kinds in ((plan.SCANNER, 10), (plan.PENTESTER, 10), (plan.BELOW_SPREAD, 9)):
        for number in range(kinds):
            yield usual(plan.tokyo(21) + number * 40, source, SERVERS[2], 9000001 + number)
