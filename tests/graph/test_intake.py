"""What the import could only half read, or not at all, reaches the verdicts of a round."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from graph.rounds import plan_round, run_round
from procedures.source import read_source
from tejun.opening import Tejun
from tests.graph.test_rounds import LIBRARY, demo_window
from tools.demo import plan
from tools.logstore.store import LogStore
from tools.records.report import ItemReport

ATTACKER = "203.0.113.77"


def stamp(after_s: float) -> str:
    at = dt.datetime.fromtimestamp(demo_window(plan.LINUX).start + 3600 + after_s, dt.UTC)
    return f"{at:%b %d %H:%M:%S}"


def import_lines(home: Path, lines: list[bytes], sourcetype: str) -> None:
    (home / "more.log").write_bytes(b"\n".join(lines))
    with LogStore(home / "logs") as store:
        written_at = demo_window(plan.LINUX).end
        store.import_paths([str(home / "more.log")], index="os", sourcetype=sourcetype, written_at=written_at)


async def report_of(tejun: Tejun, item: str) -> ItemReport:
    resources = tejun.resources
    round_ = plan_round(resources, read_source(LIBRARY / plan.LINUX), demo_window(plan.LINUX))
    await run_round(tejun.graph, resources, round_, only=(item,))
    (row,) = [row for row in resources.casebook.items(round_.id) if row.item_id == item]
    assert row.report is not None
    return resources.evidence.get(row.report, ItemReport)


async def test_failed_logins_with_a_broken_name_are_a_finding(home: Path, tejun: Tejun) -> None:
    line = b"%s web01 sshd[77]: Failed password for invalid user \xff%d from %s port 4711 ssh2"
    import_lines(
        home,
        [line % (stamp(number).encode(), number, ATTACKER.encode()) for number in range(50)],
        "linux_secure",
    )
    report = await report_of(tejun, "ssh-bruteforce")
    assert ATTACKER in report.model_dump_json()
    assert report.complete, report.incomplete


@pytest.mark.parametrize(("sourcetype", "complete"), [("linux_secure", False), ("access_combined", True)])
async def test_a_line_set_aside_makes_incomplete_what_reads_its_source_and_nothing_else(
    home: Path, tejun: Tejun, sourcetype: str, complete: bool
) -> None:
    whole = f"{stamp(0)} demo su: x".encode()
    if sourcetype == "access_combined":
        whole = (
            b'192.0.2.1 - - [%s] "GET / HTTP/1.1" 200 1'
            % dt.datetime.fromtimestamp(demo_window(plan.LINUX).start + 3600, dt.UTC)
            .strftime("%d/%b/%Y:%H:%M:%S +0000")
            .encode()
        )
    import_lines(home, [whole, b"\xff no time \xff", whole], sourcetype)
    report = await report_of(tejun, "root-login")
    assert report.complete is complete
    assert ("source_set_aside" in report.model_dump_json()) is not complete
