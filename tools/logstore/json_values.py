"""JSON as logs hold it: read strictly where it is right, and leniently, with its flaws named, where it is not.

Source: RFC 8259, "The JavaScript Object Notation (JSON) Data Interchange Format", sections 4, 6 and 7.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from tools.logstore import flaws
from tools.logstore.events import Several, UnreadableEventError

DEEPEST = 100
"""Levels of nesting that are read where there are too many of them; what lies below is kept as its text."""

_LONGEST_NUMBER, _LONG = 19, 20
"""Digits of a whole number that every reader keeps as they are, and of one that is kept as its text; more are a flaw."""

_NAME_END = re.compile(rb'"[ \t\r\n]+:')
_LONG_NUMBER = re.compile(rb"[\s:,\[-]\d{20}")
_ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})?')
_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]"]', re.DOTALL)
_ELEMENT_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],"]', re.DOTALL)
_RECORDS = re.compile(rb'\s*\{\s*"Records"\s*:\s*\[')
_ARRAY = re.compile(rb'\s*(?:\{\s*"Records"\s*:\s*)?\[')
_AFTER_ARRAY = re.compile(rb"[\s}]*")


def read_json(data: bytes, *, leniently: bool = False) -> tuple[Any, tuple[str, ...]]:
    """Return the value of a JSON text, and what is wrong with the text.

    A name that is given twice has the values `Several`; a number that JSON does not have, or that is longer than a
    computer holds, is its text; what is nested too deeply is its text.

    Args:
        data: UTF-8, or nearly.
        leniently: Do not try the strict reader, whose value is nested too deeply for the caller.

    Raises:
        UnreadableEventError: It is no JSON.
    """
    fault: ValueError | None = None
    if not leniently:
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            fault = error
        else:
            if not _LONG_NUMBER.search(data) and not _may_repeat_names(data, value):
                return value, ()
    try:
        return _Lenient().read(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableEventError(_why(data, fault or error)) from None


def _may_repeat_names(data: bytes, value: Any) -> bool:
    """Tell whether an object of `data` may give a name twice.

    Every name ends with a quote before a colon, so there are at least as many of those as names; the value has fewer
    names than the text only where one was given twice.
    """
    try:
        return data.count(b'":') + len(_NAME_END.findall(data)) != _count_names(value)
    except RecursionError:
        return True


def _count_names(value: Any) -> int:
    if value.__class__ is dict:
        inner: Any = value.values()
        count = len(value)
    elif value.__class__ is list:
        inner, count = value, 0
    else:
        return 0
    for part in inner:
        if part.__class__ is dict or part.__class__ is list:
            count += _count_names(part)
    return count


def _why(data: bytes, error: Exception) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as fault:
        return f"not UTF-8 (byte {fault.start + 1}), and no JSON"
    return f"no JSON: {getattr(error, 'msg', error)}"


class _Lenient:
    """One lenient reading."""

    def __init__(self) -> None:
        self._flaws: set[str] = set()

    def read(self, data: bytes) -> tuple[Any, tuple[str, ...]]:
        text = data.decode("utf-8", "surrogateescape").strip("\0 \t\r\n")
        if flaws.has_controls(data.decode("latin-1")):
            self._flaws.add(flaws.CONTROL)
        try:
            value = self._loads(text)
        except RecursionError:
            value = self._loads(self._shallow(text))
        except json.JSONDecodeError:
            repaired = _ESCAPE.sub(lambda match: match.group() if match.group(1) else r"\\", text)
            if repaired == text:
                raise
            self._flaws.add(flaws.ESCAPE)
            value = self._loads(self._shallow(repaired))
        return self._shown(value), flaws.in_order(self._flaws)

    def _loads(self, text: str) -> Any:
        if text.count("[") + text.count("{") > DEEPEST:
            text = self._shallow(text)
        return json.loads(
            text,
            strict=False,
            parse_constant=self._odd_number,
            parse_int=self._whole_number,
            parse_float=self._number,
            object_pairs_hook=self._object,
        )

    def _odd_number(self, text: str) -> str:
        self._flaws.add(flaws.NUMBER)
        return text

    def _whole_number(self, text: str) -> int | str:
        digits = len(text.lstrip("-"))
        if digits > _LONG:
            return self._odd_number(text)
        return int(text) if digits <= _LONGEST_NUMBER else text

    def _number(self, text: str) -> float | str:
        number = float(text)
        return self._odd_number(text) if number in {float("inf"), float("-inf")} else number

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) == len(pairs):
            return record
        self._flaws.add(flaws.REPEATED)
        values: dict[str, Several] = {}
        for name, value in pairs:
            values.setdefault(name, Several()).append(value)
        return {name: several if len(several) > 1 else several[0] for name, several in values.items()}

    def _shallow(self, text: str) -> str:
        """Return `text` with what lies below the deepest level as texts."""
        parts: list[str] = []
        depth = start = done = 0
        for token in _TOKENS.finditer(text):
            mark = token.group()
            if mark == '"':
                break  # a text that does not end
            if mark in "{[":
                depth += 1
                start = token.start() if depth == DEEPEST + 1 else start
            elif mark in "}]":
                depth -= 1
                if depth == DEEPEST:
                    parts += [text[done:start], json.dumps(text[start : token.end()], ensure_ascii=False)]
                    done = token.end()
        if done:
            self._flaws.add(flaws.DEPTH)
        return "".join((*parts, text[done:]))

    def _shown(self, value: Any) -> Any:
        """Return the value with every text as it can be stored."""
        if isinstance(value, str):
            if flaws.has_surrogates(value):
                self._flaws.add(flaws.BYTES)
                value = flaws.without_surrogates(value)
            return flaws.without_controls(value) if flaws.CONTROL in self._flaws else value
        if isinstance(value, dict):
            return {self._shown(name): self._shown(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return value.__class__(self._shown(inner) for inner in value)
        return value


def holds_records(data: bytes) -> bool:
    """Tell whether `data` begins as a document that holds `Records`, whole or cut."""
    return _RECORDS.match(data) is not None


def elements_of(data: bytes) -> Iterator[tuple[int, bytes, bool]] | None:
    """Split the array that a document is, or holds as `Records`, without reading its elements.

    Returns:
        Offset and bytes of each element, with the comma behind it, and whether it ends as an element should; last,
        what is left over of a document that is cut or goes on, behind its first bytes. None when `data` does not begin
        as such a document.
    """
    head = _ARRAY.match(data)
    return _elements(data, head.end()) if head else None


def _elements(data: bytes, begin: int) -> Iterator[tuple[int, bytes, bool]]:
    depth, start = 0, begin
    for token in _ELEMENT_TOKENS.finditer(data, begin):
        mark = token.group()
        if mark == b'"':
            break  # a text that does not end
        if mark in {b"{", b"["}:
            depth += 1
        elif mark == b"]" and not depth:
            if data[start : token.start()].strip():
                yield start, data[start : token.start()], True
            start = token.start()
            if _AFTER_ARRAY.fullmatch(data, token.end()):
                return
            break
        elif mark in {b"}", b"]"}:
            depth -= 1
        elif mark == b"," and not depth:
            yield start, data[start : token.end()], True
            start = token.end()
    yield start, data[:begin] + data[start:], False
