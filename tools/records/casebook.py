"""The casebook: rounds, items, decisions and proposals; SQLite by default, PostgreSQL by URL.

Every write is one transaction that takes the write lock at its beginning, so that several processes can
append without losing anything.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    case,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from tools.records import schema as t
from tools.records.attention import Attention
from tools.records.chain import GENESIS, seal, verify
from tools.records.closings import Closings
from tools.records.leases import TTL_S, LeaseHeldError, host, is_dead, process_started, user
from tools.records.rows import CLOSED, ChainedEntry, ChainReport, Entry, Lease, Round, RoundItemRow
from tools.records.searches import SentSearches

READERS = 40
"""Connections that are kept open: as many as the pages have threads."""
SEVERITY = ("investigate", "undetermined", "observe", "none", None)


class CasebookError(Exception):
    """Root of the casebook's errors; the message says what to do."""


class UnknownNameError(CasebookError):
    """No round or item of this name, or more than one."""


class AlreadyDecidedError(CasebookError):
    """Somebody answered this review before."""


def _prepare_sqlite(engine: Engine) -> None:
    """Write-ahead log, patience with other writers, and the write lock from the first statement on."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, record: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        if not connection.get_execution_options().get("reads", False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_postgresql(engine: Engine) -> None:
    """One writer at a time, from the beginning of its transaction: entries of a chain need an order."""

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        if not connection.get_execution_options().get("reads", False):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")


_WRITERS = 7_265_001
"""Key of the advisory lock that writers of a casebook take."""

_PREPARE = {"sqlite": _prepare_sqlite, "postgresql": _prepare_postgresql}


def _engine(url: str) -> Engine:
    """Return the engine of a casebook.

    Raises:
        CasebookError: The URL cannot be read, or is of another database.
    """
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
    except ArgumentError as error:
        raise CasebookError(f"the address of the casebook cannot be read: {error}.") from None
    if name not in _PREPARE:
        raise CasebookError(
            f"a casebook in {name!r} is not supported. Expected sqlite:///… or postgresql://…."
        )
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(parsed, pool_pre_ping=name != "sqlite", pool_size=READERS)
    _PREPARE[name](engine)
    return engine


class Casebook:
    """An open casebook. Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._reader = self._engine.execution_options(reads=True)
        self.attention = Attention(self._reader, self._writing)
        self.closings = Closings(self._reader, self._writing)
        self.searches = SentSearches(self._reader, self._writing)
        try:
            with self._engine.begin() as connection:
                t.upgrade(connection)
        except DBAPIError as error:
            self.close()
            shown = make_url(url).render_as_string(hide_password=True)
            raise CasebookError(f"cannot open the casebook {shown}: {error.orig}.") from None
        except t.NewerSchemaError as error:
            self.close()
            raise CasebookError(str(error)) from None

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            if isinstance(error, IntegrityError):
                raise
            raise CasebookError(
                f"cannot write the casebook: {error.orig}. Nothing was changed; free space or wait for other "
                "processes, and run the same command again."
            ) from error

    # rounds -----------------------------------------------------------------------------------------

    def start_round(self, round_: Round, planned: Sequence[RoundItemRow]) -> Round:
        """Add a round with its items; a round that exists is returned as it is."""
        with self._writing() as connection:
            known = connection.execute(select(t.rounds).where(t.rounds.c.id == round_.id)).mappings().first()
            if known is not None:
                return Round(**known)
            connection.execute(insert(t.rounds).values(**round_.model_dump()))
            connection.execute(insert(t.items), [row.model_dump() for row in planned])
            return round_

    def rounds(self) -> list[Round]:
        """Return all rounds, newest window first."""
        query = select(t.rounds).order_by(t.rounds.c.start.desc(), t.rounds.c.created_at.desc())
        with self._reader.connect() as connection:
            return [Round(**row) for row in connection.execute(query).mappings()]

    def round(self, round_id: str) -> Round | None:
        """Return the round of exactly this id."""
        with self._reader.connect() as connection:
            row = connection.execute(select(t.rounds).where(t.rounds.c.id == round_id)).mappings().first()
        return None if row is None else Round(**row)

    def generations(self, round_: Round) -> int:
        """Return the highest generation of rounds over the same procedure, source and window; 0 for none."""
        return max(
            (
                known.generation
                for known in self.rounds()
                if (known.procedure_digest, known.source, known.start, known.end)
                == (round_.procedure_digest, round_.source, round_.start, round_.end)
            ),
            default=0,
        )

    def procedures(self) -> list[str]:
        """Return the ids of all procedures that had a round."""
        with self._reader.connect() as connection:
            return sorted(connection.scalars(select(t.rounds.c.procedure_id).distinct()))

    def newest_rounds(self, most: int) -> list[Round]:
        """Return the rounds of the newest windows, newest first."""
        query = select(t.rounds).order_by(t.rounds.c.start.desc(), t.rounds.c.created_at.desc()).limit(most)
        with self._reader.connect() as connection:
            return [Round(**row) for row in connection.execute(query).mappings()]

    def states(self, round_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """Return how many items of each round are in each state."""
        query = (
            select(t.items.c.round_id, t.items.c.state, func.count())
            .where(t.items.c.round_id.in_(round_ids))
            .group_by(t.items.c.round_id, t.items.c.state)
            .order_by(func.min(t.items.c.position))
        )
        counted: dict[str, dict[str, int]] = {round_id: {} for round_id in round_ids}
        with self._reader.connect() as connection:
            for round_id, state, count in connection.execute(query):
                counted[round_id][state] = count
        return counted

    def rounds_of(self, round_ids: Sequence[str]) -> dict[str, Round]:
        """Return rounds by their ids."""
        query = select(t.rounds).where(t.rounds.c.id.in_(round_ids))
        with self._reader.connect() as connection:
            return {row["id"]: Round(**row) for row in connection.execute(query).mappings()}

    def find_round(self, text: str) -> Round:
        """Return a round by its id, the beginning of its id, `latest`, or its procedure's id (the newest).

        Raises:
            UnknownNameError: There is no such round, or several.
        """
        known = self.rounds()
        if text == "latest" and known:
            return max(known, key=lambda round_: round_.created_at)
        found = [round_ for round_ in known if round_.id.startswith(text)] if text else []
        if not found:
            found = [round_ for round_ in known if round_.procedure_id == text][:1]
        if len(found) == 1:
            return found[0]
        listed = (
            ", ".join(f"{round_.id[:8]} ({round_.procedure_id})" for round_ in (found or known)[:8])
            or "none yet"
        )
        what = "is not unique" if found else "is unknown"
        raise UnknownNameError(f"round {text!r} {what}. Rounds: {listed}.")

    def sign(self, round_id: str, entry: Entry, *, digest: str) -> Round:
        """Sign a round, once; the signature is an entry of the chain.

        Raises:
            AlreadyDecidedError: It is signed, or withdrawn.
        """
        round_ = self.find_round(round_id)
        if withdrawal := self.closings.withdrawal(round_.id):
            raise AlreadyDecidedError(f"round {round_.id[:8]} was withdrawn by {withdrawal.reviewer}.")
        if round_.signed_by is not None:
            raise AlreadyDecidedError(f"round {round_.id[:8]} was signed by {round_.signed_by}.")
        self.append(entry)
        with self._writing() as connection:
            values = {"signed_by": entry.reviewer, "signed_at": entry.decided_at, "signed_digest": digest}
            connection.execute(update(t.rounds).where(t.rounds.c.id == round_.id).values(**values))
        return self.find_round(round_.id)

    def previous_judgement(
        self, procedure_id: str, source: str, item_id: str, before: float
    ) -> tuple[str, str] | None:
        """Return round id and judgement digest of the newest earlier round that judged this item and still stands."""
        withdrawn = select(t.decisions.c.round_id).where(t.decisions.c.kind == "withdrawal")
        query = (
            select(t.rounds.c.id, t.items.c.judgement)
            .join(t.items, t.items.c.round_id == t.rounds.c.id)
            .where(
                t.rounds.c.procedure_id == procedure_id,
                t.rounds.c.source == source,
                t.items.c.item_id == item_id,
                t.rounds.c.start < before,
                t.items.c.judgement.is_not(None),
                t.items.c.state.not_in(CLOSED),
                t.rounds.c.id.not_in(withdrawn),
            )
            .order_by(t.rounds.c.start.desc(), t.rounds.c.created_at.desc())
        )
        with self._reader.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else (row[0], row[1])

    # items ------------------------------------------------------------------------------------------

    def items(self, round_id: str) -> list[RoundItemRow]:
        """Return the items of a round in the procedure's order."""
        query = select(t.items).where(t.items.c.round_id == round_id).order_by(t.items.c.position)
        with self._reader.connect() as connection:
            return [RoundItemRow(**row) for row in connection.execute(query).mappings()]

    def item(self, thread_id: str) -> RoundItemRow | None:
        """Return the item of exactly this thread."""
        query = select(t.items).where(t.items.c.thread_id == thread_id)
        with self._reader.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else RoundItemRow(**row)

    def update_item(self, thread_id: str, **changes: object) -> None:
        """Change columns of an item."""
        with self._writing() as connection:
            connection.execute(
                update(t.items)
                .where(t.items.c.thread_id == thread_id)
                .values(**changes, updated_at=time.time())
            )

    def inbox(self, *, verdict: str = "", procedure: str = "", most: int | None = None) -> list[RoundItemRow]:
        """Return the paused items of all rounds, worst first, then oldest first.

        Args:
            verdict: Only items of this verdict.
            procedure: Only items of this procedure.
            most: At most so many.
        """
        severity = case(dict(zip(SEVERITY[:-1], range(4), strict=True)), value=t.items.c.verdict, else_=4)
        query = _waiting(select(t.items), verdict, procedure)
        query = query.order_by(severity, t.items.c.updated_at, t.items.c.position).limit(most)
        with self._reader.connect() as connection:
            return [RoundItemRow(**row) for row in connection.execute(query).mappings()]

    def waiting(self, *, verdict: str = "", procedure: str = "") -> int:
        """Return how many items the inbox holds; the arguments are those of `inbox`."""
        query = _waiting(select(func.count()).select_from(t.items), verdict, procedure)
        with self._reader.connect() as connection:
            return int(connection.scalar(query) or 0)

    def find_item(self, text: str) -> RoundItemRow:
        """Return an item by thread id, the beginning of it, `ROUND/ITEM`, or an item id.

        An item id alone means the paused item of that name, or the newest one when none is paused.

        Raises:
            UnknownNameError: There is no such item, or several.
        """
        round_text, slash, item_id = text.partition("/")
        if slash:
            round_ = self.find_round(round_text)
            found = [row for row in self.items(round_.id) if row.item_id == item_id]
            listed = ", ".join(row.item_id for row in self.items(round_.id))
            if not found:
                raise UnknownNameError(f"item {item_id!r} is not in round {round_.id[:8]}. Items: {listed}.")
            return found[0]
        with self._reader.connect() as connection:
            every = [RoundItemRow(**row) for row in connection.execute(select(t.items)).mappings()]
        found = [row for row in every if text and row.thread_id.startswith(text)]
        found = found or [row for row in every if row.item_id == text and row.state == "paused"]
        found = found or [row for row in every if row.item_id == text][-1:]
        if len(found) == 1:
            return found[0]
        what = "is not unique" if found else "is unknown"
        listed = (
            ", ".join(f"{row.round_id[:8]}/{row.item_id}" for row in (found or self.inbox())[:8])
            or "none waits"
        )
        raise UnknownNameError(f"item {text!r} {what}. Items: {listed}.")

    # decisions --------------------------------------------------------------------------------------

    def append(self, entry: Entry) -> ChainedEntry:
        """Append to the chain; the same answer to the same review again changes nothing.

        Raises:
            AlreadyDecidedError: This review has another answer already.
        """
        with self._writing() as connection:
            same = (
                (t.decisions.c.thread_id == entry.thread_id)
                & (t.decisions.c.interrupt_id == entry.interrupt_id)
                & (t.decisions.c.kind == entry.kind)
            )
            known = connection.execute(select(t.decisions).where(same)).mappings().first()
            if known is not None:
                return _again(ChainedEntry(**known), entry)
            last = connection.execute(
                select(t.decisions.c.seq, t.decisions.c.hash).order_by(t.decisions.c.seq.desc()).limit(1)
            ).first()
            seq, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
            sealed = seal(entry, seq=seq, previous_hash=previous)
            connection.execute(insert(t.decisions).values(**sealed.model_dump()))
            return sealed

    def decisions(
        self, *, round_id: str | None = None, thread_id: str | None = None, item_id: str | None = None
    ) -> list[ChainedEntry]:
        """Return entries oldest first, of one round, one item, one item's name in every round, or all."""
        query = select(t.decisions).order_by(t.decisions.c.seq)
        if item_id is not None:
            query = query.where(t.decisions.c.item_id == item_id)
        if round_id is not None:
            query = query.where(t.decisions.c.round_id == round_id)
        if thread_id is not None:
            query = query.where(t.decisions.c.thread_id == thread_id)
        with self._reader.connect() as connection:
            return [ChainedEntry(**row) for row in connection.execute(query).mappings()]

    def verify_chain(self) -> ChainReport:
        """Check every entry of the chain."""
        return verify(self.decisions())

    def propose(self, entry: ChainedEntry, text: str) -> None:
        """Keep what a decision taught, as a proposal that somebody must review; once per decision."""
        with self._writing() as connection:
            known = select(t.proposals).where(t.proposals.c.decision_seq == entry.seq)
            if connection.execute(known).first() is None:
                values = {"round_id": entry.round_id, "item_id": entry.item_id, "text": text}
                connection.execute(
                    insert(t.proposals).values(
                        **values, decision_seq=entry.seq, state="open", created_at=entry.decided_at
                    )
                )

    def proposals(self) -> list[dict[str, object]]:
        """Return all proposals, oldest first."""
        with self._reader.connect() as connection:
            return [
                dict(row)
                for row in connection.execute(
                    select(t.proposals).order_by(t.proposals.c.decision_seq)
                ).mappings()
            ]

    # leases -----------------------------------------------------------------------------------------

    @contextmanager
    def lease(self, thread_id: str) -> Iterator[None]:
        """Hold an item for the length of a block.

        Raises:
            LeaseHeldError: A living process holds it.
        """
        self._acquire(thread_id)
        try:
            yield
        finally:
            with self._writing() as connection:
                mine = (
                    (t.leases.c.thread_id == thread_id)
                    & (t.leases.c.pid == os.getpid())
                    & (t.leases.c.host == host())
                )
                connection.execute(delete(t.leases).where(mine))

    def _acquire(self, thread_id: str) -> None:
        now = time.time()
        wanted = Lease(
            thread_id=thread_id,
            holder=user(),
            host=host(),
            pid=os.getpid(),
            process_started=process_started(os.getpid()),
            acquired_at=now,
            expires_at=now + TTL_S,
        )
        with self._writing() as connection:
            row = (
                connection.execute(select(t.leases).where(t.leases.c.thread_id == thread_id))
                .mappings()
                .first()
            )
            if row is not None:
                held = Lease(**row)
                foreign = held.host != wanted.host
                if not is_dead(held) and not (foreign and held.expires_at < now):
                    raise LeaseHeldError(held)
                connection.execute(delete(t.leases).where(t.leases.c.thread_id == thread_id))
            connection.execute(insert(t.leases).values(**wanted.model_dump()))

    def renew(self, thread_id: str) -> None:
        """Keep a held lease from expiring."""
        mine = (t.leases.c.thread_id == thread_id) & (t.leases.c.pid == os.getpid())
        with self._writing() as connection:
            connection.execute(update(t.leases).where(mine).values(expires_at=time.time() + TTL_S))

    def leases(self) -> dict[str, Lease]:
        """Return who works on which item right now, by thread."""
        with self._reader.connect() as connection:
            found = [Lease(**row) for row in connection.execute(select(t.leases)).mappings()]
        return {held.thread_id: held for held in found if not is_dead(held)}

    def holder(self, thread_id: str) -> Lease | None:
        """Return who works on an item right now."""
        return self.leases().get(thread_id)


def _waiting(query: Select[Any], verdict: str, procedure: str) -> Select[Any]:
    """Narrow a query of items to those that wait for a person."""
    query = query.where(t.items.c.state == "paused")
    if verdict:
        query = query.where(t.items.c.verdict == verdict)
    if procedure:
        mine = select(t.rounds.c.id).where(t.rounds.c.procedure_id == procedure)
        query = query.where(t.items.c.round_id.in_(mine))
    return query


def _again(known: ChainedEntry, entry: Entry) -> ChainedEntry:
    if (known.body, known.reviewer) == (entry.body, entry.reviewer):
        return known
    raise AlreadyDecidedError(
        f"this review was already answered by {known.reviewer} (entry {known.seq} of the chain)."
    )
