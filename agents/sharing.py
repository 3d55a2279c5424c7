"""One evidence, many users: the same search of a round is sent once, and an earlier round's evidence is used again.

A search is the same when source, text with its macros expanded, window and row limit are. It is never answered by
the search that it checks: evidence is shared within one role only.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from agents.joining import JointPlan
from tools.records.evidence import EvidenceError, EvidenceStore
from tools.records.searches import Role, SearchKey, SentSearch, SentSearches
from tools.search.result import SearchRequest, SearchResult, SearchStatus, TimedResult

SHARED = frozenset({SearchStatus.OK, SearchStatus.NO_DATA, SearchStatus.TRUNCATED})
"""What is an answer. What failed, was refused, timed out or may be incomplete is asked again by whoever needs it."""
RECOUNT = "recount"
"""Purpose of a joint recount; it stands in no search log."""
REMEMBERED_S = 7 * 86400.0
"""How long it is remembered that a joint recount was refused or cut."""
PLANS = 64
"""Plans of joint recounts that are kept."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a search: what was found, where it is stored, and where it was taken from."""

    timed: TimedResult
    evidence: str
    taken_from: Literal["round", "earlier"] | None = None


class GivenUpError(Exception):
    """The search came to nothing before, and is not sent another time."""


@dataclass(eq=False, slots=True)
class Flights:
    """The searches that are under way in this process. One per process."""

    under_way: dict[object, asyncio.Future[Answer | None]] = field(default_factory=dict)
    given_up: set[object] = field(default_factory=set)
    """What is not worth sending another time: joint searches that came to nothing."""
    plans: dict[object, JointPlan] = field(default_factory=dict)
    """The joint recounts of the newest rounds and windows; working one out parses every search of a procedure."""

    def plan(self, key: object, make: Callable[[], JointPlan]) -> JointPlan:
        """Return the plan that is kept under `key`, or make it."""
        plan = self.plans.get(key) or make()
        self.plans[key] = plan
        for oldest in list(self.plans)[:-PLANS]:
            self.plans.pop(oldest, None)
        return plan

    async def one(self, key: object, send: Callable[[], Awaitable[Answer]]) -> Answer:
        """Send, or wait for the same search that is under way; what comes to nothing there is sent here."""
        loop = asyncio.get_running_loop()
        known = self.under_way.get((loop, key))
        if known is not None:
            answer = await asyncio.shield(known)
            if answer is None:
                return await send()
            return Answer(answer.timed, answer.evidence, answer.taken_from or "round")
        flight = self.under_way[loop, key] = loop.create_future()
        answer = None
        try:
            answer = await send()
            return answer
        finally:
            del self.under_way[loop, key]
            usable = answer is not None and answer.timed.result.status in SHARED
            flight.set_result(answer if usable else None)


@dataclass(frozen=True, slots=True)
class Sharing:
    """What an item may take from searches that were sent before, by itself or by others."""

    flights: Flights
    sent: SentSearches
    evidence: EvidenceStore
    round_id: str
    item_id: str
    source: str
    scope: str
    """What decides what a text means beside its macros: time zone and lookups, as a digest."""
    settle_s: float
    """How long after the end of a window its data still arrives."""
    clock: Callable[[], float]
    text_of: Callable[[SearchRequest], str | None]
    """Returns the text that would be sent; None for a search that would be refused."""

    async def answer(
        self,
        purpose: str,
        request: SearchRequest,
        send: Callable[[], Awaitable[Answer]],
        *,
        fresh: bool = False,
    ) -> Answer:
        """Return the answer to a search, sent only when nothing known answers it.

        Args:
            purpose: As `LoggedSearch.purpose`.
            request: The search.
            send: Sends it and stores its evidence.
            fresh: Send it whatever is known.
        """
        key = await asyncio.to_thread(self.key, request)
        if key is None:
            return await send()
        role = role_of(purpose)

        async def sent() -> Answer:
            answer = await send()
            await asyncio.to_thread(self.sent.add, self._sent(key, role, answer))
            return answer

        async def known_or_sent() -> Answer:
            known = await asyncio.to_thread(self.known, purpose, key)
            return known or await sent()

        if fresh:
            return await sent()
        return await self.flights.one((self.round_id, role, key), known_or_sent)

    async def once(
        self, request: SearchRequest, send: Callable[[], Awaitable[Answer]], *, doubtful: bool
    ) -> Answer | None:
        """Return the answer to a joint recount; None when it came, or will come, to nothing.

        Args:
            request: The search, sent once for all items of a round.
            send: Sends it and stores its evidence.
            doubtful: Do not send it when an earlier round found that the server refuses it, or has too many rows.
        """
        key = await asyncio.to_thread(self.key, request)
        if key is None or (self.round_id, key) in self.flights.given_up:
            return None
        since = self.clock() - REMEMBERED_S
        last_failed = self.sent.last_failed
        if doubtful and await asyncio.to_thread(last_failed, key, not_round=self.round_id, since=since):
            return None

        async def send_once() -> Answer:
            if (self.round_id, key) in self.flights.given_up:
                raise GivenUpError
            answer = await send()
            if answer.timed.result.status not in SHARED:
                self.flights.given_up.add((self.round_id, key))
            return answer

        try:
            return await self.answer(RECOUNT, request, send_once)
        except GivenUpError:
            return None

    def key(self, request: SearchRequest) -> SearchKey | None:
        """Return what makes another search the same as this one; None for a search that would be refused."""
        text = self.text_of(request)
        if text is None:
            return None
        digest = hashlib.sha256(f"{self.scope}\n{text}".encode()).hexdigest()
        return SearchKey(self.source, digest, request.earliest, request.latest, request.row_limit)

    def known(self, purpose: str, key: SearchKey) -> Answer | None:
        """Return what answers a search without sending it; None when nothing does."""
        settled = key.latest + self.settle_s
        for found in self.sent.of_round(key, round_id=self.round_id, role=role_of(purpose)):
            early = found.executed_at < settled <= self.clock()
            if found.status in SHARED and not early and (answer := self._stored(found, "round")):
                return answer
        if not purpose.startswith("baseline:"):
            return None
        for found in self.sent.of_complete_items(key, not_round=self.round_id, executed_from=settled):
            answer = self._stored(found, "earlier")
            if answer is not None and proved(answer.timed.result):
                return answer
        return None

    def _stored(self, found: SentSearch, origin: Literal["round", "earlier"]) -> Answer | None:
        """Return a search that was sent; None when its evidence cannot be read, so that it is sent again."""
        try:
            result = self.evidence.get(found.evidence, SearchResult)
        except EvidenceError:
            return None
        timed = TimedResult(result=result, executed_at=found.executed_at, duration_s=found.duration_s)
        return Answer(timed, found.evidence, origin)

    def _sent(self, key: SearchKey, role: Role, answer: Answer) -> SentSearch:
        return SentSearch(
            round_id=self.round_id,
            item_id=self.item_id,
            role=role,
            **key._asdict(),
            status=answer.timed.result.status,
            evidence=answer.evidence,
            executed_at=answer.timed.executed_at,
            duration_s=answer.timed.duration_s,
        )


def role_of(purpose: str) -> Role:
    """Return the role of a purpose of the search log: totals share with totals alone, and recounts with recounts."""
    if purpose == RECOUNT:
        return "recount"
    return "total" if purpose == "total" else "ask"


def proved(result: SearchResult) -> bool:
    """Tell whether an answer carries the proof that it is whole: our own store counted, or a sentinel did."""
    if result.set_aside:
        return False
    if result.proof is None:
        return result.scanned is not None
    return result.proof.kind in {"embedded", "sentinel"}
