"""What a search is asked for and what it answered, whichever server ran it."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict

Value = str | int | float | list[str]
"""A cell: text, a number, or a multivalue. A missing field is an absent key."""

Row = dict[str, Value]


class Model(BaseModel):
    """Frozen, and strict about unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SearchStatus(StrEnum):
    """How a search ended. Only `ok` and, where a procedure says so, `no_data` may support a clean verdict."""

    OK = "ok"
    NO_DATA = "no_data"
    """It ran, and its scope held no event at all in the window."""
    PARTIAL = "partial"
    TRUNCATED = "truncated"
    """More rows exist than were returned."""
    REFUSED = "refused"
    FAILED = "failed"
    TIMED_OUT = "timed_out"


class SearchRequest(Model):
    """One search: text with macros expanded and a bounded window.

    `earliest` and `latest` are epoch seconds, half-open.
    """

    spl: str
    earliest: float
    latest: float
    row_limit: int = 1000
    timeout_s: float = 120


class SearchResult(Model):
    """One executed search; its canonical JSON without `duration_s` is the evidence."""

    status: SearchStatus
    spl: str
    earliest: float
    latest: float
    fields: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    total: int | None = None
    """Rows of the whole result; None when the server does not say."""
    scanned: int | None = None
    """Events in scope before the search's own filter; None when the server does not say."""
    messages: tuple[str, ...] = ()
    server: str = ""
    """Which server answered, for example `tejun-logstore`."""


class TimedResult(Model):
    """A result with when it was run and how long it took; these are no part of the evidence."""

    result: SearchResult
    executed_at: float
    duration_s: float


class SearchSession(Protocol):
    """An open connection to a SIEM."""

    async def search(self, request: SearchRequest) -> TimedResult:
        """Run one search. A refusal, failure or timeout is a status, not an exception."""
        ...

    async def utc_offset_s(self, at: float) -> int | None:
        """Return the offset of the SIEM user's zone at epoch `at`, in seconds; None when it cannot be told."""
        ...

    @property
    def source(self) -> str:
        """A stable name of what is searched, part of a round's identity."""
        ...
