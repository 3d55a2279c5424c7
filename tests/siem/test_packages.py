"""The servers as their packages ship them, before a splunkd of ours over TLS: the library says what it says locally."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.siem.faults import FAULTS
from tests.siem.faulty import Fault
from tests.siem.matrix import FAILING_S, HEALTHY_S, Matrix, outcome_of
from tests.siem.packages import PACKAGES, Package, needed, started
from tests.siem.rounds import PROCEDURES
from tests.siem.splunkd import Listening, splunkd_over
from tools.demo import plan
from tools.search.client import open_session
from tools.search.result import SearchRequest, SearchSession, SearchStatus

pytestmark = pytest.mark.timeout(900)
OFFERED = [
    pytest.param(package, wire, id=f"{package.name}-{wire}") for package in PACKAGES for wire in package.wires
]
COUNT = "index=os sourcetype=linux_secure | stats count"
BY_NAME = {fault.name: fault for fault in FAULTS}
AT_SPLUNKD = (
    "fatal, no row",
    "job failed",
    "peer lost, no row",
    "splunkd 503",
    "splunkd 401",
    "macro missing",
    "broken off",
    "window cut by the role",
)


def need(package: Package) -> None:
    if not package.installed:
        pytest.skip(
            f"{package.name} is not installed: run `make siem-servers`, which says why it could not be had"
        )


@pytest.fixture(scope="module")
def splunkd(matrix: Matrix, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    with splunkd_over(matrix.hosted.head, matrix.hosted.switch, tmp_path_factory.mktemp("tls")) as listening:
        yield listening


@asynccontextmanager
async def reached(package: Package, wire: str, splunkd: Listening) -> AsyncIterator[SearchSession]:
    with started(package, wire, splunkd) as transport:
        async with open_session(transport, source=package.name) as session:
            yield session


async def warm(session: SearchSession) -> None:
    """Wait until the server has started and logged in; what it takes for that is not what is measured."""
    request = SearchRequest(
        spl=COUNT, earliest=plan.tokyo(0), latest=plan.tokyo(0) + 86400, row_limit=10, timeout_s=60
    )
    result = (await session.search(request)).result
    assert result.status is SearchStatus.OK, result.messages
    assert [dict(row) for row in result.rows] == [{"count": 3999}]


def test_a_build_server_runs_at_least_one_of_them() -> None:
    missing = [package.name for package in PACKAGES if not package.installed]
    assert len(missing) < len(PACKAGES) or not needed(), (
        f"none of the servers is installed: {', '.join(missing)}"
    )


@pytest.mark.parametrize(("package", "wire"), OFFERED)
async def test_every_item_says_what_the_local_store_says(
    matrix: Matrix, splunkd: Listening, package: Package, wire: str
) -> None:
    need(package)
    async with reached(package, wire, splunkd) as session:
        await warm(session)
        for procedure in PROCEDURES if wire == package.wires[0] else ():
            expected = await matrix.expected(procedure)
            got = await matrix.with_session(session, procedure, None, HEALTHY_S)
            assert {item: said.told for item, said in got.items()} == {
                item: said.told for item, said in expected.items()
            }


@pytest.mark.parametrize("package", [pytest.param(package, id=package.name) for package in PACKAGES])
async def test_no_fault_of_splunkd_is_an_all_clear(
    matrix: Matrix, splunkd: Listening, package: Package
) -> None:
    need(package)
    expected = await matrix.expected(plan.LINUX)
    found: dict[tuple[str, str], str] = {}
    async with reached(package, package.wires[0], splunkd) as session:
        await warm(session)
        for name in AT_SPLUNKD:
            fault: Fault = BY_NAME[name]
            got = await matrix.with_session(session, plan.LINUX, fault, FAILING_S)
            hits = matrix.hosted.switch.kept
            assert hits, f"{name} hit nothing"
            for item, said in got.items():
                found[name, item] = outcome_of(fault, package.stand_in, expected[item], said, hit=True)
    assert {cell: outcome for cell, outcome in found.items() if outcome not in {"ok", "not applicable"}} == {}


@pytest.mark.parametrize("package", [pytest.param(package, id=package.name) for package in PACKAGES[:2]])
async def test_a_certificate_that_nobody_signed_is_refused_and_told(
    splunkd: Listening, package: Package, tmp_path: Path
) -> None:
    need(package)
    request = SearchRequest(spl="index=os | stats count", earliest=0, latest=1, row_limit=10, timeout_s=20)
    with started(package, package.wires[0], splunkd, trusted=False) as transport:
        async with open_session(transport, source="t") as session:
            result = (await session.search(request)).result
    assert result.status is SearchStatus.FAILED
    assert not result.rows
