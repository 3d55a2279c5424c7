"""The review pages: who gets in, what they may do, and that a decision goes through the graph and comes back."""

from __future__ import annotations

import asyncio
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import Browser, Pages
from tools.records.evidence import EvidenceStore
from tools.records.finding import Judgement
from tools.records.report import Check, Checks, ItemReport
from tools.search.result import SearchResult, SearchStatus
from web.access import BindingError, check_binding
from web.users import Role, Users
from web.words import PAGE_WORDS

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}",
    "=cmd|' /C calc'!A0",
    "\u202egpj.exe\x07\x1b[31m",
    "x" * 50_000,
    "</pre></style><style>*{display:none}",
)


def answer_of(pages: Pages, name: str, **fields: object) -> dict[str, object]:
    row = pages.item(name)
    return {
        "awaiting": row.awaiting,
        "interrupt_id": row.interrupt_id,
        "evidence_digest": row.report,
        "decision": "no_deep_dive",
        "reason": "seen",
        **fields,
    }


class TestAccess:
    async def test_nobody_sees_anything_without_a_login(self, pages: Pages) -> None:
        browser = pages.browser()
        for path in ("/", f"/rounds/{pages.round.id}", f"/items/{pages.item('injection').thread_id}"):
            answer = await browser.get(path)
            assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/login")
        assert (await browser.get("/", **{"hx-request": "true"})).status_code == 401
        assert (await browser.post("/rounds/x/sign")).status_code == 401

    async def test_a_wrong_token_is_refused_and_a_removed_user_is_out_at_once(self, pages: Pages) -> None:
        browser = await pages.logged_in("sato", Role.ANALYST)
        assert (await browser.get("/")).status_code == 200
        stranger = pages.browser()
        await stranger.get("/login")
        assert (await stranger.post("/login", name="sato", token="guess")).status_code == 401
        pages.users.remove("sato")
        assert (await browser.get("/")).status_code == 303

    async def test_the_login_leads_back_to_this_site_only(self, pages: Pages) -> None:
        token = pages.users.add("sato", Role.READER)
        for target in ("//evil.invalid/x", "https://evil.invalid/", "/\\evil.invalid"):
            browser = pages.browser()
            await browser.get("/login")
            answer = await browser.client.post(
                "/login", params={"next": target}, data={"csrf": browser.csrf, "name": "sato", "token": token}
            )
            assert answer.headers["location"] == "/"

    async def test_a_form_from_elsewhere_is_refused(self, pages: Pages) -> None:
        browser = await pages.logged_in("sato", Role.LEAD)
        path = f"/items/{pages.item('injection').thread_id}/answer"
        for token in ("", "guess"):
            browser.csrf = token
            answer = await browser.post(path, **answer_of(pages, "injection"))
            assert answer.status_code == 403
        assert pages.item("injection").state == "paused"

    async def test_a_reader_cannot_decide_and_an_analyst_cannot_sign(self, pages: Pages) -> None:
        reader = await pages.logged_in("mori", Role.READER)
        row = pages.item("injection")
        shown = await reader.get(f"/items/{row.thread_id}")
        assert "/answer" not in shown.text
        refused = await reader.post(f"/items/{row.thread_id}/answer", **answer_of(pages, "injection"))
        assert refused.status_code == 403
        analyst = await pages.logged_in("sato", Role.ANALYST)
        assert (await analyst.post(f"/rounds/{pages.round.id}/sign")).status_code == 403

    async def test_a_foreign_host_name_is_refused(self, own_pages: Pages) -> None:
        answer = await own_pages.browser().get("/", host="rebound.invalid")
        assert answer.status_code == 400

    async def test_only_a_trusted_proxy_names_the_user(self, web_home: Path, own_pages: Pages) -> None:
        own_pages.mode = "proxy"
        own_pages.users.add("lead", Role.LEAD)
        named = own_pages.browser(**{"x-forwarded-user": "lead"})
        assert "lead (lead)" in (await named.get("/")).text
        assert (await own_pages.browser().get("/")).status_code == 401

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "soc.invalid"])
    def test_other_addresses_need_authentication(self, host: str) -> None:
        with pytest.raises(BindingError, match="TEJUN_WEB_AUTH"):
            check_binding(host, "off")
        check_binding(host, "token")
        for own in ("127.0.0.1", "::1", "localhost"):
            check_binding(own, "off")

    def test_tokens_are_kept_as_hashes_in_a_private_file(self, tmp_path: Path) -> None:
        users = Users(tmp_path / "users.json")
        token = users.add("sato", Role.ANALYST)
        assert token not in users.path.read_text()
        assert users.path.stat().st_mode & 0o077 == 0
        assert users.login("sato", token) is not None
        assert users.login("sato", token + "x") is None
        assert users.login("nobody", token) is None


class TestReview:
    async def test_from_the_inbox_to_the_signature(self, pages: Pages) -> None:
        browser = await pages.logged_in("sato", Role.ANALYST)
        inbox = (await browser.get("/")).text
        waiting = list(pages.tejun.resources.casebook.inbox())
        assert all(f"/items/{row.thread_id}" in inbox for row in waiting)
        for row in waiting:
            if row.verdict == "observe":
                continue
            shown = await browser.get(f"/items/{row.thread_id}")
            assert shown.status_code == 200
            answer = await browser.post(f"/items/{row.thread_id}/answer", **answer_of(pages, row.item_id))
            assert answer.status_code == 303, answer.text
        round_path = f"/rounds/{pages.round.id}"
        page = (await browser.get(round_path)).text
        quiet = re.findall(r'name="item" value="([^"]+)"', page)
        assert quiet
        await browser.post(f"{round_path}/confirm", item=quiet, reason="seen together")
        assert {row.state for row in pages.tejun.resources.casebook.items(pages.round.id)} == {"recorded"}
        entries = pages.tejun.resources.casebook.decisions(round_id=pages.round.id)
        assert {entry.reviewer for entry in entries} == {"sato"}
        lead = await pages.logged_in("mori", Role.LEAD)
        await lead.get(round_path)
        assert (await lead.post(f"{round_path}/sign")).status_code == 303
        assert pages.round.signed_by == "mori"
        assert pages.tejun.resources.casebook.verify_chain().ok
        document = json.loads((await lead.get(f"{round_path}/report.json")).text)
        assert document["signed_by"] == "mori"
        for item in document["items"]:
            check_facts(pages.tejun.resources.evidence, item["report"]["facts"])
        for name in ("md", "html"):
            sent = await lead.get(f"{round_path}/report.{name}")
            assert "attachment" in sent.headers["content-disposition"]
            assert "mori" in sent.text

    async def test_more_evidence_runs_the_drill_down_and_comes_back(self, own_pages: Pages) -> None:
        browser = own_pages.browser()
        name, drill = drilled(own_pages)
        row = own_pages.item(name)
        await browser.get(f"/items/{row.thread_id}")
        asked = answer_of(own_pages, name, decision="need_more_evidence", reason="which?", run=[drill])
        assert (await browser.post(f"/items/{row.thread_id}/answer", **asked)).status_code == 303
        back = own_pages.item(name)
        assert (back.state, back.awaiting) == ("paused", "review")
        assert back.interrupt_id != row.interrupt_id
        assert "The evidence is in" in (await browser.get(f"/items/{row.thread_id}")).text

    async def test_a_deep_dive_waits_for_its_outcome(self, own_pages: Pages) -> None:
        browser = own_pages.browser()
        path = f"/items/{own_pages.item('injection').thread_id}"
        await browser.get(path)
        await browser.post(f"{path}/answer", **answer_of(own_pages, "injection", decision="deep_dive"))
        assert 'name="outcome"' in (await browser.get(path)).text
        done = answer_of(own_pages, "injection", outcome="not_incident", reason="a test of ours")
        assert (await browser.post(f"{path}/answer", **done)).status_code == 303
        assert own_pages.item("injection").state == "recorded"

    async def test_a_bad_answer_is_told_and_keeps_what_was_written(self, own_pages: Pages) -> None:
        browser = own_pages.browser()
        path = f"/items/{own_pages.item('injection').thread_id}"
        await browser.get(path)
        bad = answer_of(own_pages, "injection", decision="maybe", reason="my long reason")
        answer = await browser.post(f"{path}/answer", **bad)
        assert answer.status_code == 422
        assert "my long reason" in answer.text
        assert own_pages.item("injection").state == "paused"

    async def test_a_stale_page_is_told_who_decided(self, pages: Pages) -> None:
        first, second = (
            await pages.logged_in("sato", Role.ANALYST),
            await pages.logged_in("mori", Role.ANALYST),
        )
        path = f"/items/{pages.item('injection').thread_id}"
        given = answer_of(pages, "injection")
        assert (await first.post(f"{path}/answer", **given)).status_code == 303
        late = await second.post(f"{path}/answer", **given)
        assert late.status_code == 409
        assert "decision by sato" in html.unescape(late.text)

    async def test_two_answers_at_once_record_one(self, pages: Pages) -> None:
        people = [await pages.logged_in(name, Role.ANALYST) for name in ("sato", "mori")]
        path = f"/items/{pages.item('injection').thread_id}/answer"
        given = answer_of(pages, "injection")
        codes = [
            answer.status_code
            for answer in await asyncio.gather(*(browser.post(path, **given) for browser in people))
        ]
        assert sorted(codes) == [303, 409]
        assert len(pages.tejun.resources.casebook.decisions(thread_id=pages.item("injection").thread_id)) == 1

    async def test_a_claim_keeps_the_second_reviewer_out_until_it_is_released(self, pages: Pages) -> None:
        first, second = (
            await pages.logged_in("sato", Role.ANALYST),
            await pages.logged_in("mori", Role.ANALYST),
        )
        path = f"/items/{pages.item('injection').thread_id}"
        assert (await first.post(f"{path}/claim")).status_code == 303
        shown = (await second.get(path)).text
        assert "Held for review by: <strong>sato</strong>" in shown
        assert f"{path}/claim" not in shown
        assert "sato" in (await second.get("/")).text.split("<tbody>")[1]
        told = await second.post(f"{path}/claim")
        assert (told.status_code, "sato holds this item" in told.text) == (409, True)
        await second.post(f"{path}/release")
        late = await second.post(f"{path}/answer", **answer_of(pages, "injection", reason="my words"))
        assert late.status_code == 409
        assert "sato holds this item" in late.text
        assert "my words" in late.text
        assert (await first.post(f"{path}/release")).status_code == 303
        assert (await second.post(f"{path}/answer", **answer_of(pages, "injection"))).status_code == 303

    async def test_an_answer_ends_the_claim(self, pages: Pages) -> None:
        browser = await pages.logged_in("sato", Role.ANALYST)
        path = f"/items/{pages.item('injection').thread_id}"
        await browser.post(f"{path}/claim")
        assert (await browser.post(f"{path}/answer", **answer_of(pages, "injection"))).status_code == 303
        assert pages.tejun.resources.casebook.attention.claims(now=pages.tejun.resources.clock()) == {}

    async def test_a_reader_cannot_claim(self, pages: Pages) -> None:
        browser = await pages.logged_in("sato", Role.READER)
        path = f"/items/{pages.item('injection').thread_id}"
        assert (await browser.post(f"{path}/claim")).status_code == 403
        assert (await browser.get(f"{path}/correction")).status_code == 403

    async def test_a_correction_stands_in_the_chain_and_in_the_report(self, pages: Pages) -> None:
        browser = await pages.logged_in("sato", Role.ANALYST)
        row = pages.item("injection")
        path = f"/items/{row.thread_id}"
        report = pages.tejun.resources.evidence.get(row.report or "", ItemReport)
        fact = next(fact for fact in report.facts if fact.kind == "integer")
        finding = report.rows[0].finding
        assert f'value="fact:{fact.id}"' in (await browser.get(path)).text
        given = answer_of(
            pages,
            "injection",
            decision="report_defect",
            correct=[f"fact:{fact.id}", f"finding:{finding}", ""],
            correct_value=["1,234", "", "ignored"],
            correct_verdict=["", "observe", ""],
            correct_note=["counted twice", "a test of ours", ""],
        )
        assert (await browser.post(f"{path}/answer", **given)).status_code == 303
        (entry,) = pages.tejun.resources.casebook.decisions(thread_id=row.thread_id)
        corrections = json.loads(entry.body)["corrections"]
        assert [(part["fact"], part["value"], part["finding"], part["verdict"]) for part in corrections] == [
            (fact.id, "1,234", None, None),
            (None, None, finding, "observe"),
        ]
        assert "1,234" in (await browser.get(f"/rounds/{pages.round.id}")).text

    async def test_a_correction_of_nothing_is_refused(self, own_pages: Pages) -> None:
        browser = own_pages.browser()
        path = f"/items/{own_pages.item('injection').thread_id}"
        await browser.get(path)
        for target, value, fault in (("fact:f9999", "3", "is not in the report"), ("fact:f1", "", "neither")):
            given = answer_of(
                own_pages,
                "injection",
                correct=target,
                correct_value=value,
                correct_verdict="",
                correct_note="why",
            )
            answer = await browser.post(f"{path}/answer", **given)
            assert (answer.status_code, fault in answer.text) == (422, True)

    async def test_every_figure_leads_to_the_stored_cell_that_it_shows(self, own_pages: Pages) -> None:
        browser = own_pages.browser()
        text = (await browser.get(f"/items/{own_pages.item('injection').thread_id}")).text
        links = re.findall(r'<a class="fact" href="([^"]+)" data-source="([^"]+)">([^<]+)</a>', text)
        assert links
        cells = [link for link in links if "row=" in link[0]]
        assert cells
        for link, source, _ in cells:
            assert "cell[" in source
            page = (await browser.get(html.unescape(link))).text
            assert page.count('<td class="marked">') == 1

    async def test_an_events_own_text_stands_behind_a_toggle(self, own_pages: Pages) -> None:
        rows = tuple({"a": str(number), "_raw": f"raw-{number}"} for number in range(60))
        result = SearchResult(status=SearchStatus.OK, spl="x", earliest=0, latest=1, rows=rows)
        digest = own_pages.tejun.resources.evidence.put(result)
        browser = own_pages.browser()
        text = (await browser.get(f"/evidence/{digest}?row=59")).text
        assert "<details><summary>show</summary><pre>raw-59</pre></details>" in text
        assert "<td>raw-59" not in text
        assert '<tr class="marked"><td>59' in text

    async def test_a_failed_check_is_told_at_the_top_and_blocks_the_signature(self, own_pages: Pages) -> None:
        resources = own_pages.tejun.resources
        row = own_pages.item("injection")
        failed = Check(id="counts", status="failed", looked_at="counts", defects=("f3: 4 / 5",))
        digest = resources.evidence.put(Checks(report=row.report or "", checks=(failed,)))
        for item in resources.casebook.items(own_pages.round.id):
            resources.casebook.update_item(item.thread_id, state="recorded", awaiting=None)
        resources.casebook.update_item(row.thread_id, checks=digest)
        browser = own_pages.browser()
        for path in (f"/items/{row.thread_id}", f"/rounds/{own_pages.round.id}"):
            assert 'class="fault" role="alert"' in (await browser.get(path)).text
        answer = await browser.post(f"/rounds/{own_pages.round.id}/sign")
        assert answer.status_code == 409
        assert "cannot be signed as checked" in answer.text


def check_facts(evidence: EvidenceStore, facts: list[dict[str, Any]]) -> None:
    """Compare every cell of a downloaded report with the stored row that it names."""
    for fact in facts:
        if match := re.fullmatch(r"cell\[(\d+)\]\.(.+)", fact["derivation"]):
            assert evidence.get(fact["evidence"], SearchResult).rows[int(match[1])][match[2]] == fact["value"]


def drilled(pages: Pages) -> tuple[str, str]:
    """Return a paused item whose procedure lists a drill-down, and that drill-down."""
    from procedures.archive import load_procedure
    from procedures.source import ProcedureSource

    source = pages.tejun.resources.evidence.get(pages.round.procedure_digest, ProcedureSource)
    waiting = {row.item_id for row in pages.tejun.resources.casebook.inbox()}
    return next(
        (item.id, item.drill_downs[0].id)
        for item in load_procedure(source).items
        if item.id in waiting and item.drill_downs
    )


class TestHostile:
    async def test_log_text_is_inert_in_stored_rows(self, own_pages: Pages) -> None:
        rows = tuple({"field": text, f"<b>{number}": text} for number, text in enumerate(PAYLOADS))
        result = SearchResult(status=SearchStatus.OK, spl=PAYLOADS[0], earliest=0, latest=1, rows=rows)
        digest = own_pages.tejun.resources.evidence.put(result)
        text = (await own_pages.browser().get(f"/evidence/{digest}")).text
        body = text[text.index("<main") :]
        assert not re.search(r"<(script|img|style|b)\b", body.split("<dialog")[0])
        assert "\u202e" not in text
        assert "\x1b" not in text
        assert len(text) < 100_000

    async def test_reasons_and_keys_are_inert_on_the_item(self, own_pages: Pages) -> None:
        browser = own_pages.browser()
        path = f"/items/{own_pages.item('injection').thread_id}"
        await browser.get(path)
        given = answer_of(own_pages, "injection", reason=PAYLOADS[0] + PAYLOADS[1])
        await browser.post(f"{path}/answer", **given)
        for page in (path, f"/rounds/{own_pages.round.id}"):
            text = (await browser.get(page)).text
            assert not re.search(r"<img|<script>", text)
            assert "onerror" in text

    async def test_every_page_forbids_scripts_and_styles_of_its_own(self, own_pages: Pages) -> None:
        browser = own_pages.browser()
        row = own_pages.item("injection")
        for path in (
            "/",
            f"/items/{row.thread_id}",
            f"/rounds/{own_pages.round.id}",
            "/items/nothing",
            "/nowhere",
        ):
            answer = await browser.get(path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert not re.search(r"<script(?![^>]* src=)|\sstyle=|\son\w+=|<style", answer.text), path

    async def test_an_unknown_digest_or_page_is_told(self, own_pages: Pages) -> None:
        browser = own_pages.browser()
        row = own_pages.item("injection")
        evidence = own_pages.tejun.resources.evidence.get(row.judgement or "", Judgement)
        digest = next(result.evidence for entry in evidence.findings for result in entry.results)
        assert (await browser.get(f"/evidence/{digest}?page=999999999999")).status_code == 200
        for path in (
            "/evidence/zz",
            f"/evidence/{row.report}",
            "/items/x",
            f"/rounds/{own_pages.round.id}/report.exe",
        ):
            assert (await browser.get(path)).status_code == 404


def test_every_word_has_both_languages() -> None:
    assert all(ja and en for ja, en in PAGE_WORDS.values())


async def test_the_language_is_chosen(own_pages: Pages) -> None:
    browser: Browser = own_pages.browser()
    assert "Waits for a decision" in (await browser.get("/")).text
    await browser.post("/language/ja", back="/")
    assert "レビュー待ち" in (await browser.get("/")).text
