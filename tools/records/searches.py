"""Which evidence answered which search, and when: what a round shares, and what a later round may build on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, insert, select

from tools.records import schema as t
from tools.records.finding import Model
from tools.search.result import SearchStatus

Role = Literal["ask", "total", "recount"]
"""What a search is for. Searches share evidence within one role only, so that none is answered by what it checks."""


class SearchKey(NamedTuple):
    """What makes two searches the same. Host and port are no part of it; the source's name is."""

    source: str
    key: str
    """Digest of the text with its macros expanded, and of what else decides what it means: zone and lookups."""
    earliest: float
    latest: float
    row_limit: int


class SentSearch(Model):
    """One search that was sent, and the evidence that it brought."""

    round_id: str
    item_id: str
    role: Role
    source: str
    key: str
    earliest: float
    latest: float
    row_limit: int
    status: SearchStatus
    evidence: str
    executed_at: float
    duration_s: float


_NEWEST = (t.searches.c.executed_at.desc(), t.searches.c.seq.desc())
_COLUMNS = [t.searches.c[name] for name in SentSearch.model_fields]


class SentSearches:
    """The table of sent searches in the casebook's database. Safe to use from several threads."""

    def __init__(self, engine: Engine, writing: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._engine = engine
        self._writing = writing

    def add(self, sent: SentSearch) -> None:
        """Keep a search whose evidence is stored already."""
        with self._writing() as connection:
            connection.execute(insert(t.searches).values(**sent.model_dump(mode="json")))

    def of_round(self, key: SearchKey, *, round_id: str, role: Role) -> list[SentSearch]:
        """Return what answered this search for this round in this role, newest first."""
        where = (t.searches.c.round_id == round_id, t.searches.c.role == role, *_same(key))
        query = select(*_COLUMNS).where(*where).order_by(*_NEWEST)
        with self._engine.connect() as connection:
            return [SentSearch(**row) for row in connection.execute(query).mappings()]

    def of_complete_items(self, key: SearchKey, *, not_round: str, executed_from: float) -> list[SentSearch]:
        """Return what answered this search in other rounds for items whose data was complete, newest first.

        Args:
            key: The search.
            not_round: The round that asks.
            executed_from: Only searches that ran at this epoch or later.
        """
        sender = (t.items.c.round_id == t.searches.c.round_id) & (t.items.c.item_id == t.searches.c.item_id)
        where = (
            t.searches.c.round_id != not_round,
            t.searches.c.role == "ask",
            t.searches.c.executed_at >= executed_from,
            t.searches.c.status == SearchStatus.OK.value,
            t.items.c.complete.is_(True),
            *_same(key),
        )
        query = select(*_COLUMNS).join(t.items, sender).where(*where)
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(*_NEWEST)).mappings()
            return [SentSearch(**row) for row in found]

    def last_failed(self, key: SearchKey, *, not_round: str, since: float) -> bool:
        """Tell whether a recount of this text, over whatever window, was refused or cut the last time.

        Args:
            key: The search.
            not_round: The round that asks.
            since: Only what ran at this epoch or later.
        """
        where = (
            t.searches.c.role == "recount",
            t.searches.c.source == key.source,
            t.searches.c.key == key.key,
            t.searches.c.row_limit == key.row_limit,
            t.searches.c.round_id != not_round,
            t.searches.c.executed_at >= since,
        )
        query = select(t.searches.c.status).where(*where).order_by(*_NEWEST).limit(1)
        with self._engine.connect() as connection:
            return connection.scalar(query) in {SearchStatus.REFUSED.value, SearchStatus.TRUNCATED.value}


def _same(key: SearchKey) -> tuple[ColumnElement[bool], ...]:
    return tuple(t.searches.c[name] == value for name, value in key._asdict().items())
