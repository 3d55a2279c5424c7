"""In which zone a SIEM reads clock times: from its user's settings, or from what its searches said."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tools.search.result import Proof

USER_TOOLS = ("splunk_get_user_info", "get_user_info")
PROBE = "| makeresults count=1 | eval zone=1 | fields zone"
"""A search that reads no event, sent where no search has told the zone yet."""


@dataclass(slots=True)
class Zones:
    """What is known of one server."""

    name: str | None = None
    asked: bool = False
    """Whether the user's settings were asked for."""
    probed: bool = False
    _seen: list[tuple[float, float, int]] = field(default_factory=list)

    def learn(self, proof: Proof | None) -> None:
        """Take note of the zone of a search's window."""
        if (
            proof
            and proof.utc_offset_s is not None
            and proof.earliest is not None
            and proof.latest is not None
        ):
            entry = (proof.earliest, proof.latest, proof.utc_offset_s)
            if entry not in self._seen:
                self._seen = [*self._seen[-63:], entry]

    def offset_s(self, at: float) -> int | None:
        """Return the offset at epoch `at`; None where nothing tells it."""
        if self.name:
            try:
                offset = dt.datetime.fromtimestamp(at, ZoneInfo(self.name)).utcoffset()
            except (ZoneInfoNotFoundError, ValueError, OverflowError):
                return None
            return None if offset is None else int(offset.total_seconds())
        return next((offset for start, end, offset in self._seen if start <= at <= end), None)


def zone_in(payload: Any) -> str | None:
    """Return the zone in the answer about a user; None where it has none, as the official server's."""
    rows = payload.get("results") if isinstance(payload, dict) else None
    row = rows[0] if isinstance(rows, list) and rows else payload
    return str(row["tz"]) if isinstance(row, dict) and row.get("tz") else None
