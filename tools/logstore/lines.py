"""From bytes to lines, plain or gzip, without losing what stands before a damaged place."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from tools.logstore.events import UnreadableEventError

Line = tuple[int, bytes, str | None]
"""Line number, the line without its end, and why the input broke off here, if it did."""

Lines = Iterable[Line]

Block = tuple[int, bytes, str | None]
"""Number of the first line, whole lines with their ends, and why the input broke off here, if it did."""

BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Reject:
    """Something that is no event: set aside, never dropped."""

    line: int
    reason: str
    data: bytes
    index: str | None = None
    """Index and sourcetype that it would have; None when they cannot be told."""
    sourcetype: str | None = None
    time: float | None = None
    """Its own time, epoch seconds; None when none can be read."""
    cut: bool = False
    """Whether the input breaks off here, so that nobody knows what and how much is missing."""


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


def blocks_of(stream: io.BufferedIOBase) -> Iterator[Block]:
    """Yield `stream` in blocks of whole lines; what stands before a damaged place comes last, with the reason."""
    number = 1
    open_parts: list[bytes] = []
    while True:
        try:
            chunk = stream.read1(_CHUNK)
        except DAMAGE as error:
            reason = f"the compressed file is damaged or cut off here ({error})"
            yield number, b"".join(open_parts), reason
            return
        if not chunk:
            break
        end = chunk.rfind(b"\n") + 1
        if not end:
            open_parts.append(chunk)
            continue
        block = b"".join((*open_parts, chunk[:end]))
        yield number, block, None
        number += block.count(b"\n")
        open_parts = [chunk[end:]]
    if last := b"".join(open_parts):
        yield number, last, None


def check_whole(broken: str | None) -> None:
    """Raise where the input broke off.

    Raises:
        UnreadableEventError: It did, for this reason.
    """
    if broken:
        raise UnreadableEventError(broken)


def lines_of(blocks: Iterable[Block]) -> Iterator[Line]:
    """Yield the lines of `blocks`."""
    for number, block, broken in blocks:
        if broken:
            yield number, block, broken
            continue
        lines = block.split(b"\n")
        if not lines[-1]:
            lines.pop()
        for offset, line in enumerate(lines):
            yield number + offset, line.rstrip(b"\r"), None


def without_mark(number: int, line: bytes) -> bytes:
    """Return `line` without the byte order mark that the first line of a file may have."""
    return line.removeprefix(BOM) if number == 1 else line
