"""`tejun doctor` before each server: calm when it is healthy, and with a remedy when it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

import tejun.doctor_siem
from tejun.doctor import examine
from tejun.settings import Settings
from tejun.shapes import DiagnosisShape
from tejun.siem import SiemSettings
from tests.siem.faults import FAULTS
from tests.siem.faulty import Fault
from tests.siem.hosting import Hosted
from tests.siem.matrix import Matrix
from tests.siem.servers import STAND_INS

OFFERED = [(name, wire) for name, kind in STAND_INS.items() for wire in kind.wires]
SEEN = [fault for fault in FAULTS if fault.kind == "failed" and not fault.purposes and not fault.hangs]
CALM = [fault for fault in FAULTS if fault.kind == "harmless"]


def server_of(fault: Fault) -> str:
    return next(name for name in STAND_INS if not fault.only or name in fault.only)


def siem_of(hosted: Hosted, server: str, wire: str) -> SiemSettings:
    if wire == "stdio":
        command, arguments = hosted.command(server)
        return SiemSettings(way="stdio", command=(command, *arguments), name=server)
    way = "sse" if wire == "sse" else "http"
    return SiemSettings(way=way, url=hosted.url(server, wire), name=server)


async def examined(
    matrix: Matrix, home: Path, server: str, wire: str, fault: Fault | None
) -> list[DiagnosisShape]:
    """Return what is found of the SIEM."""
    settings = Settings(
        home=home,
        casebook_url=f"sqlite:///{home / 'casebook.sqlite'}",
        user="analyst",
        siem=siem_of(matrix.hosted, server, wire),
    )
    matrix.hosted.switch.set(fault)
    try:
        return [found async for found in examine(settings) if found.part.startswith("SIEM")]
    finally:
        matrix.hosted.switch.set(None)


@pytest.mark.parametrize(("server", "wire"), OFFERED)
async def test_a_healthy_server_is_no_trouble(matrix: Matrix, tmp_path: Path, server: str, wire: str) -> None:
    found = await examined(matrix, tmp_path, server, wire, None)
    assert found[0].state == "ok", found
    assert {one.state for one in found if one.part in {"SIEM", "SIEM proof", "SIEM time zone"}} == {"ok"}, (
        found
    )


@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name) for fault in SEEN])
async def test_what_is_wrong_is_said_with_what_to_do(
    matrix: Matrix, tmp_path: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tejun.doctor_siem, "PROBE_S", 3.0)
    found = await examined(matrix, tmp_path, server_of(fault), STAND_INS[server_of(fault)].wires[0], fault)
    first = found[0]
    assert first.state == "failed", found
    told, _, remedy = first.text.rstrip(".").rpartition(". ")
    assert len(told) > 20, first.text
    assert len(remedy) > 20, first.text


@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name) for fault in CALM])
async def test_what_is_harmless_is_no_alarm(matrix: Matrix, tmp_path: Path, fault: Fault) -> None:
    found = await examined(matrix, tmp_path, server_of(fault), STAND_INS[server_of(fault)].wires[0], fault)
    assert found[0].state == "ok", found
