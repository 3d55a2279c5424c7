"""The plain way of doing the job: one ReAct agent with the SIEM's own tools and the procedure as its prompt.

It is the baseline that the product is measured beside. It has what the product has: the same procedure, logs, window, model
and row caps, and is told plainly how its report is read.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from langchain.agents import create_agent
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelConnectionError,
    ModelTimeoutError,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from openai import DefaultAsyncHttpxClient

from evals.output import Cost, Output
from evals.variant import Job
from procedures.archive import load_procedure
from procedures.model import Item, Procedure
from procedures.source import DOCUMENT
from tools.logstore.server import build_server
from tools.logstore.store import LogStore
from tools.model.client import open_chat
from tools.model.settings import ModelSettings
from tools.search.transport import InMemory, call_tool, open_connection

STEPS = 12
"""Most steps of one item: six rounds of the model and its tools, twice what an able agent needs."""
QUERY_TOOL = "splunk_run_query"
ANSWERED = ("results", "truncated", "status", "messages")
"""What an agent is shown of a tool's answer; the rest repeats its question or is bookkeeping."""

ChatOf = Callable[[Item], BaseChatModel]
"""Returns the chat model that works on an item."""

_TASK = {
    "ja": "上の手順書の項目 {id} だけを、{start} 以上 {end} 未満について実施する。ツールで検索し、判断基準を当てはめ、報告を Markdown で書く。\n"
    "- 一行目は「**一次判断: X**」。X は 調査必須・判定不能・観察・不要 のいずれか。\n"
    "- 検知があれば、列 {columns} の表を書く。\n"
    "- 総合所見と推奨対応を短く書く。数値はすべて検索結果にあるものだけを書く。\n"
    "- 検索の earliest_time は {earliest}、latest_time は {latest} とする。",
    "en": "Carry out item {id} of the procedure above, and no other, for {start} up to, not including, {end}. Search with the "
    "tools, apply the criteria, and write the report in Markdown.\n"
    "- Its first line is **Verdict: X**; X is one of Investigate, Undetermined, Observe, None.\n"
    "- Where there are findings, write a table with the columns {columns}.\n"
    "- Write a short assessment and a recommendation. Every figure must be one of a search result.\n"
    "- The earliest_time of a search is {earliest}, its latest_time {latest}.",
}


@dataclass
class _Account:
    """What an agent used, as its server counted it."""

    searches: int = 0
    calls: int = 0
    tokens_in: int = 0
    tokens: int = 0

    def add(self, messages: Sequence[BaseMessage]) -> None:
        """Add the calls of a conversation."""
        for message in messages:
            if isinstance(message, AIMessage):
                usage = message.usage_metadata or {"input_tokens": 0, "total_tokens": 0}
                self.calls += 1
                self.tokens_in += usage["input_tokens"]
                self.tokens += usage["total_tokens"]
            elif isinstance(message, ToolMessage) and message.name == QUERY_TOOL:
                self.searches += 1


async def run_react(job: Job, model: ModelSettings) -> Output:
    """Run the items of a job one after the other, each by an agent of its own with the configured model."""
    async with DefaultAsyncHttpxClient() as http:
        chat = open_chat(model, timeout=model.timeout_s, max_retries=model.retries, http_async_client=http)
        return await run_agents(job, lambda _: chat)


async def run_agents(job: Job, chat_of: ChatOf) -> Output:
    """Run an agent for each item of a job; one that comes to no end is told and does not stop the others.

    Args:
        job: What is to be done.
        chat_of: The model of each item's agent.
    """
    procedure = load_procedure(job.source)
    items = [item for item in procedure.items if not job.items or item.id in job.items]
    account, parts = _Account(), []
    failed: dict[str, str] = {}
    started = time.monotonic()
    with LogStore(job.home / "logs") as store:
        server = build_server(store, zone=ZoneInfo(procedure.timezone), clock=lambda: job.now)
        async with open_connection(InMemory(server)) as connection:
            tools = list((await connection.tools()).values())
            for item in items:
                capped = [_capped(tool, item.show) for tool in tools]
                text, reason = await _report(job, procedure, item, chat_of(item), capped, account)
                parts.append(f"## {item.id}: {item.title}\n\n{text}")
                failed |= {item.id: reason} if reason else {}
    cost = Cost(
        seconds=time.monotonic() - started,
        searches=account.searches,
        calls=account.calls,
        tokens=account.tokens,
        tokens_in=account.tokens_in,
    )
    return Output(markdown="\n\n".join(parts), failed=failed, cost=cost)


async def _report(
    job: Job,
    procedure: Procedure,
    item: Item,
    chat: BaseChatModel,
    tools: Sequence[BaseTool],
    account: _Account,
) -> tuple[str, str]:
    """Return an item's report and, where the agent came to no end, why."""
    agent: Any = create_agent(chat, list(tools), system_prompt=job.source.files[DOCUMENT])
    messages: list[BaseMessage] = []
    reason = ""
    try:
        async for state in agent.astream(
            {"messages": [("user", _task(job, procedure, item))]},
            {"recursion_limit": STEPS},
            stream_mode="values",
        ):
            messages = state["messages"]
    except (
        RecursionError,
        ContextOverflowError,
        ModelAPIError,
        ModelConnectionError,
        ModelTimeoutError,
    ) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
    account.add(messages)
    last = messages[-1] if messages else None
    return (str(last.text) if isinstance(last, AIMessage) else ""), reason


def _task(job: Job, procedure: Procedure, item: Item) -> str:
    zone = ZoneInfo(procedure.timezone)
    start, end = job.window.start, job.window.end
    return _TASK[procedure.language].format(
        id=item.id,
        start=_clock(start, zone),
        end=_clock(end, zone),
        earliest=f"{start:.0f}",
        latest=f"{end:.0f}",
        columns=", ".join(column.label for column in item.output),
    )


def _clock(epoch: float, zone: ZoneInfo) -> str:
    return dt.datetime.fromtimestamp(epoch, zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def _capped(tool: BaseTool, rows: int) -> BaseTool:
    """Return a tool whose answers hold at most `rows` rows, as many as a report of the product shows."""

    async def call(**arguments: Any) -> str:
        answer = await call_tool(tool, arguments)
        return _cut(str(answer.text), rows)

    return StructuredTool(
        name=tool.name, description=tool.description, args_schema=tool.args_schema, coroutine=call
    )


def _cut(text: str, rows: int) -> str:
    try:
        payload = json.loads(text)
    except json.JSONDecodeError:
        return text
    if not isinstance(payload, dict):
        return text
    answer = {name: payload[name] for name in ANSWERED if payload.get(name)}
    found = answer.get("results", [])
    if len(found) > rows:
        answer |= {"results": found[:rows], "not_shown": len(found) - rows}
    return json.dumps(answer, ensure_ascii=False)
