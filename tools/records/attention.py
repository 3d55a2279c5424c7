"""Who looks at what: claims, by which reviewers keep out of each other's way, and when a review was first opened."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Connection, Engine, delete, insert, select

from tools.records import schema as t
from tools.records.rows import Claim, Opening

CLAIM_S = 1800.0
"""A claim that nobody renews ends by itself after half an hour."""


class ClaimedError(Exception):
    """Somebody else holds the item for review."""

    def __init__(self, claim: Claim) -> None:
        until = dt.datetime.fromtimestamp(claim.expires_at, dt.UTC)
        super().__init__(
            f"{claim.holder} holds this item for review until {until:%Y-%m-%d %H:%M} UTC. Ask them to release it, or "
            "wait; nothing was recorded."
        )
        self.claim = claim


class Attention:
    """Claims and openings in the casebook's database. Safe to use from several threads."""

    def __init__(self, engine: Engine, writing: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._engine = engine
        self._writing = writing

    def claim(self, thread_id: str, holder: str, *, now: float) -> Claim:
        """Hold an item for review, or go on holding it.

        Raises:
            ClaimedError: Somebody else holds it.
        """
        wanted = Claim(thread_id=thread_id, holder=holder, claimed_at=now, expires_at=now + CLAIM_S)
        mine = t.claims.c.thread_id == thread_id
        with self._writing() as connection:
            row = connection.execute(select(t.claims).where(mine)).mappings().first()
            _keep_out(None if row is None else Claim(**row), holder, now)
            connection.execute(delete(t.claims).where(mine))
            connection.execute(insert(t.claims).values(**wanted.model_dump()))
        return wanted

    def release(self, thread_id: str, holder: str) -> None:
        """Give an item back; what somebody else holds stays theirs."""
        mine = (t.claims.c.thread_id == thread_id) & (t.claims.c.holder == holder)
        with self._writing() as connection:
            connection.execute(delete(t.claims).where(mine))

    def claims(self, *, now: float) -> dict[str, Claim]:
        """Return what is held for review, by thread."""
        query = select(t.claims).where(t.claims.c.expires_at > now)
        with self._engine.connect() as connection:
            found = [Claim(**row) for row in connection.execute(query).mappings()]
        return {claim.thread_id: claim for claim in found}

    def check(self, thread_id: str, reviewer: str, *, now: float) -> None:
        """Let a reviewer answer an item.

        Raises:
            ClaimedError: Somebody else holds it.
        """
        _keep_out(self.claims(now=now).get(thread_id), reviewer, now)

    def opened(self, thread_id: str, interrupt_id: str, reviewer: str, *, now: float) -> None:
        """Keep when a reviewer first opened a review; later openings change nothing."""
        opening = Opening(thread_id=thread_id, interrupt_id=interrupt_id, reviewer=reviewer, opened_at=now)
        same = (
            (t.openings.c.thread_id == thread_id)
            & (t.openings.c.interrupt_id == interrupt_id)
            & (t.openings.c.reviewer == reviewer)
        )
        with self._writing() as connection:
            if connection.execute(select(t.openings).where(same)).first() is None:
                connection.execute(insert(t.openings).values(**opening.model_dump()))

    def openings(self) -> list[Opening]:
        """Return every first opening."""
        with self._engine.connect() as connection:
            return [Opening(**row) for row in connection.execute(select(t.openings)).mappings()]


def _keep_out(claim: Claim | None, reviewer: str, now: float) -> None:
    if claim is not None and claim.holder != reviewer and claim.expires_at > now:
        raise ClaimedError(claim)
