"""What is known of the Splunk MCP servers before a search is sent: the commands and the length that they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ROOM = 122
"""Characters that the client may add to a search: the row that counts the others."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server, as far as its limits are known."""

    rests_on: str
    """What the rules rest on, as a person reads it."""
    longest: int | None = None
    """Most characters of a search; None: no limit is known."""
    allowed: frozenset[str] | None = None
    """Commands that it is known to allow; another may be refused. None: no list is known."""
    refused: frozenset[str] = frozenset()
    """Commands that it is known to refuse."""


_NAMED_BY_OFFICIAL = frozenset(
    [
        "addinfo",
        "anomalousvalue",
        "append",
        "appendcols",
        "bin",
        "bucket",
        "chart",
        "convert",
        "dedup",
        "eval",
        "eventstats",
        "fields",
        "fillnull",
        "foreach",
        "gentimes",
        "head",
        "inputlookup",
        "join",
        "lookup",
        "makeresults",
        "metadata",
        "multisearch",
        "outlier",
        "predict",
        "rare",
        "regex",
        "rename",
        "rex",
        "search",
        "sort",
        "stats",
        "streamstats",
        "table",
        "tail",
        "timechart",
        "top",
        "transaction",
        "trendline",
        "tstats",
        "union",
        "where",
    ]
)
"""Commands that the guide to its configuration names as typically allowed, with `tstats`, which it documents as used."""

_OFFICIAL = Server(
    rests_on="the guide to the server's safe_spl.json; the list of an installation is its administrator's, who can extend it",
    longest=5_000,
    allowed=_NAMED_BY_OFFICIAL,
)
_DESLICER = Server(
    rests_on="the source of the server's query check",
    longest=50_000,
    refused=frozenset({"collect", "outputlookup", "outputcsv", "delete", "sendemail", "script", "run"}),
)

SERVERS: Mapping[str, Server] = {
    "embedded": Server(rests_on="our own server", longest=5_000),
    "official-0.2": _OFFICIAL,
    "official-1.2": _OFFICIAL,
    "official-2": _OFFICIAL,
    "mcp-for-splunk-0.6.10": Server(rests_on="no limit is known"),
    "mcp-for-splunk-0.6.13": _DESLICER,
    "mcp-server-splunk-0.3.0": Server(rests_on="no limit is known"),
    "splunk-mcp-server2-0.1.1": Server(rests_on="no limit is known"),
    "livehybrid": Server(rests_on="no limit is known"),
}
"""Known servers by the names that `tejun procedure lint --for` takes."""
