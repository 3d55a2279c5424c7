"""Asking a server for all rows of one search, page after page where it has pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.search.answers import Page, read_answer
from tools.search.dialects import Dialect
from tools.search.echo import check_echo
from tools.search.failure import failed
from tools.search.messages import Message
from tools.search.result import SearchRequest
from tools.search.transport import Connection


@dataclass(slots=True)
class Gathered:
    """The rows of one search as they came, and what was said about them."""

    rows: list[dict[str, Any]]
    asked: int
    """Most rows that could have come."""
    total: int | None
    more: bool
    messages: list[Message] = field(default_factory=list)
    speaks: bool = False
    partial: str | None = None
    sure: bool = True
    answer: Mapping[str, Any] = field(default_factory=dict)
    """The first answer."""

    @property
    def cut(self) -> bool:
        """Whether the server shows that there are more rows than came."""
        return self.more or (self.total is not None and self.total > len(self.rows))


def epoch_text(epoch: float) -> str:
    """Return an epoch as a SIEM takes it."""
    return f"{epoch:.6f}".rstrip("0").rstrip(".")


def as_sent(spl: str, dialect: Dialect) -> str:
    """Return the search as the server wants it: a space after a leading pipe, and `search` where it writes none."""
    text = spl.strip()
    if text.startswith("|"):
        return f"| {text[1:].lstrip()}"
    leading = text[:7].lower() == "search "
    return f"search {text}" if dialect.prefix and not leading else text


async def gather(
    connection: Connection, dialect: Dialect, spl: str, request: SearchRequest, wanted: int
) -> Gathered:
    """Return the rows of a search.

    Args:
        connection: The way to the server.
        dialect: How it is asked.
        spl: The search as it is sent.
        request: Whose window it is searched over.
        wanted: Most rows that are of use.

    Raises:
        NoAnswerError: An answer is an error, bears no sign of success, or answers something else.
    """
    asked = wanted if dialect.cap is None else min(wanted, dialect.cap)
    asked += asked in dialect.never
    arguments: dict[str, Any] = {
        dialect.query: spl,
        "earliest_time": epoch_text(request.earliest),
        "latest_time": epoch_text(request.latest),
        dialect.limit: asked,
    }
    page = read_answer(await connection.call(dialect.tool, arguments), dialect.shape)
    if page.answer is not None:
        check_echo(page.answer, spl, request.earliest, request.latest)
    found = Gathered(page.rows, asked, page.total, page.more, answer=page.answer or {})
    _note(found, page)
    while page.more and page.next_offset is not None and len(found.rows) < wanted:
        page = await _next(connection, dialect, arguments, page, len(found.rows))
        found.rows += page.rows
        found.more = page.more
        _note(found, page)
        if page.total != found.total:
            raise failed(f"the result had {found.total} rows on one page and {page.total} on the next")
    if dialect.next_tool is not None:
        found.asked = wanted
    return found


async def _next(
    connection: Connection, dialect: Dialect, arguments: dict[str, Any], page: Page, held: int
) -> Page:
    """Return the page after `page`: of the same finished search where the server keeps it."""
    if page.next_offset != held or not page.rows:
        raise failed(f"after {held} rows the next page begins at {page.next_offset}")
    tools = (await connection.live()).tools
    if page.job and dialect.next_tool in tools:
        given = {"job_id": page.job, "count": dialect.cap, "offset": held}
        return read_answer(await connection.call(str(dialect.next_tool), given), dialect.shape)
    again = arguments | {"offset": held}
    return read_answer(await connection.call(dialect.tool, again), dialect.shape)


def _note(found: Gathered, page: Page) -> None:
    found.messages += page.messages
    found.speaks = found.speaks or page.speaks
    found.partial = found.partial or page.partial
    found.sure = found.sure and page.sure
