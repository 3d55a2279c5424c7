"""Runs one item, or answers it, in a process that kills itself at a node: a driver for the kill tests.

Usage: killed_round.py run|decide NODE before|after|never
"""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import sys
from pathlib import Path
from typing import Any

import graph.build
from graph.rounds import NothingToAnswerError, answer_item, plan_round, run_round
from procedures.schedule import RoundWindow
from procedures.source import read_source
from tejun.opening import open_tejun
from tejun.settings import read_settings
from tools.demo import plan

ITEM = "ssh-bruteforce"
LIBRARY = Path(__file__).resolve().parent.parent.parent / "procedures" / "library"


def armed(name: str, moment: str) -> None:
    """Replace a node by one that ends this process at once."""
    node = graph.build.NODES[name]

    async def deadly(*args: Any, **kwargs: Any) -> Any:
        if moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = node(*args, **kwargs)
        if inspect.isawaitable(result):
            result = await result
        os.kill(os.getpid(), signal.SIGKILL)
        return result

    deadly.__annotations__ = node.__annotations__
    deadly.__signature__ = inspect.signature(node)  # type: ignore[attr-defined]
    graph.build.NODES[name] = deadly


async def main(verb: str) -> None:
    async with open_tejun(read_settings()) as tejun:
        window = RoundWindow(plan.tokyo(0), plan.tokyo(0) + 86400)
        source = read_source(LIBRARY / plan.LINUX)
        round_ = plan_round(tejun.resources, source, window)
        if verb == "run":
            await run_round(tejun.graph, tejun.resources, round_, only=[ITEM])
            return
        row = tejun.resources.casebook.find_item(f"{round_.id}/{ITEM}")
        answer = {"decision": "no_deep_dive", "reason": "known test", "knowledge": "raise the threshold"}
        try:
            await answer_item(tejun.graph, tejun.resources, row, answer, awaiting="review")
        except NothingToAnswerError:
            sys.exit(3)


if __name__ == "__main__":
    if sys.argv[3] != "never":
        armed(sys.argv[2], sys.argv[3])
    asyncio.run(main(sys.argv[1]))
