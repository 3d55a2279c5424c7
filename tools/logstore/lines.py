"""From bytes to lines, plain or gzip, without losing what stands before a damaged place."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

Line = tuple[int, bytes, str | None]
"""Line number, the line without its end, and why the input broke off here, if it did."""

Lines = Iterable[Line]

BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Reject:
    """Something that is no event: kept aside, never dropped."""

    line: int
    reason: str
    data: bytes


DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)
"""What reading a damaged compressed file raises."""


def open_plain(stream: io.BufferedReader) -> io.BufferedReader:
    """Return `stream` decompressed when it begins as gzip."""
    if begins_with(stream, b"\x1f\x8b"):
        return cast("io.BufferedReader", gzip.GzipFile(fileobj=stream))
    return stream


def begins_with(stream: io.BufferedReader, signature: bytes) -> bool:
    """Tell whether `stream` begins with these bytes, without reading on."""
    try:
        return stream.peek(len(signature)).startswith(signature)
    except DAMAGE:
        return False


def lines_of(stream: io.BufferedIOBase) -> Iterator[Line]:
    """Yield the lines of `stream`; what stands between the last line end and a damaged place comes with the reason."""
    number = 0
    open_parts: list[bytes] = []
    while True:
        try:
            chunk = stream.read1(_CHUNK)
        except DAMAGE as error:
            yield (
                number + 1,
                b"".join(open_parts),
                f"the compressed file is damaged or cut off here ({error})",
            )
            return
        if not chunk:
            break
        first, *others = chunk.split(b"\n")
        open_parts.append(first)
        if not others:
            continue
        tail = others.pop()
        for line in (b"".join(open_parts), *others):
            number += 1
            yield number, line.rstrip(b"\r"), None
        open_parts = [tail]
    if last := b"".join(open_parts):
        yield number + 1, last.rstrip(b"\r"), None


def without_mark(number: int, line: bytes) -> bytes:
    """Return `line` without the byte order mark that the first line of a file may have."""
    return line.removeprefix(BOM) if number == 1 else line


def decoded(number: int, line: bytes) -> str:
    """Return `line` as text.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    return without_mark(number, line).decode()
