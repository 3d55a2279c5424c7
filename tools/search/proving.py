"""From the rows that came to a result: proven whole, cut, in doubt or impossible."""

from __future__ import annotations

from typing import Any

from tools.search.coerce import CellError, coerce_row
from tools.search.dialects import Dialect
from tools.search.expected import check_rows
from tools.search.failure import failed
from tools.search.gather import Gathered
from tools.search.result import Proof, SearchRequest, SearchResult, SearchStatus
from tools.search.sentinel import Mark, Sentinel, check_window, missing, take_out


def conclude(
    request: SearchRequest, dialect: Dialect, found: Gathered, sentinel: Sentinel | None
) -> SearchResult:
    """Return the result that the rows prove.

    Args:
        request: What was asked for.
        dialect: Who answered.
        found: What came.
        sentinel: The row that the search added to its result; None where it added none.

    Raises:
        NoAnswerError: They prove that the search did not run as it was asked for, or prove nothing.
    """
    if dialect.shape == "embedded":
        return _embedded(request, dialect, found)
    told = [str(message) for message in found.messages]
    rows, mark = take_out(found.rows, sentinel) if sentinel else (found.rows, None)
    if mark is not None:
        check_window(mark, request.earliest, request.latest)
        cut = _is_cut(found, len(rows), mark, told)
    else:
        cut = _without_mark(dialect, found, sentinel, told)
    cut = cut or len(rows) > request.row_limit
    rows = rows[: request.row_limit]
    check_rows(request.spl, rows, whole=not cut)
    status = SearchStatus.PARTIAL if found.partial else SearchStatus.TRUNCATED if cut else SearchStatus.OK
    if found.partial and found.partial not in told:
        told.append(found.partial)
    return _result(request, dialect, rows, status, tuple(dict.fromkeys(told))).model_copy(
        update={"total": _total(found, mark, sentinel), "proof": _proof(found, mark)}
    )


def _is_cut(found: Gathered, received: int, mark: Mark, told: list[str]) -> bool:
    """Tell whether rows are missing that were counted."""
    if received > mark.rows:
        raise failed(f"{received} rows came, and the search itself counted {mark.rows}")
    if received < mark.rows:
        told.append(f"{received} of {mark.rows} rows came")
        return True
    return found.more or (found.total is not None and found.total - 1 > received)


def _without_mark(dialect: Dialect, found: Gathered, sentinel: Sentinel | None, told: list[str]) -> bool:
    """Tell whether rows are missing where nothing counted them."""
    cut = found.cut or len(found.rows) >= found.asked
    if sentinel and not cut:
        raise missing(len(found.rows))
    if sentinel:
        told.append("the counting row was cut off with the rows before it")
    elif not (found.sure and dialect.bare_is_proof):
        raise failed(
            "the server does not take the counting row, and its answers alone do not show that a search ran. "
            "Allow appendpipe and addinfo there"
        )
    return cut


def _total(found: Gathered, mark: Mark | None, sentinel: Sentinel | None) -> int | None:
    if mark is not None:
        return mark.rows
    return found.total - 1 if found.total and sentinel else found.total


def _proof(found: Gathered, mark: Mark | None) -> Proof:
    if mark is None:
        return Proof(kind="none", peers=found.speaks)
    return Proof(
        kind="sentinel",
        rows=mark.rows,
        earliest=mark.earliest,
        latest=mark.latest,
        utc_offset_s=mark.utc_offset_s,
        peers=found.speaks,
    )


def _embedded(request: SearchRequest, dialect: Dialect, found: Gathered) -> SearchResult:
    """Return what our own server says; it counts what it scanned, and tells how it ended."""
    scanned = int(found.answer["scanned"])
    cut = found.more or len(found.rows) > request.row_limit
    status = SearchStatus.TRUNCATED if cut else SearchStatus.NO_DATA if scanned == 0 else SearchStatus.OK
    told = tuple(str(message) for message in found.messages)
    result = _result(request, dialect, found.rows[: request.row_limit], status, told)
    fields = found.answer.get("fields")
    return result.model_copy(
        update={
            "fields": tuple(str(name) for name in fields) if isinstance(fields, list) else result.fields,
            "total": found.total,
            "scanned": scanned,
            "set_aside": found.answer.get("set_aside") or None,
        }
    )


def _result(
    request: SearchRequest,
    dialect: Dialect,
    rows: list[dict[str, Any]],
    status: SearchStatus,
    messages: tuple[str, ...],
) -> SearchResult:
    try:
        read = tuple(coerce_row(row) for row in rows)
    except CellError as error:
        raise failed(str(error)) from None
    return SearchResult(
        status=status,
        spl=request.spl,
        earliest=request.earliest,
        latest=request.latest,
        fields=tuple(dict.fromkeys(name for row in read for name in row)),
        rows=read,
        messages=messages,
        server=dialect.name,
    )
