"""A healthy foreign server gives what the local store gives: every verdict, finding, count and pause."""

from __future__ import annotations

import pytest

from tests.siem.matrix import FULL, HEALTHY_S, Matrix
from tests.siem.rounds import PROCEDURES
from tests.siem.servers import STAND_INS
from tools.demo import plan

OFFERED = [(name, wire) for name, kind in STAND_INS.items() for wire in kind.wires]


async def same(matrix: Matrix, server: str, wire: str, procedure: str) -> None:
    expected = await matrix.expected(procedure)
    got = await matrix.over(server, wire, procedure, None, HEALTHY_S)
    assert {item: said.told for item, said in got.items()} == {
        item: said.told for item, said in expected.items()
    }, [said.error for said in got.values() if said.error]


@pytest.mark.parametrize(("server", "wire"), OFFERED)
async def test_a_healthy_server_says_what_the_local_store_says(
    matrix: Matrix, server: str, wire: str
) -> None:
    await same(matrix, server, wire, plan.LINUX)


@pytest.mark.parametrize("procedure", [name for name in PROCEDURES if name != plan.LINUX])
@pytest.mark.parametrize("server", FULL)
async def test_every_item_of_the_library_says_the_same(matrix: Matrix, server: str, procedure: str) -> None:
    await same(matrix, server, STAND_INS[server].wires[0], procedure)


def test_the_stand_ins_are_eight_and_offer_all_transports() -> None:
    assert len(STAND_INS) >= 7
    assert {wire for kind in STAND_INS.values() for wire in kind.wires} == {"http", "stream", "sse", "stdio"}
