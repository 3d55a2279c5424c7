"""Items that nobody has to answer any more: superseded by a newer round, or withdrawn with theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from sqlalchemy import Connection, Engine, insert, select, update

from tools.records import schema as t
from tools.records.rows import ChainedEntry, Closing, Round, RoundItemRow

UNTOUCHED = ("paused", "failed", "planned", "running")
"""States in which an item may be closed, as long as nobody has answered it or works on it."""


class Closings:
    """Closed items in the casebook's database. Safe to use from several threads."""

    def __init__(self, engine: Engine, writing: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._engine = engine
        self._writing = writing

    def close(self, closing: Closing) -> bool:
        """Close an item; False when somebody has answered it, or it is closed or works right now.

        The caller holds the item's lease, so that nobody answers meanwhile.
        """
        mine = t.items.c.thread_id == closing.thread_id
        answers = select(t.decisions.c.seq).where(t.decisions.c.thread_id == closing.thread_id)
        with self._writing() as connection:
            state = connection.scalar(select(t.items.c.state).where(mine))
            if state not in UNTOUCHED or connection.execute(answers).first() is not None:
                return False
            connection.execute(
                update(t.items)
                .where(mine)
                .values(state=closing.kind, awaiting=None, interrupt_id=None, updated_at=closing.closed_at)
            )
            connection.execute(insert(t.closings).values(**closing.model_dump()))
        return True

    def of(self, thread_id: str) -> Closing | None:
        """Return why an item is closed; None when it is not."""
        query = select(t.closings).where(t.closings.c.thread_id == thread_id)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Closing(**row)

    def of_all(self, thread_ids: Sequence[str]) -> dict[str, Closing]:
        """Return the closings of items, by thread."""
        query = select(t.closings).where(t.closings.c.thread_id.in_(thread_ids))
        with self._engine.connect() as connection:
            return {row["thread_id"]: Closing(**row) for row in connection.execute(query).mappings()}

    def withdrawal(self, round_id: str) -> ChainedEntry | None:
        """Return the entry by which a round was withdrawn; None when it was not."""
        query = select(t.decisions).where(
            t.decisions.c.round_id == round_id, t.decisions.c.kind == "withdrawal"
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else ChainedEntry(**row)

    def older(self, round_: Round) -> list[tuple[Round, RoundItemRow]]:
        """Return the open items of older rounds over the same procedure, source and window, that may be untouched."""
        columns = t.rounds.c
        query = (
            select(t.items)
            .join(t.rounds, columns.id == t.items.c.round_id)
            .where(
                columns.procedure_id == round_.procedure_id,
                columns.source == round_.source,
                columns.start == round_.start,
                columns.end == round_.end,
                columns.id != round_.id,
                columns.created_at < round_.created_at,
                columns.signed_by.is_(None),
                t.items.c.state.in_(UNTOUCHED),
            )
        )
        with self._engine.connect() as connection:
            rows = [RoundItemRow(**row) for row in connection.execute(query).mappings()]
            ids = {row.round_id for row in rows}
            of = select(t.rounds).where(columns.id.in_(ids))
            rounds = {row["id"]: Round(**row) for row in connection.execute(of).mappings()}
        return [(rounds[row.round_id], row) for row in rows]
