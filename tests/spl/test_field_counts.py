"""The columns that count fields give the right numbers, whatever the fields are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agents.completeness import completeness_search, fields_search, seen_before_search
from agents.field_counts import LONGEST, field_counts, in_searches, presences
from procedures.field_reads import FieldRead
from procedures.model import DataSource, Place

SOURCE = DataSource(
    id="s", index="i", sourcetype="t", by="host", max_silence_s=60, place=Place(path="p", line=1)
)
NAMES = (
    "user", "a.b", "a{}.b", "a:b", "it's", 'say "x"', "back\\slash", "with space", "日本語", "percent%", "a-b",
    "count", "zf0", "at", "_time_of_day", "null", "(x)", "a,b", "a=b", "$x$",
)  # fmt: skip
BASE = {"_raw": "r", "index": "i", "sourcetype": "t"}


def events(name: str) -> list[dict[str, Any]]:
    held = [{"host": "h1", "kind": "x"}, {"host": "h2", "kind": "y"}, {"host": "h1", "kind": "x"}]
    found = [{**BASE, **event, name: "v", "_time": 100 + 10 * n} for n, event in enumerate(held)]
    return [*found, {**BASE, "_time": 130, "host": "h1", "kind": "x"}]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_counted_as_it_is(name: str, over: Callable[..., Any]) -> None:
    bench = over(events(name))
    reads = [
        FieldRead((name,)),
        FieldRead((name,), "kind=x"),
        FieldRead(("absent", name)),
        FieldRead(("absent",)),
    ]
    counts = field_counts(reads)
    wanted = [(4, 3), (3, 2), (4, 3), (4, 0)]
    for spl in (
        completeness_search(SOURCE, earliest=100, latest=140, counts=counts),
        fields_search(SOURCE, counts),
        seen_before_search(SOURCE, counts),
    ):
        seen = [presence for _, presence in presences(counts, bench.rows(spl))]
        assert [(one.events, one.held) for one in seen] == wanted
    last = [
        presence.last for _, presence in presences(counts, bench.rows(seen_before_search(SOURCE, counts)))
    ]
    assert last == [120, 120, 120, None]


@pytest.mark.parametrize(
    "condition", ['kind="x"', "NOT kind=y", '(kind=x OR kind="a \\"q\\" b")', '"r" kind=x']
)
def test_the_events_of_a_scope_are_those_that_the_search_keeps(
    condition: str, over: Callable[..., Any]
) -> None:
    bench = over(events("user"))
    counts = field_counts([FieldRead(("user",), condition)])
    (one,) = [presence for _, presence in presences(counts, bench.rows(fields_search(SOURCE, counts)))]
    kept = bench.rows(f"index=i sourcetype=t {condition} | stats count AS n count(user) AS u")
    assert (one.events, one.held) == (kept[0]["n"], kept[0]["u"])


def test_counting_fields_changes_no_silence(over: Callable[..., Any]) -> None:
    bench = over(events("user"))
    bare = bench.rows(completeness_search(SOURCE, earliest=100, latest=140))
    counts = field_counts([FieldRead(("user",)), FieldRead(("at",))])
    with_fields = bench.rows(completeness_search(SOURCE, earliest=100, latest=140, counts=counts))
    assert [{name: row[name] for name in one} for one, row in zip(bare, with_fields, strict=True)] == bare


def test_no_search_is_longer_than_the_strictest_server_takes() -> None:
    reads = [FieldRead((f"some.field.of.a.long.name{n}",), f"kind=number{n} NOT other=x") for n in range(200)]
    counts = field_counts(reads)
    bare = completeness_search(SOURCE, earliest=0, latest=86400)
    parts = in_searches(counts, len(bare), len(fields_search(SOURCE, ())))
    assert [count for part in parts for count in part] == list(counts)
    assert len(completeness_search(SOURCE, earliest=0, latest=86400, counts=parts[0])) <= LONGEST
    assert all(len(fields_search(SOURCE, part)) <= LONGEST for part in parts[1:])
    before = in_searches(counts, len(seen_before_search(SOURCE, ())), 100, last=True)
    assert all(len(seen_before_search(SOURCE, part)) <= LONGEST for part in before)
