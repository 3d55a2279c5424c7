"""The quality page counts what people decided against what was proposed, and how long they took."""

from __future__ import annotations

import pytest

from tests.web.conftest import Pages
from tests.web.test_pages import answer_of
from web.access import Access
from web.desk import Desk
from web.quality import measure
from web.users import Role


async def test_decisions_are_counted_by_direction_and_timed(pages: Pages) -> None:
    browser = await pages.logged_in("sato", Role.ANALYST)
    for name, decision in (
        ("injection", "deep_dive"),
        ("not-found-scan", "no_deep_dive"),
        ("admin-probe", "deep_dive"),
        ("error-share", "report_defect"),
    ):
        path = f"/items/{pages.item(name).thread_id}"
        await browser.get(path)
        given = answer_of(pages, name, decision=decision)
        assert (await browser.post(f"{path}/answer", **given)).status_code == 303
    resources = pages.tejun.resources
    (quality,) = measure(Desk(pages.tejun.graph, resources, Access("off", pages.users, "owner")))
    assert dict(quality.directions) == {"same": 1, "lowered": 1, "raised": 1, "other": 1}
    assert set(quality.seconds) == {"injection", "not-found-scan", "admin-probe", "error-share"}
    entry = next(entry for entry in resources.casebook.decisions() if entry.item_id == "injection")
    opening = next(
        seen for seen in resources.casebook.attention.openings() if seen.thread_id == entry.thread_id
    )
    assert quality.seconds["injection"] == [pytest.approx(entry.decided_at - opening.opened_at)]
    assert (quality.judged, quality.undetermined) == (6, 0)
    text = (await browser.get("/quality")).text
    assert "raised to deep dive" in text
    chart = await browser.get("/quality/agreement.svg")
    assert chart.headers["content-type"] == "image/svg+xml"
    assert "as proposed" in chart.text


async def test_a_reader_leaves_no_opening(pages: Pages) -> None:
    browser = await pages.logged_in("mori", Role.READER)
    await browser.get(f"/items/{pages.item('injection').thread_id}")
    assert pages.tejun.resources.casebook.attention.openings() == []
    assert "none recorded yet" in (await browser.get("/quality")).text
