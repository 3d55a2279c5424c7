"""Node `deep_dive`: a hand-off brief, then an interrupt that waits for the outcome."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

from agents.answers import AnswerError, read_outcome
from agents.brief import hand_off
from graph.nodes.answer import valid_answer
from graph.resources import Resources
from graph.state import ItemState, ItemUpdate
from tools.records.finding import Judgement
from tools.records.report import ItemReport
from tools.records.review import Outcome


def deep_dive(state: ItemState, config: RunnableConfig, *, resources: Resources) -> ItemUpdate:
    """Pause with the brief; write `answer`, or `validation_error` when the answer cannot be used."""
    brief = hand_off(
        resources.context(state),
        resources.evidence.get(state["report"], ItemReport),
        resources.evidence.get(state["judgement"], Judgement),
        evidence_digest=state["report"],
    )
    payload = {**brief, "attempt": state["attempt"], "validation_error": state["validation_error"]}
    answer = interrupt(payload, response_schema=Outcome.model_json_schema())
    try:
        outcome = read_outcome(answer)
    except AnswerError as error:
        return {"validation_error": str(error)}
    if outcome.evidence_digest not in {None, state["report"]}:
        stale, now = str(outcome.evidence_digest)[:12], state["report"][:12]
        return {"validation_error": f"the outcome speaks of evidence {stale}, but this item rests on {now}."}
    valid = valid_answer("outcome", outcome, config, resources, evidence_digest=state["report"])
    return {"answer": valid, "validation_error": None}
