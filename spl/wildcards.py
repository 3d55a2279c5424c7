"""Field names with wildcards."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=4096)
def _pattern(wildcard: str) -> re.Pattern[str]:
    return re.compile("(.*)".join(re.escape(part) for part in wildcard.split("*")), re.DOTALL)


def matches(wildcard: str, name: str) -> bool:
    """Compare a field name with a wildcard; internal fields are only met by name.

    >>> matches("a*", "abc"), matches("*", "_raw"), matches("_*", "_raw")
    (True, False, True)
    """
    if "*" not in wildcard:
        return wildcard == name
    return (not name.startswith("_") or wildcard.startswith("_")) and _pattern(wildcard).fullmatch(
        name
    ) is not None


def renamed(old: str, new: str, name: str) -> str:
    """Return the new name of a field that `old` matches.

    >>> renamed("a.*", "b_*", "a.x")
    'b_x'
    """
    match = _pattern(old).fullmatch(name)
    parts = iter(match.groups() if match else ())
    return "".join(next(parts, "") if char == "*" else char for char in new)


def chosen(names: Iterable[str], wildcards: Iterable[str]) -> list[str]:
    """Return the names that some wildcard matches, in the order of the wildcards, each once."""
    known = sorted(names)
    found = [name for wildcard in wildcards for name in known if matches(wildcard, name)]
    return list(dict.fromkeys(found))
