"""How each Splunk MCP server is asked, and where its answer keeps rows and the sign of truncation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """One server's search tool."""

    name: str
    tool: str
    query: str
    earliest: str
    latest: str
    limit: str
    rows: str | None
    """Key of the rows; None when the answer is the bare list."""
    cap: int
    """Most rows that it returns for one call."""
    truncated: str | None = None
    """Key that says that more rows exist; None: reaching the limit is the only sign."""
    total: tuple[str, ...] = ()


DIALECTS = (
    Dialect(
        "splunk", "splunk_run_query", "query", "earliest_time", "latest_time", "row_limit", "results", 1000,
        "truncated", ("total_rows",),
    ),
    Dialect(
        "splunk-old", "run_splunk_query", "query", "earliest_time", "latest_time", "row_limit", "results", 1000,
        "truncated", ("total_rows",),
    ),
    Dialect("livehybrid", "search_splunk", "search_query", "earliest_time", "latest_time", "max_results", None, 1000),
    Dialect("splunk-mcp-server2", "search_oneshot", "query", "earliest_time", "latest_time", "max_count", "events", 1000),
    Dialect(
        "mcp-for-splunk", "run_oneshot_search", "query", "earliest_time", "latest_time", "max_results", "results", 100,
        "has_more", ("total_available",),
    ),
)  # fmt: skip
"""Known servers, the official one first. The embedded server speaks the official dialect."""


def find_dialect(tools: Iterable[str]) -> Dialect | None:
    """Return the dialect of the first known search tool among `tools`."""
    names = set(tools)
    return next((dialect for dialect in DIALECTS if dialect.tool in names), None)
