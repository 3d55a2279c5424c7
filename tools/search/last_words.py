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

GRACE_S = 0.5


@dataclass
class Listening:
    """A file for a process to write to, of which only the end is kept."""

    file: TextIO
    _reader: int
    _kept: bytes = b""
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Read from now on, beside everything else."""
        self._thread = threading.Thread(target=self.read, daemon=True)
        self._thread.start()

    def read(self) -> None:
        """Read until the last writer is gone."""
        while chunk := os.read(self._reader, 4096):
            self._kept = (self._kept + chunk)[-KEPT:]
        os.close(self._reader)

    def last(self) -> str:
        """Return the last line that was written, redacted, once the process is gone; nothing is kept after it."""
        self.file.close()
        if self._thread is not None:
            self._thread.join(GRACE_S)  # a process of its own may hold the file open still
        lines = self._kept.decode(errors="replace").split("\n")
        return in_words(next((line for line in reversed(lines) if line.strip()), ""))


@contextmanager
def listening() -> Iterator[Listening]:
    """Keep what is written to a file for the length of a block."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as file:
        kept = Listening(file, reader)
        kept.begin()
        yield kept
