"""`tejun doctor` at every fault of a SIEM: what is wrong and what to do; calm where all is well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tejun.doctor_siem import examine_siem, remedy
from tejun.settings import Settings
from tejun.siem import SiemSettings
from tests.tools.search.answering import SHAPES, Asked, build, official
from tests.tools.search.http_server import Reply, serve
from tools.search import retries
from tools.search.client import open_session
from tools.search.transport import Http, InMemory, Stdio, Transport


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "PAUSES_S", (0.01, 0.01, 0.01))
    monkeypatch.setattr("tejun.doctor_siem.PROBE_S", 2.0)


async def told(transport: Transport, home: Path) -> dict[str, tuple[str, str]]:
    siem = SiemSettings(url="https://splunk:8089/mcp", name="prod")
    settings = Settings(home=home, casebook_url="sqlite://", user="u", siem=siem)
    async with open_session(transport, source="prod") as session:
        return {found.part: (found.state, found.text) async for found in examine_siem(settings, session)}


def whole(dialect: str) -> Any:
    return lambda asked: SHAPES[dialect](asked.counted([{"count": "3"}]), asked)


@pytest.mark.parametrize("dialect", sorted(SHAPES))
async def test_a_healthy_server_gives_no_alarm(tmp_path: Path, dialect: str) -> None:
    found = await told(InMemory(build(dialect, whole(dialect))), tmp_path)
    assert {state for state, _ in found.values()} <= {"ok", "absent"}
    assert found["SIEM"][0] == found["SIEM proof"][0] == found["SIEM time zone"][0] == "ok"
    assert "prod" in found["SIEM"][1]
    assert "UTC+09:00" in found["SIEM time zone"][1]
    assert (found["SIEM messages"][0] == "ok") == dialect.startswith(
        "splunk"
    ) or dialect == "splunk-mcp-server2"


@pytest.mark.parametrize(
    ("reply", "told_"),
    [
        (Reply(401, b""), "set TEJUN_SIEM_TOKEN"),
        (Reply(403, b""), "give its role the right"),
        (Reply(404, b""), "mend TEJUN_SIEM_URL"),
        (Reply(429, b"", {"retry-after": "99"}), "fewer calls"),
        (Reply(503, b""), "look at its log"),
        (Reply(200, b"<html>", kind="text/html"), "web page"),
        (Reply(seconds=3), "does not answer in time"),
        (Reply(drop=True), "ended the connection"),
        (Reply(302, b"", {"location": "https://other.example/mcp"}), "redirects to"),
    ],
    ids=["401", "403", "404", "429", "503", "page", "hang", "drop", "redirect"],
)
async def test_each_fault_of_a_server_is_told_with_its_remedy(
    tmp_path: Path, reply: Reply, told_: str
) -> None:
    with serve(lambda number: reply) as served:
        found = await told(Http(served.url), tmp_path)
    assert list(found) == ["SIEM"]
    assert found["SIEM"][0] == "failed"
    assert told_ in found["SIEM"][1]


async def test_a_command_that_does_not_start_and_one_that_ends_are_told(tmp_path: Path) -> None:
    assert "mend TEJUN_SIEM_COMMAND" in (await told(Stdio("/no/such/server"), tmp_path))["SIEM"][1]
    ending = Stdio("/bin/sh", ("-c", "echo SPLUNK_HOST is not set >&2; exit 1"))
    assert "SPLUNK_HOST is not set" in (await told(ending, tmp_path))["SIEM"][1]


async def test_a_refused_counting_row_is_told_and_not_an_alarm(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Any:
        if asked.counting:
            return {"status_code": 400, "content": "Forbidden command found: appendpipe"}
        return official([{"count": "3"}])

    found = await told(InMemory(build("splunk", answer)), tmp_path)
    assert found["SIEM"][0] == "ok"
    assert found["SIEM proof"][0] == "absent"
    assert "Forbidden command found: appendpipe" in found["SIEM proof"][1]
    assert found["SIEM time zone"][0] == "absent"


async def test_a_server_that_searches_no_every_index_is_asked_for_less(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Any:
        if "index=*" in asked.query:
            return {"error": "Query exceeds risk tolerance", "search_executed": False}
        return SHAPES["splunk-mcp-server2"](asked.counted([{"zone": "1"}]), asked)

    found = await told(InMemory(build("splunk-mcp-server2", answer)), tmp_path)
    assert found["SIEM"][0] == "ok"


async def test_servers_that_cannot_search_are_named(tmp_path: Path) -> None:
    server = build("splunk", whole("splunk"))
    server._tool_manager._tools.clear()
    assert "docs/siem.md" in (await told(InMemory(server), tmp_path))["SIEM"][1]


@pytest.mark.parametrize(
    "words",
    [
        "ConnectError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
        "ConnectError: All connection attempts failed",
        "the counting row is missing among 0 rows",
        "the server searched from 1.000 to 2.000, not from 3.000 to 4.000 as it was asked to",
    ],
)
def test_known_words_have_a_remedy_of_their_own(words: str) -> None:
    assert remedy(words) != remedy("?")
