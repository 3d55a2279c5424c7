"""CloudTrail records of one account."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from random import Random
from typing import Any

from tools.demo import plan

ACCOUNT = "123456789012"
PEOPLE = {"a.suzuki": "192.0.2.11", "m.sato": "192.0.2.12", "k.ito": "192.0.2.13"}
ROLES = {"deploy-pipeline": "10.1.4.20", "backup-job": "10.1.4.21", "app-web": "10.1.5.10"}
READS = (
    ("ec2.amazonaws.com", "DescribeInstances"), ("s3.amazonaws.com", "GetBucketLocation"),
    ("iam.amazonaws.com", "ListRoles"), ("logs.amazonaws.com", "DescribeLogGroups"),
    ("cloudwatch.amazonaws.com", "GetMetricData"), ("kms.amazonaws.com", "DescribeKey"),
)  # fmt: skip

Record = dict[str, Any]


Timed = tuple[float, Record]
"""Epoch and record."""


def cloudtrail_records(rng: Random, start: float, end: float) -> list[Record]:
    """Return all records between two epochs, ordered by time."""
    timed = [*background(rng, start, end), *_planted(rng)]
    kept = sorted((pair for pair in timed if start <= pair[0] < end), key=lambda pair: pair[0])
    return [record for _, record in kept]


def call(
    rng: Random,
    moment: float,
    who: str,
    source: str,
    service: str,
    name: str,
    *,
    write: bool = False,
    **more: Any,
) -> Timed:
    """Return a record; `more` adds or replaces its parts."""
    stamp = dt.datetime.fromtimestamp(int(moment), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    record: Record = {
        "eventVersion": "1.09",
        "userIdentity": _person(who) if who in PEOPLE or who.startswith(("svc-", "audit-")) else _role(who),
        "eventTime": stamp,
        "eventSource": service,
        "eventName": name,
        "awsRegion": "ap-northeast-1",
        "sourceIPAddress": source,
        "userAgent": "aws-cli/2.17.1 Python/3.11.9 Linux/6.1",
        "requestParameters": None,
        "responseElements": None,
        "requestID": rng.randbytes(8).hex(),
        "eventID": rng.randbytes(16).hex(),
        "readOnly": not write,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }
    return moment, {**record, **more}


def _person(name: str) -> Record:
    return {
        "type": "IAMUser",
        "principalId": f"AIDA{name.upper().replace('.', '').replace('-', ''):0<12}"[:16],
        "arn": f"arn:aws:iam::{ACCOUNT}:user/{name}",
        "accountId": ACCOUNT,
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "userName": name,
    }


def _role(name: str) -> Record:
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{name}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session",
        "accountId": ACCOUNT,
        "sessionContext": {"attributes": {"mfaAuthenticated": "false"}},
    }


def background(rng: Random, start: float, end: float) -> Iterator[Timed]:
    """Yield benign calls of jobs and people; some begin just before `end` and reach past it."""
    moment = start
    while moment < end:
        moment += rng.expovariate(1 / 55)
        hour = dt.datetime.fromtimestamp(moment, plan.TOKYO)
        working = 9 <= hour.hour < 19 and hour.weekday() < 5
        person = working and rng.random() < 0.5
        who, source = rng.choice(list((PEOPLE if person else ROLES).items()))
        service, name = rng.choice(READS)
        yield call(rng, moment, who, source, service, name)
        if rng.random() < 0.005:
            yield call(
                rng, moment + 3, who, source, "s3.amazonaws.com", "GetBucketPolicy", errorCode="AccessDenied",
                errorMessage="Access Denied",
            )  # fmt: skip
        if who == "app-web" and rng.random() < 0.05:
            yield call(
                rng, moment + 5, who, source, "secretsmanager.amazonaws.com", "GetSecretValue",
                requestParameters={"secretId": f"prod/web/{rng.randrange(3)}"},
            )  # fmt: skip
    day = start - start % 86400
    while day < end:
        for name, source in PEOPLE.items():
            yield login(rng, day + 900 + rng.random() * 3600, name, source, mfa="Yes")
        day += 86400


def login(rng: Random, moment: float, who: str, source: str, *, mfa: str) -> Timed:
    """Return a console login that succeeded."""
    return call(
        rng, moment, who, source, "signin.amazonaws.com", "ConsoleLogin", write=True,
        eventType="AwsConsoleSignIn", responseElements={"ConsoleLogin": "Success"},
        additionalEventData={"MFAUsed": mfa, "MobileVersion": "No"},
    )  # fmt: skip


PROBED = (
    "ListUsers", "ListAccessKeys", "GetAccountSummary", "ListSecrets", "DescribeDBInstances", "ListFunctions",
)  # fmt: skip
AUDITED = (
    "ListBuckets", "GetBucketAcl", "ListKeys", "GetTrail", "ListTopics", "GetQueue", "ListStreams", "GetGraph",
)  # fmt: skip
DENIED: Record = {"errorCode": "AccessDenied", "errorMessage": "not authorized"}
_NEW = {"userName": "svc-export"}
_NO_TRAIL = {"errorCode": "TrailNotFoundException"}
_OPEN = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}

CHANGES: tuple[tuple[int, str, str, Record, Record], ...] = (
    (2, "iam", "CreateUser", _NEW, {}),
    (3, "iam", "CreateAccessKey", _NEW, {"responseElements": {"accessKey": {**_NEW, "accessKeyId": "AKIAI44QH8DHBEXAMPLE"}}}),
    (4, "iam", "AttachUserPolicy", {**_NEW, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, {}),
    (10, "cloudtrail", "StopLogging", {"name": "main"}, _NO_TRAIL),
    (11, "cloudtrail", "StopLogging", {"name": "org"}, _NO_TRAIL),
    (12, "cloudtrail", "PutEventSelectors", {"trailName": "main"}, {}),
    (20, "ec2", "AuthorizeSecurityGroupIngress", {"groupId": "sg-0abc12345678def00", "ipPermissions": {"items": [_OPEN]}}, {"userAgent": plan.HOSTILE_AGENT}),
)  # fmt: skip
"""What the attacker changed after 10:00 UTC: minute, service, call, parameters, other parts of the record."""


def _planted(rng: Random) -> Iterator[Timed]:
    """What the plan says, call by call."""
    who, source = "m.sato", "203.0.113.150"

    def by_attacker(moment: float, service: str, name: str, **more: Any) -> Timed:
        return call(rng, moment, who, source, f"{service}.amazonaws.com", name, **more)

    yield login(rng, plan.utc(9, 20), who, source, mfa="No")
    for number in range(18):
        yield by_attacker(plan.utc(9, 25) + number * 20, "iam", PROBED[number % len(PROBED)], **DENIED)
    for number in range(14):
        secret = {"secretId": f"prod/db/{number:02d}"}
        yield by_attacker(
            plan.utc(9, 40, 10) + number * 15, "secretsmanager", "GetSecretValue", requestParameters=secret
        )
    for minute, service, name, parameters, more in CHANGES:
        yield by_attacker(
            plan.utc(10, minute), service, name, write=True, requestParameters=parameters, **more
        )
    for number in range(40):
        moment, name = plan.utc(4) + number * 60, AUDITED[number % len(AUDITED)]
        yield call(rng, moment, "audit-scanner", "10.1.9.9", "s3.amazonaws.com", name, **DENIED)
