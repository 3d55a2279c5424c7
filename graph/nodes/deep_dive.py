"""Node `deep_dive`: a hand-off brief, then an interrupt that waits for the outcome."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig
from langgraph.types import Interrupt, interrupt

from agents.answers import AnswerError, read_outcome
from agents.brief import hand_off
from graph.resources import Resources
from graph.reviewer import reviewer_of
from graph.state import ItemState, ItemUpdate
from tools.records.finding import Judgement
from tools.records.report import ItemReport
from tools.records.review import Outcome


async def deep_dive(state: ItemState, config: RunnableConfig, *, resources: Resources) -> ItemUpdate:
    """Pause with the brief; write `answer`, or `validation_error` when the answer cannot be used."""
    context = resources.context(state)
    brief = hand_off(
        context,
        resources.evidence.get(state["report"], ItemReport),
        resources.evidence.get(state["judgement"], Judgement),
        state["answer"],
        evidence_digest=state["report"],
    )
    payload = {**brief, "attempt": state["attempt"], "validation_error": state.get("validation_error")}
    answer = interrupt(payload, response_schema=Outcome.model_json_schema())
    try:
        outcome = read_outcome(answer)
    except AnswerError as error:
        return {"validation_error": str(error)}
    if outcome.evidence_digest and outcome.evidence_digest != state["report"]:
        return {"validation_error": f"the outcome speaks of evidence {outcome.evidence_digest[:12]}, but this item rests on {state['report'][:12]}."}
    valid = {
        "kind": "outcome",
        "body": outcome.model_dump(mode="json"),
        "interrupt_id": Interrupt.from_ns(None, ns=config["configurable"]["checkpoint_ns"]).id,
        "reviewer": reviewer_of(config, resources),
        "decided_at": resources.clock(),
        "evidence_digest": state["report"],
    }
    return {"answer": valid, "answers": [*state["answers"], valid], "validation_error": None}
