"""An HTTP client under which every call of the MCP client is answered: by the server, or by why it did not.

The MCP client raises an HTTP error inside a task of its own, where it ends the session and leaves whoever
waits for the answer waiting. Here such an error becomes the JSON-RPC error of that one call.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from tools.search.failure import UNANSWERED

LARGEST = 64 * 2**20
"""Most bytes of one answer."""

TIMEOUT = httpx.Timeout(30, read=3600)
"""Seconds; how long an answer may take is decided by who asked for it."""

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_DROPPED = ("content-length", "content-encoding", "transfer-encoding")


def client_of(
    headers: Mapping[str, str], ca: str | None, on_failure: Callable[[str], None] | None = None
) -> httpx.AsyncClient:
    """Return a client for an MCP server.

    Args:
        headers: Sent with every request; may hold a token.
        ca: File of certificates that are trusted besides the usual ones.
        on_failure: Told why a message could not be sent, where the answer comes on another stream; None where
            it comes with the message.
    """
    context = httpx.create_ssl_context()
    if ca:
        context.load_verify_locations(ca)
    return AnsweringClient(headers=dict(headers), timeout=TIMEOUT, verify=context, on_failure=on_failure)


class AnsweringClient(httpx.AsyncClient):
    """Turns whatever happens to a message into an answer to it."""

    def __init__(self, *, on_failure: Callable[[str], None] | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._on_failure = on_failure

    async def send(self, request: httpx.Request, **kwargs: Any) -> httpx.Response:
        """Send a request; one that posts a message has an answer in any case."""
        if request.method != "POST":
            return await super().send(request, **kwargs)
        try:
            response = await super().send(request, **kwargs)
        except (httpx.TransportError, ssl.SSLError) as error:
            text = f"{type(error).__name__}: {error}"
            if self._on_failure:
                self._on_failure(text)
                raise
            return self._answer(request, text, {"again": True})
        if response.is_redirect:
            return response
        if self._on_failure:
            return await self._checked(response)
        return await self._answered(request, response)

    async def _checked(self, response: httpx.Response) -> httpx.Response:
        if not response.is_error or self._on_failure is None:
            return response
        self._on_failure(f"HTTP {response.status_code}: {await _words(response)}")
        return httpx.Response(httpx.codes.ACCEPTED, request=response.request)

    async def _answered(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        kind = response.headers.get("content-type", "").lower()
        if response.is_error:
            data = {"http": response.status_code, "retry_after_s": _retry_after_s(response)}
            return self._answer(request, await _words(response), data)
        if response.status_code == httpx.codes.ACCEPTED or _id_of(request) is None:
            return response
        if kind.startswith("text/event-stream"):
            stream = _Ending(
                response, _refusal(_id_of(request), "the answer ended in its middle", {"again": True})
            )
            return _like(response, request, stream=stream)
        if not kind.startswith("application/json"):
            text = f"the answer is {kind or 'of no type'}, expected JSON: {await _words(response)}"
            return self._answer(request, text, {})
        return await self._whole(request, response)

    async def _whole(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        """Return a JSON answer that can be read; cut, too large or of another call, why not."""
        body = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST:
                    return self._answer(request, f"the answer has more than {LARGEST >> 20} MiB", {})
        except httpx.HTTPError as error:
            return self._answer(request, f"the answer ended in its middle: {error}", {"again": True})
        finally:
            await response.aclose()
        content = mended(bytes(body))
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError) as error:
            return self._answer(request, f"the answer is no JSON: {error}", {"again": True})
        if not _is_answer(answer, _id_of(request)):
            return self._answer(request, f"the answer is none of JSON-RPC: {str(answer)[:200]}", {})
        return _like(response, request, content=content)

    def _answer(self, request: httpx.Request, text: str, data: dict[str, Any]) -> httpx.Response:
        """Return the JSON-RPC error of the request; a notification is taken note of."""
        number = _id_of(request)
        if number is None:
            return httpx.Response(httpx.codes.ACCEPTED, request=request)
        content = _refusal(number, text, data)
        return httpx.Response(
            200, headers={"content-type": "application/json"}, content=content, request=request
        )


class _Ending(httpx.AsyncByteStream):
    """A stream of events that, where it ends before the answer came, ends with an error as its answer."""

    def __init__(self, response: httpx.Response, refusal: bytes) -> None:
        self._response, self._refusal = response, refusal

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # Who has read the answer closes the stream; what comes after its end is read by nobody else.
        size = 0
        parts: list[bytes] = []
        try:
            async for chunk in self._response.aiter_bytes():
                size += len(chunk)
                head, newline, tail = chunk.rpartition(b"\n")
                if newline:
                    yield mended(b"".join(parts) + head + newline)
                    parts = []
                parts.append(tail)
                if size > LARGEST:
                    break
        except httpx.HTTPError:
            pass  # what came is not whole, as is told below
        yield b"\n\nevent: message\ndata: " + self._refusal + b"\n\n"

    async def aclose(self) -> None:
        await self._response.aclose()


def _is_answer(answer: Any, number: int | str | None) -> bool:
    """Tell whether it is JSON-RPC's answer to the message of that number."""
    if not isinstance(answer, dict) or str(answer.get("id")) != str(number):
        return False
    error = answer.get("error")
    said = (
        isinstance(error, dict)
        and isinstance(error.get("code"), int)
        and isinstance(error.get("message"), str)
    )
    return said if "error" in answer else isinstance(answer.get("result"), dict)


def mended(text: bytes) -> bytes:
    r"""Return JSON whose halves of surrogate pairs stand as U+FFFD, since no reader takes them.

    >>> mended(rb'"\ud83d\ude00 \ud800 \\ud800"')
    b'"\\ud83d\\ude00 \\ufffd \\\\ud800"'
    """
    if b"\\u" not in text:
        return text
    return _ESCAPE.sub(lambda found: b"\\ufffd" if found.group(1) else found.group(), text)


def _like(response: httpx.Response, request: httpx.Request, **body: Any) -> httpx.Response:
    headers = [(name, value) for name, value in response.headers.multi_items() if name not in _DROPPED]
    return httpx.Response(response.status_code, headers=headers, request=request, **body)


def _id_of(request: httpx.Request) -> int | str | None:
    try:
        number = json.loads(request.content).get("id")
    except (ValueError, AttributeError, httpx.RequestNotRead):
        return None
    return number if isinstance(number, int | str) else None


def _refusal(number: int | str | None, text: str, data: dict[str, Any]) -> bytes:
    error = {"code": UNANSWERED, "message": text, "data": data}
    return json.dumps({"jsonrpc": "2.0", "id": number, "error": error}).encode()


async def _words(response: httpx.Response) -> str:
    """Return what an answer of another kind says: the message of a JSON-RPC error, or its first characters."""
    body = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > 4096:
                break
    except httpx.HTTPError:
        pass
    finally:
        await response.aclose()
    text = bytes(body).decode(errors="replace")
    try:
        found = json.loads(text)
        return str(found["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return text[:300]


def _retry_after_s(response: httpx.Response) -> float | None:
    """Return the seconds of Retry-After, written as a number or a date."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
