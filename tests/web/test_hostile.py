"""Log text that attacks the reader: a round of nothing else, on every page and in every export, in Chromium."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page

from graph.rounds import plan_round, run_round
from procedures.schedule import RoundWindow
from procedures.source import ProcedureSource
from tejun.exporting import write_rows
from tejun.opening import open_tejun
from tests.agents.render.test_pdf import read_back
from tests.web.chromium import NEEDS_CHROMIUM, browsing, serving
from tests.web.conftest import settings_of
from tools.demo import plan
from tools.logstore.store import LogStore
from tools.records.finding import Judgement
from tools.records.report import ItemReport
from tools.records.rows import RoundItemRow

pytestmark = NEEDS_CHROMIUM

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "'><svg/onload=alert(3)>",
    "<iframe srcdoc='<script>parent.alert(4)</script>'>",
    '<a href="javascript:alert(5)">x</a>',
    "[x](javascript:alert(6)) ![x](http://evil.invalid/x.png)",
    "<link rel=stylesheet href=//evil.invalid/x.css><meta http-equiv=refresh content='0;url=//evil.invalid'>",
    "</pre></code></td></style><style>*{display:none}@import '//evil.invalid/y.css';</style>",
    '" style="position:fixed;inset:0;background:url(//evil.invalid/z)" onmouseover="alert(7)" autofocus onfocus="alert(8)" x="',
    '<div hx-get="http://evil.invalid/" hx-trigger="load" hx-on:load="alert(9)">x</div>',
    "{{ 7*7 }}{% raw %}${7*7}<%= 7*7 %>",
    "=cmd|' /C calc'!A0",
    '@SUM(1+1)*cmd|" /C calc"!A0',
    "+1-1;-2+3",
    "\u202egpj.exe\u2066x\u2069\u200b\ufeff",
    "\x07\x1b[31mred\x1b]8;;http://evil.invalid\x07link\x00\x85\u2028end",
    "| --- |\n# heading\n```\n<script>alert(10)</script>\n```\n- [ ] x",
    "http://evil.invalid/?q=<x> mallory@evil.invalid 203.0.113.9",
    "\\\\evil.invalid\\share\\x.png",
    "字" * 1_500,
    "W" * 6_000,
)
UNSEEN = ("\u202e", "\u2066", "\u200b", "\ufeff", "\x07", "\x1b", "\x00", "\u2028")


@dataclass(frozen=True)
class Attack:
    """A data directory with a round over hostile events."""

    home: Path
    row: RoundItemRow
    searches: tuple[str, ...]
    """Digests of everything that the item searched."""

    @property
    def pages(self) -> list[str]:
        found = [
            "/",
            "/quality",
            f"/items/{self.row.thread_id}",
            f"/rounds/{self.row.round_id}",
            "/items/x",
            "/login",
        ]
        return found + [f"/evidence/{digest}?page={page}" for digest in self.searches for page in (1, 2)]

    def export(self, ending: str) -> str:
        return f"/rounds/{self.row.round_id}/report.{ending}"


@pytest.fixture(scope="module")
async def attack(tmp_path_factory: pytest.TempPathFactory) -> Attack:
    """Import the payloads as user names and agents, and run a round that reports each of them."""
    home = tmp_path_factory.mktemp("hostile") / "home"
    home.mkdir()
    start = plan.tokyo(0)
    events = [
        {"time": start + 600 * at + 60 * twice, "user": text, "agent": PAYLOADS[-1 - at], text[:200]: text}
        for at, text in enumerate(PAYLOADS)
        for twice in range(3)
    ]
    file = home / "events.json"
    file.write_text("\n".join(json.dumps(event, ensure_ascii=False) for event in events), "utf-8")
    with LogStore(home / "logs") as store:
        store.import_paths([str(file)], index="app", sourcetype="json")
    source = ProcedureSource(
        name="hostile", files={"PROCEDURE.md": Path(__file__).with_name("hostile.md").read_text("utf-8")}
    )
    async with open_tejun(settings_of(home)) as tejun:
        round_ = plan_round(tejun.resources, source, RoundWindow(start, start + 86400))
        (outcome,) = await run_round(tejun.graph, tejun.resources, round_)
        assert outcome.state == "paused", outcome
        (row,) = tejun.resources.casebook.items(round_.id)
        evidence = tejun.resources.evidence
        judgement = evidence.get(row.judgement or "", Judgement)
        assert len(judgement.findings) >= len(PAYLOADS) - 1
        report = evidence.get(row.report or "", ItemReport)
        return Attack(home, row, tuple(dict.fromkeys(entry.evidence for entry in report.search_log)))


@pytest.fixture(scope="module")
async def address(attack: Attack) -> AsyncIterator[str]:
    with serving(attack.home) as running:
        yield running


async def exported(address: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "attachment" in answer.headers["content-disposition"]
    return answer


async def assert_inert(page: Page, where: str, *, ours: str = "body") -> None:
    """Assert that the page holds no element, handler, link or unseen character of a payload."""
    alien = f"{ours} :is(script, img:not(.chart), iframe, style, link, meta, object, embed, base, [style], [onload], [onerror])"
    assert await page.locator(alien).count() == 0, where
    links = await page.locator("a[href], [hx-get], form[action]").evaluate_all(
        "all => all.map(e => e.getAttribute('href') ?? e.getAttribute('hx-get') ?? e.getAttribute('action'))"
    )
    assert [link for link in links if not link.startswith(("/", "#", "?"))] == [], where
    text = await page.locator("body").inner_text()
    assert [char for char in UNSEEN if char in text] == [], where
    wider = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wider <= 0, where


async def test_every_page_shows_payloads_as_text(attack: Attack, address: str) -> None:
    async with browsing(address) as (page,):
        for path in attack.pages:
            await page.goto(path, wait_until="load")
            await page.locator("summary").evaluate_all("all => all.forEach(e => e.parentElement.open = true)")
            for link in await page.locator("a[hx-get]:visible").all():
                await link.click()
            await assert_inert(page, path)
        await page.goto(f"/items/{attack.row.thread_id}")
        shown = await page.locator("main").inner_text()
        assert "<script>alert(1)</script>" in shown
        assert "{{ 7*7 }}" in shown


async def test_what_a_reviewer_writes_is_inert_too(attack: Attack, address: str) -> None:
    async with browsing(address) as (page,):
        await page.goto(f"/items/{attack.row.thread_id}")
        await page.locator("input[name=decision][value=deep_dive]").check()
        await page.locator("textarea[name=reason]").fill("".join(PAYLOADS[:-1])[:8000])
        await page.locator("input[name=knowledge]").fill(PAYLOADS[1])
        await page.locator("button.main").click()
        await page.wait_for_selector(".flash")
        for path in attack.pages:
            await page.goto(path)
            await assert_inert(page, path)


async def test_the_html_export_is_inert(attack: Attack, address: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_bytes((await exported(address, attack.export("html"))).content)
    async with browsing(address) as (page,):
        await page.goto(file.as_uri())
        await assert_inert(page, "html")
        assert "<script>alert(1)</script>" in await page.locator("main").inner_text()


async def test_the_markdown_export_is_inert_in_a_viewer_that_lets_html_through(
    attack: Attack, address: str, tmp_path: Path
) -> None:
    from markdown_it import MarkdownIt

    text = (await exported(address, attack.export("md"))).text
    assert [char for char in UNSEEN if char in text] == []
    viewer = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table"])
    file = tmp_path / "viewer.html"
    file.write_text(f"<!doctype html><meta charset=utf-8><body>{viewer.render(text)}", "utf-8")
    async with browsing(address) as (page,):
        await page.goto(file.as_uri())
        alien = "body :is(script, img:not(.chart), iframe, style, link, meta, svg, a, div, [style], [onload], [onerror])"
        assert await page.locator(alien).count() == 0


async def test_the_json_export_is_never_taken_for_a_page(attack: Attack, address: str) -> None:
    answer = await exported(address, attack.export("json"))
    assert answer.headers["content-type"].startswith("application/json")
    labels = json.dumps(answer.json(), ensure_ascii=False)
    assert "alert(1)" in labels


async def test_the_pdf_export_holds_text_alone(attack: Attack, address: str) -> None:
    answer = await exported(address, attack.export("pdf"))
    assert answer.headers["content-type"] == "application/pdf"
    text = re.sub(r"\s", "", "".join(read_back(answer.content)))
    assert "<script>alert(1)</script>" in text
    assert [char for char in UNSEEN if char in text] == []
    for name in (b"/JavaScript", b"/URI", b"/Launch", b"/EmbeddedFile", b"/SubmitForm"):
        assert name not in answer.content


def test_a_csv_opened_in_a_spreadsheet_starts_no_formula(tmp_path: Path) -> None:
    from spl.run import Result

    rows = [{"=1+1": text, "n": -3, "list": ["=a", "b"]} for text in (*PAYLOADS[:-2], "-5", "+4.5", "\t=x")]
    result = Result(("=1+1", "n", "list"), rows, len(rows), False, None, (), "", "", (), 0, 1, 0)
    write_rows(tmp_path / "rows.csv", result)
    with (tmp_path / "rows.csv").open(newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    risky = [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]
    assert sorted(set(risky)) == ["+4.5", "-3", "-5"]
    assert "'=cmd|' /C calc'!A0" in cells
