"""Windows events of a small domain: the Security and System channels of four computers, in XML."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from random import Random
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from tools.demo import plan

COMPUTERS = ("DC01", "FS01", "PC-SATO", "PC-MORI")
PEOPLE = {"sato": ("PC-SATO", "192.168.30.41"), "mori": ("PC-MORI", "192.168.30.42")}
REALM = "CORP.EXAMPLE"
DOMAIN_SID = "S-1-5-21-1004336348-1177238915-682003330"
DEPLOYER = "192.168.30.22"
AES, RC4 = "0x12", "0x17"
REPLICATION = "%%7688 {1131f6aa-9c07-11d1-f79f-00c04fc2dcd2} {19195a5b-6da0-11d0-afd3-00c04fd930c9}"
READ, WRITE = "%%1538 %%1541 %%4416", "%%1538 %%4417 %%4418"
SERVICE_MANAGER, AUDITING = "Service Control Manager", "Microsoft-Windows-Security-Auditing"


class WindowsEvent(NamedTuple):
    """One event; `data` is its EventData."""

    time: float
    host: str
    code: int
    data: dict[str, str]
    channel: str = "Security"


def windows_events(rng: Random, start: float, end: float) -> list[WindowsEvent]:
    """Return all events between two epochs, ordered by time."""
    events = [*background(rng, start, end), *_planted()]
    return sorted((one for one in events if start <= one.time < end), key=lambda one: one.time)


def render(event: WindowsEvent) -> str:
    """Return an event as the XML of one line; clocks run in UTC."""
    moment = dt.datetime.fromtimestamp(int(event.time), dt.UTC)
    provider = AUDITING if event.channel == "Security" else SERVICE_MANAGER
    data = "".join(f"<Data Name={quoteattr(name)}>{escape(text)}</Data>" for name, text in event.data.items())
    return (
        '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>'
        f"<Provider Name={quoteattr(provider)}/><EventID>{event.code}</EventID>"
        f'<TimeCreated SystemTime="{moment:%Y-%m-%dT%H:%M:%S}.0000000Z"/>'
        f"<Channel>{event.channel}</Channel><Computer>{escape(event.host)}</Computer></System>"
        f"<EventData>{data}</EventData></Event>"
    )


def background(rng: Random, start: float, end: float) -> Iterator[WindowsEvent]:
    """Yield what machines and people do; some begin before `end` and reach past it."""
    for host in COMPUTERS:
        yield from _machine(rng, host, start, end)
    yield from _people(rng, start, end)
    yield from _administration(rng, start, end)


def logon(
    moment: float, host: str, user: str, source: str, *, kind: int = 3, failed: bool = False
) -> WindowsEvent:
    """Return a logon of `user` at `host` from an address; one that failed has the reason of a wrong password."""
    data = {"TargetUserName": user, "TargetDomainName": "CORP", "LogonType": str(kind)}
    if failed:
        data |= {"Status": "0xc000006d", "SubStatus": "0xc000006a"}
    return WindowsEvent(
        moment, host, 4625 if failed else 4624, {**data, "WorkstationName": "-", "IpAddress": source}
    )


def ticket(
    moment: float, user: str, source: str, encryption: str, *, service: str = "krbtgt"
) -> WindowsEvent:
    """Return a ticket that the domain controller gave: for `krbtgt` the first one of a user, else one of a service."""
    first = service == "krbtgt"
    return WindowsEvent(
        moment, "DC01", 4768 if first else 4769,
        {
            "TargetUserName": user if first else f"{user}@{REALM}", "ServiceName": service, "Status": "0x0",
            "TicketEncryptionType": encryption, "IpAddress": f"::ffff:{source}",
        },
    )  # fmt: skip


def by(moment: float, host: str, code: int, user: str, **data: str) -> WindowsEvent:
    """Return something in the Security channel that `user` did."""
    return WindowsEvent(moment, host, code, {"SubjectUserName": user, "SubjectDomainName": "CORP", **data})


def service_installed(moment: float, host: str, name: str, image: str) -> WindowsEvent:
    """Return a new service."""
    data = {
        "ServiceName": name,
        "ImagePath": image,
        "StartType": "demand start",
        "AccountName": "LocalSystem",
    }
    return WindowsEvent(moment, host, 7045, data, "System")


def task_created(moment: float, host: str, user: str, task: str, command: str) -> WindowsEvent:
    """Return a new scheduled task."""
    content = f"<Task><Actions><Exec><Command>{escape(command)}</Command></Exec></Actions></Task>"
    return by(moment, host, 4698, user, TaskName=task, TaskContent=content)


def share_access(moment: float, host: str, user: str, source: str, name: str, access: str) -> WindowsEvent:
    """Return an access to a file in the share C$ of a host."""
    share = {"ShareName": r"\\*\C$", "RelativeTargetName": name, "AccessList": access, "IpAddress": source}
    return by(moment, host, 5145, user, **share)


def _machine(rng: Random, host: str, start: float, end: float) -> Iterator[WindowsEvent]:
    """Services log on every twenty minutes, and start or stop every two hours."""
    moment = start
    while moment < end:
        yield logon(moment, host, "SYSTEM", "-", kind=5)
        moment += 900 + rng.random() * 600
    moment = start + 600
    while moment < end:
        yield WindowsEvent(
            moment, host, 7036, {"param1": "Windows Update", "param2": rng.choice(("running", "stopped"))}, "System"
        )  # fmt: skip
        moment += 5400 + rng.random() * 3600


def _people(rng: Random, start: float, end: float) -> Iterator[WindowsEvent]:
    """People log on in working hours, use the file server, and now and then mistype a password."""
    moment = start
    while moment < end:
        moment += rng.expovariate(1 / 500)
        local = dt.datetime.fromtimestamp(moment, plan.TOKYO)
        if not (9 <= local.hour < 19 and local.weekday() < 5):
            continue
        user, (computer, source) = rng.choice(list(PEOPLE.items()))
        if rng.random() < 0.04:
            yield logon(moment - 20, computer, user, "127.0.0.1", kind=2, failed=True)
        yield logon(moment, computer, user, "127.0.0.1", kind=2)
        yield ticket(moment + 1, user, source, AES)
        yield ticket(moment + 2, user, source, AES, service="FS01$")
        yield logon(moment + 3, "FS01", user, source)


def _administration(rng: Random, start: float, end: float) -> Iterator[WindowsEvent]:
    """Domain controllers replicate, and the registered deployment server writes to the computers every night."""
    moment = start
    while moment < end:
        moment += 10000 + rng.random() * 8000
        yield by(moment, "DC01", 4662, "DC02$", ObjectType="domainDNS", Properties=REPLICATION)
    night = start - start % 86400 + 17 * 3600
    while night < end:
        for host in COMPUTERS[1:]:
            yield share_access(
                night + rng.random() * 1800, host, "svc-deploy", DEPLOYER, r"Deploy\agent.msi", WRITE
            )
        night += 86400


SPRAYED = (*(f"user{number:02d}" for number in range(11)), "kondo")
HIDDEN = "powershell -nop -w hidden -enc UwB0AGEAcgB0AC0AUwBsAGUAZQBwAA=="


def _planted() -> Iterator[WindowsEvent]:
    """What the plan says, event by event."""
    yield from _passwords()
    yield from _intrusion()
    yield from _changes_by_others()


def _passwords() -> Iterator[WindowsEvent]:
    for number in range(24):
        yield logon(plan.tokyo(2, 40) + number * 10, "FS01", SPRAYED[number % 12], plan.ATTACKER, failed=True)
    yield logon(plan.tokyo(2, 46), "FS01", "kondo", plan.ATTACKER)
    for number in range(12):
        yield logon(plan.tokyo(20, 10) + number * 20, "FS01", f"scan{number % 6}", plan.SCANNER, failed=True)
    for number in range(4):
        yield logon(
            plan.tokyo(5, 20) + number * 20, "FS01", f"user{number:02d}", plan.BELOW_WATCH, failed=True
        )
    for number in range(20):
        yield logon(plan.tokyo(1, 7) + number * 1800, "FS01", "Administrator", plan.EDGE_WATCH, failed=True)
    for number in range(19):
        yield logon(plan.tokyo(1, 9) + number * 1800, "FS01", "backup", plan.BELOW_WATCH, failed=True)


def _intrusion() -> Iterator[WindowsEvent]:
    yield ticket(plan.tokyo(2, 50), "kondo", plan.FOOTHOLD, RC4)
    for number, service in enumerate(("svc-sql", "svc-web", "svc-report", "svc-kyuyo", "svc-backup")):
        yield ticket(plan.tokyo(2, 52) + number, "kondo", plan.FOOTHOLD, RC4, service=service)
    for number, access in enumerate((READ, READ, WRITE)):
        name = r"Windows\Temp\upd.exe" if access == WRITE else rf"Users\file{number}"
        yield share_access(plan.tokyo(3, 5) + number, "FS01", "kondo", plan.FOOTHOLD, name, access)
    yield service_installed(plan.tokyo(3, 6), "FS01", "BTOBTO", f"%COMSPEC% /C {HIDDEN}")
    yield task_created(plan.tokyo(3, 9), "FS01", "kondo", r"\UpdateCheck", "powershell.exe")
    yield by(plan.tokyo(3, 20), "DC01", 4720, "kondo", TargetUserName="svc-sync2")
    yield by(
        plan.tokyo(3, 21), "DC01", 4728, "kondo", TargetUserName="Domain Admins", TargetSid=f"{DOMAIN_SID}-512",
        MemberName=plan.NEW_MEMBER, MemberSid=f"{DOMAIN_SID}-2107",
    )  # fmt: skip
    for number in range(3):
        yield by(
            plan.tokyo(3, 30) + number,
            "DC01",
            4662,
            "svc-sync2",
            ObjectType="domainDNS",
            Properties=REPLICATION,
        )
    yield by(
        plan.tokyo(3, 40), "DC01", 5136, "svc-sync2", ObjectDN=plan.DOMAIN, ObjectClass="domainDNS",
        AttributeLDAPDisplayName="nTSecurityDescriptor",
    )  # fmt: skip
    yield by(plan.tokyo(3, 55), "FS01", 1102, "svc-sync2")


def _changes_by_others() -> Iterator[WindowsEvent]:
    """What is allowed for a time, what no longer is, and what a person should know of."""
    for day in range(plan.DAYS):
        yield ticket(
            plan.tokyo(8, 30, day=plan.DEMO_DAY - dt.timedelta(days=day)), "mfp01$", "192.168.30.90", RC4
        )
    for minute in (0, 30):
        yield ticket(plan.tokyo(6, minute), "svc-kyuyo", "192.168.30.51", RC4, service="svc-db")
    yield by(plan.tokyo(10, 15), "DC01", 4720, "ops-mori", TargetUserName="kenshu-07")
    yield by(
        plan.tokyo(11), "DC01", 5136, "ops-mori", ObjectDN=f"OU=Sales,{plan.DOMAIN}", ObjectClass="organizationalUnit",
        AttributeLDAPDisplayName="nTSecurityDescriptor",
    )  # fmt: skip
    yield service_installed(plan.tokyo(13, 10), "PC-SATO", "LabelPrinter", r"C:\Program Files\Label\svc.exe")
    yield task_created(
        plan.tokyo(14),
        "PC-SATO",
        "PC-SATO$",
        r"\Microsoft\Windows\UpdateOrchestrator\Reboot",
        "usoclient.exe",
    )
