"""What a server says that it was asked, held against what it was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tools.search.failure import failed

_QUERIES = ("query", "query_executed", "search_query", "search", "spl")
_EARLIEST = ("earliest_time", "earliest")
_LATEST = ("latest_time", "latest")
_HEAD = re.compile(r"\s*\|\s*head \d+\s*")
_CLOSE_S = 0.002


def check_echo(answer: Mapping[str, Any], spl: str, earliest: float, latest: float) -> None:
    """Hold the echoed search and window against those that were sent.

    Args:
        answer: The server's answer.
        spl: The search as it was sent.
        earliest: Window start, epoch seconds.
        latest: Window end, epoch seconds.

    Raises:
        NoAnswerError: They differ by more than a `search` before it, a `head` after it, and white space.
    """
    params = answer.get("search_params")
    stats = answer.get("stats")
    for part in (answer, params, stats):
        if not isinstance(part, Mapping):
            continue
        for name in _QUERIES:
            if isinstance(part.get(name), str) and not _same_search(part[name], spl):
                raise failed(f"the server answers another search than it was asked: {part[name][:200]}")
        for names, asked in ((_EARLIEST, earliest), (_LATEST, latest)):
            for name in names:
                if part.get(name) is not None and not _same_time(part[name], asked):
                    raise failed(
                        f"the server answers another window than it was asked for: {name} {part[name]!r}, "
                        f"expected {asked:.3f}"
                    )


def _same_search(echoed: str, sent: str) -> bool:
    """Tell whether two texts are one search.

    >>> _same_search("search index=a  | stats count | head 1001", "index=a | stats count")
    True
    """
    theirs, ours = _plain(echoed), _plain(sent)
    return theirs.startswith(ours) and (theirs == ours or _HEAD.fullmatch(theirs[len(ours) :]) is not None)


def _plain(text: str) -> str:
    words = " ".join(text.split())
    return words[7:] if words.lower().startswith("search ") else words


def _same_time(echoed: Any, asked: float) -> bool:
    try:
        return abs(float(echoed) - asked) <= _CLOSE_S
    except (TypeError, ValueError):
        pass
    try:
        moment = datetime.fromisoformat(str(echoed))
    except ValueError:
        return False
    return moment.tzinfo is not None and abs(moment.timestamp() - asked) <= 1
