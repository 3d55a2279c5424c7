"""What a started server last wrote to its standard error."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from tools.search.failure import in_words

KEPT = 2000
"""Most characters that are kept."""


@dataclass
class Listening:
    """A file for a process to write to, of which only the end is kept."""

    file: TextIO
    _reader: int
    _kept: bytes = b""

    def read(self) -> None:
        """Read until the last writer is gone."""
        while chunk := os.read(self._reader, 4096):
            self._kept = (self._kept + chunk)[-KEPT:]
        os.close(self._reader)

    def last(self) -> str:
        """Return the last line that was written, redacted."""
        lines = self._kept.decode(errors="replace").split("\n")
        return in_words(next((line for line in reversed(lines) if line.strip()), ""))


@contextmanager
def listening() -> Iterator[Listening]:
    """Keep what is written to a file for the length of a block."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as file:
        kept = Listening(file, reader)
        threading.Thread(target=kept.read, daemon=True).start()
        yield kept
