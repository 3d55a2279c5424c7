"""Rounds with a model: better words, harder verdicts, and not one figure or verdict that is worse."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.prose import REFERENCE
from agents.render.markdown import render_item
from procedures.verdict import Verdict
from tejun.opening import Tejun
from tests.graph.model_rounds import (
    Ran,
    agent_of,
    diligent,
    entity_of,
    fact_named,
    judged,
    library,
    model_settings,
    opened_with_model,
    run_item,
    scripted,
    user_of,
)
from tests.model_server import Answer, ModelServer, Request, says, serve_model
from tools.demo import plan
from tools.records.finding import ModelAnswer

QUESTION = (
    "| q1 | finding | 調査必須 | judge: 送信元は自社の運用端末や診断と説明できないか | `failures >= 1` |"
)
ASKED = "| q1 | finding | 調査必須 | judge: 送信元は自社の運用端末や診断と説明できないか | `failures >= $burst$ AND seen_before` |"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serve_model(diligent) as running:
        yield running


@pytest.fixture
async def tejun(home: Path, server: ModelServer) -> AsyncIterator[Tejun]:
    async with opened_with_model(home, model_settings(server.url)) as everything:
        yield everything


def asking(text: str) -> str:
    """Return the procedure with its prose question asked of every finding that the report shows."""
    assert ASKED in text
    return text.replace(ASKED, QUESTION.replace(">= 1`", ">= $watch$`"))


async def without_model(home: Path, item: str, change: Callable[[str], str] = lambda text: text) -> Ran:
    async with opened_with_model(home, {}) as tejun:
        return await run_item(tejun, library(plan.LINUX, change), item)


def values(ran: Ran) -> list[tuple[str, Any]]:
    """Return every figure of the table, which no model may change."""
    return [
        (row.finding, ran.report.fact(cell).value if cell else None)
        for row in (*ran.report.rows, *ran.report.attached)
        for cell in row.cells
    ]


async def test_a_good_narrative_is_taken_over_labelled_and_checked(tejun: Tejun) -> None:
    ran = await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    assert ran.author("assessment") == ran.author("recommendation") == "scripted-1"
    assert ran.report.model_use
    assert ran.report.model_use.narrative == "model"
    assert ran.checks.failed == ()
    text = render_item(ran.report, checks=ran.checks, spl_of=lambda digest: "x")
    assert "送信元 203[.]0[.]113[.]66 からの操作が判断基準に該当した" in text
    assert "モデル scripted-1 による文章" in text
    assert "調査必須の検知がある。深掘り調査の要否を判断し" in ran.section("recommendation")


async def test_an_english_narrative_is_taken_over(tejun: Tejun) -> None:
    ran = await run_item(tejun, library(plan.AWS), "console-no-mfa")
    assert ran.author("assessment") == "scripted-1"
    assert ran.checks.failed == ()


async def test_a_figure_names_whose_it_is_where_its_sentence_does_not(
    tejun: Tejun, server: ModelServer
) -> None:
    def terse(request: Request) -> Answer:
        entity, figure = entity_of(request), f"{{{{{fact_named(request, 'logins')}}}}}"
        return says(
            {
                "assessment": [
                    f"Logins {figure} were seen.",
                    f"The activity of {entity} came to logins {figure}.",
                ],
                "recommendation": [],
            }
        )

    scripted(server, reporter=terse)
    ran = await run_item(tejun, library(plan.AWS), "console-no-mfa")
    assert ran.author("assessment") == "scripted-1"
    assert ran.checks.failed == ()
    told = ran.read("assessment")
    assert re.search(
        r"Logins 1 \[.*m\[\.\]sato\] were seen\.\s*The activity of m\[\.\]sato came to logins 1\.", told
    ), told


async def test_every_call_is_counted_in_the_report(tejun: Tejun, server: ModelServer) -> None:
    ran = await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    use = ran.report.model_use
    assert use
    assert [call.agent for call in use.calls] == ["drill_down", "judge", "reporter"]
    assert sum(call.tokens_in for call in use.calls) == 100 * len(server.requests)
    assert sum(call.tokens_cached for call in use.calls) == 40 * len(server.requests)


async def test_an_item_without_findings_asks_no_model(tejun: Tejun, server: ModelServer) -> None:
    ran = await run_item(tejun, library(plan.LINUX), "root-login")
    assert server.requests == []
    assert ran.report.model is None


async def test_the_instructions_come_first_and_hold_no_log_text(tejun: Tejun, server: ModelServer) -> None:
    await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    for request in server.requests:
        system = request["messages"][0]["content"]
        assert "203" not in system
        assert "198" not in system
        assert ("198[.]51[.]100[.]140" in user_of(request)) is (agent_of(request) != "reporter")
        assert "198.51.100.140" not in user_of(request)


async def test_a_model_is_shown_the_findings_that_it_can_say_something_about(
    tejun: Tejun, server: ModelServer
) -> None:
    await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    shown = {agent_of(request): user_of(request) for request in server.requests}
    assert [name for name in ("F1", "F2", "F3", "F4") if f"\n{name} |" in shown["judge"]] == [
        "F2",
        "F3",
        "F4",
    ]
    assert [name for name in ("F1", "F2", "F3", "F4") if f"\n{name} |" in shown["drill_down"]] == ["F2", "F3"]
    assert "open: tried-names (F2, F3)" in shown["drill_down"]


async def test_the_form_of_a_sentence_admits_facts_by_their_label_and_no_figure(
    tejun: Tejun, server: ModelServer
) -> None:
    await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    await run_item(tejun, library(plan.AWS), "console-no-mfa")
    japanese, english = (
        request["response_format"]["json_schema"]["schema"]["properties"]["assessment"]["items"]["pattern"]
        for request in server.requests
        if agent_of(request) == "reporter"
    )
    assert re.match(
        japanese,
        "送信元 {{f13}} からSSHの総当たりがあり、失敗回数 {{f14}} に達した。",
    )
    assert re.match(
        english, "The identity {{f13}} logged in from the source {{f14}}, with logins {{f15}} seen."
    )
    for text in (
        "失敗回数 {{f13}} に達した。",
        "送信元 {{f13}} の失敗は二百回。",
        "送信元 {{f13}} は 9 回。",
        "総当たりである。",
    ):
        assert not re.match(japanese, text)
    for text in ("The source {{f13}} was seen.", "The identity {{f13}} made 9 calls.", "Somebody logged in."):
        assert not re.match(english, text)


async def test_a_server_that_knows_no_patterns_is_asked_for_plain_sentences(
    tejun: Tejun, server: ModelServer
) -> None:
    def simple(request: Request) -> Answer:
        return Answer(status=400) if "pattern" in str(request["response_format"]) else diligent(request)

    scripted(server, reporter=simple)
    ran = await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    assert ran.report.model_use
    assert [call.outcome for call in ran.report.model_use.calls if call.agent == "reporter"] == [
        "bad_request",
        "ok",
    ]
    assert ran.author("assessment") == "scripted-1"


async def test_a_draft_with_a_figure_is_sent_back_once(tejun: Tejun, server: ModelServer) -> None:
    def careless(request: Request) -> Answer:
        if "'999' is a figure" in user_of(request):
            return diligent(request)
        text = f"{entity_of(request)} は 999 回失敗した。"
        return says({"assessment": [text], "recommendation": []})

    scripted(server, reporter=careless)
    ran = await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    assert ran.report.model_use
    assert ran.report.model_use.repairs == 1
    assert ran.author("assessment") == "scripted-1"
    assert "999" not in ran.section("assessment")


async def test_a_value_that_is_one_fact_becomes_its_reference(tejun: Tejun, server: ModelServer) -> None:
    text = "203.0.113.66 からの失敗は 200 行に達した。"
    scripted(server, reporter=lambda request: says({"assessment": [text], "recommendation": []}))
    ran = await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    assert ran.report.model_use
    assert (ran.report.model_use.narrative, ran.report.model_use.repairs) == ("model", 0)
    assert not any(sign.isdigit() for sign in REFERENCE.sub("", ran.section("assessment")))
    assert "200〔行数" in ran.read("assessment")


async def test_a_draft_that_stays_wrong_is_replaced_by_fixed_words_and_labelled(
    tejun: Tejun, server: ModelServer, home: Path
) -> None:
    scripted(
        server, reporter=lambda request: says({"assessment": ["失敗は 1,820,000 回。"], "recommendation": []})
    )
    ran = await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    fixed = await without_model(home, "ssh-bruteforce")
    assert ran.section("assessment") == fixed.section("assessment")
    assert ran.report.model_use
    assert ran.report.model_use.narrative == "code"
    assert "narrative_rejected" in {note.code for note in ran.report.model_use.notes}
    assert "定型文" in render_item(ran.report, checks=ran.checks, spl_of=lambda digest: "x")


async def test_of_a_draft_that_stays_partly_wrong_the_right_sentences_are_kept(
    tejun: Tejun, server: ModelServer
) -> None:
    def careless(request: Request) -> Answer:
        good = f"{entity_of(request)} からの総当たりが判断基準に該当した。"
        return says({"assessment": [good, "失敗は 1,820,000 回。"], "recommendation": ["問題はない。"]})

    scripted(server, reporter=careless)
    ran = await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    assert ran.author("assessment") == "scripted-1"
    assert ran.author("recommendation") is None
    assert ran.read("assessment") == "203[.]0[.]113[.]66 からの総当たりが判断基準に該当した。"
    assert ran.report.model_use
    notes = {note.code: note.values["count"] for note in ran.report.model_use.notes}
    assert notes == {"narrative_shortened": 1, "narrative_rejected": 2}
    assert ran.checks.failed == ()


async def test_a_right_figure_in_a_wrong_sentence_says_what_it_is(tejun: Tejun, server: ModelServer) -> None:
    def confused(request: Request) -> Answer:
        users = fact_named(request, "利用者数")
        return says(
            {
                "assessment": [f"{entity_of(request)} の失敗は {{{{{users}}}}} 回に達した。"],
                "recommendation": [],
            }
        )

    scripted(server, reporter=confused)
    ran = await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    assert ran.author("assessment") == "scripted-1"
    text = render_item(ran.report, checks=ran.checks, spl_of=lambda digest: "x")
    assert "3〔利用者数 / 203[.]0[.]113[.]66〕" in text


def answering(answer: str, *, facts: Callable[[Request, str], list[str]]) -> Callable[[Request], Answer]:
    """Return a judge that answers every question alike."""

    def judge(request: Request) -> Answer:
        asked = re.findall(r"^(Q\d+) \((F\d+)\)", user_of(request), re.MULTILINE)
        given = [
            {
                "question": name,
                "answer": answer,
                "reason": "運用端末の一覧にない。",
                "facts": facts(request, about),
            }
            for name, about in asked
        ]
        return judged(request, given, [])

    return judge


def cited(request: Request, finding: str) -> list[str]:
    """Cite the first fact of the finding, and one that is about the item."""
    general = re.search(r"\{\{(f\d+)\}\} findings=", user_of(request))
    assert general
    return [entity_of(request, finding).strip("{}"), general[1]]


def answers(ran: Ran) -> list[ModelAnswer]:
    return [result.answer for entry in ran.judgement.findings for result in entry.results if result.answer]


async def test_a_yes_with_a_fact_fires_the_question(tejun: Tejun, server: ModelServer, home: Path) -> None:
    before = await without_model(home, "ssh-bruteforce", asking)
    scripted(server, judge=answering("yes", facts=cited))
    ran = await run_item(tejun, library(plan.LINUX, asking), "ssh-bruteforce")
    found = {entry.finding: entry for entry in before.judgement.findings}
    asked = [entry for entry in ran.judgement.findings if any(result.answer for result in entry.results)]
    assert asked
    for entry in asked:
        assert entry.verdict is Verdict.INVESTIGATE or any(r.suppressed_by for r in entry.results)
        assert entry.verdict.severity >= found[entry.finding].verdict.severity
    assert "モデルの回答: はい" in ran.section("details")
    assert ran.checks.failed == ()


@pytest.mark.parametrize("names", [[], ["f9999"], ["f1", "f9999"], ["failures"], ["f6"]])
async def test_an_answer_that_cites_nothing_or_something_unknown_is_cannot_tell(
    tejun: Tejun, server: ModelServer, names: list[str]
) -> None:
    scripted(server, judge=answering("yes", facts=lambda request, finding: names))
    ran = await run_item(tejun, library(plan.LINUX, asking), "ssh-bruteforce")
    assert {answer.answer for answer in answers(ran)} == {"cannot_tell"}


async def test_a_no_lowers_no_verdict(tejun: Tejun, server: ModelServer, home: Path) -> None:
    before = await without_model(home, "ssh-bruteforce", asking)
    scripted(server, judge=answering("no", facts=cited))
    ran = await run_item(tejun, library(plan.LINUX, asking), "ssh-bruteforce")
    assert {answer.answer for answer in answers(ran)} == {"no"}
    assert [entry.verdict for entry in ran.judgement.findings] == [
        entry.verdict for entry in before.judgement.findings
    ]
    assert "一次判断は下げない" in ran.section("details")


async def test_a_concern_raises_and_shows_its_reason(tejun: Tejun, server: ModelServer, home: Path) -> None:
    def worried(request: Request) -> Answer:
        concern = {
            "finding": "F2",
            "verdict": "investigate",
            "reason": "休みなく続いている。",
            "facts": [entity_of(request, "F2").strip("{}")],
        }
        unknown = {**concern, "finding": "F99"}
        baseless = {**concern, "facts": ["f9999"], "finding": "F3"}
        return judged(request, [], [concern, unknown, baseless])

    before = await without_model(home, "ssh-bruteforce")
    scripted(server, judge=worried)
    ran = await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    old = {entry.finding: entry.verdict for entry in before.judgement.findings}
    changed = [entry for entry in ran.judgement.findings if entry.verdict is not old[entry.finding]]
    assert [(old[entry.finding], entry.verdict) for entry in changed] == [
        (Verdict.OBSERVE, Verdict.INVESTIGATE)
    ]
    assert "休みなく続いている" in ran.section("details")
    assert ran.checks.failed == ()


async def test_a_chosen_drill_down_runs_for_the_chosen_finding_and_is_marked(
    tejun: Tejun, server: ModelServer
) -> None:
    def curious(request: Request) -> Answer:
        wanted = {"drill_down": "tried-names", "findings": ["F2", "F99"]}
        unknown = {"drill_down": "drop-table", "findings": ["F1"]}
        return says({"enough": False, "choices": [wanted, unknown]})

    scripted(server, drill_down=curious)
    ran = await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    chosen = [run for run in ran.state["runs"] if run["requested_by"] == "model:scripted-1"]
    assert [(run["drill_down"], len(run["findings"])) for run in chosen] == [("tried-names", 1)]
    assert ran.report.model_use
    assert "model_chose" in {note.code for note in ran.report.model_use.notes}
    assert ran.checks.failed == ()


def allowing(text: str) -> str:
    return text.replace(
        "attack: [T1110.001]\nbaseline", "attack: [T1110.001]\nextra_searches: 1\nbaseline", 1
    )


def wanting(spl: str) -> Callable[[Request], Answer]:
    def model(request: Request) -> Answer:
        assert "searches" in str(request["response_format"])
        search = {"finding": "F1", "spl": spl}
        return says({"enough": False, "choices": [], "searches": [search, search]})

    return model


async def test_an_extra_search_runs_once_through_the_guard_and_is_marked(
    tejun: Tejun, server: ModelServer
) -> None:
    spl = "index=os sourcetype=linux_secure src_ip=$src_ip$ | stats count AS events dc(host) AS hosts"
    scripted(server, drill_down=wanting(spl))
    ran = await run_item(tejun, library(plan.LINUX, allowing), "ssh-bruteforce")
    extra = [entry for entry in ran.report.search_log if entry.purpose.startswith("model:")]
    assert len(extra) == 1
    assert "モデルが求めた追加検索 " in ran.section("details")
    assert ran.checks.failed == ()
    assert "モデルの追加検索" in render_item(ran.report, checks=None, spl_of=lambda digest: "x")


@pytest.mark.parametrize(
    "spl",
    [
        "index=os src_ip=$src_ip$ | delete",
        "index=secret src_ip=$src_ip$ | stats count",
        "index=os src_ip=$src_ip$ earliest=-30d | stats count",
        "index=os | stats count",
        "index=os src_ip=$password$ | stats count",
        "index=os src_ip=$src_ip$ | nonsense |||",
        "| rest /services $src_ip$",
    ],
)
async def test_an_extra_search_that_the_guard_refuses_is_not_sent(
    tejun: Tejun, server: ModelServer, spl: str
) -> None:
    scripted(server, drill_down=wanting(spl))
    ran = await run_item(tejun, library(plan.LINUX, allowing), "ssh-bruteforce")
    assert not [entry for entry in ran.report.search_log if entry.purpose.startswith("model:")]
    assert ran.report.model_use
    assert "extra_search_refused" in {note.code for note in ran.report.model_use.notes}
    assert ran.checks.failed == ()


async def test_mandatory_drill_downs_run_whatever_the_model_says(
    tejun: Tejun, server: ModelServer, home: Path
) -> None:
    before = await without_model(home, "ssh-bruteforce")
    scripted(server, drill_down=lambda request: says({"enough": True, "choices": []}))
    ran = await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    assert [(run["drill_down"], run["findings"]) for run in ran.state["runs"]] == [
        (run["drill_down"], run["findings"]) for run in before.state["runs"]
    ]


FAILURES = {
    "timeout": Answer(delay_s=1.0),
    "rate_limited": Answer(status=429),
    "server_error": Answer(status=500),
    "unauthorised": Answer(status=401),
    "malformed": Answer("I am a poet."),
    "refused": Answer(refusal="no"),
    "cut_off": Answer('{"assess', finish="length"),
    "unreachable": Answer('{"assessment": []}', cut_at=100),
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_whatever_fails_the_round_ends_as_without_a_model_and_says_so(
    home: Path, server: ModelServer, failure: str
) -> None:
    server.script = lambda request: FAILURES[failure]
    before = await without_model(home, "ssh-bruteforce")
    async with opened_with_model(
        home, model_settings(server.url, timeout_s=0.3 if failure == "timeout" else 60)
    ) as tejun:
        ran = await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    assert values(ran) == values(before)
    assert ran.judgement.findings == before.judgement.findings
    assert ran.report.sections == before.report.sections
    assert ran.report.model_use
    outcomes = {call.outcome for call in ran.report.model_use.calls}
    assert outcomes <= {failure, "given_up"}
    assert failure in outcomes
    assert "model_failed" in {note.code for note in ran.report.model_use.notes}
    assert ran.checks.failed == ()


async def test_a_server_that_is_killed_in_mid_round_costs_words_and_nothing_else(
    home: Path, server: ModelServer
) -> None:
    before = await without_model(home, "ssh-bruteforce")

    def dying(request: Request) -> Answer:
        if agent_of(request) == "judge":
            server.stop()
        return diligent(request)

    server.script = dying
    started = time.monotonic()
    async with opened_with_model(home, model_settings(server.url)) as tejun:
        ran = await run_item(tejun, library(plan.LINUX), "ssh-bruteforce")
    assert time.monotonic() - started < 60
    assert values(ran) == values(before)
    assert ran.section("assessment") == before.section("assessment")
    assert ran.report.model_use
    assert ran.report.model_use.calls[-1].outcome in {"unreachable", "given_up"}


async def test_the_token_budget_of_the_procedure_ends_the_questions(
    tejun: Tejun, server: ModelServer
) -> None:
    def poor(text: str) -> str:
        return text.replace("tokens: 20000", "tokens: 900")

    ran = await run_item(tejun, library(plan.LINUX, poor), "ssh-bruteforce")
    assert server.requests == []
    assert ran.report.model_use
    assert {call.outcome for call in ran.report.model_use.calls} == {"budget_tokens"}


async def test_without_a_model_stored_forms_have_no_new_part(home: Path) -> None:
    ran = await without_model(home, "ssh-bruteforce", asking)
    assert "model_use" not in ran.report.model_dump()
    assert not {"calls", "model_notes", "chosen"} & set(ran.state)
    for section in ran.report.model_dump()["sections"]:
        assert set(section) == {"id", "title", "paragraphs"}
    for entry in ran.judgement.model_dump()["findings"]:
        assert "concerns" not in entry
        assert all("answer" not in result for result in entry["results"])
