"""Why a search has no answer, and in which words it is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mcp.shared.exceptions import McpError

from tools.search.result import SearchStatus

_SECRET = re.compile(r"(?i)(bearer|authorization|token|password)([\"'\s:=]+)[^\s\"',;}]+")
_REFUSED = re.compile(
    r"(?i)forbidden|not allowed|not permitted|blocked|denied|risk tolerance|insufficient permission|unauthori[sz]ed command"
)
_TIMED_OUT = re.compile(r"(?i)timed[ _-]?out|timeout|deadline exceeded|did not complete within")
_BUSY = re.compile(
    r"(?i)maximum number of concurrent|too many (?:requests|searches)|rate limit"
    r"|\bHTTP 50[0234]\b|service unavailable|bad gateway"
)
LONGEST = 500
"""Most characters of a server's words that are kept."""

BUSY = -32010
"""JSON-RPC code of the official server where it is busy or was asked too often."""

CLOSED = -32000
UNANSWERED = -32099
"""Ours, for a message that the server did not answer by JSON-RPC."""

INTERNAL = -32603


class SearchToolMissingError(Exception):
    """The MCP server offers no search tool that is known here."""


@dataclass(eq=False)
class NoAnswerError(Exception):
    """A call that brought no answer; `text` is fit to be shown."""

    status: SearchStatus
    text: str
    http: int | None = None
    """HTTP status, where there was one."""
    retry_after_s: float | None = None
    """How long the server asked to wait."""
    again: bool = False
    """Whether the same call may well be answered later."""
    lost: bool = False
    """Whether the connection must be opened anew."""

    def __str__(self) -> str:
        return self.text


def redact(text: str) -> str:
    """Return `text` without what looks like a credential.

    >>> redact("Authorization: Bearer abc.def")
    'Authorization: [redacted]'
    """
    return re.sub(r"(\[redacted\])\s+\S+", r"\1", _SECRET.sub(r"\1\2[redacted]", text))


def in_words(value: object) -> str:
    """Return a server's words, redacted, on one line and not too long."""
    return redact(" ".join(str(value).split()))[:LONGEST]


def status_of(text: str) -> SearchStatus:
    """Return the status that a server's words of failure stand for."""
    if _REFUSED.search(text):
        return SearchStatus.REFUSED
    return SearchStatus.TIMED_OUT if _TIMED_OUT.search(text) else SearchStatus.FAILED


def failed(text: str) -> NoAnswerError:
    """Return a failure whose words are ours."""
    return NoAnswerError(SearchStatus.FAILED, in_words(text))


def told(text: str) -> NoAnswerError:
    """Return a failure in the words of the server; too many searches at once may be answered later."""
    return NoAnswerError(status_of(text), in_words(text), again=_BUSY.search(text) is not None)


def of_http(status: int, text: str, retry_after_s: float | None = None) -> NoAnswerError:
    """Return the failure that an HTTP status stands for."""
    words = in_words(f"HTTP {status}: {text}" if text else f"HTTP {status}")
    verdict = SearchStatus.REFUSED if status in {403, 413} else SearchStatus.FAILED
    if status in {408, 504}:
        verdict = SearchStatus.TIMED_OUT
    lost = status in {401, 404} or (status == 400 and "session" in text.lower())
    again = lost or status in {429, 500, 502, 503, 504}
    return NoAnswerError(verdict, words, status, retry_after_s, again, lost)


def of_exception(error: BaseException) -> NoAnswerError:
    """Return the failure that an exception of the foreign client stands for."""
    leaves = list(_leaves(error))
    notes = [note for part in (error, *leaves) for note in getattr(part, "__notes__", ())]
    failure = _of_leaves(leaves)
    if notes:
        failure.text = in_words(f"{failure.text} ({notes[0]})")
    return failure


def _of_leaves(leaves: list[BaseException]) -> NoAnswerError:
    for leaf in leaves:
        if isinstance(leaf, NoAnswerError):
            return leaf
        if isinstance(leaf, McpError):
            return _of_protocol(leaf)
        status = getattr(getattr(leaf, "response", None), "status_code", None)
        if isinstance(status, int):
            return of_http(status, str(leaf))
    if any(isinstance(leaf, SearchToolMissingError) for leaf in leaves):
        return failed(str(leaves[0]))
    text = "; ".join(f"{type(leaf).__name__}: {leaf}" for leaf in leaves)
    return NoAnswerError(SearchStatus.FAILED, in_words(text), again=True, lost=True)


def _of_protocol(error: McpError) -> NoAnswerError:
    data = error.error.data if isinstance(error.error.data, dict) else {}
    text = in_words(error.error.message)
    status, retry_after = data.get("http"), data.get("retry_after_s")
    if isinstance(status, int):
        return of_http(status, text, retry_after if isinstance(retry_after, int | float) else None)
    if error.error.code == BUSY:
        return NoAnswerError(SearchStatus.FAILED, text, 429, again=True)
    if error.error.code == UNANSWERED:
        return NoAnswerError(SearchStatus.FAILED, text, again=data.get("again") is True)
    if error.error.code == CLOSED:
        return NoAnswerError(SearchStatus.FAILED, text, again=True, lost=True)
    return NoAnswerError(status_of(text), text, again=error.error.code == INTERNAL)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
