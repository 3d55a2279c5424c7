"""The demo logs are the same every time, large enough, and hold exactly what the plan says."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from tools.demo import plan
from tools.demo.generate import GeneratedFile, generate


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[GeneratedFile]:
    return generate(tmp_path_factory.mktemp("one"))


def digest(files: list[GeneratedFile]) -> str:
    return hashlib.sha256(b"".join(file.path.read_bytes() for file in files)).hexdigest()


def test_the_same_seed_writes_the_same_bytes(files: list[GeneratedFile], tmp_path: Path) -> None:
    assert digest(generate(tmp_path / "again")) == digest(files)
    assert digest(generate(tmp_path / "other", seed=7)) != digest(files)


def test_there_are_enough_events_over_fourteen_days(files: list[GeneratedFile]) -> None:
    assert sum(file.events for file in files) >= 100_000
    assert sum(file.sourcetype == "aws:cloudtrail" for file in files) >= 14


def test_failures_of_the_attacker_as_grep_counts_them(files: list[GeneratedFile]) -> None:
    lines = next(file.path for file in files if file.path.name == "auth.log").read_text().splitlines()
    mine = [line for line in lines if f"from {plan.ATTACKER} " in line and "Failed password" in line]
    attempts = sum(
        int(match[1]) if (match := re.search(r"repeated (\d+) times", line)) else 1 for line in mine
    )
    (planted,) = [p for p in plan.PLANTED if p.item == "ssh-bruteforce" and p.key["src_ip"] == plan.ATTACKER]
    assert (len(mine), attempts) == (planted.values["lines"], planted.values["failures"])
    assert sum("Accepted" in line and plan.ATTACKER in line for line in lines) == 1


def test_planted_calls_as_json_counts_them(files: list[GeneratedFile]) -> None:
    records = [
        record
        for file in files
        if file.sourcetype == "aws:cloudtrail"
        for record in json.loads(gzip.decompress(file.path.read_bytes()))["Records"]
    ]
    names = Counter(
        record["eventName"]
        for record in records
        if record["userIdentity"].get("userName") == "m.sato" and record["sourceIPAddress"] == "203.0.113.150"
    )
    assert (names["GetSecretValue"], names["StopLogging"], names["PutEventSelectors"]) == (14, 2, 1)
    assert not any(record["userIdentity"]["type"] == "Root" for record in records)


def test_only_reserved_addresses_and_example_keys(files: list[GeneratedFile]) -> None:
    reserved = re.compile(
        r"^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|0\.0\.0\.0|127\.)"
    )
    plain = [file for file in files if file.sourcetype != "aws:cloudtrail"]
    for file in plain:
        for address in set(
            re.findall(r"(?<![\d./])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.])", file.path.read_text())
        ):
            assert reserved.match(address), address
    for file in set(files) - set(plain):
        for key in re.findall(rb"AKIA[A-Z0-9]{16}", gzip.decompress(file.path.read_bytes())):
            assert key.endswith(b"EXAMPLE")
