"""Answers of foreign servers: three shapes of errors, silent caps, values as text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.server.fastmcp import FastMCP

from spl.values import to_text
from tools.search.client import open_session, redact
from tools.search.coerce import coerce
from tools.search.result import SearchRequest, SearchResult, SearchStatus
from tools.search.transport import InMemory


async def answered(answer: Any, tool: str = "splunk_run_query", limit: int = 1000) -> SearchResult:
    """Return what the client makes of an answer that a Splunk MCP server might give."""
    server = FastMCP("foreign")

    async def splunk_run_query(
        query: str, earliest_time: str = "", latest_time: str = "", row_limit: int = 100
    ) -> dict[str, Any]:
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    async def search_splunk(
        search_query: str, earliest_time: str = "", latest_time: str = "", max_results: int = 100
    ) -> list[dict[str, Any]]:
        return list(answer)

    server.add_tool(
        {"splunk_run_query": splunk_run_query, "search_splunk": search_splunk}.get(tool, splunk_run_query),
        name=tool,
    )
    async with open_session(InMemory(server), source="t") as session:
        request = SearchRequest(spl="index=a", earliest=0, latest=1, row_limit=limit, timeout_s=10)
        return (await session.search(request)).result


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"results": [{"a": "1"}], "truncated": False, "total_rows": 1}, SearchStatus.OK),
        ({"results": [], "truncated": False, "total_rows": 0}, SearchStatus.OK),
        ({"results": [{"a": "1"}], "truncated": True, "total_rows": 5}, SearchStatus.TRUNCATED),
        ({"results": [{"a": "1"}], "truncated": False, "approx_total": "1000+"}, SearchStatus.TRUNCATED),
        ({"status_code": 400, "content": "Forbidden command found: delete"}, SearchStatus.REFUSED),
        ({"status_code": 503, "content": "search head is busy"}, SearchStatus.FAILED),
        ({"nothing": 1}, SearchStatus.FAILED),
        (ValueError("the search timed out"), SearchStatus.TIMED_OUT),
        (ValueError("boom"), SearchStatus.FAILED),
    ],
)
async def test_no_failure_looks_like_an_empty_result(answer: Any, status: SearchStatus) -> None:
    assert (await answered(answer)).status is status


async def test_reaching_a_silent_cap_is_truncation() -> None:
    rows = [{"a": str(number)} for number in range(5)]
    assert (await answered(rows, "search_splunk", limit=5)).status is SearchStatus.TRUNCATED
    assert (await answered(rows, "search_splunk", limit=6)).status is SearchStatus.OK


async def test_a_server_without_a_search_tool_is_told_by_what_it_offers() -> None:
    result = await answered({"results": []}, "make_coffee")
    assert result.status is SearchStatus.FAILED
    assert "make_coffee" in result.messages[0]


@given(st.one_of(st.integers(-(10**15), 10**15), st.floats(allow_nan=False, allow_infinity=False), st.text()))
def test_coercion_never_changes_what_a_value_says(value: object) -> None:
    text = value if isinstance(value, str) else repr(value)
    coerced = coerce(text)
    assert (coerced if isinstance(coerced, str) else repr(coerced)) == text
    assert isinstance(coerced, str) or to_text(coerced) is not None


def test_secrets_are_redacted() -> None:
    assert "abc.def" not in redact("POST failed: Authorization: Bearer abc.def")
    assert "s3cret" not in redact("token=s3cret")
