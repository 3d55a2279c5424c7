"""The pages in a real Chromium: a review by keyboard alone, and log text that stays text."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, Request, async_playwright

from tejun.opening import open_tejun
from tests.web.conftest import settings_of
from tests.web.test_pages import PAYLOADS
from tools.records.casebook import Casebook
from tools.records.evidence import EvidenceStore
from tools.search.result import SearchResult, SearchStatus

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: chromium)"),
]
SWITCHES = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def served(web_home: Path) -> Iterator[str]:
    """Run `tejun serve` over a finished round and return its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "TEJUN_HOME": str(web_home), "TEJUN_USER": "sato", "TEJUN_WEB_AUTH": "off"}
    command = [str(Path(sys.executable).with_name("tejun")), "serve", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(f"{address}/healthz", process)
            yield address
        finally:
            process.terminate()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not _answers(address):
        assert process.poll() is None, "tejun serve ended"
        assert time.monotonic() < deadline, "tejun serve did not answer within a minute"
        time.sleep(0.2)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
async def page(served: str) -> AsyncIterator[Page]:
    """Return a page that fails the test on a script error, a blocked resource, a dialog or a foreign request."""
    faults: list[str] = []

    def watch(request: Request) -> None:
        if not request.url.startswith((served, "data:")):
            faults.append(f"request to {request.url}")

    async with async_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*SWITCHES, *sandbox])
        page = await browser.new_page(base_url=served, locale="en-GB")
        page.on("request", watch)
        page.on("dialog", lambda dialog: faults.append(f"dialog {dialog.message}"))
        page.on("pageerror", lambda error: faults.append(f"script error {error}"))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        yield page
        await browser.close()
    assert faults == []


async def test_a_review_by_keyboard_alone(page: Page, web_home: Path) -> None:
    await page.goto("/")
    await page.keyboard.press("?")
    assert await page.locator("dialog#keys").is_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    title = await page.evaluate("document.activeElement.textContent")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/items/*")
    assert title in await page.locator("h1").first.inner_text()
    await page.keyboard.press("a")
    await page.keyboard.type("seen by keyboard")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector(".flash")
    casebook = Casebook(settings_of(web_home).casebook_url)
    (entry,) = casebook.decisions()
    casebook.close()
    assert entry.reviewer == "sato"
    assert "seen by keyboard" in entry.body
    await page.keyboard.press("i")
    await page.wait_for_url("**/")


async def test_rows_come_into_the_page_and_every_page_is_quiet(page: Page, web_home: Path) -> None:
    async with open_tejun(settings_of(web_home)) as tejun:
        row = next(row for row in tejun.resources.casebook.inbox() if row.item_id == "injection")
    await page.goto(f"/items/{row.thread_id}")
    await page.locator("aside summary", has_text="query").click()
    await page.locator("#rows-1, aside details[open] >> a", has_text="Show rows").first.click()
    await page.wait_for_selector("aside .rows table")
    await page.goto(f"/rounds/{row.round_id}")
    assert await page.locator("figure.timeline svg").count()
    for width in (390, 1400):
        await page.set_viewport_size({"width": width, "height": 900})
        for path in ("/", f"/items/{row.thread_id}", f"/rounds/{row.round_id}"):
            await page.goto(path)
            wider = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wider <= 0, (path, width)


async def test_no_payload_of_a_log_runs_or_calls_out(page: Page, web_home: Path) -> None:
    evidence = EvidenceStore(web_home / "evidence")
    rows = tuple(
        {"field": text, f"<img src=x onerror=alert({at})>": text} for at, text in enumerate(PAYLOADS)
    )
    result = SearchResult(status=SearchStatus.OK, spl=PAYLOADS[0], earliest=0, latest=1, rows=rows)
    await page.goto(f"/evidence/{evidence.put(result)}")
    assert await page.locator("main script, main img, main style").count() == 0
    assert await page.locator("main td").count() == len(PAYLOADS) * (len(PAYLOADS) + 1)
    async with open_tejun(settings_of(web_home)) as tejun:
        row = next(row for row in tejun.resources.casebook.inbox() if row.item_id == "injection")
    await page.goto(f"/items/{row.thread_id}")
    await page.locator("input[name=decision]").first.check()
    await page.locator("textarea[name=reason]").fill("".join(PAYLOADS)[:3000])
    await page.locator("aside button.main").click()
    await page.wait_for_selector(".flash")
    for path in (f"/items/{row.thread_id}", f"/rounds/{row.round_id}"):
        await page.goto(path)
        assert await page.locator("main script, main img, main style").count() == 0
