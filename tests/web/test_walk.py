"""Two reviewers in two browsers take a round from the inbox to its signature, and the file holds what the evidence holds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from tejun.opening import open_tejun
from tests.web.chromium import NEEDS_CHROMIUM, browsing, serving
from tests.web.conftest import settings_of
from tests.web.test_pages import check_facts
from tools.records.casebook import Casebook
from tools.records.evidence import EvidenceStore
from tools.records.rows import RoundItemRow
from web.users import Role, Users

pytestmark = NEEDS_CHROMIUM


@pytest.fixture
async def people(web_home: Path) -> AsyncIterator[tuple[Page, Page]]:
    """Return the browsers of a lead and of an analyst, both logged in."""
    users = Users(web_home / "users.json")
    tokens = {"sato": users.add("sato", Role.LEAD), "mori": users.add("mori", Role.ANALYST)}
    with serving(web_home, TEJUN_WEB_AUTH="token") as address:
        async with browsing(address, people=2) as (lead, analyst):
            for page, (name, token) in zip((lead, analyst), tokens.items(), strict=True):
                await page.goto("/login")
                await page.fill("#name", name)
                await page.fill("#token", token)
                await page.keyboard.press("Enter")
                await page.wait_for_url(f"{address}/")
            yield lead, analyst


def rows_of(home: Path) -> dict[str, RoundItemRow]:
    casebook = Casebook(settings_of(home).casebook_url)
    rows = {row.item_id: row for row in casebook.items(casebook.rounds()[0].id)}
    casebook.close()
    return rows


async def answer(page: Page, decision: str, reason: str) -> None:
    await page.check(f"input[value={decision}]")
    await page.fill("#reason", reason)
    await page.click("button.main")
    await page.wait_for_selector(".flash")


async def test_a_round_from_the_inbox_to_the_compared_file(web_home: Path, people: tuple[Page, Page]) -> None:
    lead, analyst = people
    rows = rows_of(web_home)
    scan = f"/items/{rows['not-found-scan'].thread_id}"
    await lead.click(f"a[href='{scan}']")
    await lead.wait_for_url(f"**{scan}")
    await lead.keyboard.press("c")
    await lead.wait_for_selector("text=Release")

    await analyst.goto(scan)
    assert await analyst.locator(".fault", has_text="sato").is_visible()
    await analyst.check("input[value=no_deep_dive]")
    await analyst.fill("#reason", "too early")
    await analyst.click("button.main")
    assert "sato holds this item" in await analyst.locator(".fault").first.inner_text()
    assert await analyst.input_value("#reason") == "too early"

    figure = lead.locator("td a.fact").nth(1)
    await figure.focus()
    told = await figure.evaluate("e => getComputedStyle(e, '::after').content")
    assert "cell[" in told
    await lead.locator("summary", has_text="asking for more evidence").click()
    await lead.check("input[name=run]")
    await answer(lead, "need_more_evidence", "what else did it ask for?")
    assert "The evidence is in" in await lead.locator(".flash").first.inner_text()
    assert rows_of(web_home)["not-found-scan"].interrupt_id != rows["not-found-scan"].interrupt_id
    await answer(lead, "deep_dive", "it found something")
    await answer(lead, "not_incident", "a test of ours")

    injection = f"/items/{rows['injection'].thread_id}"
    await lead.goto(injection)
    await analyst.goto(injection)
    await answer(analyst, "no_deep_dive", "refused by the application")
    await lead.check("input[value=deep_dive]")
    await lead.fill("#reason", "late")
    await lead.click("button.main")
    assert "decision by mori" in await lead.locator(".fault").first.inner_text()

    round_page = f"/rounds/{rows['injection'].round_id}"
    await lead.goto(round_page)
    for box in await lead.locator("input[name=item]").all():
        await box.check()
    await lead.fill("#reason", "looked at together")
    await lead.click("text=Confirm as no deep dive")
    await lead.wait_for_selector(".flash")
    await lead.click("button.main:has-text('Sign')")
    await lead.wait_for_selector("text=Signed by: sato")
    await compare(lead, web_home)


async def compare(page: Page, home: Path) -> None:
    """Download the round and hold it against the evidence, the decisions and the chain."""
    texts = {}
    for ending in ("json", "md", "html", "pdf"):
        async with page.expect_download() as started:
            await page.click(f"a[href$='report.{ending}']")
        texts[ending] = await (await started.value).path()
    report = json.loads(texts["json"].read_bytes())
    assert (report["status"], report["signed_by"]) == ("signed", "sato")
    facts = [fact for item in report["items"] if item["report"] for fact in item["report"]["facts"]]
    assert len(facts) > 50
    check_facts(EvidenceStore(home / "evidence"), facts)
    assert texts["pdf"].read_bytes().startswith(b"%PDF-")
    for ending in ("md", "html"):
        text = texts[ending].read_text("utf-8")
        assert "refused by the application" in text
        assert "looked at together" in text
    async with open_tejun(settings_of(home)) as tejun:
        assert tejun.resources.casebook.verify_chain().ok
        reviewers = [entry.reviewer for entry in tejun.resources.casebook.decisions()]
    assert set(reviewers) == {"sato", "mori"}
