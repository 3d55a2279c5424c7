"""The plain ReAct agent at its best: played from a script, so that its cost is known without any model's talent.

A small model gives up early, which makes the plain way look cheap. The script sends every search that the procedure demands of
an item, as many in one turn as can be known by then, and reports at once: no agent can do the same work in fewer calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolCall, convert_to_openai_messages
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from openai import DefaultAsyncHttpxClient
from pydantic import Field

from evals.output import Output
from evals.react import QUERY_TOOL, run_agents
from evals.variant import Job
from tools.search.result import SearchResult

Sent = dict[str, Any]
Count = Callable[[list[Sent], list[Sent]], Awaitable[int]]
"""Counts the tokens of messages and tool schemas in OpenAI's form."""


Script = Sequence[Sequence[SearchResult]]
"""Turns of searches; those of one turn are sent side by side."""


class CountingError(Exception):
    """A server cannot count the tokens of a conversation."""


async def run_able(job: Job, scripts: Mapping[str, Script], count: Count) -> Output:
    """Play the scripts of a job's items; only the cost of the output means anything.

    Args:
        job: What is to be done.
        scripts: Searches by item.
        count: Counts what a model would read.
    """
    return await run_agents(job, lambda item: Player(script=scripts[item.id], count=count))


class Player(BaseChatModel):
    """A chat model that plays a script, and accounts for what it is sent at every call."""

    script: Script
    count: Count
    tools: list[Sent] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "player"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Player:
        """Return a player that is sent `tools` with every call."""
        return self.model_copy(update={"tools": [convert_to_openai_tool(tool) for tool in tools]})

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> ChatResult:
        sent = convert_to_openai_messages(messages)
        tokens = await self.count(sent if isinstance(sent, list) else [sent], self.tools)
        turn = sum(isinstance(message, AIMessage) for message in messages)
        searches = self.script[turn] if turn < len(self.script) else ()
        message = AIMessage(
            content="" if searches else "done",
            tool_calls=[_call(f"{turn}.{place}", one) for place, one in enumerate(searches)],
            usage_metadata=UsageMetadata(input_tokens=tokens, output_tokens=0, total_tokens=tokens),
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> ChatResult:
        raise NotImplementedError("a player is asked from a running loop")


def _call(ident: str, search: SearchResult) -> ToolCall:
    window = {"earliest_time": f"{search.earliest:.0f}", "latest_time": f"{search.latest:.0f}"}
    return ToolCall(name=QUERY_TOOL, args={"query": search.spl, **window}, id=ident)


@dataclass(frozen=True)
class ServerCount:
    """Counts as a llama.cpp server does: with its own chat template and tokenizer."""

    base_url: str
    """Of its OpenAI-compatible interface, ending in `/v1`."""

    async def __call__(self, messages: list[Sent], tools: list[Sent]) -> int:
        """Return the tokens of the prompt that the server would make.

        Raises:
            CountingError: It has no `/apply-template` or `/tokenize`, or refuses the conversation.
        """
        prompt = await self._ask("apply-template", {"messages": messages, "tools": tools})
        given = {"content": prompt["prompt"], "add_special": True, "parse_special": True}
        return len((await self._ask("tokenize", given))["tokens"])

    async def _ask(self, name: str, given: Sent) -> Sent:
        url = f"{self.base_url.removesuffix('/v1')}/{name}"
        async with DefaultAsyncHttpxClient(timeout=60) as http:
            answer = await http.post(url, json=given)
        if answer.status_code != 200:
            raise CountingError(
                f"{url} answered {answer.status_code}: {answer.text[:200]}. Expected a llama.cpp server."
            )
        found: Sent = answer.json()
        return found
