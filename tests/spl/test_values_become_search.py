"""Values that become a part of the search: a subsearch in an expression, a field that a value names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spl.commands import naming
from spl.errors import SplError
from spl.parse import parse_search
from spl.plan import output_fields, walk_searches

EVENTS = [
    {"user": "ann", "kind": "in", "n": "1", "dotted.name": "d"},
    {"user": "bob", "kind": "out", "n": "5"},
    {"user": "cid", "n": "3"},
]
"""Newest first: cid 3, bob 5, ann 1."""

CASES: dict[str, list[dict[str, Any]]] = {
    "index=main | where n > [search index=main | stats avg(n) AS a | return $a] | table user": [{"user": "bob"}],
    "index=main | where [search index=main n>2 | fields user] | table user": [{"user": "cid"}, {"user": "bob"}],
    "index=main | where NOT [search index=main user=ann | fields user n] | table user": [{"user": "cid"}, {"user": "bob"}],
    "index=main | where n=1 OR [search index=main | return user] | table user": [{"user": "cid"}, {"user": "ann"}],
    "index=main | where [search index=main user=nobody | fields user] | table user": [],
    "index=main | where n=[search index=main user=nobody | return $n] | table user": [],
    "index=main n=1 | eval most=[search index=main | stats max(n) AS m | return $m], over=most-n | table most over": [
        {"most": 5, "over": 4}
    ],
    "index=main | eval last=if([search index=main | head 1 | return user], 1, 0) | where last=1 | table user": [{"user": "cid"}],
    "index=main | eval {kind}=n | table user in out": [
        {"user": "cid"},
        {"user": "bob", "out": "5"},
        {"user": "ann", "in": "1"},
    ],
    'index=main | eval {user}_{kind}="x", n_{kind}=n+1 | stats values(*_*) AS *_*': [
        {"ann_in": ["x"], "bob_out": ["x"], "n_in": ["2"], "n_out": ["6"]}
    ],
    "index=main | eval {kind}=1 | eval user=if(kind=\"in\", \"new\", user), {user}=kind | table in out new": [
        {},
        {"out": 1},
        {"in": 1, "new": "in"},
    ],
    "index=main n=1 | eval {dotted.name}=2, n=3, {none}=4 | table d n": [{"d": 2, "n": 3}],
    "index=main n=1 | eval a-b=n, a{}.b=2, a{0}=3 | table a-b a{}.b a{0}": [{"a-b": "1", "a{}.b": 2, "a{0}": 3}],
    "index=main | stats values(n) AS n(all) count AS c(all) BY user | head 1 | table n(all) c(all)": [
        {"n(all)": ["1"], "c(all)": 1}
    ],
    "index=main | foreach n k* fieldstr=\"#F#\" [eval #F#=#F# . \"+\"] | head 1 | table n": [{"n": "3+"}],
    "index=main | localop | highlight user | noop search_optimization=false | stats count": [{"count": 3}],
}  # fmt: skip


@pytest.fixture(scope="module")
def bench(over_module: Callable[..., Any]) -> Any:
    """Return the events, ready to be searched."""
    return over_module(EVENTS)


@pytest.mark.parametrize("search", CASES)
def test_a_search_gives_these_rows(search: str, bench: Any) -> None:
    assert bench.rows(search) == CASES[search]


def test_the_text_of_a_subsearch_must_be_an_expression(bench: Any) -> None:
    with pytest.raises(
        SplError, match=r"the subsearch gave '\(cid bob ann\)', which is no expression: unexpected"
    ) as caught:
        bench.rows(
            'index=main | where n=[search index=main | stats list(user) AS u | eval u=mvjoin(u," ") | return $u]'
        )
    assert (caught.value.line, caught.value.column) == (1, 22)


def test_a_subsearch_in_an_expression_is_seen_by_whoever_walks_the_searches() -> None:
    search = parse_search(
        "index=a | eval x=[search index=b | return $y] | where z=[search index=c | return $z]"
    )
    assert [part.text for part in walk_searches(search)][1:] == [
        "search index=b | return $y",
        "search index=c | return $z",
    ]


def test_fields_that_values_name_leave_the_result_open() -> None:
    assert output_fields(parse_search("index=a | table kind n | eval {kind}=n")) is None


def test_a_reached_limit_of_named_fields_is_told(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naming, "MOST_NAMES", 1)
    result = bench.search("index=main | eval {kind}=n")
    assert {"in", "out"} & set(result.fields) == {"in"}
    assert result.messages == ("limit: eval {kind} made the first 1 fields; there are more.",)
    assert result.truncated
