"""The guard: only searches that are understood, read-only and bounded reach a server."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from spl.datamodels import AnyDatasets
from spl.errors import SplError
from spl.lex import without_comments
from spl.macros import MacroTable, expand
from spl.parse import parse_search
from spl.plan import Search, indexes, tables
from spl.reach import objections
from tools.search import sentinel
from tools.search.result import SearchRequest, SearchResult, SearchSession, SearchStatus, TimedResult

MOST_CHARACTERS = 5_000
"""Most characters of a search that the official server takes; the embedded one takes as many."""

ROOM = sentinel.ROOM
"""Characters of them that stay free for what the client itself adds to a search."""


class RefusedError(Exception):
    """A search that must not be sent; the text says why and where."""


def guard(
    spl: str,
    *,
    macros: MacroTable,
    allowed_indexes: frozenset[str],
    earliest: float,
    latest: float,
    lookups: frozenset[str] = frozenset(),
    most_characters: int | None = None,
) -> str:
    """Return the search as it may be sent: macros expanded, comments left out.

    Args:
        spl: The search with its tokens filled in. A macro call in quotes is not expanded: it may be a value's.
        macros: The procedure's macros.
        allowed_indexes: Indexes that the procedure declares.
        earliest: Window start, epoch seconds.
        latest: Window end, epoch seconds.
        lookups: Lookup tables that the procedure names.
        most_characters: Most that the server takes; None leaves it to the client, which knows the server.

    Raises:
        RefusedError: It has a command that is not known to be read-only, an index or a lookup that is not the
            procedure's, no index at all, times of its own, a subsearch whose rows become more than values, a
            backtick, no bounded window, or too many characters.
    """
    try:
        text = without_comments(expand(spl, macros, in_quotes=False).text)
        if "`" in text:
            raise RefusedError(
                "a backtick stands in a quoted text: a server reads it as the call of a macro."
            )
        search = parse_search(text, datasets=AnyDatasets())
    except SplError as error:
        raise RefusedError(str(error)) from None
    _check_reach(search, allowed_indexes, lookups)
    for objection in objections(search):
        raise RefusedError(objection.message)
    if not 0 <= earliest < latest < float("inf"):
        raise RefusedError(f"the window from {earliest} to {latest} is not bounded.")
    if most_characters is not None and len(search.text) > most_characters - ROOM:
        raise RefusedError(
            f"the search has {len(search.text):,} characters with its macros and values. "
            f"At most {most_characters - ROOM:,} are sent."
        )
    return search.text


def _check_reach(search: Search, allowed_indexes: frozenset[str], lookups: frozenset[str]) -> None:
    named = indexes(search)
    if named is None:
        raise RefusedError("the search names no index. Expected index=… of the procedure's data sources.")
    if foreign := sorted(named - {name.lower() for name in allowed_indexes}):
        allowed = ", ".join(sorted(allowed_indexes))
        raise RefusedError(f"index {foreign[0]!r} is not one of the procedure's data sources ({allowed}).")
    read = tables(search)
    if unknown := sorted(name for name in read if name.removesuffix(".csv") not in lookups):
        raise RefusedError(
            f"lookup {unknown[0]!r} is not one of the procedure's: neither in its folder lookups nor in lookups: [names]."
        )
    if not named and not read:
        raise RefusedError("the search reads no index and no lookup. Expected index=… of a data source.")


@dataclass(frozen=True, slots=True)
class GuardedSession:
    """A `SearchSession` that lets only guarded searches through."""

    session: SearchSession
    allowed_indexes: frozenset[str]
    macros: MacroTable
    lookups: frozenset[str] = frozenset()
    most_characters: int | None = None
    _passed: dict[tuple[str, float, float], str] = field(default_factory=dict, compare=False, repr=False)
    """What was let through, with its text, so that it is read once: for its text, and when it is sent."""

    @property
    def source(self) -> str:
        """What is searched."""
        return self.session.source

    def _guarded(self, request: SearchRequest) -> str:
        asked = (request.spl, request.earliest, request.latest)
        if asked not in self._passed:
            self._passed[asked] = guard(
                request.spl,
                macros=self.macros,
                allowed_indexes=self.allowed_indexes,
                earliest=request.earliest,
                latest=request.latest,
                lookups=self.lookups,
                most_characters=self.most_characters,
            )
        return self._passed[asked]

    def text_of(self, request: SearchRequest) -> str | None:
        """Return the text of a search as it would be sent; None when it would be refused."""
        try:
            return self._guarded(request)
        except RefusedError:
            return None

    async def search(self, request: SearchRequest) -> TimedResult:
        """Send the search, or return `refused` without contacting the server."""
        try:
            text = self._guarded(request)
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
