"""Node `review`: nothing but the interrupt and the normalisation of its answer."""

from __future__ import annotations

from functools import cache
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

from agents.answers import AnswerError, read_decision
from agents.review import check_decision
from graph.nodes.answer import closing_text, valid_answer
from graph.records import Payload
from graph.resources import Resources
from graph.state import ItemState, ItemUpdate
from tools.records.finding import Findings
from tools.records.review import Decision, Proposal


@cache
def _schema() -> dict[str, Any]:
    return Decision.model_json_schema()


def review(state: ItemState, config: RunnableConfig, *, resources: Resources) -> ItemUpdate:
    """Pause with the payload; write `answer`, or `validation_error` when the answer cannot be used."""
    payload = {
        **resources.evidence.get(state["payload"], Payload).body,
        "validation_error": state["validation_error"],
    }
    answer = interrupt(payload, response_schema=_schema())
    if closing := resources.casebook.closings.of(config["configurable"]["thread_id"]):
        return {"validation_error": closing_text(closing)}
    known = [finding.id for finding in resources.evidence.get(state["findings"], Findings).findings]
    try:
        decision = read_decision(answer, Proposal.model_validate(payload["proposal"]))
    except AnswerError as error:
        return {"validation_error": str(error)}
    if fault := check_decision(decision, payload, known):
        return {"validation_error": fault}
    valid = valid_answer("decision", decision, config, resources, evidence_digest=state["report"])
    return {"answer": valid, "validation_error": None}
