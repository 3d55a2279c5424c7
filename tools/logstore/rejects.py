"""What an import could not use: written beside the store as NDJSON, and summed up for the report."""

from __future__ import annotations

import base64
import uuid
from pathlib import Path
from typing import BinaryIO

import orjson

from tools.durable import write_durably
from tools.logstore.lines import Reject

SHOWN = 10
"""Rejects that an import report names; all of them are in the file."""


class Rejects:
    """The rejects of one file: `file`, `line`, `reason` and the bytes as `base64`, one object a line."""

    def __init__(self, folder: Path, path: str) -> None:
        self._path = path
        self._target = folder / "rejects" / f"{uuid.uuid4().hex}.ndjson"
        self._file: BinaryIO | None = None
        self.count = 0
        self.shown: list[tuple[int, str]] = []

    @property
    def kept_in(self) -> str | None:
        """The file that holds them; None when there are none."""
        return str(self._target) if self.count else None

    def add(self, reject: Reject) -> None:
        """Write one reject."""
        if self._file is None:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._target.with_suffix(".tmp").open("wb")
        data = base64.b64encode(reject.data).decode()
        entry = {"file": self._path, "line": reject.line, "reason": reject.reason, "base64": data}
        self._file.write(orjson.dumps(entry) + b"\n")
        self.count += 1
        if len(self.shown) < SHOWN:
            self.shown.append((reject.line, reject.reason))

    def finish(self) -> None:
        """Put the file on disk under its name."""
        if self._file is None:
            return
        self._file.close()
        write_durably(self._target, self._target.with_suffix(".tmp").rename)

    def discard(self) -> None:
        """Remove what was written."""
        if self._file is not None:
            try:
                self._file.close()
            finally:
                self._target.with_suffix(".tmp").unlink(missing_ok=True)
                self._target.unlink(missing_ok=True)
