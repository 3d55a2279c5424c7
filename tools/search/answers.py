"""Reading what a server answered: one reader for each shape, and what every shape has in common.

A reader returns a page only where the answer bears its server's own sign of success. Whatever else an
answer is, it is a failure with the server's words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mcp.types import CallToolResult, TextContent

from tools.search.dialects import Shape
from tools.search.failure import NoAnswerError, failed, in_words, of_http, redact, status_of, told
from tools.search.messages import Message, read_messages
from tools.search.result import SearchStatus

Answer = Mapping[str, Any]
_FINE = frozenset({"success", "ok", "done", "completed", "200"})
_NESTED = ("stats", "job", "job_status", "job_info", "metadata", "content")
_TRUE = frozenset({"1", "true", "yes", "t"})
_OUR_STATUS = re.compile(r"\b(refused|failed|timed_out): ")
_WRAPPED = re.compile(r"^Error (?:executing|calling) tool '?[\w-]+'?: ")
"""What an MCP library writes before a tool's own words."""
_OURS = {"ok", "no_data", "truncated"}


@dataclass(frozen=True, slots=True)
class Page:
    """What one answer holds."""

    rows: list[dict[str, Any]]
    total: int | None = None
    """Rows of the whole result, as the server says."""
    more: bool = False
    """Whether the server says that there are more rows."""
    next_offset: int | None = None
    job: str | None = None
    """Id of the finished search that further pages belong to."""
    messages: tuple[Message, ...] = ()
    speaks: bool = False
    """Whether the server passes on what Splunk said."""
    partial: str | None = None
    """What says that rows may be missing."""
    sure: bool = True
    """Whether the answer alone shows that the search ran."""
    answer: Answer | None = None
    """The answer itself, where it was not just rows."""


def read_answer(result: CallToolResult, shape: Shape) -> Page:
    """Return what an answer holds.

    Args:
        result: What the tool returned.
        shape: How the server builds its answers.

    Raises:
        NoAnswerError: It is an error, or does not bear the sign of success.
    """
    if result.isError:
        raise _of_error(result, shape)
    return _READERS[shape](_payload(result, shape))


def _payload(result: CallToolResult, shape: Shape) -> Any:
    """Return the structured answer, or the JSON in the text of servers that send none."""
    if (structured := result.structuredContent) is not None:
        wrapped = set(structured) == {"result"} and shape != "official"
        return structured["result"] if wrapped else structured
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    if shape == "bare":  # this SDK sends a block of text for each row
        parts = [_parsed(text) for text in texts]
        return parts[0] if len(parts) == 1 and isinstance(parts[0], list) else parts
    if len(texts) != 1:
        raise failed(f"the answer has {len(texts)} parts of text. Expected one with JSON")
    return _parsed(texts[0])


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise told(f"the answer is no JSON: {text[:300]}") from None


def _of_error(result: CallToolResult, shape: Shape) -> NoAnswerError:
    """Return the failure that a tool's error stands for, in the server's words."""
    text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
    text = _WRAPPED.sub("", text)
    if shape == "embedded" and (found := _OUR_STATUS.search(text)):
        return NoAnswerError(SearchStatus(found.group(1)), redact(text[found.end() :]))
    answer: Any = result.structuredContent
    if answer is None:
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            return told(text or "an error without words")
    if isinstance(answer, Mapping):
        try:
            check_signs(answer)
        except NoAnswerError as failure:
            return failure
    return told(text or str(answer))


def check_signs(answer: Answer) -> tuple[tuple[Message, ...], str | None]:
    """Return Splunk's messages, and what says that rows may be missing.

    Raises:
        NoAnswerError: Anything in the answer says that the search failed or did not end.
    """
    messages = tuple(
        message for name in ("messages", "warnings") for message in read_messages(answer.get(name))
    )
    fatal = next((message for message in messages if message.fails), None)
    error = answer.get("error")
    if answer.get("search_executed") is False:
        raise NoAnswerError(SearchStatus.REFUSED, in_words(_words(answer) or "the search was not executed"))
    code = answer.get("status_code")
    if code is not None and str(code) not in {"200", "201"}:
        raise _of_code(str(code), in_words(_words(answer) or answer.get("content") or answer))
    if error not in (None, "", False, [], {}):
        raise told(_words(answer) or str(error))
    if fatal is not None:
        raise NoAnswerError(status_of(fatal.text), str(fatal), again=told(fatal.text).again)
    if "status" in answer and str(answer["status"]).lower() not in _FINE:
        raise told(f"status: {answer['status']}. {_words(answer)}")
    if "success" in answer and answer["success"] is not True:
        raise told(_words(answer) or f"success: {answer['success']}")
    for part in (answer, *(answer[name] for name in _NESTED if isinstance(answer.get(name), Mapping))):
        _check_state(part)
    return messages, _partial(answer, messages)


def _check_state(part: Answer) -> None:
    """Raise where a search is said to have failed or to be running still."""
    for name in ("is_done", "isDone"):
        if name in part and not _is_true(part[name]):
            raise failed(f"the search had not ended ({name}: {part[name]})")
    for name in ("is_failed", "isFailed"):
        if name in part and _is_true(part[name]):
            raise failed(f"the search failed ({name}: {part[name]})")
    for name in ("dispatchState", "dispatch_state"):
        if name in part and str(part[name]).upper() != "DONE":
            raise failed(f"the search did not end well ({name}: {part[name]})")


def _partial(answer: Answer, messages: tuple[Message, ...]) -> str | None:
    for part in (answer, *(answer[name] for name in _NESTED if isinstance(answer.get(name), Mapping))):
        for name in (
            "isPartial",
            "is_partial",
            "partial",
            "is_preview",
            "isPreview",
            "preview",
            "isFinalized",
            "is_finalized",
        ):
            if name in part and _is_true(part[name]):
                return f"the server says {name}"
    return next((str(message) for message in messages if message.incomplete), None)


def _of_code(code: str, text: str) -> NoAnswerError:
    """Return the failure of a status code inside an answer; 400 is how the official server refuses a command."""
    failure = of_http(int(code), text) if code.isdigit() else failed(f"status_code {code}: {text}")
    verdict = status_of(text) if failure.status is SearchStatus.FAILED else failure.status
    return NoAnswerError(verdict, text, failure.http, again=failure.again)


def _words(answer: Answer) -> str:
    """Return the words of a failure."""
    named = [
        str(answer[name]) for name in ("error", "risk_message", "message", "details") if answer.get(name)
    ]
    return in_words("; ".join([*named, *(str(one) for one in read_messages(answer.get("messages")))]))


def _is_true(value: Any) -> bool:
    return value is True or str(value).lower() in _TRUE


def _status_is(answer: Answer, *fine: str) -> None:
    status = answer.get("status")
    if str(status).lower() not in fine:
        raise told(f"status: {status}. Expected {' or '.join(fine)}. {_words(answer)}")


def _mapping(payload: Any) -> Answer:
    if not isinstance(payload, Mapping):
        raise failed(f"the answer holds no rows: {str(payload)[:300]}")
    return payload


def _rows(answer: Answer, name: str) -> list[dict[str, Any]]:
    rows = answer.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise failed(f"the answer holds no rows in {name!r}: {str(dict(answer))[:300]}")
    return rows


def _number(answer: Answer, name: str) -> int | None:
    """Return a count, also one that is written as text; None where it is not given.

    Raises:
        NoAnswerError: It is no count.
    """
    value = answer.get(name)
    if value is None:
        return None
    text = str(value)
    if isinstance(value, bool) or not text.isdigit() or len(text) > 18:
        raise failed(f"the answer has {name} {text[:30]!r}, expected a number of rows")
    return int(text)


def _agrees(answer: Answer, name: str, rows: list[dict[str, Any]]) -> None:
    count = _number(answer, name)
    if count is None:
        raise failed(f"the answer has no {name}: {str(dict(answer))[:300]}")
    if count != len(rows):
        raise failed(f"the answer says {name} {count} and holds {len(rows)} rows")


def _flag(answer: Answer, name: str) -> bool:
    value = answer.get(name)
    if not isinstance(value, bool):
        raise failed(f"the answer does not say {name} true or false: {str(dict(answer))[:300]}")
    return value


def _page(answer: Answer, rows: list[dict[str, Any]], **known: Any) -> Page:
    messages, partial = check_signs(answer)
    speaks = "messages" in answer
    return Page(rows, messages=messages, partial=partial, speaks=speaks, answer=answer, **known)


def _embedded(payload: Any) -> Page:
    answer = _mapping(payload)
    check_signs({name: value for name, value in answer.items() if name not in {"messages", "status"}})
    _status_is(answer, *sorted(_OURS))
    if not isinstance(answer.get("scanned"), int) or isinstance(answer.get("scanned"), bool):
        raise failed("the answer does not say how many events were scanned")
    rows = _rows(answer, "results")
    more = _flag(answer, "truncated") or answer["status"] == "truncated"
    messages = tuple(Message("", str(text)) for text in answer.get("messages") or ())
    return Page(rows, _number(answer, "total_rows"), more, messages=messages, speaks=True, answer=answer)


def _official(payload: Any) -> Page:
    answer = _mapping(payload)
    check_signs(answer)
    if "results" not in answer and isinstance(answer.get("result"), dict):
        return _page(answer, [answer["result"]], sure=False)  # newer servers send a single row like this
    rows = _rows(answer, "results")
    more = _flag(answer, "truncated") or str(answer.get("approx_total", "")).endswith("+")
    total = _number(answer, "total_rows")
    return _page(answer, rows, total=total if total is not None else _number(answer, "total"), more=more)


def _paged(payload: Any) -> Page:
    answer = _mapping(payload)
    check_signs(answer)
    _status_is(answer, "success")
    rows = _rows(answer, "results")
    _agrees(answer, "results_count" if "results_count" in answer else "count", rows)
    job = answer.get("job_id")
    return _page(
        answer,
        rows,
        total=_number(answer, "total_available"),
        more=_flag(answer, "has_more"),
        next_offset=_number(answer, "next_offset"),
        job=str(job) if job else None,
    )


def _flat(payload: Any) -> Page:
    answer = _mapping(payload)
    check_signs(answer)
    _status_is(answer, "success")
    rows = _rows(answer, "results")
    _agrees(answer, "results_count", rows)
    return _page(answer, rows)


def _counted(payload: Any) -> Page:
    answer = _mapping(payload)
    check_signs(answer)
    if answer.get("success") is not True:
        raise told(f"the answer does not say success: {_words(answer) or str(dict(answer))[:300]}")
    rows = _rows(answer, "results")
    _agrees(answer, "result_count", rows)
    stats = answer.get("stats")
    total = _number(stats, "result_count") if isinstance(stats, Mapping) else None
    return _page(answer, rows, total=total)


def _events(payload: Any) -> Page:
    answer = _mapping(payload)
    check_signs(answer)
    rows = _rows(answer, "events")
    _agrees(answer, "event_count", rows)
    return _page(answer, rows, sure=False)


def _bare(payload: Any) -> Page:
    if not isinstance(payload, list):
        if isinstance(payload, Mapping):
            check_signs(payload)
        raise told(f"the answer is no list of rows: {str(payload)[:300]}")
    if not all(isinstance(row, dict) for row in payload):
        raise failed(f"the answer is no list of rows: {str(payload)[:300]}")
    return Page(payload, sure=False)


_READERS: dict[Shape, Callable[[Any], Page]] = {
    "embedded": _embedded,
    "official": _official,
    "paged": _paged,
    "flat": _flat,
    "counted": _counted,
    "events": _events,
    "bare": _bare,
}
