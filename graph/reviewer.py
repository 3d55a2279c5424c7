"""Who answers a review: the server's authenticated user, else the user of this process. Never the payload."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig

from graph.resources import Resources


def reviewer_of(config: RunnableConfig, resources: Resources) -> str:
    """Return the reviewer's name."""
    user = config["configurable"].get("langgraph_auth_user_id")
    return str(user) if user else resources.reviewer()
