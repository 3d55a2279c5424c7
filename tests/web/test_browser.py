"""The pages in a real Chromium: a review by keyboard alone, on wide and narrow screens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from tejun.opening import open_tejun
from tests.web.chromium import NEEDS_CHROMIUM, browsing, serving
from tests.web.conftest import settings_of
from tools.records.casebook import Casebook

pytestmark = NEEDS_CHROMIUM


@pytest.fixture
def served(web_home: Path) -> Iterator[str]:
    """Return the address of pages over a finished round."""
    with serving(web_home) as address:
        yield address


@pytest.fixture
async def page(served: str) -> AsyncIterator[Page]:
    async with browsing(served) as (opened,):
        yield opened


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
