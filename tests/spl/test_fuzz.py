"""Nothing that is typed as a search may do more than give rows or one of our own errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spl.commands import COMMANDS
from spl.errors import SplError
from spl.functions import FUNCTIONS
from spl.parse import parse_search
from spl.stat_functions import STATISTICS

EVENTS = [
    {"a": "1", "b": "x y", "m": ["p", "q"], "_raw": 'a=1 {"k": [1, 2]} <e>1</e>', "user": "o'x\"; DROP"},
    {"a": "2", "b": "", "_raw": "plain"},
    {"_raw": "日本 %", "user": "*"},
]
NAMES = st.sampled_from(
    ["a", "b", "m", "user", "_raw", "_time", "host", "x*", "*", '"a b"', "'a b'", "nope", "c"]
)
VALUES = st.sampled_from(
    [
        "1",
        "-5",
        '"x"',
        '"*"',
        "5m",
        "1d@d",
        '"(?<z>.)"',
        '"s/a/b/g"',
        "t",
        "f",
        "0",
        "1e309",
        '"%Y"',
        "[search index=main | table a]",
    ]
)
WORDS = st.sampled_from(
    [
        "BY",
        "AS",
        "OVER",
        "OUTPUT",
        "WITH",
        "IN",
        "where",
        "-",
        "+",
        ",",
        "(",
        ")",
        "=",
        "|",
        "[",
        "]",
        "limit=1",
        "span=1h",
        "window=2",
        '"',
    ]
)
CALLS = st.tuples(st.sampled_from(sorted(FUNCTIONS)), st.lists(st.one_of(NAMES, VALUES), max_size=3)).map(
    lambda call: f"{call[0]}({', '.join(call[1])})"
)
STATS = st.tuples(st.sampled_from([*sorted(STATISTICS), "p95"]), NAMES).map(lambda one: f"{one[0]}({one[1]})")
ARGUMENTS = st.lists(
    st.one_of(
        NAMES,
        VALUES,
        WORDS,
        CALLS,
        STATS,
        CALLS.map(lambda call: f"c={call}"),
        NAMES.map(lambda name: f"field={name}"),
    ),
    max_size=6,
).map(" ".join)
PIPES = st.lists(
    st.tuples(st.sampled_from(sorted({*COMMANDS, "search"})), ARGUMENTS).map(" ".join), max_size=4
)
SEARCHES = st.tuples(
    st.sampled_from(["index=main", "index=main a=*", "| makeresults count=2", "", "|"]), PIPES
).map(lambda parts: " | ".join([parts[0], *parts[1]]))
SHAPED = st.one_of(
    STATS.map(lambda one: f"index=main | stats {one} BY user"),
    STATS.map(lambda one: f"index=main | timechart span=1h {one} BY user"),
    STATS.map(lambda one: f"index=main | streamstats window=2 {one} BY user"),
    STATS.map(lambda one: f"index=main | eventstats {one} AS c | chart {one} BY a user"),
    STATS.map(lambda one: f"index=main | timechart span=1h {one} AS c | timewrap 1d"),
    STATS.map(lambda one: f"index=main | stats sparkline({one}, 1h) AS c BY user | mvexpand c"),
    STATS.map(lambda one: f"| tstats prestats=t {one} where index=main BY user | stats {one} BY user"),
    CALLS.map(
        lambda call: f"index=main | foreach mode=multivalue m [eval c={call}, user=<<ITEM>>, a=<<ITER>>]"
    ),
    NAMES.map(
        lambda name: (
            f"index=main | trendline ema2({name}) AS c | accum c | delta c AS a | autoregress a p=1-2"
        )
    ),
    CALLS.map(lambda call: f"index=main | eval c={call} | stats count BY c"),
    CALLS.map(lambda call: f"index=main | where {call} | sort c | dedup c"),
    st.tuples(NAMES, VALUES).map(
        lambda pair: (
            f"index=main | fillnull value={pair[1]} {pair[0]} | mvexpand {pair[0]} | transaction {pair[0]}"
        )
    ),
    st.tuples(NAMES, NAMES).map(
        lambda pair: (
            f"index=main | join {pair[0]} [search index=main | rename {pair[1]} AS c] | xyseries {pair[0]} {pair[1]} c"
        )
    ),
)


def raised(work: Callable[[], object]) -> SplError | None:
    """Return the error of ours that `work` ends with, if it does."""
    try:
        work()
    except SplError as error:
        return error
    return None


QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@QUICK
@given(st.text(max_size=80) | SEARCHES)
def test_parsing_gives_a_plan_or_our_own_error(text: str) -> None:
    error = raised(lambda: parse_search(text))
    assert error is None or error.span is None or 0 <= error.span.start <= error.span.end


@pytest.fixture
def bench(over: Callable[..., Any]) -> Any:
    return over(EVENTS)


@QUICK
@given(st.one_of(SEARCHES, SHAPED))
def test_running_gives_rows_or_our_own_error(bench: Any, text: str) -> None:
    error = raised(lambda: bench.search(text, limit=50, timeout_s=20))
    assert error is None or error.code != "FAILED", f"{text}: {error}"


@pytest.mark.parametrize(
    "text",
    [
        'index=main | eval x=read_text("/etc/passwd")',
        "index=main | table \"* FROM read_csv('/etc/passwd') --\"",
        "index=main | stats count BY \"a) FROM read_text('/etc/passwd') --\"",
        'index=main | rename a AS "x""; COPY events TO \'/tmp/x\'; --"',
        "| inputlookup ../../etc/passwd",
        "| inputlookup /etc/passwd",
        "index=main | lookup /etc/passwd a",
    ],
)
def test_files_and_statements_are_out_of_reach(over: Callable[..., Any], text: str) -> None:
    found: list[Any] = []
    raised(lambda: found.extend(over(EVENTS).rows(text)))
    assert "root:" not in str(found)


def test_a_thousand_statistics_are_read() -> None:
    names = [f"total(a{number})" for number in range(2_000)]
    (command,) = parse_search("index=i | stats " + " ".join(f"count AS {name}" for name in names)).commands[
        1:
    ]
    assert command.makes() == tuple(names)
