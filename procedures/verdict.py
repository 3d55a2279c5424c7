"""The four verdicts of a monitoring item, ordered by severity."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """First judgement (一次判断) of a finding or an item."""

    NONE = "none"
    OBSERVE = "observe"
    UNDETERMINED = "undetermined"
    INVESTIGATE = "investigate"

    @property
    def severity(self) -> int:
        """Rank from 0 (不要) to 3 (調査必須)."""
        return list(Verdict).index(self)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the most severe of `verdicts`; `none` when there are none.

    >>> worst([Verdict.OBSERVE, Verdict.UNDETERMINED]).value
    'undetermined'
    """
    return max(verdicts, key=lambda verdict: verdict.severity, default=Verdict.NONE)
