"""Answers of foreign servers: nothing but a server's own sign of success, and a whole count of rows, is an answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spl.values import to_text
from tests.tools.search.answering import SHAPES, WINDOW, Asked, ask, build, official, session
from tools.search.coerce import coerce
from tools.search.failure import redact
from tools.search.result import SearchRequest, SearchStatus

FOREIGN = sorted(SHAPES)
ROWS = [{"user": "sato", "count": "3"}, {"user": "ito", "count": "1"}]
Made = Callable[[Asked], Any]

UNPROVEN = {SearchStatus.FAILED, SearchStatus.REFUSED, SearchStatus.TIMED_OUT}


def shaped(dialect: str, rows: list[dict[str, Any]] = ROWS, **more: Any) -> Made:
    """Answer as the dialect does, whole, with keys added or replaced."""
    return lambda asked: SHAPES[dialect](asked.counted(rows), asked, **more)


@pytest.mark.parametrize("dialect", FOREIGN)
async def test_a_healthy_answer_is_read_and_proven(dialect: str) -> None:
    result = await ask(dialect, shaped(dialect))
    assert result.status is SearchStatus.OK, result.messages
    assert result.rows == ({"user": "sato", "count": 3}, {"user": "ito", "count": 1})
    assert result.fields == ("user", "count")
    assert (result.spl, result.earliest, result.latest, result.total) == ("index=a", *WINDOW, 2)
    assert result.proof is not None
    assert result.proof.model_dump(exclude={"peers"}) == {
        "kind": "sentinel", "rows": 2, "earliest": WINDOW[0], "latest": WINDOW[1], "utc_offset_s": 32400,
    }  # fmt: skip
    assert result.server == dialect


@pytest.mark.parametrize("dialect", FOREIGN)
async def test_a_proven_zero_is_ok(dialect: str) -> None:
    result = await ask(dialect, shaped(dialect, []))
    assert (result.status, result.rows, result.total) == (SearchStatus.OK, (), 0)


@pytest.mark.parametrize("dialect", FOREIGN)
@pytest.mark.parametrize("rows", [[], ROWS])
async def test_rows_that_nothing_counted_are_no_answer(dialect: str, rows: list[dict[str, Any]]) -> None:
    result = await ask(dialect, lambda asked: SHAPES[dialect](rows, asked))
    assert result.status is SearchStatus.FAILED
    assert "counting row is missing" in result.messages[0]


@pytest.mark.parametrize("dialect", FOREIGN)
@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        (lambda asked: asked.counted(ROWS, count=5), SearchStatus.TRUNCATED, "2 of 5 rows came"),
        (lambda asked: asked.counted(ROWS, count=1), SearchStatus.FAILED, "counted 1"),
        (lambda asked: asked.counted(asked.counted(ROWS)), SearchStatus.FAILED, "2 times"),
        (lambda asked: asked.counted(ROWS)[::-1], SearchStatus.FAILED, "does not stand last"),
        (lambda asked: [*ROWS, {"abcdefgh": "2", "info_min_time": "0"}], SearchStatus.FAILED, "missing among 3"),
        (lambda asked: asked.counted(ROWS, info_min_time="1699999999.000"), SearchStatus.FAILED, "searched from"),
        (lambda asked: asked.counted(ROWS, info_max_time="+Infinity"), SearchStatus.FAILED, "searched from"),
        (lambda asked: asked.counted(ROWS, info_min_time=None), SearchStatus.FAILED, "does not say"),
        (lambda asked: asked.counted(ROWS, count=-1), SearchStatus.FAILED, "counted -1"),
    ],
    ids=["lost", "more", "twice", "not-last", "wrong-name", "window", "no-window-end", "no-window", "negative"],
)  # fmt: skip
async def test_a_count_that_does_not_agree_is_told(
    dialect: str, answer: Made, status: SearchStatus, told: str
) -> None:
    result = await ask(dialect, lambda asked: SHAPES[dialect](answer(asked), asked))
    assert result.status is status, result.messages
    assert told in " ".join(result.messages)


@pytest.mark.parametrize("dialect", [name for name in FOREIGN if name != "livehybrid"])
@pytest.mark.parametrize(
    ("signs", "status"),
    [
        ({"status": "error", "error": "no such index"}, SearchStatus.FAILED),
        ({"error": "boom"}, SearchStatus.FAILED),
        ({"success": False, "error": "boom"}, SearchStatus.FAILED),
        ({"success": "true"}, SearchStatus.FAILED),
        ({"status": "running"}, SearchStatus.FAILED),
        ({"is_done": False}, SearchStatus.FAILED),
        ({"isDone": "0"}, SearchStatus.FAILED),
        ({"isFailed": "1"}, SearchStatus.FAILED),
        ({"dispatchState": "FAILED"}, SearchStatus.FAILED),
        ({"job": {"dispatchState": "RUNNING"}}, SearchStatus.FAILED),
        ({"search_executed": False, "error": "too risky"}, SearchStatus.REFUSED),
        ({"status_code": 400, "content": "Forbidden command found: delete"}, SearchStatus.REFUSED),
        ({"status_code": 502, "content": "bad gateway"}, SearchStatus.FAILED),
        ({"messages": [{"type": "FATAL", "text": "Unknown search command"}]}, SearchStatus.FAILED),
        ({"messages": [{"type": "ERROR", "text": "disk"}]}, SearchStatus.FAILED),
        ({"messages": {"FATAL": ["gone"]}}, SearchStatus.FAILED),
        ({"messages": ["ERROR: gone"]}, SearchStatus.FAILED),
        ({"messages": [{"FATAL": ["gone"]}]}, SearchStatus.FAILED),
        ({"messages": [{"type": "WARN", "text": "Search results might be incomplete: the search process on the peer idx1 ended prematurely."}]}, SearchStatus.PARTIAL),
        ({"messages": ["The maximum disk usage quota for this user has been reached."]}, SearchStatus.PARTIAL),
        ({"messages": [{"type": "WARN", "text": "The maximum number of concurrent historical searches for this user has been reached."}]}, SearchStatus.PARTIAL),
        ({"messages": [{"type": "INFO", "text": "Search finalized."}]}, SearchStatus.PARTIAL),
        ({"isPartial": True}, SearchStatus.PARTIAL),
        ({"is_preview": True}, SearchStatus.PARTIAL),
        ({"messages": [{"type": "WARN", "text": "Field extraction 'x' is deprecated."}]}, SearchStatus.OK),
        ({"messages": [{"type": "INFO", "text": "Your timerange was substituted."}]}, SearchStatus.OK),
        ({"error": None, "is_done": True, "dispatchState": "DONE", "is_preview": False}, SearchStatus.OK),
        ({"query": "index=b"}, SearchStatus.FAILED),
        ({"query": "index=a | head 1"}, SearchStatus.FAILED),
        ({"earliest_time": "1600000000"}, SearchStatus.FAILED),
        ({"latest": 1_700_000_001}, SearchStatus.FAILED),
        ({"latest": "-24h"}, SearchStatus.FAILED),
    ],
)  # fmt: skip
async def test_every_sign_beside_the_rows_is_read(
    dialect: str, signs: dict[str, Any], status: SearchStatus
) -> None:
    result = await ask(dialect, shaped(dialect, **signs), timeout_s=1)
    assert result.status is status, result.messages
    if "error" in signs and signs["error"] and "status_code" not in signs:
        assert signs["error"] in result.messages[0]


@pytest.mark.parametrize("dialect", FOREIGN)
@pytest.mark.parametrize(
    "answer",
    [
        {"nothing": 1}, [], [[]], ["text"], {"results": None}, {"results": [], "total_rows": 0},
        {"results": [], "truncated": "no", "total_rows": 0}, {"results": [1], "truncated": False, "total_rows": 1},
        {"status": "success", "results": []}, {"success": True, "results": []}, {"events": []},
        {"success": True, "results": [], "result_count": 3}, {"status": "success", "results": [], "results_count": "x"},
        {"result": {"count": "0"}}, {"results": {}, "truncated": False}, {"data": [], "success": True, "error": None},
        {"query": "index=a", "events": "none", "event_count": 0},
    ],
    ids=str,
)  # fmt: skip
async def test_an_unknown_shape_is_no_empty_result(dialect: str, answer: Any) -> None:
    result = await ask(dialect, lambda asked: answer)
    assert result.status in UNPROVEN, result
    assert result.messages[0]


@pytest.mark.parametrize("dialect", FOREIGN)
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("the search timed out"), SearchStatus.TIMED_OUT),
        (ValueError("command 'delete' is forbidden"), SearchStatus.REFUSED),
        (ValueError("boom"), SearchStatus.FAILED),
        (ValueError('{"status": "error", "error": "no such index", "error_code": "search_failed"}'), SearchStatus.FAILED),
    ],
)  # fmt: skip
async def test_an_error_of_the_tool_keeps_its_words(
    dialect: str, error: Exception, status: SearchStatus
) -> None:
    result = await ask(dialect, lambda asked: error)
    assert result.status is status
    assert result.messages[0]


_KEYS = st.sampled_from([
    "results", "events", "status", "success", "error", "truncated", "total_rows", "results_count", "result_count",
    "event_count", "has_more", "total_available", "messages", "is_done", "query", "scanned", "result", "next_offset",
])  # fmt: skip
_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), st.text(max_size=5), st.just([]), st.just({}),
    st.lists(st.dictionaries(st.sampled_from(["a", "count"]), st.text(max_size=3), max_size=2), max_size=3),
    st.sampled_from(["success", "ok", "error"]),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([*FOREIGN, "tejun-logstore"]), st.dictionaries(_KEYS, _VALUES, max_size=7))
async def test_no_answer_without_its_sign_of_success_is_ok(dialect: str, answer: dict[str, Any]) -> None:
    """Whatever a server answers: without the row that counts (or, from ours, without status and scanned) it is nothing."""
    result = await ask(dialect, lambda asked: [answer] if dialect == "livehybrid" else answer, timeout_s=2)
    ours = answer.get("status") in ["ok", "no_data", "truncated"] and isinstance(answer.get("scanned"), int)
    assert result.status in {*UNPROVEN, SearchStatus.TRUNCATED} or (dialect == "tejun-logstore" and ours)


async def test_the_local_server_is_held_to_status_and_scanned() -> None:
    whole = {
        "results": [{"a": "1"}], "status": "ok", "scanned": 4, "truncated": False, "total_rows": 1, "fields": ["a"],
        "query": "index=a", "earliest": WINDOW[0], "latest": WINDOW[1], "messages": [],
    }  # fmt: skip
    result = await ask("tejun-logstore", lambda asked: whole)
    assert (result.status, result.scanned, result.proof) == (SearchStatus.OK, 4, None)
    for missing in ("status", "scanned", "truncated", "results"):
        bare = {name: value for name, value in whole.items() if name != missing}
        assert (await ask("tejun-logstore", lambda asked, bare=bare: bare)).status is SearchStatus.FAILED, (
            missing
        )
    for name, value in (("query", "index=b"), ("earliest", 1.0), ("status", "partial"), ("error", "x")):
        wrong = whole | {name: value}
        assert (
            await ask("tejun-logstore", lambda asked, wrong=wrong: wrong)
        ).status is SearchStatus.FAILED, name
    assert (await ask("tejun-logstore", lambda asked: whole | {"scanned": 0})).status is SearchStatus.NO_DATA
    assert (
        await ask("tejun-logstore", lambda asked: whole | {"truncated": True})
    ).status is SearchStatus.TRUNCATED


@pytest.mark.parametrize("dialect", FOREIGN)
async def test_more_rows_than_the_limit_are_cut(dialect: str) -> None:
    rows = [{"a": str(number)} for number in range(7)]
    assert (await ask(dialect, shaped(dialect, rows), limit=7)).status is SearchStatus.OK
    cut = await ask(dialect, shaped(dialect, rows), limit=6)
    assert (cut.status, len(cut.rows)) == (SearchStatus.TRUNCATED, 6)

    def keeping(asked: Asked) -> Any:
        whole = asked.counted(rows)
        return SHAPES[dialect](whole if dialect == "mcp-for-splunk" else whole[: asked.limit], asked)

    kept = await ask(dialect, keeping, limit=5)
    assert (kept.status, len(kept.rows)) == (SearchStatus.TRUNCATED, 5)


@pytest.mark.parametrize("dialect", FOREIGN)
async def test_a_flood_of_rows_is_cut_at_once(dialect: str) -> None:
    rows = [{"a": str(number), "text": "x" * 40} for number in range(50_000)]
    started = time.monotonic()
    result = await ask(dialect, lambda asked: SHAPES[dialect](asked.counted(rows), asked), timeout_s=60)
    assert (result.status, len(result.rows)) == (SearchStatus.TRUNCATED, 1000)
    assert time.monotonic() - started < 20


async def test_pages_are_followed_to_the_end() -> None:
    rows = [{"a": str(number)} for number in range(524)]
    calls: list[Asked] = []
    result = await ask("mcp-for-splunk", shaped("mcp-for-splunk", rows), calls=calls)
    assert (result.status, len(result.rows)) == (SearchStatus.OK, 524)
    assert [call.offset for call in calls] == [0, 100, 200, 300, 400, 500]
    assert len({call.query for call in calls}) == 1


@pytest.mark.parametrize(
    "wrong", [{"next_offset": 0}, {"results": [], "results_count": 0}, {"total_available": 7}]
)
async def test_pages_that_do_not_follow_each_other_are_no_answer(wrong: dict[str, Any]) -> None:
    rows = [{"a": str(number)} for number in range(250)]

    def answer(asked: Asked) -> Any:
        page = SHAPES["mcp-for-splunk"](asked.counted(rows), asked)
        return page if asked.offset == 0 and "next_offset" not in wrong else page | wrong

    assert (await ask("mcp-for-splunk", answer)).status is SearchStatus.FAILED


@pytest.mark.parametrize(
    ("spl", "rows", "status"),
    [
        ("index=a | stats count", [], SearchStatus.FAILED),
        ("index=a | stats count AS n | eval m=n*2", [], SearchStatus.FAILED),
        ("index=a | stats count", [{"count": "1"}, {"count": "2"}], SearchStatus.FAILED),
        ("index=a | stats count", [{"count": "0"}], SearchStatus.OK),
        ("index=a | stats count | where count > 3", [], SearchStatus.OK),
        ("index=a | stats count BY user", [], SearchStatus.OK),
        ("index=a | stats count BY user", [{"user": "a", "count": "1"}, {"user": "a", "count": "1"}], SearchStatus.FAILED),
        ("index=a | stats count BY user | sort - count", [{"user": "a"}, {"user": "b"}, {"user": "a"}], SearchStatus.FAILED),
        ("index=a | stats count BY user | rename user AS who", [{"who": "a"}, {"who": "a"}], SearchStatus.FAILED),
        ("index=a | stats count BY user", [{"count": "1"}], SearchStatus.FAILED),
        ("index=a | stats count BY user, host", [{"user": "a", "count": "1"}], SearchStatus.FAILED),
        ("index=a | stats count BY user, host", [{"user": "a", "host": "x"}, {"user": "a", "host": "y"}], SearchStatus.OK),
        ("index=a | stats count BY user | eval user=lower(user)", [{"user": "a"}, {"user": "a"}], SearchStatus.OK),
        ("index=a | stats count BY user | fields count", [{"count": "1"}, {"count": "1"}], SearchStatus.OK),
        ("index=a | stats count BY user | fields - user", [{"count": "1"}, {"count": "1"}], SearchStatus.OK),
        ("index=a | stats values(h) AS h BY user | mvexpand h", [{"user": "a", "h": "1"}, {"user": "a", "h": "2"}], SearchStatus.OK),
        ("index=a", [{"user": "a"}, {"user": "a"}], SearchStatus.OK),
    ],
)  # fmt: skip
async def test_rows_that_the_search_cannot_have_are_no_answer(
    spl: str, rows: list[dict[str, Any]], status: SearchStatus
) -> None:
    result = await ask("splunk", shaped("splunk", rows), spl)
    assert result.status is status, result.messages


@pytest.mark.parametrize("dialect", ["splunk", "mcp-server-splunk"])
async def test_a_server_that_refuses_the_counting_row_is_asked_without_it(dialect: str) -> None:
    calls: list[Asked] = []

    def answer(asked: Asked) -> Any:
        if asked.counting:
            return {"status_code": 400, "content": "Forbidden command found: appendpipe"}
        return SHAPES[dialect](ROWS, asked)

    async with session(build(dialect, answer, calls)) as opened:
        for _ in range(2):
            request = SearchRequest(spl="index=a", earliest=WINDOW[0], latest=WINDOW[1])
            result = (await opened.search(request)).result
            assert result.status is SearchStatus.OK
            assert result.proof is not None
            assert result.proof.kind == "none"
        assert "appendpipe" in str(opened.uncounted)
    assert [bool(call.counting) for call in calls] == [True, False, False]


@pytest.mark.parametrize("dialect", ["livehybrid", "splunk-mcp-server2", "mcp-for-splunk-0.6.10"])
async def test_where_a_failure_looks_like_no_rows_the_counting_row_is_needed(dialect: str) -> None:
    def answer(asked: Asked) -> Any:
        return ValueError("appendpipe is forbidden") if asked.counting else SHAPES[dialect]([], asked)

    result = await ask(dialect, answer)
    assert result.status is SearchStatus.FAILED
    assert "Allow appendpipe" in result.messages[0]


async def test_a_search_that_is_refused_as_such_stays_refused() -> None:
    calls: list[Asked] = []
    refusal = {"status_code": 400, "content": "Forbidden command found: delete"}
    result = await ask("splunk", lambda asked: refusal, "index=a | delete", calls=calls)
    assert (result.status, len(calls)) == (SearchStatus.REFUSED, 2)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("WARN: Search results might be incomplete: the search process on the peer idx1 ended prematurely.", SearchStatus.PARTIAL),
        ("FATAL: Unknown search command", SearchStatus.FAILED),
        ("Error in 'lookup' command: Could not construct lookup 'hosts'.", SearchStatus.FAILED),
        ("The search job has failed due to an error.", SearchStatus.FAILED),
        ("Could not load lookup=LOOKUP-unrelated for an event that this search does not read.", SearchStatus.OK),
        ("WARN: Field extraction 'x' is deprecated.", SearchStatus.OK),
        (None, SearchStatus.OK),
    ],
)  # fmt: skip
async def test_an_empty_result_of_the_official_server_is_asked_for_what_splunk_said(
    said: str | None, status: SearchStatus
) -> None:
    """It passes Splunk's messages on only where there are no rows, and the counting row is one."""

    def answer(asked: Asked) -> Any:
        return ValueError(said) if said and not asked.counting else official(asked.counted([]))

    result = await ask("splunk", answer, timeout_s=2)
    assert result.status is status, result.messages
    if status is SearchStatus.OK:
        assert result.proof is not None
        assert result.proof.peers == (said is None)
        assert said is None or said in result.messages[0]


async def test_events_that_arrive_between_two_questions_are_told() -> None:
    result = await ask("splunk", lambda asked: official(asked.counted([]) if asked.counting else ROWS))
    assert result.status is SearchStatus.PARTIAL
    assert "in between" in result.messages[0]


async def test_a_server_is_told_by_its_arguments_not_by_its_name_alone() -> None:
    result = await ask("livehybrid", shaped("livehybrid"))
    assert result.server == "livehybrid"
    assert (await ask("mcp-server-splunk", shaped("mcp-server-splunk"))).server == "mcp-server-splunk"


async def test_a_server_that_cannot_search_is_named() -> None:
    server = build("splunk", lambda asked: None)
    server._tool_manager._tools.clear()
    for name in ("list_splunk_indexes", "list_splunk_macros", "list_splunk_saved_searches"):
        server.add_tool(lambda: "", name=name)
    async with session(server) as opened:
        request = SearchRequest(spl="index=a", earliest=0, latest=1)
        result = (await opened.search(request)).result
    assert result.status is SearchStatus.FAILED
    assert "jkosik" in result.messages[0]


async def test_a_server_with_unknown_tools_or_arguments_is_told_by_what_it_offers() -> None:
    for tool, told in (("make_coffee", "make_coffee"), ("splunk_run_query", "other arguments")):
        server = build("splunk", lambda asked: None)
        server._tool_manager._tools.clear()
        server.add_tool(lambda beans: beans, name=tool)
        async with session(server) as opened:
            result = (await opened.search(SearchRequest(spl="index=a", earliest=0, latest=1))).result
        assert result.status is SearchStatus.FAILED
        assert told in result.messages[0]


@pytest.mark.parametrize("dialect", ["splunk", "splunk-old"])
async def test_a_search_that_the_server_would_not_take_is_not_sent(dialect: str) -> None:
    calls: list[Asked] = []
    long = "index=a " + "x" * 4950
    result = await ask(dialect, shaped(dialect), long, calls=calls)
    assert (result.status, calls) == (SearchStatus.REFUSED, [])
    assert "Shorten it" in result.messages[0]
    assert (await ask(dialect, shaped(dialect), "index=a " + "x" * 4800)).status is SearchStatus.OK


async def test_the_zone_comes_from_the_rows_of_searches_where_the_user_has_none() -> None:
    calls: list[Asked] = []
    async with session(build("splunk", shaped("splunk"), calls)) as opened:
        assert await opened.utc_offset_s(WINDOW[0]) == 32400
        assert (len(calls), "makeresults" in calls[0].query) == (1, True)
        await opened.search(SearchRequest(spl="index=a", earliest=WINDOW[0], latest=WINDOW[1]))
        assert await opened.utc_offset_s(WINDOW[0] + 60) == 32400
        assert len(calls) == 2
    async with session(build("splunk", shaped("splunk"), calls)) as opened:
        await opened.search(SearchRequest(spl="index=a", earliest=WINDOW[0], latest=WINDOW[1]))
        assert await opened.utc_offset_s(WINDOW[0]) == 32400
        assert len(calls) == 3


async def test_a_zone_that_changes_inside_a_window_is_not_guessed() -> None:
    def answer(asked: Asked) -> Any:
        rows = asked.counted(ROWS)
        rows[-1][f"{asked.counting}_tz"] = "+0100+0200"
        return official(rows)

    result = await ask("splunk", answer)
    assert result.proof is not None
    assert result.proof.utc_offset_s is None


async def test_halves_of_surrogate_pairs_do_not_break_a_row() -> None:
    def answer(asked: Asked) -> Any:
        return [{"user": "a\ud800b", "na\udc00me": ["x\udfff"]}]

    from tools.search.coerce import coerce_row

    row = coerce_row(answer(None)[0])  # type: ignore[arg-type]
    assert row == {"user": "a\ufffdb", "na\ufffdme": ["x\ufffd"]}
    assert coerce("\ud83d\ude00") == "\U0001f600"


@pytest.mark.parametrize("cell", [{"a": 1}, [["a"]], [{"a": 1}]])
async def test_a_cell_that_holds_an_object_is_no_answer(cell: Any) -> None:
    result = await ask("splunk", shaped("splunk", [{"a": cell}]))
    assert result.status is SearchStatus.FAILED
    assert "a cell holds" in result.messages[0]


def test_numbers_that_no_store_takes_stay_text() -> None:
    assert coerce(2**63) == str(2**63)
    assert coerce(str(2**63)) == str(2**63)
    assert coerce(float("nan")) == "nan"
    assert coerce(2**63 - 1) == 2**63 - 1


@given(st.one_of(st.integers(-(10**15), 10**15), st.floats(allow_nan=False, allow_infinity=False), st.text()))
def test_coercion_never_changes_what_a_value_says(value: object) -> None:
    text = value if isinstance(value, str) else repr(value)
    coerced = coerce(text)
    assert (coerced if isinstance(coerced, str) else repr(coerced)) == text
    assert isinstance(coerced, str) or to_text(coerced) is not None


@pytest.mark.parametrize("dialect", FOREIGN)
async def test_the_time_of_an_event_is_read_as_splunk_writes_it(dialect: str) -> None:
    written = "2026-11-19T02:10:00.500+09:00"
    result = await ask(
        dialect, shaped(dialect, [{"_time": written, "at": written}, {"_time": "1795021800.5"}])
    )
    assert [row["_time"] for row in result.rows] == [1795021800.5, 1795021800.5]
    assert result.rows[0]["at"] == written


def test_secrets_are_redacted() -> None:
    assert "abc.def" not in redact("POST failed: Authorization: Bearer abc.def")
    assert "s3cret" not in redact("token=s3cret")
