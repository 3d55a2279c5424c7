"""What each command means: a search over a few events, and the rows that it must give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

EVENTS = [
    {"_raw": "alpha Failed password for root", "user": "root", "n": "9", "status": "200", "m": ["p", "q"]},
    {"_raw": "beta failed_password", "user": "Bob", "n": "10", "status": "404", "m": ["q"]},
    {"_raw": "gamma 50% a_b C:\\temp", "user": "bob", "n": "x", "sourcetype": "other"},
    {"_raw": "delta", "n": "2.5", "index": "second", "empty": ""},
]
"""Times are 1000, 1001, …: the last one is the newest."""

CASES: dict[str, list[dict[str, Any]]] = {
    # search: Search Manual, "Boolean expressions" and "Event segmentation and searching"
    "index=* user=BOB | stats count": [{"count": 2}],
    "index=* user!=bob | table user": [{"user": "root"}],
    "index=* NOT user=bob | stats count": [{"count": 2}],
    "index=* user=* | stats count": [{"count": 3}],
    "index=* n>9 | table n": [{"n": "10"}],
    'index=* user IN ("b*", root) | stats count': [{"count": 3}],
    "index=* failed password | stats count": [{"count": 2}],
    'index=* "failed password" | stats count': [{"count": 1}],
    "index=* fail | stats count": [{"count": 0}],
    "index=* fail* | stats count": [{"count": 2}],
    "index=* 50% | stats count": [{"count": 1}],
    r'index=* "C:\\temp" | stats count': [{"count": 1}],
    "index=* m=q | stats count": [{"count": 2}],
    "index=* m!=q | stats count": [{"count": 0}],
    "index=* alpha OR beta gamma | stats count": [{"count": 0}],
    "index=* alpha OR (beta failed*) | stats count": [{"count": 2}],
    "sourcetype=test sourcetype=other | stats count": [{"count": 0}],
    "index=main index=second | stats count": [{"count": 0}],
    "index=main (index=second OR index=main) | stats count": [{"count": 3}],
    "index IN (main, second) index=second | stats count": [{"count": 1}],
    "index=MAIN | stats count": [{"count": 3}],
    # where and eval are case-sensitive, three-valued and numeric only if both sides are
    'index=* | where user="bob" | stats count': [{"count": 1}],
    'index=* | where NOT user="bob" | stats count': [{"count": 2}],
    "index=* | where n>9 | table n": [{"n": "x"}, {"n": "10"}],
    "index=main | eval a=n+1, b=a*2 | table b": [{}, {"b": 22}, {"b": 20}],
    'index=main | eval s=user."-".n | table s': [{"s": "bob-x"}, {"s": "Bob-10"}, {"s": "root-9"}],
    'index=second | eval z=if(isnull(user), "none", user), e=len(empty) | table z e': [{"z": "none", "e": 0}],
    "index=second | eval d=1/0, m=5%0 | table d m": [{}],
    # stats
    "index=* | stats count(n) sum(n) avg(n) min(n) max(n)": [
        {"count(n)": 4, "sum(n)": 21.5, "avg(n)": pytest.approx(21.5 / 3), "min(n)": "10", "max(n)": "x"}
    ],
    "index=* n>0 | stats min(n) AS low max(n) AS high": [{"low": "2.5", "high": "10"}],
    "index=* | stats dc(user) AS users values(user) AS who": [{"users": 3, "who": ["Bob", "bob", "root"]}],
    "index=* | stats list(user) AS who": [{"who": ["bob", "Bob", "root"]}],
    "index=* | stats count BY user": [
        {"user": "Bob", "count": 1},
        {"user": "bob", "count": 1},
        {"user": "root", "count": 1},
    ],
    "index=* | stats count BY m": [{"m": "p", "count": 1}, {"m": "q", "count": 2}],
    'index=* | stats count(eval(status="404")) AS bad count': [{"bad": 1, "count": 4}],
    "index=* | stats first(n) last(n) earliest(n) latest(n)": [
        {"first(n)": "2.5", "last(n)": "9", "earliest(n)": "9", "latest(n)": "2.5"}
    ],
    "index=* | sort n | stats first(n) latest(n)": [{"first(n)": "2.5", "latest(n)": "2.5"}],
    "index=* nosuch=1 | stats count sum(n) values(n)": [{"count": 0}],
    "index=* nosuch=1 | stats count BY user": [],
    "index=* | stats sum(huge)": [{}],
    'index=* n>0 | eval k=if(n>9, "big", null()) | stats count BY k, index': [
        {"k": "big", "index": "main", "count": 1}
    ],
    # order and choice of rows
    "index=* | table n": [{"n": "2.5"}, {"n": "x"}, {"n": "10"}, {"n": "9"}],
    "index=* | sort n | table n": [{"n": "2.5"}, {"n": "9"}, {"n": "10"}, {"n": "x"}],
    "index=* | sort -n | table n": [{"n": "x"}, {"n": "10"}, {"n": "9"}, {"n": "2.5"}],
    "index=* | sort - num(n) | table n": [{"n": "10"}, {"n": "9"}, {"n": "2.5"}, {"n": "x"}],
    "index=* | sort str(n) | table n": [{"n": "10"}, {"n": "2.5"}, {"n": "9"}, {"n": "x"}],
    "index=* | sort limit=1 user | table user": [{"user": "Bob"}],
    "index=* | sort 2 -user | table user": [{"user": "root"}, {"user": "bob"}],
    "index=* | sort user desc | table user": [{"user": "root"}, {"user": "bob"}, {"user": "Bob"}, {}],
    "index=* | sort -user | head 1 | table user": [{"user": "root"}],
    "index=* | head 2 | table n": [{"n": "2.5"}, {"n": "x"}],
    "index=* | dedup sourcetype | table n": [{"n": "2.5"}, {"n": "x"}],
    "index=* | dedup user | stats count": [{"count": 3}],
    "index=* | dedup user keepempty=t | stats count": [{"count": 4}],
    "index=* | dedup 2 sourcetype | table n": [{"n": "2.5"}, {"n": "x"}, {"n": "10"}],
    "index=* | dedup sourcetype consecutive=t | table n": [{"n": "2.5"}, {"n": "x"}, {"n": "10"}],
    # fields
    "index=second | fields n": [{"n": "2.5", "_time": 1003, "_raw": "delta"}],
    "index=second | fields - _* index sourcetype": [{"n": "2.5", "empty": ""}],
    "index=second | fields + n | fields - _raw": [{"n": "2.5", "_time": 1003}],
    "index=main user=root | table st* user": [{"status": "200", "user": "root"}],
    'index=second | rename n AS "a b", index AS i | table "a b" i': [{"a b": "2.5", "i": "second"}],
    "index=second | rename n AS sourcetype | table sourcetype": [{"sourcetype": "2.5"}],
    "index=main user=root | rename st* AS x_* | table x_atus": [{"x_atus": "200"}],
    r'index=* | rex "(?<first>\w+) (?<rest>.+)" | table first': [
        {},
        {"first": "gamma"},
        {"first": "beta"},
        {"first": "alpha"},
    ],
    r'index=main user=root | rex max_match=0 "(?<w>\w+)" | table w': [
        {"w": ["alpha", "Failed", "password", "for", "root"]}
    ],
    r'index=main user=root | rex field=n "(?<user>\D)" | table user': [{"user": "root"}],
    "index=* | bin n span=5 | table n": [{"n": "0-5"}, {"n": "x"}, {"n": "10-15"}, {"n": "5-10"}],
    "index=second | bin _time span=1m | table _time": [{"_time": 960}],
    "index=second | bin span=100 _time AS t | table _time t": [{"_time": 1003, "t": 1000}],
}


@pytest.fixture
def bench(over: Callable[..., Any]) -> Any:
    return over([event | ({"huge": "1e308"} if event["n"] in {"9", "10"} else {}) for event in EVENTS])


@pytest.mark.parametrize("search", CASES)
def test_search_gives_these_rows_in_this_order(bench: Any, search: str) -> None:
    assert bench.rows(search) == CASES[search]


DAY, TOKYO = 86_400.0, ZoneInfo("Asia/Tokyo")


def test_a_day_starts_at_local_midnight(over: Callable[..., Any]) -> None:
    """2026-11-24 14:59 and 15:01 UTC are two days in Tokyo."""
    bench = over([{"_time": 1_795_532_340.0, "_raw": "x"}, {"_time": 1_795_532_460.0, "_raw": "x"}])
    search = "index=* | bin _time span=1d | stats count BY _time"
    assert [row["count"] for row in bench.rows(search)] == [2]
    assert [row["_time"] for row in bench.rows(search, zone=TOKYO)] == [1_795_446_000, 1_795_532_400]


def test_weeks_and_months_start_where_they_do_on_the_wall(over: Callable[..., Any]) -> None:
    bench = over([{"_time": 1_795_532_460.0, "_raw": "x"}])
    assert bench.rows("index=* | bin _time span=1w | table _time", zone=TOKYO) == [{"_time": 1_795_273_200}]
    assert bench.rows("index=* | bin _time span=1mon | table _time", zone=TOKYO) == [{"_time": 1_793_458_800}]


def test_events_of_one_second_keep_one_order(over: Callable[..., Any]) -> None:
    bench = over([{"_time": 5.0, "_raw": f"e{number}"} for number in range(50)])
    first = bench.rows("index=* | table _raw")
    assert all(bench.rows("index=* | table _raw") == first for _ in range(3))
    assert bench.rows("index=* | head 3 | table _raw") == first[:3]


def test_the_window_is_half_open_and_inline_times_replace_it(bench: Any) -> None:
    assert bench.rows("index=* | stats count", earliest=1001.0, latest=1003.0) == [{"count": 2}]
    result = bench.search("index=* earliest=1002 latest=1003 | stats count", earliest=0.0, latest=10.0)
    assert (result.rows, result.earliest, result.latest) == ([{"count": 1}], 1002.0, 1003.0)
    alone = bench.search("index=* earliest=1002 | stats count", latest=10.0, now=5000.0)
    assert (alone.rows, alone.latest) == ([{"count": 2}], 5000.0)
