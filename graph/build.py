"""The graph of one monitoring item. All edges stand here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from graph.nodes.deep_dive import deep_dive
from graph.nodes.drill_down import drill_down
from graph.nodes.judge import judge
from graph.nodes.look_again import look_again
from graph.nodes.query import query
from graph.nodes.record import record
from graph.nodes.report import report
from graph.nodes.review import review
from graph.nodes.verify import verify
from graph.resources import Resources
from graph.routes import (
    route_after_deep_dive,
    route_after_judge,
    route_after_record,
    route_after_review,
    route_after_verify,
)
from graph.state import ItemInput, ItemState

Node = Callable[..., Any]
"""Plain functions run in a worker thread; those that search are coroutines."""

ItemGraph = CompiledStateGraph[ItemState, None, ItemInput, ItemState]

NODES: dict[str, Node] = {
    "query": query,
    "judge": judge,
    "drill_down": drill_down,
    "look_again": look_again,
    "report": report,
    "verify": verify,
    "review": review,
    "record": record,
    "deep_dive": deep_dive,
}


def build_item_graph(resources: Resources, checkpointer: BaseCheckpointSaver[str] | None = None) -> ItemGraph:
    """Return the compiled graph over `resources`.

    Args:
        resources: The live objects of this process.
        checkpointer: Where paused items wait; None under an Agent Server, which brings its own.
    """
    graph = StateGraph(ItemState, input_schema=ItemInput)
    for name, node in NODES.items():
        graph.add_node(name, partial(node, resources=resources))
    graph.add_edge(START, "query")
    graph.add_edge("query", "judge")
    graph.add_conditional_edges("judge", route_after_judge)
    graph.add_edge("drill_down", "judge")
    graph.add_edge("look_again", "report")
    graph.add_edge("report", "verify")
    graph.add_conditional_edges("verify", route_after_verify)
    graph.add_conditional_edges("review", route_after_review)
    graph.add_conditional_edges("record", route_after_record, ["drill_down", "report", "deep_dive", END])
    graph.add_conditional_edges("deep_dive", route_after_deep_dive)
    return graph.compile(checkpointer=checkpointer, name="item")
