"""A round: its items planned, run with bounded concurrency, isolated from one another, and resumed."""

from __future__ import annotations

import asyncio
import traceback
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, StateSnapshot

from graph.build import ItemGraph
from graph.nodes.answer import closing_text
from graph.renewal import runs_anew, supersede, supersede_dropped
from graph.resources import Resources
from graph.state import ItemInput
from procedures.archive import load_procedure
from procedures.schedule import RoundWindow
from procedures.source import ProcedureSource
from procedures.verdict import Verdict
from tools.records.evidence import digest_of
from tools.records.finding import Judgement
from tools.records.leases import LeaseHeldError
from tools.records.rows import Closing, Round, RoundItemRow

NAMESPACE = uuid.UUID("6f1e0f5c-6d0b-5c53-9d4e-0f6f7a1b6c1e")
CONCURRENCY = 4
STEPS = 200

Progress = Callable[[str, str], None]
"""Called with an item id and `running`, `paused`, `recorded`, `failed`, `held`, `superseded` or `withdrawn`."""


class AnswerRefusedError(Exception):
    """An answer could not be used; the item still waits. The text says why."""


class NothingToAnswerError(Exception):
    """The item does not wait for this kind of answer."""


class ClosedError(NothingToAnswerError):
    """The item is superseded or withdrawn; nobody answers it any more."""

    def __init__(self, closing: Closing) -> None:
        super().__init__(closing_text(closing))
        self.closing = closing


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What became of one item in this run."""

    item: str
    state: Literal["paused", "recorded", "failed", "held", "superseded", "withdrawn"]
    detail: str = ""


def plan_round(
    resources: Resources, source: ProcedureSource, window: RoundWindow, *, again: bool = False
) -> Round:
    """Archive the procedure and add the round with its items; the same round planned twice is one.

    Args:
        resources: The live objects of this process.
        source: The procedure as read.
        window: The window of the round.
        again: Start a new generation of a round that exists.
    """
    resources.evidence.put(archived(source))
    round_ = name_round(resources, source, window, again=again)
    planned = [
        RoundItemRow(
            thread_id=_identity(round_, item.id),
            round_id=round_.id,
            item_id=item.id,
            title=item.title,
            position=position,
        )
        for position, item in enumerate(load_procedure(source).items)
    ]
    return resources.casebook.start_round(round_, planned)


def archived(source: ProcedureSource) -> ProcedureSource:
    """Return a procedure as it is archived: under its own id, wherever it was read."""
    return source.model_copy(update={"name": load_procedure(source).id})


def name_round(
    resources: Resources, source: ProcedureSource, window: RoundWindow, *, again: bool = False
) -> Round:
    """Return the round that `plan_round` would add, without writing anything; the arguments are its own."""
    procedure = load_procedure(source)
    first = Round(
        id="",
        procedure_id=procedure.id,
        procedure_title=procedure.title,
        procedure_version=procedure.version,
        procedure_digest=digest_of(archived(source)),
        source=resources.source,
        start=window.start,
        end=window.end,
        timezone=procedure.timezone,
        ad_hoc=window.ad_hoc,
        generation=1,
        created_at=resources.clock(),
    )
    return _generation(resources, first, again=again)


def _generation(resources: Resources, first: Round, *, again: bool) -> Round:
    """Return the round in its newest generation, or in the next; one that was withdrawn is not taken up."""
    known = resources.casebook.generations(first)
    newest = first.model_copy(update={"generation": max(known, 1)})
    newest = newest.model_copy(update={"id": _identity(newest)})
    if known and (again or resources.casebook.closings.withdrawal(newest.id)):
        anew = first.model_copy(update={"generation": known + 1})
        return anew.model_copy(update={"id": _identity(anew)})
    return newest


def _identity(round_: Round, item: str = "") -> str:
    """Return the deterministic id of a round or of one of its items."""
    parts = (round_.procedure_digest, round_.source, round_.start, round_.end, round_.generation, item)
    return str(uuid.uuid5(NAMESPACE, "|".join(str(part) for part in parts)))


def config_of(row: RoundItemRow) -> RunnableConfig:
    """Return the configuration that names an item's thread."""
    return {"configurable": {"thread_id": row.thread_id}, "recursion_limit": STEPS}


async def run_round(
    graph: ItemGraph,
    resources: Resources,
    round_: Round,
    *,
    only: Sequence[str] = (),
    concurrency: int = CONCURRENCY,
    progress: Progress = lambda item, state: None,
) -> list[ItemOutcome]:
    """Run every item that has not come to a review or to its end; continue those that broke off.

    An item that failed, or whose searches did, runs anew as long as nobody has answered it. What a newer round
    has judged supersedes the untouched items of older rounds of the same procedure, source and window.
    """
    rows = [row for row in resources.casebook.items(round_.id) if not only or row.item_id in only]
    gate = asyncio.Semaphore(concurrency)

    async def run(row: RoundItemRow) -> ItemOutcome:
        async with gate:
            progress(row.item_id, "running")
            outcome = await _run_item(graph, resources, round_, row)
            if outcome.state in {"paused", "recorded"}:
                await asyncio.to_thread(supersede, resources, round_, row.item_id)
            progress(row.item_id, outcome.state)
            return outcome

    outcomes = list(await asyncio.gather(*(run(row) for row in rows)))
    if not only:
        await asyncio.to_thread(supersede_dropped, resources, round_, [row.item_id for row in rows])
    return outcomes


async def _run_item(graph: ItemGraph, resources: Resources, round_: Round, row: RoundItemRow) -> ItemOutcome:
    """Run one item to its next stop; an item that fails does not take the others with it."""
    try:
        with resources.casebook.lease(row.thread_id):
            return await _advance(graph, resources, round_, row)
    except LeaseHeldError as error:
        return ItemOutcome(row.item_id, "held", str(error))
    except Exception as error:  # an edge: one item's failure is its own, and is shown
        reason = f"{type(error).__name__}: {error}"
        place = traceback.extract_tb(error.__traceback__)[-1]
        await asyncio.to_thread(
            resources.casebook.update_item, row.thread_id, state="failed", error=f"{reason} ({place.name})"
        )
        return ItemOutcome(row.item_id, "failed", reason)


async def _advance(graph: ItemGraph, resources: Resources, round_: Round, row: RoundItemRow) -> ItemOutcome:
    config = config_of(row)
    closing = await asyncio.to_thread(resources.casebook.closings.of, row.thread_id)
    if closing is not None:
        return ItemOutcome(row.item_id, closing.kind, closing_text(closing))
    snapshot = await graph.aget_state(config)
    anew = await asyncio.to_thread(runs_anew, resources, row, snapshot)
    stopped = snapshot.interrupts or snapshot.values.get("status") == "recorded"
    if stopped and not anew:
        return await _sync(graph, resources, row)
    changes = {"state": "running", "awaiting": None, "interrupt_id": None, "error": None}
    await asyncio.to_thread(resources.casebook.update_item, row.thread_id, **changes)
    given: ItemInput = {
        "procedure": round_.procedure_digest,
        "item": row.item_id,
        "start": round_.start,
        "end": round_.end,
        "round": round_.id,
    }
    # A thread that broke off goes on with None; one that has nothing to go on with begins with its input.
    await graph.ainvoke(given if anew or not snapshot.next else None, config, durability="sync")
    return await _sync(graph, resources, row)


async def _sync(graph: ItemGraph, resources: Resources, row: RoundItemRow) -> ItemOutcome:
    """Write what the thread's state says into the casebook."""
    snapshot = await graph.aget_state(config_of(row))
    changes = _changes(snapshot, resources)
    await asyncio.to_thread(resources.casebook.update_item, row.thread_id, **changes)
    return ItemOutcome(row.item_id, changes["state"])


def _changes(snapshot: StateSnapshot, resources: Resources) -> dict[str, Any]:
    values = snapshot.values
    judgement = resources.evidence.get(values["judgement"], Judgement)
    waits = snapshot.interrupts[0] if snapshot.interrupts else None
    awaiting = None if waits is None else "outcome" if values["status"] == "deep_dive" else "review"
    return {
        "state": "paused" if waits else "recorded",
        "awaiting": awaiting,
        "verdict": judgement.verdict.value,
        "complete": judgement.complete,
        "findings": sum(entry.verdict is not Verdict.NONE for entry in judgement.findings),
        "report": values["report"],
        "checks": values["checks"],
        "judgement": values["judgement"],
        "interrupt_id": waits.id if waits else None,
        "error": None,
    }


async def answer_item(
    graph: ItemGraph,
    resources: Resources,
    row: RoundItemRow,
    answer: dict[str, Any],
    *,
    awaiting: Literal["review", "outcome"],
    reviewer: str | None = None,
) -> ItemOutcome:
    """Resume a paused item with an answer.

    Args:
        graph: The item graph with its checkpoints.
        resources: The live objects of this process.
        row: The item as the reviewer saw it; its evidence digest and interrupt are compared first.
        answer: The answer; the reviewer's evidence digest is added.
        awaiting: What the answer is for.
        reviewer: Who answers, authenticated by the caller; by default the user of this process.

    Raises:
        NothingToAnswerError: The item does not wait, waits for something else, or changed meanwhile.
        ClosedError: It is superseded or withdrawn.
        AnswerRefusedError: The answer is not valid; the item still waits.
        LeaseHeldError: Somebody else works on the item.
        ClaimedError: Somebody else holds it for review.
    """
    attention, who = resources.casebook.attention, reviewer or resources.reviewer()
    attention.check(row.thread_id, who, now=resources.clock())
    with resources.casebook.lease(row.thread_id):
        if closing := resources.casebook.closings.of(row.thread_id):
            raise ClosedError(closing)
        config = config_of(row)
        if reviewer is not None:
            config["configurable"]["langgraph_auth_user_id"] = reviewer
        snapshot = await graph.aget_state(config)
        if snapshot.next and not snapshot.interrupts:
            await graph.ainvoke(None, config, durability="sync")
            if resources.casebook.decisions(thread_id=row.thread_id):
                return await _sync(graph, resources, row)  # the answer of a process that broke off
            snapshot = await graph.aget_state(config)
        waits = snapshot.interrupts[0] if snapshot.interrupts else None
        if waits is None or row.interrupt_id != waits.id or row.awaiting != awaiting:
            await _sync(graph, resources, row)
            raise NothingToAnswerError(_why_not(resources, row, awaiting))
        given = {**answer, "evidence_digest": answer.get("evidence_digest") or row.report}
        await graph.ainvoke(Command(resume={waits.id: given}), config, durability="sync")
        outcome = await _sync(graph, resources, row)
        after = await graph.aget_state(config)
        if after.interrupts and (fault := after.interrupts[0].value.get("validation_error")):
            raise AnswerRefusedError(fault)
        attention.release(row.thread_id, who)
        return outcome


def _why_not(resources: Resources, row: RoundItemRow, awaiting: str) -> str:
    made = resources.casebook.decisions(thread_id=row.thread_id)
    now = resources.casebook.find_item(row.thread_id)
    last = f" Last answer: {made[-1].kind} by {made[-1].reviewer}." if made else ""
    waits = f"waits for a {now.awaiting}" if now.awaiting else f"is {now.state}"
    return f"item {row.item_id!r} does not wait for this {awaiting}: it {waits}.{last} Look at it again with `tejun show`."
