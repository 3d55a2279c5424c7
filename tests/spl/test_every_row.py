"""A condition that everything meets keeps every row, whatever command made the rows; what cannot be met is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spl.errors import SplError, SplSyntaxError, UnsupportedError
from spl.lookups import parse_lookups
from spl.meets import meets
from spl.parse import parse_search
from spl.parse_terms import parse_condition
from spl.run import OnlySeen

EVENTS = [{"_raw": f"event {n}", "user": f"u{n % 2}", "n": str(n)} for n in range(4)]
LOOKUPS = parse_lookups({"t.csv": "user,team\nu0,red\n"}, "")

BEFORE = {
    "stats": ("index=main | stats count BY user", 2),
    "eventstats": ("index=main | eventstats count", 4),
    "table": ("index=main | table user n", 4),
    "fields": ("index=main | fields user | fields - _raw", 4),
    "top": ("index=main | top user", 2),
    "chart": ("index=main | chart count BY user", 2),
    "timechart": ("index=main | timechart span=1h count", 1),
    "tstats": ("| tstats count WHERE index=main BY user", 2),
    "makeresults": ("| makeresults count=3", 3),
    "gentimes": ("| gentimes start=11/01/2026 end=11/03/2026", 2),
    "metadata": ("| metadata type=sourcetypes index=main", 1),
    "inputlookup": ("| inputlookup t.csv", 1),
    "append": ("index=main | stats count | append [| makeresults]", 2),
    "appendpipe": ("index=main | stats count BY user | appendpipe [stats sum(count) AS count]", 3),
    "events beside rows": ("index=main | append [search index=main | stats count]", 5),
    "transpose": ("index=main | stats count AS a | transpose", 1),
    "transaction": ("index=main | transaction user", 2),
    "nothing": ("index=main user=nobody | stats count BY user", 0),
    "events": ("index=main", 4),
}
EVERY = (
    "search *", "search **", 'search "*"', "search (*)", "search * *", "search * OR x=1", "search NOT NOT *",
    "search TERM(*)", "search * | search *", "where true()", "where 1=1", "search",
)  # fmt: skip


@pytest.mark.parametrize("before", BEFORE)
def test_what_everything_meets_keeps_every_row(before: str, over: Callable[..., Any]) -> None:
    bench = over(EVENTS)
    search, rows = BEFORE[before]
    for condition in EVERY:
        found = bench.rows(f"{search} | {condition}", lookups=LOOKUPS)
        assert len(found) == rows, condition
    for nothing in ("search NOT *", "where false()", "search NOT (* OR x=1)"):
        assert bench.rows(f"{search} | {nothing}", lookups=LOOKUPS) == [], nothing


def test_a_field_is_looked_for_where_it_is(over: Callable[..., Any]) -> None:
    bench = over(EVENTS)
    assert len(bench.rows("index=main | stats count BY user | search user=*")) == 2
    assert bench.rows("index=main | stats count BY user | search team=*") == []
    assert len(bench.rows("index=main | stats count BY user | search NOT team=*")) == 2


def test_a_word_among_rows_without_raw_is_refused_and_not_read_as_absent(over: Callable[..., Any]) -> None:
    bench = over(EVENTS)
    with pytest.raises(UnsupportedError, match="without _raw"):
        bench.rows("index=main | stats count BY user | search u1")
    assert len(bench.rows("index=main | search 1")) == 1


@pytest.mark.parametrize("text", ["*", "**", '"*"', "* OR x", "TERM(*)"])
def test_the_slow_reference_agrees(text: str) -> None:
    term = parse_condition(text)
    assert term is not None
    assert meets(term, {"a": 1})


@pytest.mark.parametrize("command", ["eval", "fieldformat"])
def test_an_assignment_that_stops_short_is_refused(command: str) -> None:
    with pytest.raises(SplSyntaxError, match="Expected ="):
        parse_search(f"index=main | {command} x")


def test_a_command_that_reads_what_the_walk_did_not_see_fails(over: Callable[..., Any]) -> None:
    catalog = OnlySeen(over(EVENTS).catalog, frozenset({"main"}))
    window = {"sourcetypes": None, "earliest": 0.0, "latest": 4e9}
    assert catalog.relation(indexes=frozenset({"main"}), **window).fields
    for indexes in (None, frozenset({"main", "second"})):
        with pytest.raises(SplError, match="not seen to name"):
            catalog.relation(indexes=indexes, **window)


def test_the_search_in_a_pipeline_is_run_and_checked_as_any_other(over: Callable[..., Any]) -> None:
    bench = over(EVENTS)
    assert (
        len(bench.rows("index=main | stats count | appendpipe [append [search index=main | stats count]]"))
        == 3
    )
    with pytest.raises(SplError, match="no such index"):
        bench.rows("index=main | appendpipe [append [search index=secret]]")
    with pytest.raises(SplError, match="'absent' does not exist"):
        bench.rows("index=main | appendpipe [inputlookup append=t absent]")
