"""The item graph for LangGraph Studio and the Agent Server, named in langgraph.json."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from graph.build import ItemGraph, build_item_graph
from graph.resources import Resources
from tejun.opening import open_resources
from tejun.settings import read_settings

_opened: Resources | None = None
_stack = AsyncExitStack()
_lock = asyncio.Lock()


@asynccontextmanager
async def item_graph() -> AsyncIterator[ItemGraph]:
    """Yield the graph over resources that are opened once per process; the server brings its checkpoints."""
    global _opened  # opened once per process: the server calls this for every run
    async with _lock:
        if _opened is None:
            _opened = await _stack.enter_async_context(open_resources(await asyncio.to_thread(read_settings)))
    yield build_item_graph(_opened)
