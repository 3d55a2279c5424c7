"""Node `record`: the answer into the casebook, hash-chained; the same answer twice changes nothing."""

from __future__ import annotations

import orjson
from langchain_core.runnables import RunnableConfig

from agents.judge import requested_drill_downs
from graph.resources import Resources
from graph.state import ItemState, ItemUpdate, Json
from tools.records.finding import Judgement
from tools.records.rows import Entry


def record(state: ItemState, config: RunnableConfig, *, resources: Resources) -> ItemUpdate:
    """Read `answer`; write `status` and, when more evidence was asked for, what is `due`."""
    answer = state.get("answer")
    if answer is None:
        return {"status": "recorded"}
    entry = Entry(
        thread_id=config["configurable"]["thread_id"],
        round_id=state["round"],
        item_id=state["item"],
        kind=answer["kind"],
        interrupt_id=answer["interrupt_id"],
        body=orjson.dumps(answer["body"], option=orjson.OPT_SORT_KEYS).decode(),
        reviewer=answer["reviewer"],
        decided_at=answer["decided_at"],
        evidence_digest=answer["evidence_digest"],
        procedure_digest=resources.context(state).procedure.digest,
    )
    chained = resources.casebook.append(entry)
    if answer["body"].get("knowledge"):
        resources.casebook.propose(chained, answer["body"]["knowledge"])
    return {**_next(state, answer, resources), "answer": None}


def _next(state: ItemState, answer: Json, resources: Resources) -> ItemUpdate:
    if answer["kind"] == "outcome":
        return {"status": "recorded"}
    body = answer["body"]
    made = {part["decision"] for part in body["decisions"]}
    if "need_more_evidence" not in made:
        return {"status": "deep_dive" if "deep_dive" in made else "recorded"}
    judgement = resources.evidence.get(state["judgement"], Judgement)
    due = requested_drill_downs(judgement, body["run"], answer["reviewer"])
    unanswered = list(state["unanswered"])
    if not due:
        unanswered.append(body["question"] or body["decisions"][0]["reason"])
    return {"status": "open", "due": due, "unanswered": unanswered}
