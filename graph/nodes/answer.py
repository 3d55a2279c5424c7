"""A valid answer as the state keeps it until it is recorded."""

from __future__ import annotations

from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.types import Interrupt
from pydantic import BaseModel

from graph.resources import Resources
from tools.records.rows import Closing


def reviewer_of(config: RunnableConfig, resources: Resources) -> str:
    """Return who answers: the server's authenticated user, else the user of this process; never the payload."""
    user = config["configurable"].get("langgraph_auth_user_id")
    return str(user) if user else resources.reviewer()


def closing_text(closing: Closing) -> str:
    """Return why an item takes no answer any more."""
    if closing.kind == "superseded":
        return f"this item is superseded: answer the same item of round {closing.by_round[:8]} instead."
    return f"this item is withdrawn with its round {closing.by_round[:8]}, and takes no answer."


def valid_answer(
    kind: Literal["decision", "outcome"],
    body: BaseModel,
    config: RunnableConfig,
    resources: Resources,
    *,
    evidence_digest: str,
) -> dict[str, Any]:
    """Return the answer with who gave it, when, on which interrupt and over which evidence."""
    return {
        "kind": kind,
        "body": body.model_dump(mode="json", exclude={"evidence_digest"}),
        "interrupt_id": Interrupt.from_ns(None, ns=config["configurable"]["checkpoint_ns"]).id,
        "reviewer": reviewer_of(config, resources),
        "decided_at": resources.clock(),
        "evidence_digest": evidence_digest,
    }
