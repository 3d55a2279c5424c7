"""The drawn graph is the graph."""

from __future__ import annotations

import os
from pathlib import Path

from graph.build import NODES
from tejun.opening import Tejun

GOLDEN = Path(__file__).with_name("item.mermaid")


async def test_the_drawn_graph_is_the_golden_one(tejun: Tejun) -> None:
    drawn = tejun.graph.get_graph().draw_mermaid()
    if os.environ.get("TEJUN_GOLDEN") == "write":
        GOLDEN.write_text(drawn, "utf-8")
    assert drawn == GOLDEN.read_text("utf-8")


async def test_every_node_has_a_file_of_its_own() -> None:
    for name, node in NODES.items():
        assert node.__module__ == f"graph.nodes.{name}"
