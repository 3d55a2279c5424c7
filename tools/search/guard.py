"""The guard: only searches that are understood, read-only and bounded reach a server."""

from __future__ import annotations

import time
from dataclasses import dataclass

from spl.datamodels import AnyDatasets
from spl.errors import SplError
from spl.macros import MacroTable
from spl.parse import parse_search
from spl.plan import indexes, walk_searches
from tools.search.result import SearchRequest, SearchResult, SearchSession, SearchStatus, TimedResult


class RefusedError(Exception):
    """A search that must not be sent; the text says why and where."""


def guard(
    spl: str, *, macros: MacroTable, allowed_indexes: frozenset[str], earliest: float, latest: float
) -> str:
    """Return the search as it may be sent, macros expanded.

    Args:
        spl: The search with its tokens filled in.
        macros: The procedure's macros.
        allowed_indexes: Indexes that the procedure declares.
        earliest: Window start, epoch seconds.
        latest: Window end, epoch seconds.

    Raises:
        RefusedError: It has a command that is not known to be read-only, an index that is not the
            procedure's, no index at all, times of its own, or no bounded window.
    """
    try:
        search = parse_search(spl, macros=macros, datasets=AnyDatasets())
    except SplError as error:
        raise RefusedError(str(error)) from None
    named = indexes(search)
    if named is None:
        raise RefusedError("the search names no index. Expected index=… of the procedure's data sources.")
    if foreign := sorted(named - {name.lower() for name in allowed_indexes}):
        allowed = ", ".join(sorted(allowed_indexes))
        raise RefusedError(f"index {foreign[0]!r} is not one of the procedure's data sources ({allowed}).")
    if any(part.earliest is not None or part.latest is not None for part in walk_searches(search)):
        raise RefusedError(
            "the search has earliest= or latest= of its own. The window is written once, in the procedure."
        )
    if not 0 <= earliest < latest < float("inf"):
        raise RefusedError(f"the window from {earliest} to {latest} is not bounded.")
    return search.text


@dataclass(frozen=True, slots=True)
class GuardedSession:
    """A `SearchSession` that lets only guarded searches through."""

    session: SearchSession
    allowed_indexes: frozenset[str]
    macros: MacroTable

    @property
    def source(self) -> str:
        """What is searched."""
        return self.session.source

    def text_of(self, request: SearchRequest) -> str | None:
        """Return the text of a search as it would be sent; None when it would be refused."""
        try:
            return guard(
                request.spl,
                macros=self.macros,
                allowed_indexes=self.allowed_indexes,
                earliest=request.earliest,
                latest=request.latest,
            )
        except RefusedError:
            return None

    async def search(self, request: SearchRequest) -> TimedResult:
        """Send the search, or return `refused` without contacting the server."""
        try:
            text = guard(
                request.spl,
                macros=self.macros,
                allowed_indexes=self.allowed_indexes,
                earliest=request.earliest,
                latest=request.latest,
            )
        except RefusedError as error:
            refused = SearchResult(
                status=SearchStatus.REFUSED,
                spl=request.spl,
                earliest=request.earliest,
                latest=request.latest,
                messages=(str(error),),
            )
            return TimedResult(result=refused, executed_at=time.time(), duration_s=0.0)
        return await self.session.search(request.model_copy(update={"spl": text}))

    async def utc_offset_s(self, at: float) -> int | None:
        """Return the offset of the SIEM user's zone."""
        return await self.session.utc_offset_s(at)
