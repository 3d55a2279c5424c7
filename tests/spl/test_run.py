"""A run is bounded, says what it left out, and text from a search never becomes SQL."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spl.catalog import UnknownIndexError
from spl.errors import SearchTimeoutError, SplSyntaxError, UnsupportedError

HOSTILE = st.text(alphabet="'\"\\;-/*%_$`(){}[]|,= \n\tax1\0é日", max_size=14) | st.sampled_from(
    [
        "'; DROP TABLE events; --",
        "' OR 1=1 --",
        "$1",
        "?",
        "{0}",
        "E'\\n'",
        "a'||chr(0)",
        "]::INT",
        "/*",
        "--",
        "\\'",
    ]
)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.fixture
def bench(over: Callable[..., Any]) -> Any:
    return over([{"_raw": f"event {number}", "n": str(number)} for number in range(30)])


def test_total_counts_all_rows_also_when_the_limit_cuts(bench: Any) -> None:
    cut = bench.search("index=* | table n", limit=10)
    assert (len(cut.rows), cut.total, cut.truncated) == (10, 30, True)
    exact = bench.search("index=* | table n", limit=30)
    assert (len(exact.rows), exact.total, exact.truncated) == (30, 30, False)
    assert bench.search("index=* | table n | head 3", limit=3).truncated is False
    assert bench.search("index=* | stats count", limit=0).total == 1


def test_scanned_counts_events_before_the_filter(bench: Any) -> None:
    result = bench.search("index=* n=1 | stats count", earliest=1000.0, latest=1020.0)
    assert (result.scanned, result.rows) == (20, [{"count": 1}])


def test_an_implicit_sort_limit_that_cuts_is_said(over: Callable[..., Any]) -> None:
    bench = over([{"_raw": "x", "n": str(number)} for number in range(10_005)])
    for search in ("index=* | sort n", "index=* | sort n | table n", "index=* | sort n | stats count"):
        result = bench.search(search)
        assert result.truncated, search
        assert any("10,000 of 10,005" in message for message in result.messages), search
    first = bench.search("index=* | sort n | table n | head 5")
    assert (first.truncated, first.messages) == (False, ())
    whole = bench.search("index=* | sort 0 n | stats count")
    assert (whole.truncated, whole.rows) == (False, [{"count": 10_005}])


def test_a_field_that_no_event_has_is_said(bench: Any) -> None:
    assert any("'typo'" in message for message in bench.search("index=* typo=1 | stats count").messages)
    assert bench.search("index=* | eval x=n | stats count BY x").messages == ()


def test_an_index_that_does_not_exist_is_no_empty_answer(bench: Any) -> None:
    with pytest.raises(UnknownIndexError):
        bench.search("index=nosuch | stats count")


def test_a_search_that_runs_too_long_is_stopped_and_the_connection_lives(over: Callable[..., Any]) -> None:
    bench = over([{"_raw": "x" * 50, "n": str(number)} for number in range(3000)])
    big = " UNION ALL ".join(["SELECT * FROM events"] * 60)
    bench.connection.execute(f"CREATE TABLE many AS {big}")
    catalog = type(bench.catalog)(bench.connection, bench.catalog.fields, table="many")
    heavy = type(bench)(bench.connection, catalog)
    search = (
        "index=* | "
        + " | ".join(f'rex max_match=0 "(?<g{i}>x+?x+?x+?)"' for i in range(20))
        + " | stats "
        + " ".join(f"dc(g{i})" for i in range(20))
    )
    started = time.monotonic()
    with pytest.raises(SearchTimeoutError):
        heavy.search(search, timeout_s=0.3)
    assert time.monotonic() - started < 5
    assert bench.rows("index=* | stats count", timeout_s=30) == [{"count": 3000}]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HOSTILE)
def test_text_of_a_search_never_becomes_sql(bench: Any, text: str) -> None:
    """Every place that takes text: values, keywords, patterns, names, time formats."""
    value, name = quoted(text), quoted(text.replace("*", "") or "x")
    searches = [
        f"index=* n={value} | stats count",
        f"index=* n IN ({value}, 1) | stats count",
        f"index=* {value} | stats count",
        f"index=* | where n={value} OR like(n, {value}) | stats count",
        f"index=* | where match(n, {value}) | stats count",
        f"index=* | rex field=n {value} | stats count",
        f"index=* | eval x={value} | head 1 | table x",
        f"index=* | stats count AS {name}",
        f"index=* | rename n AS {name} | head 1 | table {name}",
        f"index=* | eval x=strftime(_time, {value}) | stats count",
        f"index=* | stats count BY {name}",
    ]
    for search in searches:
        try:
            result = bench.search(search)
        except (SplSyntaxError, UnsupportedError):
            continue
        if "eval x=" in search and "strftime" not in search:
            assert result.rows == [{"x": text}], search
    assert bench.rows("index=* | stats count") == [{"count": 30}]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(HOSTILE.filter(bool), min_size=1, max_size=4, unique=True))
def test_hostile_stored_text_is_found_by_its_own_value(over: Callable[..., Any], texts: list[str]) -> None:
    bench = over([{"_raw": text, "v": text} for text in texts])
    for text in texts:
        escaped = quoted(text).replace("*", "\\*")
        assert bench.rows(f"index=* | where v={quoted(text)} | stats count") != [{"count": 0}]
        assert bench.rows(f"index=* v={escaped} | stats count") != [{"count": 0}], (text, escaped)
