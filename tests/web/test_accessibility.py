"""Every page for everybody: axe-core finds nothing serious, in both themes, on a screen and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from tejun.opening import open_tejun
from tests.web.chromium import NEEDS_CHROMIUM, browsing, serving
from tests.web.conftest import settings_of
from tools.records.finding import Judgement
from web.users import Role, Users

pytestmark = NEEDS_CHROMIUM
SIZES = {"screen": {"width": 1400, "height": 900}, "phone": {"width": 390, "height": 844}}
OPTIONS = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def served(web_home: Path) -> Iterator[tuple[str, str]]:
    """Return the address of pages that ask for a login, and a lead's token."""
    token = Users(web_home / "users.json").add("sato", Role.LEAD)
    with serving(web_home, TEJUN_WEB_AUTH="token") as address:
        yield address, token


async def faults_of(page: Page, where: str) -> list[str]:
    """Return what axe-core calls serious or critical, with the place."""
    found = await Axe().run(page, options=OPTIONS)
    return [
        f"{where}: {fault['id']} {node['target']} {node['failureSummary'][:200]}"
        for fault in found.response["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"][:3]
    ]


async def paths_of(home: Path) -> list[str]:
    async with open_tejun(settings_of(home)) as tejun:
        waiting = tejun.resources.casebook.inbox()
        row = next(row for row in waiting if row.item_id == "injection")
        judgement = tejun.resources.evidence.get(row.judgement or "", Judgement)
        evidence = next(result.evidence for entry in judgement.findings for result in entry.results)
    return [
        "/",
        "/quality",
        f"/items/{row.thread_id}",
        f"/rounds/{row.round_id}",
        f"/evidence/{evidence}",
        "/items/nothing",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(web_home: Path, served: tuple[str, str], scheme: str) -> None:
    address, token = served
    faults: list[str] = []
    async with browsing(address, color_scheme=scheme) as (page,):
        await page.goto("/login")
        faults += await faults_of(page, "login")
        await page.fill("#name", "sato")
        await page.fill("#token", token)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{address}/")
        for path in await paths_of(web_home):
            for size, viewport in SIZES.items():
                await page.set_viewport_size(viewport)  # type: ignore[arg-type]
                await page.goto(path)
                await page.locator("summary").evaluate_all(
                    "all => all.forEach(e => e.parentElement.open = true)"
                )
                faults += await faults_of(page, f"{path} on a {size}")
        await page.keyboard.press("?")
        faults += await faults_of(page, "keys")
    assert not faults, "\n".join(faults)
