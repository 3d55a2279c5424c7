"""What each item of `windows-ad-daily` must find, counted over the generator's own events in plain Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from evals.counting import Row, distinct, first_and_last, grouped
from evals.logs import Events
from tools.demo.windows import WindowsEvent

BUCKET_S, HOUR_S, SPRAY_USERS, BRUTE_FAILURES = 600, 3600, 5, 20
WEAK = {"0x17", "0x18", "0x1", "0x3"}
ROLES = {"DC01$": "ドメインコントローラ", "DC02$": "ドメインコントローラ", "MSOL_5f2a": "ディレクトリ同期"}
OWNERS = {"192.168.30.21": "運用端末1", "192.168.30.22": "配布サーバ"}
_PRIVILEGED = re.compile(r"S-1-5-21-.*-(512|516|518|519|520)|S-1-5-32-(544|548|549|550|551)")
_SERVICE_SHELL = re.compile(
    r"(?i)powershell|comspec|cmd(\.exe)? +/|mshta|rundll32|regsvr32|admin\$|psexesvc|[ /-]enc(odedcommand)? "
)
_TASK_SHELL = re.compile(
    r"(?i)powershell|pwsh|(?<![a-z])cmd(?![a-z])|mshta|rundll32|regsvr32|wscript|cscript|certutil|bitsadmin"
)
_ADMIN_SHARE = re.compile(r"\\\\\*\\([A-Za-z]|ADMIN)\$")


def _security(events: Events, start: float, end: float, *codes: int) -> list[WindowsEvent]:
    return _of(events, start, end, "Security", codes)


def _of(events: Events, start: float, end: float, channel: str, codes: tuple[int, ...]) -> list[WindowsEvent]:
    return [
        one._replace(time=int(one.time))
        for one in events.windows
        if start <= int(one.time) < end and one.channel == channel and one.code in codes
    ]


def _spans(part: list[WindowsEvent]) -> Row:
    return first_and_last(one.time for one in part)


def _source(event: WindowsEvent) -> str:
    known = (event.data.get(name, "-") for name in ("IpAddress", "WorkstationName"))
    return next((value for value in known if value != "-"), event.host).removeprefix("::ffff:")


def _target(event: WindowsEvent) -> str:
    return event.data.get("TargetUserName", "")


def _actor(event: WindowsEvent) -> str:
    return event.data.get("SubjectUserName", "")


def _failures(events: Events, start: float, end: float) -> list[WindowsEvent]:
    found = _security(events, start, end, 4625, 4771)
    return [one for one in found if one.code == 4625 or one.data.get("Status") == "0x18"]


def _logons(events: Events, start: float, end: float, kinds: set[str]) -> list[WindowsEvent]:
    return [one for one in _security(events, start, end, 4624) if one.data["LogonType"] in kinds]


def _persons(events: Events, start: float, end: float) -> list[WindowsEvent]:
    logons = _logons(events, start, end, {"2", "3", "10"})
    return [one for one in logons if _is_person(one)]


def _is_person(event: WindowsEvent) -> bool:
    return not _target(event).endswith("$") and _target(event) != "ANONYMOUS LOGON"


def password_spray(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield failed logons by source and ten minutes; of many users, with the source's logons from the first of them on."""
    entered = grouped(_persons(events, start, end), _source)
    buckets = grouped(
        _failures(events, start, end), lambda one: (_source(one), int(one.time - one.time % BUCKET_S))
    )
    for (source, bucket), part in buckets.items():
        users = len({_target(one).lower() for one in part})
        row: Row = {
            "src": source, "_time": bucket, "users": users, "failures": len(part),
            "hosts": distinct(one.host for one in part), **_spans(part),
        }  # fmt: skip
        begun = min(one.time for one in part)
        after = [one for one in entered.get(source, []) if one.time >= begun]
        if users >= SPRAY_USERS and after:
            row["success-after.logons"] = len(after)
            row["success-after.logged_on"] = distinct(map(_target, after))
            row |= _success(after)
        yield row


def _success(after: list[WindowsEvent]) -> Row:
    return {
        "success-after.logged_on_to": distinct(one.host for one in after),
        "success-after.first_ok": min(one.time for one in after),
    }


def logon_bruteforce(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield failed logons by user and source; of many, with logons from the first of them on, and lockouts."""
    entered = grouped(_persons(events, start, end), lambda one: (_target(one).lower(), _source(one)))
    locked = grouped(_security(events, start, end, 4740), lambda one: _target(one).lower())
    failures = grouped(_failures(events, start, end), lambda one: (_target(one).lower(), _source(one)))
    for (user, source), part in failures.items():
        hosts = distinct(one.host for one in part)
        row: Row = {"user": user, "src": source, "failures": len(part), "hosts": hosts, **_spans(part)}
        if len(part) >= BRUTE_FAILURES:
            begun = min(one.time for one in part)
            if after := [one for one in entered.get((user, source), []) if one.time >= begun]:
                row |= {**_success(after), "success-after.logons": len(after)}
                first = min(one.time for one in after)
                row["success-after.tried_before"] = sum(one.time <= first for one in part)
            if user in locked:
                row["locked-out.lockouts"] = len(locked[user])
        yield row


def kerberoasting(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield weak tickets of services by user and source."""
    tickets = [
        one
        for one in _security(events, start, end, 4769)
        if one.data["TicketEncryptionType"] in WEAK
        and not one.data["ServiceName"].endswith("$")
        and one.data["ServiceName"] != "krbtgt"
    ]
    for (user, source), part in grouped(tickets, lambda one: (_target(one), _source(one))).items():
        names = distinct(one.data["ServiceName"] for one in part)
        yield {
            "user": user, "src": source, "tickets": len(part), "services": len(names), "names": names, **_spans(part),
        }  # fmt: skip


def weak_tgt(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield weak first tickets by user and source."""
    weak = [one for one in _security(events, start, end, 4768) if one.data["TicketEncryptionType"] in WEAK]
    for (user, source), part in grouped(weak, lambda one: (_target(one), _source(one))).items():
        yield {"user": user, "src": source, "requests": len(part), **_spans(part)}


def new_ad_account(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield every account that was made, what deleted it, and its logons, from its making on."""
    deleted = grouped(_security(events, start, end, 4726), lambda one: (one.host, _target(one)))
    used = grouped(_security(events, start, end, 4624), _target)
    made = grouped(_security(events, start, end, 4720), lambda one: (one.host, _target(one)))
    for (host, user), part in made.items():
        makers = distinct(map(_actor, part))
        row: Row = {"host": host, "user": user, "created": len(part), "made_by": makers, **_spans(part)}
        if gone := [one.time for one in deleted.get((host, user), []) if one.time >= part[0].time]:
            row |= {"deleted.deletions": len(gone), "deleted.last_deleted": max(gone)}
        begun = min(one.time for (_, name), others in made.items() if name == user for one in others)
        if since := [one for one in used.get(user, []) if one.time >= begun]:
            row |= {
                "used-since.logons": len(since),
                "used-since.logged_on_from": distinct(one.data["IpAddress"] for one in since),
                "used-since.logged_on_to": distinct(one.host for one in since),
                "used-since.first_logon": min(one.time for one in since),
            }
        yield row


def privileged_group(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield additions to privileged groups."""
    added = [
        one
        for one in _security(events, start, end, 4728, 4732, 4756)
        if _PRIVILEGED.fullmatch(one.data["TargetSid"])
    ]

    def member(event: WindowsEvent) -> str:
        name = event.data.get("MemberName", "-")
        return event.data["MemberSid"] if name == "-" else name

    for (group, who), part in grouped(added, lambda one: (_target(one), member(one))).items():
        yield {
            "group": group, "member": who, "additions": len(part), "by_whom": distinct(map(_actor, part)),
            "hosts": distinct(one.host for one in part), **_spans(part),
        }  # fmt: skip


def dcsync(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield uses of the right to replicate, with the role of those who are registered."""
    used = [
        one
        for one in _security(events, start, end, 4662)
        if re.search("1131f6a[ad]-9c07-11d1-f79f-00c04fc2dcd2", one.data["Properties"])
    ]
    for user, part in grouped(used, _actor).items():
        hosts = distinct(one.host for one in part)
        row: Row = {"user": user, "accesses": len(part), "hosts": hosts, **_spans(part)}
        yield {**row, "dc_role": ROLES[user]} if user in ROLES else row


def anonymous_change(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield changes of computer accounts by nobody."""
    changes = [
        one for one in _security(events, start, end, 4742) if one.data.get("SubjectUserSid") == "S-1-5-7"
    ]
    for (host, account), part in grouped(changes, lambda one: (one.host, _target(one))).items():
        yield {"host": host, "account": account, "changes": len(part), **_spans(part)}


def permission_change(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield changes of permissions by who made them and on what."""
    changes = [
        one
        for one in _security(events, start, end, 5136)
        if one.data["AttributeLDAPDisplayName"] == "nTSecurityDescriptor"
    ]
    for (user, name), part in grouped(changes, lambda one: (_actor(one), one.data["ObjectDN"])).items():
        root = part[0].data["ObjectClass"] == "domainDNS" or name.lower().startswith("cn=adminsdholder,")
        yield {"user": user, "object": name, "changes": len(part), "root": int(root), **_spans(part)}


def new_service(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield new services; of those that start a shell, with the logons from elsewhere in the hour before."""
    remote = [one for one in _logons(events, start - HOUR_S, end, {"3", "10"}) if _is_person(one)]
    entered = grouped(remote, lambda one: one.host)
    installed = _of(events, start, end, "System", (7045,))
    for (host, name), part in grouped(installed, lambda one: (one.host, one.data["ServiceName"])).items():
        images = distinct(one.data["ImagePath"] for one in part)
        shell = any(map(_SERVICE_SHELL.search, images))
        row: Row = {
            "host": host, "service": name, "installs": len(part), "shell": int(shell), "images": images,
            "accounts": distinct(one.data["AccountName"] for one in part), **_spans(part),
        }  # fmt: skip
        before = [
            [one for one in entered.get(host, []) if install.time - HOUR_S < one.time <= install.time]
            for install in part
        ]
        if shell and any(before):
            every = [one for logons in before for one in logons]
            row |= {
                "logons-before.remote_logons": max(map(len, before)),
                "logons-before.remote_users": distinct(map(_target, every)),
                "logons-before.remote_from": distinct(one.data["IpAddress"] for one in every),
                "logons-before.last_remote": max(one.time for one in every),
            }
        yield row


def scheduled_task(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield new tasks by host, name and maker."""
    made = grouped(
        _security(events, start, end, 4698), lambda one: (one.host, one.data["TaskName"], _actor(one))
    )
    for (host, task, user), part in made.items():
        commands = distinct(
            command
            for one in part
            for command in re.findall("<Command>(.*?)</Command>", one.data["TaskContent"])
        )
        yield {
            "host": host, "task": task, "user": user, "created": len(part),
            "shell": int(any(map(_TASK_SHELL.search, commands))), "commands": commands, **_spans(part),
        }  # fmt: skip


def log_cleared(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield logs that were cleared."""
    cleared = [*_security(events, start, end, 1102), *_of(events, start, end, "System", (104,))]
    for (host, user), part in grouped(cleared, lambda one: (one.host, _actor(one) or "-")).items():
        logs = distinct(f"XmlWinEventLog:{one.channel}" for one in part)
        yield {"host": host, "user": user, "cleared": len(part), "logs": logs, **_spans(part)}


def admin_share(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield accesses of people to administrative shares, with the owner of a registered source."""
    accesses = [
        one
        for one in _security(events, start, end, 5145)
        if _ADMIN_SHARE.fullmatch(one.data["ShareName"]) and not _actor(one).endswith("$")
    ]
    for (host, user, source), part in grouped(
        accesses, lambda one: (one.host, _actor(one), _source(one))
    ).items():
        names = distinct(one.data["RelativeTargetName"] for one in part)
        row: Row = {
            "host": host, "user": user, "src": source, "accesses": len(part),
            "writes": sum("4417" in one.data["AccessList"] for one in part), "files": len(names), "names": names,
            **_spans(part),
        }  # fmt: skip
        yield {**row, "source_owner": OWNERS[source]} if source in OWNERS else row


WINDOWS_REFERENCES: dict[str, Callable[[Events, float, float], Iterator[Row]]] = {
    "password-spray": password_spray, "logon-bruteforce": logon_bruteforce, "kerberoasting": kerberoasting,
    "weak-tgt": weak_tgt, "new-ad-account": new_ad_account, "privileged-group": privileged_group, "dcsync": dcsync,
    "anonymous-change": anonymous_change, "permission-change": permission_change, "new-service": new_service,
    "scheduled-task": scheduled_task, "log-cleared": log_cleared, "admin-share": admin_share,
}  # fmt: skip
"""One count per item."""
