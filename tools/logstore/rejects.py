"""What an import set aside: written beside the store as NDJSON, and counted by where and when it belongs."""

from __future__ import annotations

import base64
import uuid
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from tools.durable import write_durably
from tools.logstore.flaws import text_of
from tools.logstore.lines import Reject
from tools.logstore.manifest import SetAside

SHOWN_BYTES = 500
"""Bytes of a line that are shown."""

SHOWN = 10
"""Rejects that an import report names; all of them are in the file."""

DAY = 86_400.0
WIDE = 31 * DAY
"""Seconds before the file was written in which a line may lie that neither has a time nor a neighbour with one."""

_GRAIN = 60.0
"""Lines of one minute are counted together, so that a file full of them does not fill the manifest."""

_Place = tuple[str | None, str | None]


class Rejects:
    """What is set aside of one file: its bytes in `folder/rejects`, and when it belongs.

    A line without a time of its own lies between the events before and behind it, as far as the file is in order: how
    far it is not, widens that. At the ends of a file a day is added, and where the input broke off everything up to the
    time at which it was written. A file without any time is taken for the month before it was written.

    Args:
        folder: The store.
        path: The file that is read.
        written_at: When it was written, epoch seconds.
    """

    def __init__(self, folder: Path, path: str, written_at: float) -> None:
        self._path = path
        self._target = folder / "rejects" / f"{uuid.uuid4().hex}.ndjson"
        self._file: BinaryIO | None = None
        self._written_at = written_at
        self._own: Counter[tuple[_Place, int]] = Counter()
        self._between: Counter[tuple[_Place, float, float]] = Counter()
        self._waiting: Counter[tuple[_Place, bool]] = Counter()
        self._before: float | None = None
        self._back = self._forth = 0.0
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
        self._file.write(orjson.dumps(self._entry(reject)) + b"\n")
        self.count += 1
        if len(self.shown) < SHOWN:
            self.shown.append((reject.line, reject.reason))
        place = reject.index, reject.sourcetype
        if reject.time is None:
            self._waiting[place, reject.cut] += 1
        else:
            self._own[place, int(reject.time // _GRAIN)] += 1
            self.saw(reject.time, reject.time)

    def saw(self, first: float, last: float, *, back: float = 0.0, forth: float = 0.0) -> None:
        """Take note of the times of events: of the first and the last of them, and of the largest steps between."""
        if self._before is not None:
            step = first - self._before
            self._back, self._forth = max(self._back, -step), max(self._forth, step)
        self._back, self._forth = max(self._back, back), max(self._forth, forth)
        self._settle(first)
        self._before = last

    def places(self) -> tuple[SetAside, ...]:
        """Return where and when everything belongs; after the last event was seen."""
        self._settle(None)
        slack = min(self._back, self._forth)
        own = [
            SetAside(index, sourcetype, minute * _GRAIN, (minute + 1) * _GRAIN, lines)
            for ((index, sourcetype), minute), lines in self._own.items()
        ]
        between = [
            SetAside(index, sourcetype, first - slack, last + slack, lines)
            for ((index, sourcetype), first, last), lines in self._between.items()
        ]
        return (*own, *between)

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

    def _entry(self, reject: Reject) -> dict[str, object]:
        return {
            "file": self._path,
            "line": reject.line,
            "reason": reject.reason,
            "index": reject.index,
            "sourcetype": reject.sourcetype,
            "time": reject.time,
            "after": self._before,
            "base64": base64.b64encode(reject.data).decode(),
        }

    def _settle(self, behind: float | None) -> None:
        """Give the lines that wait for the next event their span."""
        for (place, cut), lines in self._waiting.items():
            self._between[place, *self._span(behind, cut=cut)] += lines
        self._waiting.clear()

    def _span(self, behind: float | None, *, cut: bool) -> tuple[float, float]:
        before = self._before
        if before is None and behind is None:
            return self._written_at - WIDE, self._written_at + DAY
        known = [time for time in (before, behind) if time is not None]
        room = DAY if len(known) == 1 else 0.0
        first, last = min(known) - room, max(known) + room
        return first, max(last, self._written_at) if cut else last


def line_of(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a line as it can be shown: its place, why it is set aside, and its bytes as text, the first of them."""
    data = base64.b64decode(entry["base64"])
    text = text_of(data[:SHOWN_BYTES])[0]
    more = f" … ({len(data):,} bytes)" if len(data) > SHOWN_BYTES else ""
    known = ("line", "reason", "index", "sourcetype", "time", "after")
    return {name: entry.get(name) for name in known} | {"text": text + more}


def read_rejects(path: Path) -> list[dict[str, Any]]:
    """Return what one import set aside; nothing when its file is gone.

    Raises:
        OSError: The file cannot be read.
    """
    if not path.exists():
        return []
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]
