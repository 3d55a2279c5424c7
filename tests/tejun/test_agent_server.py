"""The Agent Server, offline, with its own client: the review contract as other programs meet it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client

from procedures.source import read_source
from tools.demo import plan
from tools.records.casebook import Casebook
from tools.records.evidence import EvidenceStore

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server_home(tmp_path_factory: pytest.TempPathFactory, demo_logs: Path) -> Path:
    home = tmp_path_factory.mktemp("server") / "home"
    shutil.copytree(demo_logs, home / "logs")
    return home


@pytest.fixture(scope="module")
def url(server_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Start `langgraph dev` on a free loopback port, in a folder of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("langgraph")
    config = (
        (ROOT / "langgraph.json")
        .read_text("utf-8")
        .replace("./tejun", str(ROOT / "tejun"))
        .replace('["."]', f'["{ROOT}"]')
    )
    (folder / "langgraph.json").write_text(config, "utf-8")
    environment = {
        **os.environ,
        "TEJUN_HOME": str(server_home),
        "TEJUN_USER": "studio",
        "LANGGRAPH_STRICT_MSGPACK": "true",
        "LANGSMITH_TRACING": "false",
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        "NO_PROXY": "*",
    }
    command = [
        str(Path(sys.executable).with_name("langgraph")),
        "dev",
        "--no-browser",
        "--no-reload",
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
    ]
    log = (folder / "server.log").open("w")
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            if process.poll() is not None:
                break
            try:
                if httpx.get(f"{address}/ok", timeout=2).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.25)
        else:
            pytest.fail("the server did not start: " + (folder / "server.log").read_text("utf-8")[-2000:])
        if process.poll() is not None:
            pytest.fail("the server ended: " + (folder / "server.log").read_text("utf-8")[-2000:])
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
        log.close()


@pytest.fixture
async def client(url: str) -> AsyncIterator[Any]:
    async with get_client(url=url) as open_client:
        yield open_client


def given(home: Path, item: str) -> dict[str, Any]:
    """Return a thread's input, with the procedure archived where the server looks for it."""
    source = read_source(ROOT / "procedures" / "library" / plan.LINUX)
    digest = EvidenceStore(home / "evidence").put(source)
    return {
        "procedure": digest,
        "item": item,
        "start": plan.tokyo(0),
        "end": plan.tokyo(0) + 86400,
        "round": "server-test",
    }


async def paused(client: Any, home: Path, item: str = "root-shell") -> tuple[str, dict[str, Any]]:
    thread = await client.threads.create()
    await client.runs.wait(thread["thread_id"], "item", input=given(home, item))
    return thread["thread_id"], await interrupt_of(client, thread["thread_id"])


async def interrupt_of(client: Any, thread: str) -> dict[str, Any]:
    found = await client.threads.get(thread)
    assert found["status"] == "interrupted", found["status"]
    state = await client.threads.get_state(thread)
    (waiting,) = [interrupt for task in state["tasks"] for interrupt in task["interrupts"]]
    return dict(waiting["value"])


async def resume(client: Any, thread: str, answer: Any) -> str:
    await client.runs.wait(thread, "item", command={"resume": answer})
    return str((await client.threads.get(thread))["status"])


async def test_a_run_ends_interrupted_with_the_contract(client: Any, server_home: Path) -> None:
    _, payload = await paused(client, server_home)
    assert payload["schema"] == "tejun.review/1"
    request = payload["action_requests"][0]
    assert request["name"] == "record_decision"
    assert (
        request["args"]
        == request["arguments"]
        == {"decision": "deep_dive", "reason": payload["proposal"]["reason"]}
    )
    assert payload["review_configs"] == [
        {"action_name": "record_decision", "allowed_decisions": ["approve", "edit", "reject", "respond"]}
    ]
    expected = {
        "schema", "action_requests", "review_configs", "item", "facts", "criteria", "checks", "proposal", "unknowns",
        "drilldowns_run", "drilldowns_available", "evidence_digest", "procedure_digest", "attempt", "validation_error",
    }  # fmt: skip
    assert set(payload) == expected


DONE = {"decision": "no_deep_dive", "reason": "planned"}
ANSWERS = {
    "our short form": DONE,
    "our long form": {"decisions": [{"findings": "rest", **DONE}]},
    "langchain edit": {
        "decisions": [{"type": "edit", "edited_action": {"name": "record_decision", "args": DONE}}]
    },
    "inbox edit": [{"type": "edit", "args": {"action": "record_decision", "args": DONE}}],
    "langchain reject": {"decisions": [{"type": "reject", "message": "wrong host"}]},
}
WAITING = {
    "langchain approve": {"decisions": [{"type": "approve"}]},
    "inbox accept": [{"type": "accept", "args": None}],
    "langchain respond": {"decisions": [{"type": "respond", "message": "was he at work?"}]},
    "inbox response": [{"type": "response", "args": "was he at work?"}],
}


@pytest.mark.parametrize("form", ANSWERS)
async def test_every_form_of_a_final_answer_ends_the_item(client: Any, server_home: Path, form: str) -> None:
    thread, _ = await paused(client, server_home)
    assert await resume(client, thread, ANSWERS[form]) == "idle"
    casebook = Casebook(f"sqlite:///{server_home / 'casebook.sqlite'}")
    (entry,) = casebook.decisions(thread_id=thread)
    casebook.close()
    assert entry.reviewer == "studio"
    assert ("report_defect" in entry.body) == (form == "langchain reject")


@pytest.mark.parametrize("form", WAITING)
async def test_every_form_that_goes_on_pauses_again(client: Any, server_home: Path, form: str) -> None:
    thread, _ = await paused(client, server_home)
    assert await resume(client, thread, WAITING[form]) == "interrupted"
    payload = await interrupt_of(client, thread)
    if "approve" in form or "accept" in form:
        assert payload["schema"] == "tejun.deep-dive/1"
        assert await resume(client, thread, {"outcome": "not_incident", "reason": "asked"}) == "idle"
    else:
        assert {"code": "question", "values": {"question": "was he at work?"}} in payload["unknowns"]


async def test_a_bad_answer_stays_paused_and_shows_the_error(client: Any, server_home: Path) -> None:
    thread, _ = await paused(client, server_home)
    for bad in (
        {"decision": "maybe"},
        "yes",
        [],
        [{"type": "ignore"}],
        {"decisions": [{"type": "dance"}]},
        7,
    ):
        assert await resume(client, thread, bad) == "interrupted", bad
        payload = await interrupt_of(client, thread)
        assert payload["validation_error"], bad
    assert await resume(client, thread, DONE) == "idle"


async def test_a_stale_digest_is_refused(client: Any, server_home: Path) -> None:
    thread, payload = await paused(client, server_home)
    assert await resume(client, thread, {**DONE, "evidence_digest": "0" * 64}) == "interrupted"
    assert "decide anew" in (await interrupt_of(client, thread))["validation_error"]
    assert await resume(client, thread, {**DONE, "evidence_digest": payload["evidence_digest"]}) == "idle"


async def test_many_items_at_once_are_served_by_one_process(client: Any, server_home: Path) -> None:
    payloads = await asyncio.gather(*(paused(client, server_home, "ssh-user-guessing") for _ in range(4)))
    assert {payload["item"]["id"] for _, payload in payloads} == {"ssh-user-guessing"}
