"""A row that a search adds to its own result, to say how many others there must be.

It stands last in the main pipeline, counts what came before it, and tells over which window and in which
zone the search ran. Its name is drawn anew for every search, so that no stored event can hold it.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.search.failure import NoAnswerError, failed

LENGTH = 8
"""Letters of a name; letters only, since some servers mask what looks like a number."""

_ZONE = re.compile(r"([+-])(\d\d):?(\d\d)")
_CLOSE_S = 0.002
"""Windows that differ by less are the same; a SIEM writes milliseconds."""


@dataclass(frozen=True, slots=True)
class Sentinel:
    """The row that one search adds."""

    name: str

    def added_to(self, spl: str) -> str:
        """Return the search with the row at its end."""
        return f"{spl.rstrip()} {self.text}"

    @property
    def text(self) -> str:
        """The commands that add the row."""
        zone = f'{self.name}_tz=strftime(info_min_time,"%z").strftime(info_max_time,"%z")'
        return f"| appendpipe [stats count AS {self.name}|addinfo|eval {zone}]"


@dataclass(frozen=True, slots=True)
class Mark:
    """What the row said."""

    rows: int
    earliest: float
    latest: float
    utc_offset_s: int | None
    """The same at both ends of the window; None where it changed in between, or was not told."""


def draw() -> Sentinel:
    """Return a new one."""
    return Sentinel("".join(secrets.choice(string.ascii_lowercase) for _ in range(LENGTH)))


ROOM = len(draw().text) + 1
"""Characters that it takes of a search's text."""


def take_out(
    rows: Sequence[Mapping[str, Any]], sentinel: Sentinel
) -> tuple[list[dict[str, Any]], Mark | None]:
    """Return the rows without the one that was added, and what it said; None where it is not among them.

    Raises:
        NoAnswerError: There are two of them, it does not stand last, or it does not say what it must.
    """
    places = [index for index, row in enumerate(rows) if row.get(sentinel.name) not in (None, "")]
    if len(places) > 1:
        raise failed(f"the counting row came {len(places)} times: rows of several answers were put together")
    if places and places[0] != len(rows) - 1:
        raise failed("the counting row does not stand last: rows came that it did not count")
    names = (sentinel.name, f"{sentinel.name}_tz")
    held = [row for index, row in enumerate(rows) if index not in places]
    if any(name in row for row in held for name in names):  # a server that fills every row with every column
        held = [{key: value for key, value in row.items() if key not in names} for row in held]
    return [dict(row) for row in held], _read(rows[-1], sentinel) if places else None


def _read(row: Mapping[str, Any], sentinel: Sentinel) -> Mark:
    try:
        rows = int(_one(row[sentinel.name]))
        earliest, latest = float(_one(row["info_min_time"])), float(_one(row["info_max_time"]))
    except (KeyError, ValueError, TypeError):
        raise failed("the counting row does not say how many rows there are and over which window") from None
    zones = {
        (1 if sign == "+" else -1) * (int(hours) * 3600 + int(minutes) * 60)
        for sign, hours, minutes in _ZONE.findall(str(row.get(f"{sentinel.name}_tz", "")))
    }
    return Mark(rows, earliest, latest, zones.pop() if len(zones) == 1 else None)


def _one(value: Any) -> str:
    return str(value[0] if isinstance(value, list) and len(value) == 1 else value)


def check_window(mark: Mark, earliest: float, latest: float) -> None:
    """Hold the window that was searched against the one that was asked for.

    Raises:
        NoAnswerError: They differ.
    """
    if abs(mark.earliest - earliest) > _CLOSE_S or abs(mark.latest - latest) > _CLOSE_S:
        raise failed(
            f"the server searched from {mark.earliest:.3f} to {mark.latest:.3f}, "
            f"not from {earliest:.3f} to {latest:.3f} as it was asked to"
        )


def missing(received: int) -> NoAnswerError:
    """Return the failure of an answer without the row, where no limit explains it."""
    return failed(
        f"the counting row is missing among {received} rows: whether the search ran to its end cannot be told"
    )
