"""What a search is asked for and what it answered, whichever server ran it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

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
    """Rows came, but the server said that they may not be all."""
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


class Proof(Model):
    """What a server showed about a search, beyond that it answered."""

    kind: Literal["embedded", "sentinel", "none"]
    """`embedded`: our own server counted what it scanned; `sentinel`: a row of the search itself counted the others."""
    rows: int | None = None
    """Rows of the main pipeline as the server counted them."""
    earliest: float | None = None
    """The window that the server searched, epoch seconds."""
    latest: float | None = None
    utc_offset_s: int | None = None
    """Offset of the zone in which the server reads clock times, when the search ran."""
    peers: bool = False
    """Whether the server passes on what its indexers said; otherwise nothing shows that every one answered."""


def _is_none(value: object) -> bool:
    return value is None


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
    proof: Proof | None = Field(default=None, exclude_if=_is_none)
    """What shows that the rows are all; left out of the stored form where nothing was asked for."""
    set_aside: int | None = Field(default=None, exclude_if=_is_none)
    """Lines of the searched sources inside the window that the import could not read as events; left out when none
    were counted."""


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
