"""How each Splunk MCP server is asked, and which of its answers are read how.

A server is known by the name of its search tool and by the arguments that the tool takes: two servers have a
`search_splunk`, and a name that begins with `splunk_` is no proof of the official one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mcp.types import Tool

from tools.search.failure import SearchToolMissingError

OURS = "tejun-logstore"
"""The name that the server over the local log store gives itself."""

Shape = Literal["embedded", "official", "paged", "flat", "counted", "events", "bare"]
"""How an answer is built; `tools.search.answers` has one reader for each."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One server's search tool."""

    name: str
    shape: Shape
    tool: str
    query: str
    limit: str
    has: frozenset[str] = frozenset()
    """Arguments that the tool takes, besides query, times and limit."""
    lacks: frozenset[str] = frozenset()
    """Arguments that it does not take."""
    server: str | None = None
    """The name that the server gives itself; None: any."""
    cap: int | None = None
    """Most rows that it returns for one call; None where it has no such bound."""
    longest: int | None = None
    """Most characters of a search."""
    sentinel: bool = True
    """Whether its searches count their own rows; ours proves them otherwise."""
    bare_is_proof: bool = True
    """Whether an answer without the counting row still shows that the search ran."""
    prefix: bool = False
    """Whether we write the `search` that stands before a condition; the others write it themselves."""
    never: frozenset[int] = frozenset()
    """Row limits that it takes for something else."""
    speaks_when_empty: bool = False
    """Whether Splunk's messages are passed on only where no row came."""
    next_tool: str | None = None
    """Tool that returns further pages of a finished search."""

    @property
    def arguments(self) -> frozenset[str]:
        """The arguments that it is called with, and those that tell it from others."""
        return self.has | {self.query, self.limit, "earliest_time", "latest_time"}

    def fits(self, tool: Tool, server: str) -> bool:
        """Tell whether this is the server's search tool."""
        if tool.name != self.tool or (self.server is not None and server != self.server):
            return False
        names = arguments_of(tool)
        return self.arguments <= names and not self.lacks & names


DIALECTS = (
    Dialect(
        OURS, "embedded", "splunk_run_query", "query", "row_limit",
        server=OURS, cap=1000, longest=5000, sentinel=False,
    ),
    Dialect(
        "splunk-2", "official", "splunk_run_query", "query", "row_limit",
        has=frozenset({"app"}), cap=1000, longest=5000, speaks_when_empty=True,
    ),
    Dialect(
        "splunk", "official", "splunk_run_query", "query", "row_limit",
        cap=1000, longest=5000, speaks_when_empty=True,
    ),
    Dialect(
        "splunk-old", "official", "run_splunk_query", "query", "row_limit",
        cap=1000, longest=5000, speaks_when_empty=True,
    ),
    Dialect(
        "mcp-for-splunk", "paged", "run_oneshot_search", "query", "count",
        has=frozenset({"offset"}), cap=100, next_tool="get_search_job_results",
    ),
    Dialect(
        "mcp-for-splunk-0.6.10", "flat", "run_oneshot_search", "query", "max_results",
        lacks=frozenset({"offset", "count"}), cap=10_000, bare_is_proof=False,
    ),
    Dialect(
        "livehybrid", "bare", "search_splunk", "search_query", "max_results",
        bare_is_proof=False, prefix=True,
    ),
    Dialect("mcp-server-splunk", "counted", "search_splunk", "query", "max_count", prefix=True),
    Dialect(
        "splunk-mcp-server2", "events", "search_oneshot", "query", "max_count",
        bare_is_proof=False, never=frozenset({100}),
    ),
)  # fmt: skip
"""Known servers, ours first, then the official one."""

_LISTS_ONLY = frozenset({"list_splunk_saved_searches", "list_splunk_indexes", "list_splunk_macros"})
"""Tools of jkosik/mcp-server-splunk, which has none that searches."""


def arguments_of(tool: Tool) -> frozenset[str]:
    """Return the names of the arguments that a tool takes."""
    properties = tool.inputSchema.get("properties")
    return frozenset(properties) if isinstance(properties, Mapping) else frozenset()


def find_dialect(tools: Mapping[str, Tool], server: str) -> Dialect:
    """Return how the server is asked.

    Args:
        tools: What it offers.
        server: The name that it gives itself.

    Raises:
        SearchToolMissingError: It offers no search that is known here; the text says what it offers.
    """
    for dialect in DIALECTS:
        if (tool := tools.get(dialect.tool)) and dialect.fits(tool, server):
            return dialect
    if len(_LISTS_ONLY & tools.keys()) > 1:
        raise SearchToolMissingError(
            "the MCP server is jkosik's mcp-server-splunk, which only lists and cannot search. "
            "Use a server with a search tool."
        )
    known = next((tools[dialect.tool] for dialect in DIALECTS if dialect.tool in tools), None)
    if known is not None:
        taken = ", ".join(sorted(arguments_of(known))) or "nothing"
        raise SearchToolMissingError(
            f"the MCP server {server!r} has the search tool {known.name!r} with other arguments than any that is known: {taken}."
        )
    raise SearchToolMissingError(
        f"the MCP server offers no known search tool. It offers: {', '.join(sorted(tools)) or 'nothing'}."
    )
