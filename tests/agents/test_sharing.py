"""One evidence, many users: what is the same is sent once, and nothing is answered by what it checks or by a failure."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.searching import Searcher
from agents.sharing import Flights, Sharing
from procedures.model import Budget
from tools.records.casebook import Casebook
from tools.records.evidence import EvidenceStore
from tools.records.rows import Round, RoundItemRow
from tools.search.result import Proof, SearchRequest, SearchResult, SearchStatus, TimedResult

DAY = 86400.0
NOW = 20 * DAY
SETTLE_S = 600.0


@dataclass
class Siem:
    """A SIEM that answers at once, or when it is told to, and remembers what it was sent."""

    statuses: dict[str, SearchStatus] = field(default_factory=dict)
    shown: dict[str, object] = field(default_factory=lambda: {"scanned": 10})
    now: float = NOW
    gate: asyncio.Event | None = None
    sent: list[SearchRequest] = field(default_factory=list)
    source: str = "siem"

    async def search(self, request: SearchRequest) -> TimedResult:
        self.sent.append(request)
        if self.gate is not None:
            await self.gate.wait()
        result = SearchResult(
            status=self.statuses.get(request.spl, SearchStatus.OK),
            spl=request.spl,
            earliest=request.earliest,
            latest=request.latest,
            rows=({"sent": len(self.sent)},),
            **self.shown,  # type: ignore[arg-type]
        )
        return TimedResult(result=result, executed_at=self.now, duration_s=1.0)

    async def was_sent(self, count: int) -> None:
        """Return when so many searches were sent; fail when they are not within five seconds."""
        for _ in range(500):
            if len(self.sent) >= count:
                return
            await asyncio.sleep(0.01)
        pytest.fail(f"{len(self.sent)} of {count} searches were sent")

    async def utc_offset_s(self, at: float) -> int | None:
        return 0


@dataclass
class Place:
    """A casebook, an evidence store and a SIEM; every item that is asked for shares them."""

    casebook: Casebook
    evidence: EvidenceStore
    siem: Siem = field(default_factory=Siem)
    flights: Flights = field(default_factory=Flights)

    def item(
        self,
        name: str = "a",
        *,
        round_id: str = "today",
        budget: Budget | None = None,
        **changes: object,
    ) -> Searcher:
        sharing = Sharing(
            flights=self.flights,
            sent=self.casebook.searches,
            evidence=self.evidence,
            round_id=round_id,
            item_id=name,
            source="siem",
            scope="",
            settle_s=SETTLE_S,
            clock=lambda: self.siem.now,
            text_of=lambda request: request.spl,
        )
        return Searcher(
            self.siem,
            self.evidence,
            budget or Budget(),
            lambda: self.siem.now,
            sharing=replace(sharing, **changes),  # type: ignore[arg-type]
        )

    def begin(self, round_id: str, *items: str) -> None:
        rows = [
            RoundItemRow(
                thread_id=f"{round_id}/{name}", round_id=round_id, item_id=name, title=name, position=place
            )
            for place, name in enumerate(items)
        ]
        began = Round(
            id=round_id,
            procedure_id="p",
            procedure_title="p",
            procedure_version="1",
            procedure_digest="0" * 64,
            source="siem",
            start=0,
            end=DAY,
            timezone="UTC",
            ad_hoc=False,
            generation=1,
            created_at=0,
        )
        self.casebook.start_round(began, rows)

    def end(self, round_id: str, item: str, *, complete: bool) -> None:
        self.casebook.update_item(f"{round_id}/{item}", complete=complete)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    casebook = Casebook(f"sqlite:///{tmp_path / 'casebook.sqlite'}")
    yield Place(casebook, EvidenceStore(tmp_path / "evidence"))
    casebook.close()


async def ask(item: Searcher, purpose: str, spl: str = "s", *, day: float = 10, fresh: bool = False) -> str:
    ran = await item.run(purpose, spl, day * DAY, (day + 1) * DAY, fresh=fresh)
    assert ran is not None
    return ran.evidence


class TestWithinARound:
    async def test_items_that_run_together_send_the_same_search_once(self, place: Place) -> None:
        place.siem.gate = asyncio.Event()
        items = [place.item(name) for name in "abcd"]
        asked = [asyncio.create_task(ask(item, "completeness:x")) for item in items]
        await asyncio.sleep(0.05)
        place.siem.gate.set()
        evidence = await asyncio.gather(*asked)
        assert (len(place.siem.sent), len(set(evidence))) == (1, 1)
        taken = sorted(str(item.log[0].taken_from) for item in items)
        assert taken == ["None", "round", "round", "round"]
        assert {item.log[0].executed_at for item in items} == {NOW}

    async def test_different_searches_do_not_wait_for_one_another(self, place: Place) -> None:
        place.siem.gate = asyncio.Event()
        asked = [asyncio.create_task(ask(place.item(name), "query", name)) for name in "abcd"]
        await place.siem.was_sent(4)
        place.siem.gate.set()
        await asyncio.gather(*asked)

    async def test_a_later_process_goes_on_with_what_was_sent(self, place: Place) -> None:
        first = await ask(place.item("a"), "completeness:x")
        place.flights = Flights()
        item = place.item("b")
        assert await ask(item, "completeness:x") == first
        assert (len(place.siem.sent), item.log[0].taken_from) == (1, "round")

    async def test_evidence_that_is_gone_is_searched_again(self, place: Place) -> None:
        digest = await ask(place.item("a"), "query")
        (place.evidence.folder / digest[:2] / f"{digest}.json").unlink()
        item = place.item("b")
        await ask(item, "query")
        assert (len(place.siem.sent), item.log[0].taken_from) == (2, None)

    async def test_another_round_searches_for_itself(self, place: Place) -> None:
        await ask(place.item("a"), "query")
        await ask(place.item("a", round_id="again"), "query")
        assert len(place.siem.sent) == 2

    @pytest.mark.parametrize(
        "changes", [{"source": "other"}, {"scope": "other"}, {"text_of": lambda request: f"{request.spl} x"}]
    )
    async def test_another_source_scope_or_expanded_text_is_another_search(
        self, place: Place, changes: dict[str, object]
    ) -> None:
        await ask(place.item("a"), "query")
        await ask(place.item("b", **changes), "query")
        assert len(place.siem.sent) == 2

    async def test_another_row_limit_is_another_search(self, place: Place) -> None:
        await ask(place.item("a"), "query")
        await ask(place.item("b", budget=Budget(rows=10)), "query")
        assert len(place.siem.sent) == 2

    async def test_a_budget_counts_what_the_item_itself_sent(self, place: Place) -> None:
        for number in range(3):
            await ask(place.item("a"), "query", f"s{number}")
        item = place.item("b", budget=Budget(searches=2, rows=Budget().rows, seconds=2))
        for number in range(4):
            await ask(item, "query", f"s{number}")
        assert [entry.taken_from for entry in item.log] == ["round"] * 3 + [None]
        assert item.exhausted is None
        await ask(item, "query", "s9")
        assert item.exhausted == "budget_searches"


class TestNeverAnsweredByWhatItChecks:
    async def test_a_total_with_the_text_of_the_query_is_sent(self, place: Place) -> None:
        item = place.item()
        await ask(item, "query")
        await ask(item, "total")
        assert [entry.taken_from for entry in item.log] == [None, None]
        assert len(place.siem.sent) == 2

    async def test_equal_totals_of_two_items_are_one(self, place: Place) -> None:
        await ask(place.item("a"), "total")
        await ask(place.item("b"), "total")
        assert len(place.siem.sent) == 1

    async def test_what_a_reviewer_asks_for_again_really_runs(self, place: Place) -> None:
        item = place.item()
        await ask(item, "drill_down:d")
        await ask(item, "drill_down:d", fresh=True)
        assert [entry.taken_from for entry in item.log] == [None, None]
        assert len(place.siem.sent) == 2


FAILURES = [status for status in SearchStatus if status not in {"ok", "no_data", "truncated"}]


class TestFailures:
    @pytest.mark.parametrize("status", FAILURES)
    async def test_a_failure_is_nobody_elses_answer(self, place: Place, status: SearchStatus) -> None:
        place.siem.statuses["s"] = status
        await ask(place.item("a"), "query")
        del place.siem.statuses["s"]
        item = place.item("b")
        await ask(item, "query")
        assert (item.log[0].status, item.log[0].taken_from) == ("ok", None)
        third = place.item("c")
        await ask(third, "query")
        assert (third.log[0].status, third.log[0].taken_from) == ("ok", "round")

    async def test_items_that_waited_for_a_failure_send_for_themselves_and_at_once(
        self, place: Place
    ) -> None:
        place.siem.statuses["s"] = SearchStatus.FAILED
        place.siem.gate = asyncio.Event()
        items = [place.item(name) for name in "abcd"]
        asked = [asyncio.create_task(ask(item, "query")) for item in items]
        await asyncio.sleep(0.05)
        first, place.siem.gate = place.siem.gate, asyncio.Event()
        first.set()
        await place.siem.was_sent(4)
        place.siem.gate.set()
        await asyncio.gather(*asked)
        assert [item.log[0].taken_from for item in items] == [None] * 4

    async def test_items_that_waited_for_one_that_was_stopped_send_for_themselves(self, place: Place) -> None:
        place.siem.gate = asyncio.Event()
        stopped = asyncio.create_task(ask(place.item("a"), "query"))
        await asyncio.sleep(0.05)
        item = place.item("b")
        waits = asyncio.create_task(ask(item, "query"))
        await asyncio.sleep(0.05)
        stopped.cancel()
        place.siem.gate.set()
        await waits
        assert (item.log[0].status, item.log[0].taken_from, len(place.siem.sent)) == ("ok", None, 2)
        assert not place.flights.under_way

    async def test_what_was_found_too_early_is_searched_again_when_all_has_arrived(
        self, place: Place
    ) -> None:
        place.siem.now = 11 * DAY + SETTLE_S - 1
        await ask(place.item("a"), "query")
        await ask(place.item("b"), "query")
        assert len(place.siem.sent) == 1
        place.siem.now = 11 * DAY + SETTLE_S
        await ask(place.item("c"), "query")
        assert len(place.siem.sent) == 2


class TestBaselinesOfEarlierRounds:
    @staticmethod
    async def _yesterday(place: Place, *, complete: bool = True) -> None:
        place.begin("yesterday", "a")
        await ask(place.item("a", round_id="yesterday"), "query")
        place.end("yesterday", "a", complete=complete)

    async def test_a_period_is_taken_from_the_query_of_an_earlier_round(self, place: Place) -> None:
        await self._yesterday(place)
        item = place.item("a")
        await ask(item, "baseline:1")
        assert (len(place.siem.sent), item.log[0].taken_from) == (1, "earlier")

    async def test_a_sentinel_is_proof_too(self, place: Place) -> None:
        place.siem.shown = {"proof": Proof(kind="sentinel", rows=1)}
        await self._yesterday(place)
        item = place.item("a")
        await ask(item, "baseline:1")
        assert item.log[0].taken_from == "earlier"

    @pytest.mark.parametrize("purpose", ["query", "total", "drill_down:d", "completeness:x", "seen_before:x"])
    async def test_nothing_but_a_baseline_period_is(self, place: Place, purpose: str) -> None:
        await self._yesterday(place)
        item = place.item("a")
        await ask(item, purpose)
        assert item.log[0].taken_from is None

    @pytest.mark.parametrize(
        "shown",
        [
            {},
            {"proof": Proof(kind="none")},
            {"scanned": 5, "proof": Proof(kind="none")},
            {"scanned": 5, "set_aside": 1},
        ],
    )
    async def test_not_without_proof_that_it_is_whole(self, place: Place, shown: dict[str, object]) -> None:
        place.siem.shown = shown
        await self._yesterday(place)
        item = place.item("a")
        await ask(item, "baseline:1")
        assert item.log[0].taken_from is None

    @pytest.mark.parametrize("status", [status for status in SearchStatus if status != "ok"])
    async def test_not_unless_it_ended_well(self, place: Place, status: SearchStatus) -> None:
        place.siem.statuses["s"] = status
        await self._yesterday(place)
        item = place.item("a")
        await ask(item, "baseline:1")
        assert item.log[0].taken_from is None

    async def test_not_when_its_item_was_incomplete(self, place: Place) -> None:
        await self._yesterday(place, complete=False)
        item = place.item("a")
        await ask(item, "baseline:1")
        assert item.log[0].taken_from is None

    @pytest.mark.parametrize(("late_s", "taken"), [(-1.0, None), (0.0, "earlier")])
    async def test_not_before_all_had_arrived(self, place: Place, late_s: float, taken: str | None) -> None:
        place.siem.now = 11 * DAY + SETTLE_S + late_s
        await self._yesterday(place)
        place.siem.now = NOW
        item = place.item("a")
        await ask(item, "baseline:1")
        assert item.log[0].taken_from == taken

    async def test_not_over_another_window_text_limit_or_source(self, place: Place) -> None:
        await self._yesterday(place)
        item, fewer = place.item("a"), place.item("a", budget=Budget(rows=10))
        await ask(item, "baseline:1", day=9)
        await ask(item, "baseline:1", "other")
        await ask(fewer, "baseline:1")
        other = place.item("a", source="other")
        await ask(other, "baseline:1")
        logs = [*item.log, *fewer.log, *other.log]
        assert [entry.taken_from for entry in logs] == [None] * 4


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["query", "total", "baseline:1", "drill_down:d", "completeness:x"]),
        st.sampled_from(["s", "t"]),
        st.integers(9, 10),
        st.sampled_from([SearchStatus.OK, SearchStatus.FAILED, SearchStatus.TRUNCATED, SearchStatus.PARTIAL]),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS)
def test_an_answer_is_taken_exactly_when_the_same_was_answered_in_the_same_role(
    place: Place, steps: list[tuple[str, str, int, SearchStatus, bool]]
) -> None:
    """Against the obvious reference: a dictionary of what was answered, by role, text and window."""
    round_id = str(uuid.uuid4())
    place.siem.sent.clear()

    async def follow() -> None:
        answered: dict[tuple[bool, str, int], str] = {}
        for purpose, spl, day, status, fresh in steps:
            item, sent = place.item("a", round_id=round_id), len(place.siem.sent)
            place.siem.statuses[spl] = status
            evidence = await ask(item, purpose, spl, day=day, fresh=fresh)
            known = None if fresh else answered.get((purpose == "total", spl, day))
            assert len(place.siem.sent) - sent == (known is None)
            assert item.log[0].taken_from == (None if known is None else "round")
            if known is not None:
                assert evidence == known
            elif status in {SearchStatus.OK, SearchStatus.TRUNCATED}:
                answered[purpose == "total", spl, day] = evidence

    asyncio.run(follow())
