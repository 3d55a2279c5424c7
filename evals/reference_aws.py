"""What each item of `aws-iam-daily` must find, counted over the generator's own records in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from evals.counting import Row, distinct, first_and_last, grouped
from evals.logs import Events

Record = dict[str, Any]

BUCKET_S, SESSION_S = 300, 12 * 3600


class Call(NamedTuple):
    """One AWS call that a record tells of."""

    time: int
    who: str
    name: str
    record: Record

    @property
    def parameters(self) -> Record:
        """The parameters of the call."""
        return self.record.get("requestParameters") or {}

    @property
    def refused(self) -> bool:
        """Whether the call failed."""
        return bool(self.record.get("errorCode"))


def _calls(events: Events, start: float, end: float) -> list[Call]:
    return [
        Call(int(at), _caller(record), record["eventName"], record)
        for at, record in events.aws
        if start <= int(at) < end
    ]


def _caller(record: Record) -> str:
    identity = record["userIdentity"]
    return str(identity.get("userName") or identity.get("arn") or identity.get("principalId"))


def root_use(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield the root user's calls by account and source."""
    roots = [
        call
        for call in _calls(events, start, end)
        if call.record["userIdentity"]["type"] == "Root" and call.record["eventType"] != "AwsServiceEvent"
    ]
    groups = grouped(roots, lambda call: (call.record["recipientAccountId"], call.record["sourceIPAddress"]))
    for (account, source), part in groups.items():
        made = distinct(call.name for call in part)
        span = first_and_last(call.time for call in part)
        used = sum(not (call.refused or _entered(call.record) == "Failure") for call in part)
        yield {
            "account": account,
            "source_ip": source,
            "calls": len(part),
            "used": used,
            "calls_made": made,
            **span,
        }


def _entered(record: Record) -> str | None:
    """Return how a console login ended; None for any other call."""
    return (record.get("responseElements") or {}).get("ConsoleLogin")


def console_no_mfa(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield console logins without a second factor, and what followed within twelve hours of one of them."""
    calls = _calls(events, start, end)
    logins = [call for call in calls if _is_bare_login(call.record)]
    for (who, source), part in grouped(
        logins, lambda call: (call.who, call.record["sourceIPAddress"])
    ).items():
        row: Row = {"who": who, "source_ip": source, "logins": len(part)}
        row |= first_and_last(call.time for call in part)
        after = [
            call
            for call in calls
            if (call.who, call.record["sourceIPAddress"], call.name == "ConsoleLogin") == (who, source, False)
            and any(0 <= call.time - login.time < SESSION_S for login in part)
        ]
        if after:
            changes = [call for call in after if call.record["readOnly"] is False and not call.refused]
            row["calls-after.calls"], row["calls-after.writes"] = len(after), len(changes)
            row["calls-after.last_call"] = max(call.time for call in after)
            if changes:
                row["calls-after.changed"] = distinct(call.name for call in changes)
        yield row


def _is_bare_login(record: Record) -> bool:
    return (
        record["eventName"] == "ConsoleLogin"
        and record["userIdentity"]["type"] in {"IAMUser", "Root"}
        and _entered(record) == "Success"
        and (record.get("additionalEventData") or {}).get("MFAUsed") == "No"
    )


def new_credentials(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield users, keys and passwords that were made, by the user they are for, and what that user did from then on."""
    kinds = {"CreateUser", "CreateAccessKey", "CreateLoginProfile", "UpdateLoginProfile"}
    calls = _calls(events, start, end)
    used = grouped(calls, lambda call: call.record["userIdentity"].get("userName"))
    made = [call for call in calls if call.name in kinds and not call.refused]
    for target, part in grouped(made, lambda call: call.parameters.get("userName") or call.who).items():
        row: Row = {
            "target": target,
            "changes": len(part),
            "made": distinct(call.name for call in part),
            "made_by": distinct(call.who for call in part),
            **first_and_last(call.time for call in part),
        }
        begun = min(call.time for call in part)
        if since := [call for call in used.get(target, []) if call.time >= begun and call not in made]:
            row["used-since.calls"] = len(since)
            row["used-since.used_from"] = distinct(call.record["sourceIPAddress"] for call in since)
            row["used-since.first_use"] = min(call.time for call in since)
        yield row


def admin_grants(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield attempts to give administrator rights, by who was to have them."""
    policy = "arn:aws:iam::aws:policy/AdministratorAccess"
    kinds = {"AttachUserPolicy", "AttachRolePolicy", "AttachGroupPolicy"}
    tries = [
        call
        for call in _calls(events, start, end)
        if call.name in kinds and call.parameters.get("policyArn") == policy
    ]

    def target(call: Call) -> str:
        return str(
            next(
                call.parameters[name]
                for name in ("userName", "roleName", "groupName")
                if name in call.parameters
            )
        )

    for name, part in grouped(tries, target).items():
        yield {
            "target": name,
            "attempts": len(part),
            "granted": sum(not call.refused for call in part),
            "calls": distinct(call.name for call in part),
            "by_whom": distinct(call.who for call in part),
            **first_and_last(call.time for call in part),
        }


def trail_tampering(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield changes to trails by identity."""
    kinds = {"StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"}
    changes = [call for call in _calls(events, start, end) if call.name in kinds]
    for who, part in grouped(changes, lambda call: call.who).items():
        row: Row = {
            "who": who,
            "attempts": len(part),
            "succeeded": sum(not call.refused for call in part),
            "tried": distinct(call.name for call in part),
            **first_and_last(call.time for call in part),
        }
        done = distinct(call.name for call in part if not call.refused)
        yield {**row, "done": done} if done else row


def denied_calls(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield refused calls by identity."""

    def denied(call: Call) -> bool:
        code = str(call.record.get("errorCode") or "").lower()
        return code.startswith("accessdenied") or code.endswith("unauthorizedoperation")

    refused = [call for call in _calls(events, start, end) if denied(call)]
    for who, part in grouped(refused, lambda call: call.who).items():
        yield {
            "who": who,
            "denied": len(part),
            "kinds": len({call.name for call in part}),
            "sources": distinct(call.record["sourceIPAddress"] for call in part),
            **first_and_last(call.time for call in part),
        }


def secret_reads(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield reads of secrets by identity and five minutes."""
    reads = [
        call for call in _calls(events, start, end) if call.name == "GetSecretValue" and not call.refused
    ]
    for (who, bucket), part in grouped(
        reads, lambda call: (call.who, call.time - call.time % BUCKET_S)
    ).items():
        secrets = {call.parameters.get("secretId") for call in part}
        yield {"who": who, "_time": bucket, "reads": len(part), "secrets": len(secrets)}


def open_exposure(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield security groups with a rule that was opened to everybody."""
    opened: list[tuple[Call, Record]] = [
        (call, rule)
        for call in _calls(events, start, end)
        if call.name == "AuthorizeSecurityGroupIngress" and not call.refused
        for rule in call.parameters["ipPermissions"].get("items", [call.parameters])
        if set(_texts(rule)) & {"0.0.0.0/0", "::/0"}
    ]
    for group, part in grouped(opened, lambda one: one[0].parameters["groupId"]).items():
        spans = [(rule.get("fromPort", -1), rule.get("toPort", -1)) for _, rule in part]
        whole = [
            "fromPort" not in rule or rule.get("ipProtocol") == "-1"
            for (low, _), (_, rule) in zip(spans, part, strict=True)
        ]
        admin = [
            every or any(low <= port <= high for port in (22, 3389))
            for every, (low, high) in zip(whole, spans, strict=True)
        ]
        yield {
            "resource": group,
            "rules": len(part),
            "admin": int(any(admin)),
            "ports": distinct(
                "all" if every else str(low) if low == high else f"{low}-{high}"
                for every, (low, high) in zip(whole, spans, strict=True)
            ),
            "by_whom": distinct(call.who for call, _ in part),
            **first_and_last(call.time for call, _ in part),
        }


def _texts(value: Any) -> Iterator[str]:
    """Yield every text inside a part of a record."""
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(part)


AWS_REFERENCES: dict[str, Callable[[Events, float, float], Iterator[Row]]] = {
    "root-use": root_use, "console-no-mfa": console_no_mfa, "new-credentials": new_credentials,
    "admin-grants": admin_grants, "trail-tampering": trail_tampering, "denied-calls": denied_calls,
    "secret-reads": secret_reads, "open-exposure": open_exposure,
}  # fmt: skip
"""One count per item."""
