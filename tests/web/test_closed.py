"""Superseded and withdrawn items on the pages: shown plainly, refused in the page's language; a signature tells its gaps."""

from __future__ import annotations

import pytest

from graph.renewal import withdraw_round
from graph.rounds import plan_round, run_round
from procedures.schedule import RoundWindow
from procedures.source import read_source
from tests.graph.faulty import failing, over
from tests.web.conftest import LIBRARY, Browser, Pages
from tests.web.test_pages import answer_of
from tools.demo import plan
from tools.records.rows import Round, RoundItemRow
from web.users import Role
from web.words import PAGE_WORDS

ITEM = "injection"


async def next_generation(pages: Pages, *only: str) -> Round:
    window = RoundWindow(plan.tokyo(0), plan.tokyo(0) + 86400)
    resources = pages.tejun.resources
    round_ = plan_round(resources, read_source(LIBRARY / plan.WEB), window, again=True)
    await run_round(pages.tejun.graph, resources, round_, only=only)
    return round_


def row_of(pages: Pages, thread_id: str) -> RoundItemRow:
    row = pages.tejun.resources.casebook.item(thread_id)
    assert row is not None
    return row


async def test_a_superseded_item_leads_to_the_newer_round(pages: Pages) -> None:
    browser = await pages.logged_in("sato", Role.LEAD)
    first, old = pages.round, pages.item(ITEM)
    given = answer_of(pages, ITEM)
    newer = await next_generation(pages, ITEM)
    pages.recent.forget()
    inbox = (await browser.get("/")).text
    assert old.thread_id not in inbox
    shown = (await browser.get(f"/items/{old.thread_id}")).text
    assert PAGE_WORDS["closed_superseded"][1] in shown
    assert f'href="/rounds/{newer.id}"' in shown
    assert "/answer" not in shown
    round_page = (await browser.get(f"/rounds/{first.id}")).text
    assert PAGE_WORDS["state_superseded"][1] in round_page
    assert f"/rounds/{first.id}/sign" not in round_page
    refused = await browser.post(f"/items/{old.thread_id}/answer", **given)
    assert refused.status_code == 409
    assert PAGE_WORDS["closed_superseded"][1] in refused.text
    assert row_of(pages, old.thread_id).state == "superseded"
    assert pages.tejun.resources.casebook.decisions(thread_id=old.thread_id) == []


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_a_withdrawn_item_refuses_in_the_language_of_the_page(pages: Pages, language: str) -> None:
    browser: Browser = await pages.logged_in("sato", Role.LEAD)
    browser.client.headers["accept-language"] = language
    row, given = pages.item(ITEM), answer_of(pages, ITEM)
    withdraw_round(pages.tejun.resources, pages.round.id, "試行 <b>trial</b>")
    pages.recent.forget()
    refused = await browser.post(f"/items/{row.thread_id}/answer", **given)
    text = PAGE_WORDS["closed_withdrawn"][language == "en"]
    assert (refused.status_code, text in refused.text) == (409, True)
    page = (await browser.get(f"/rounds/{pages.round.id}")).text
    assert PAGE_WORDS["round_withdrawn"][language == "en"] in page
    assert "<b>trial</b>" not in page
    assert "trial" in page
    confirmed = await browser.post(
        f"/rounds/{pages.round.id}/confirm", item=f"{row.thread_id}:{row.interrupt_id}", reason="seen"
    )
    assert confirmed.status_code == 303
    assert pages.tejun.resources.casebook.decisions(thread_id=row.thread_id) == []
    signed = await browser.post(f"/rounds/{pages.round.id}/sign")
    assert signed.status_code >= 400


async def test_whoever_signs_is_told_how_many_gaps_the_signature_states(pages: Pages) -> None:
    browser = await pages.logged_in("sato", Role.LEAD)
    casebook = pages.tejun.resources.casebook

    async def decide_all(round_: Round) -> str:
        for row in casebook.items(round_.id):
            if row.awaiting:
                given = {
                    "awaiting": row.awaiting,
                    "interrupt_id": row.interrupt_id,
                    "evidence_digest": row.report,
                    "decision": "no_deep_dive",
                    "reason": "seen",
                }
                await browser.post(f"/items/{row.thread_id}/answer", **given)
        pages.recent.forget()
        return (await browser.get(f"/rounds/{round_.id}")).text

    whole = await decide_all(pages.round)
    assert f"/rounds/{pages.round.id}/sign" in whole
    assert PAGE_WORDS["signed_gaps"][1] not in whole
    faulty, _ = over(pages.tejun, failing("index=web"))
    window = RoundWindow(plan.tokyo(0) - 86400, plan.tokyo(0))
    lacking = plan_round(faulty.resources, read_source(LIBRARY / plan.WEB), window)
    await run_round(faulty.graph, faulty.resources, lacking)
    shown = await decide_all(lacking)
    assert PAGE_WORDS["signed_gaps"][1] in shown
    assert (await browser.post(f"/rounds/{lacking.id}/sign")).status_code == 303
    assert (signed := casebook.round(lacking.id)) is not None
    assert signed.signed_by == "sato"
