"""The live objects that nodes use. Bound when the graph is built, never part of the state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from agents.asking import AnsweringModel, Asker
from agents.context import ItemContext
from agents.searching import Clock, Searcher
from agents.sharing import Flights, Sharing
from graph.state import ItemState
from procedures.source import ProcedureSource
from spl.lookups import NO_LOOKUPS, Lookups
from tools.records.casebook import Casebook
from tools.records.evidence import EvidenceStore
from tools.records.finding import LoggedSearch
from tools.records.model_use import ModelCall
from tools.search.guard import GuardedSession
from tools.search.result import SearchRequest, SearchSession


class Sessions(Protocol):
    """Open connections to the SIEM."""

    async def session(self, zone: str, lookups: Lookups = NO_LOOKUPS) -> SearchSession:
        """Return an open session.

        Args:
            zone: Where its clock times are read, if the SIEM lets us choose.
            lookups: Tables that its searches may use beside the SIEM's own, if the SIEM can be given any.
        """
        ...


@dataclass(frozen=True, eq=False)
class Resources:
    """Everything live. One per process, and equal to itself only."""

    evidence: EvidenceStore
    casebook: Casebook
    sessions: Sessions
    clock: Clock
    source: str
    """A stable name of what is searched."""
    reviewer: Callable[[], str]
    """Who answers reviews when the server has not authenticated anybody."""
    models: Mapping[str, AnsweringModel] = field(default_factory=dict)
    """By agent; an agent without one works deterministically."""
    flights: Flights = field(default_factory=Flights)
    """The searches that are under way."""

    def context(self, state: ItemState) -> ItemContext:
        """Return the item of `state`, from the archived procedure."""
        source = self.evidence.get(state["procedure"], ProcedureSource)
        return ItemContext(source=source, item_id=state["item"], start=state["start"], end=state["end"])

    def asker(self, context: ItemContext, state: ItemState) -> Asker:
        """Return a way to the models that continues the item's calls and budget."""
        return Asker(
            models=self.models,
            budget=context.procedure.budget,
            metadata={"procedure": context.procedure.id, "item": context.item_id, "round": state["round"]},
            log=[ModelCall.model_validate(call) for call in state.get("calls", [])],
        )

    async def session(self, context: ItemContext) -> GuardedSession:
        """Return a way to the SIEM that lets only the procedure's own kind of search through."""
        session = await self.sessions.session(context.procedure.timezone, context.lookups)
        return self.guarded(session, context)

    def guarded(self, session: SearchSession, context: ItemContext) -> GuardedSession:
        """Return `session` behind the procedure's guard."""
        allowed = frozenset(source.index for source in context.procedure.data_sources)
        return GuardedSession(
            session, allowed_indexes=allowed, macros=context.macros, lookups=context.lookup_names
        )

    async def searcher(self, context: ItemContext, state: ItemState) -> Searcher:
        """Return a guarded way to the SIEM that continues the item's search log and budget."""
        session = await self.session(context)
        return Searcher(
            session=session,
            evidence=self.evidence,
            budget=context.procedure.budget,
            clock=self.clock,
            log=[LoggedSearch.model_validate(entry) for entry in state.get("searches", [])],
            sharing=self.sharing(context, state["round"], session.text_of),
        )

    def sharing(
        self, context: ItemContext, round_id: str, text_of: Callable[[SearchRequest], str | None]
    ) -> Sharing:
        """Return what an item of a round may take from searches that were sent before."""
        return Sharing(
            flights=self.flights,
            sent=self.casebook.searches,
            evidence=self.evidence,
            round_id=round_id,
            item_id=context.item_id,
            source=self.source,
            scope=context.search_scope,
            settle_s=max((source.settle_s for source in context.procedure.data_sources), default=0),
            clock=self.clock,
            text_of=text_of,
        )
