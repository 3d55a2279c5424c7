"""Which failures are tried again, and after how long. The one place that decides it."""

from __future__ import annotations

from tools.search.failure import NoAnswerError

PAUSES_S = (0.25, 1.0, 4.0)
"""Before the second, third and fourth try."""

RATE_WINDOW_S = 60.0
"""The official server counts calls in fixed windows of this length."""


def pause_s(failure: NoAnswerError, tried: int, left_s: float) -> float | None:
    """Return the seconds to wait before the next try; None where there is none.

    Args:
        failure: Why the last try brought nothing.
        tried: How many tries there were, this one included.
        left_s: Seconds that are left for the answer. A pause that would use them up is not begun.
    """
    if not failure.again or tried > len(PAUSES_S):
        return None
    if failure.http == 401 and tried > 1:
        return None
    pause = PAUSES_S[tried - 1]
    if failure.http == 429 and tried > 1:
        pause = RATE_WINDOW_S
    if failure.retry_after_s is not None:
        pause = failure.retry_after_s
    return pause if pause < left_s else None
