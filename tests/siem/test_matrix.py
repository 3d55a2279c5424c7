"""The matrix of faults in its reduced form: each fault on one server in turn, on the items of one procedure that it could clear."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.siem.faults import FAULTS
from tests.siem.faulty import Fault
from tests.siem.matrix import Matrix
from tests.siem.safeguards import SAFEGUARDS, Safeguard
from tests.siem.servers import STAND_INS
from tools.demo import plan

FEW = ("ssh-user-guessing", "new-account", "root-login")
"""Items that a blind search clears at once, and one that is quiet."""
BAD = {"false all-clear", "not calm", "crashed"}


def in_turn(number: int, fault: Fault) -> str:
    """Return the server that a fault is shown on."""
    names = [name for name in STAND_INS if not fault.only or name in fault.only]
    return names[number % len(names)]


@pytest.fixture
def few(matrix: Matrix) -> Iterator[Matrix]:
    matrix.only = FEW
    yield matrix
    matrix.only = ()


@pytest.mark.parametrize(
    ("server", "fault"),
    [
        pytest.param(in_turn(number, fault), fault, id=f"{fault.name}-{in_turn(number, fault)}")
        for number, fault in enumerate(FAULTS)
    ],
)
async def test_no_fault_is_an_all_clear(few: Matrix, server: str, fault: Fault) -> None:
    cells = await few.row(server, plan.LINUX, fault)
    assert [cell for cell in cells if cell.outcome in BAD] == []


@pytest.mark.parametrize("safeguard", [pytest.param(one, id=one.name) for one in SAFEGUARDS])
async def test_without_a_safeguard_the_table_is_red(matrix: Matrix, safeguard: Safeguard) -> None:
    with safeguard.off():
        cells = await matrix.row(safeguard.server, safeguard.procedure, safeguard.shown_by)
    assert safeguard.turns in {cell.outcome for cell in cells}


@pytest.mark.parametrize("safeguard", [pytest.param(one, id=one.name) for one in SAFEGUARDS])
async def test_with_it_the_same_table_is_not(matrix: Matrix, safeguard: Safeguard) -> None:
    cells = await matrix.row(safeguard.server, safeguard.procedure, safeguard.shown_by)
    assert {cell.outcome for cell in cells} & BAD == set()
    assert any(cell.outcome == "ok" for cell in cells), "the fault hit nothing that counts"


def test_there_are_enough_faults_of_every_kind_and_every_name_is_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 70
    assert {fault.kind for fault in FAULTS} == {"failed", "cut", "blind", "harmless", "told"}
    assert len({one.name for one in SAFEGUARDS}) == len(SAFEGUARDS)
