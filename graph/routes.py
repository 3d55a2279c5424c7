"""Where an item goes next: pure functions of its state."""

from __future__ import annotations

from typing import Literal

from graph.state import ItemState


def route_after_judge(state: ItemState) -> Literal["drill_down", "look_again"]:
    """Run what is due before looking a second time."""
    return "drill_down" if state["due"] else "look_again"


def route_after_verify(state: ItemState) -> Literal["review", "record"]:
    """Pause where a person must look."""
    return "review" if state["pauses"] else "record"


def route_after_review(state: ItemState) -> Literal["review", "record"]:
    """Ask again after an answer that cannot be used."""
    return "review" if state["validation_error"] is not None else "record"


def route_after_record(state: ItemState) -> Literal["drill_down", "report", "deep_dive", "__end__"]:
    """Look further when that was the answer; wait for the outcome of a deep dive; else the item is done."""
    if state["status"] == "open":
        return "drill_down" if state["due"] else "report"
    return "deep_dive" if state["status"] == "deep_dive" else "__end__"


def route_after_deep_dive(state: ItemState) -> Literal["deep_dive", "record"]:
    """Ask again after an outcome that cannot be used."""
    return "deep_dive" if state["validation_error"] is not None else "record"
