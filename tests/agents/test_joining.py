"""Joint recounts: each item gets the events that its own search would have got, and a joint answer only confirms."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.completeness import events_of
from agents.context import ItemContext
from agents.joining import MOST_CHARACTERS, Joint, Recount, join
from procedures.archive import load_procedure
from procedures.expand import parameter_values
from procedures.filling import fill_search
from procedures.source import read_source
from spl.parse import parse_search
from tests.graph.test_rounds import LIBRARY, demo_window
from tools.checks.again import EventsSearch, events_search
from tools.demo import plan
from tools.logstore.store import LogStore
from tools.search.coerce import coerce_row
from tools.search.result import Row

UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class Store:
    """A log store, asked over one window without a row limit."""

    logs: LogStore
    earliest: float
    latest: float

    def rows(self, spl: str) -> list[Row]:
        found = self.logs.search(spl, earliest=self.earliest, latest=self.latest, zone=UTC)
        return [coerce_row(dict(row)) for row in found.rows]  # as the client reads numbers that come as text


def counted(rows: Iterable[Row]) -> Counter[str]:
    return Counter(json.dumps(row, sort_keys=True) for row in rows)


def alone(recount: Recount) -> str:
    return EventsSearch(recount.before, recount.columns, recount.listing).text


def assert_same_events(joints: Iterable[Joint], recounts: Iterable[Recount], store: Store) -> None:
    """Every recount of a joint search gets what it gets by itself."""
    by_item = {recount.item: recount for recount in recounts}
    for joint in joints:
        rows = store.rows(joint.text)
        for item in joint.items:
            recount = by_item[item]
            assert counted(joint.rows_of(recount, rows)) == counted(store.rows(alone(recount))), item


@pytest.mark.parametrize("procedure", plan.PROCEDURES)
def test_every_item_of_the_library_gets_its_own_events(demo_logs: Path, procedure: str) -> None:
    source, window = read_source(LIBRARY / procedure), demo_window(procedure)
    recounts, whole = [], frozenset(events_of(source) for source in load_procedure(source).data_sources)
    for item in load_procedure(source).items:
        context = ItemContext(source=source, item_id=item.id, start=window.start, end=window.end)
        spl = fill_search(item.spl, parameter_values(context.parameters), context.macros)
        search = events_search(parse_search(spl).text)
        if search is not None:
            recounts.append(Recount(item.id, search.before, search.columns, search.listing))
    joints = join(recounts, alone=whole)
    assert sum(len(joint.items) for joint in joints) > len(recounts) / 2
    assert all(len(joint.text) <= MOST_CHARACTERS for joint in joints)
    with LogStore(demo_logs) as logs:
        assert_same_events(joints, recounts, Store(logs, window.start, window.end))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("joined")
    lines = [
        {
            "_time": 1000 + 40 * number,
            "index": "i",
            "sourcetype": "s",
            "_raw": f"event {number}",
            "a": str(number % 3),
            "b": str(number % 4),
            **({"c": f"c{number % 2}"} if number % 5 else {}),
        }
        for number in range(30)
    ]
    (folder / "events.ndjson").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    with LogStore(folder / "logs") as logs:
        logs.import_paths([str(folder / "events.ndjson")])
        yield Store(logs, 0, 10_000)


COMMANDS = (
    "eval a=b", "eval b=a.c", "eval d=a+1", "eval d=b", "eval x=_time", "bin _time span=100s", "bin _time span=5m",
    "bin a span=2", "where a>0", 'search c="c1"', "rename c AS d", "fields a, _time", 'rex field=c "c(?<e>.)"',
)  # fmt: skip
RECOUNTS = st.lists(
    st.tuples(
        st.sampled_from(["index=i", "index=i a=1"]),
        st.lists(st.sampled_from(COMMANDS), max_size=4),
        st.lists(
            st.sampled_from(["a", "b", "c", "d", "e", "x", "_time"]), min_size=1, max_size=3, unique=True
        ),
        st.booleans(),
    ),
    min_size=2,
    max_size=5,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(drawn=RECOUNTS)
def test_whatever_stands_beside_it_a_recount_gets_its_own_events(
    store: Store, drawn: list[tuple[str, list[str], list[str], bool]]
) -> None:
    recounts = [
        Recount(f"i{number}", " | ".join([base, *commands]), tuple(columns), listing)
        for number, (base, commands, columns, listing) in enumerate(drawn)
    ]
    assert_same_events(join(recounts), recounts, store)


def test_recounts_that_begin_alike_fetch_their_events_once() -> None:
    base = "index=i a=1"
    recounts = [
        Recount("one", base, ("a",)),
        Recount("two", f"{base} | bin _time span=5m", ("_time", "b")),
        Recount("three", f"{base} | eval n=coalesce(c, 1)", ("n",)),
    ]
    (joint,) = join(recounts)
    assert joint.text == (
        "index=i a=1 | bin _time span=5m AS __bin0 | eval n=coalesce(c, 1) | table a, __bin0, b, n"
    )


@pytest.mark.parametrize(
    "after",
    ["eval a=1", "where b=1", "bin a span=2 | eval q=a", "rename b AS a"],
)
def test_what_would_change_the_events_of_another_stands_beside_it(after: str) -> None:
    recounts = [Recount("one", "index=i", ("a",)), Recount("two", f"index=i | {after}", ("b",))]
    (joint,) = join(recounts)
    assert len(joint.branches) == 2


def test_a_recount_alone_is_not_joined_and_a_whole_source_stands_alone() -> None:
    assert join([Recount("one", "index=i", ("a",))]) == ()
    recounts = [Recount(name, "index=i", ("a",)) for name in ("one", "two")]
    small = [Recount(name, f"index=i a={name}", ("a",)) for name in ("three", "four")]
    heavy, rest = join([*recounts, *small], alone=frozenset({"index=i"}))
    assert (heavy.items, set(rest.items)) == (("one", "two"), {"three", "four"})


def test_a_joint_search_is_never_longer_than_servers_take() -> None:
    recounts = [Recount(f"i{n}", f'index=i a="{n}{"x" * 700}"', ("a",)) for n in range(20)]
    joints = join(recounts)
    assert len(joints) > 2
    assert all(len(joint.text) <= MOST_CHARACTERS for joint in joints)
    assert sum(len(joint.items) for joint in joints) == 20
