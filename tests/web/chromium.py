"""A real Chromium that tells what went wrong on a page, and a real `tejun serve` beside it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import ConsoleMessage, Page, Request, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NEEDS_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: chromium)"),
]
TOLD = tuple(f"Failed to load resource: the server responded with a status of {code}" for code in (404, 409))
"""What the console says of answers that tests ask for: nothing of this name, and a conflict."""
SWITCHES = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def serving(home: Path, **settings: str) -> Iterator[str]:
    """Run `tejun serve` over a data directory and return its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "TEJUN_HOME": str(home), "TEJUN_USER": "sato", **settings}
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


@asynccontextmanager
async def browsing(address: str, people: int = 1, **options: Any) -> AsyncIterator[list[Page]]:
    """Open a page for each of some people, who share no cookies.

    The block fails on a script error, a blocked resource, a dialog, or a request to anywhere but `address`.
    """
    faults: list[str] = []

    def watch(request: Request) -> None:
        if not request.url.startswith((address, "data:", "file:")):
            faults.append(f"request to {request.url}")

    def told(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(TOLD):
            faults.append(f"{message.text} {message.location}")

    async with async_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*SWITCHES, *sandbox])
        pages = []
        for _ in range(people):
            context = await browser.new_context(base_url=address, **{"locale": "en-GB", **options})
            page = await context.new_page()
            page.on("request", watch)
            page.on("dialog", lambda dialog: faults.append(f"dialog {dialog.message}"))
            page.on("pageerror", lambda error: faults.append(f"script error {error}"))
            page.on("console", told)
            pages.append(page)
        yield pages
        await browser.close()
    assert faults == []
