"""Regular expressions: Splunk's PCRE, run by the database (RE2) where it can and by Python where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import TypeVar

import duckdb
import regex

from spl.errors import SearchTimeoutError, Span, UnsupportedError

TIMEOUT_S = 2.0
"""Longest that one pattern may look at one value."""

_NAMED = regex.compile(r"(?<!\\)((?:\\\\)*)\(\?<(?![=!])")
_QUOTED = regex.compile(r"\\Q(.*?)(?:\\E|\Z)", regex.DOTALL)
_BEYOND = regex.compile(
    r"(?<!\\)(?:\\\\)*(?:\(\?<?[=!]|\(\?>|\\[1-9]|\\[kKGRhXZ]|\(\?P[=>]|\(\?\(|\(\?[|&R])"
)
T = TypeVar("T")


def check_regex(pattern: str, *, text: str, span: Span) -> None:
    """Refuse what is no pattern.

    Raises:
        UnsupportedError: It cannot be compiled.
    """
    try:
        compile_pcre(pattern)
    except regex.error as error:
        raise UnsupportedError(f"regular expression: {error}.", text=text, span=span) from None


@lru_cache(maxsize=1024)
def compile_pcre(pattern: str) -> regex.Pattern[str]:
    """Return `pattern` for Python.

    Raises:
        regex.error: It is no pattern.
    """
    plain = _QUOTED.sub(lambda match: regex.escape(match[1]), pattern)
    return regex.compile(plain, regex.ASCII | regex.VERSION0)


def group_numbers(pattern: str) -> tuple[tuple[str, int], ...]:
    """Return the named groups of `pattern` with their numbers, in order."""
    return tuple(sorted(compile_pcre(pattern).groupindex.items(), key=lambda pair: pair[1]))


def searching(pattern: str, work: Callable[[float], T]) -> T:
    """Return what `work` returns, given the time that it may take.

    Raises:
        SearchTimeoutError: The pattern took longer.
    """
    try:
        return work(TIMEOUT_S)
    except TimeoutError:
        raise SearchTimeoutError(
            f"the regular expression {pattern[:80]!r} took more than {TIMEOUT_S:g} s on one value."
        ) from None


@lru_cache(maxsize=1024)
def for_database(pattern: str) -> str | None:
    """Return `pattern` as the database reads it, `(?P<name>` for `(?<name>`; None when it cannot run it."""
    if _BEYOND.search(pattern):
        return None
    translated: str = _NAMED.sub(r"\1(?P<", pattern)
    try:
        _database().cursor().execute("SELECT regexp_matches('', ?)", [translated])
    except duckdb.Error:
        return None
    return translated


@cache
def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


_REFERENCE = regex.compile(r"\\(\d)|\$(\d)")


def expand_replacement(replacement: str, groups: int) -> str:
    r"""Return a replacement as Python's `sub` reads it: `\1` and `$1` are groups, all else is plain.

    A group that the pattern lacks is nothing, as in PCRE.

    >>> expand_replacement(r"\2-\d", 2)
    '\\g<2>-\\\\d'
    """
    out, position = "", 0
    for match in _REFERENCE.finditer(replacement):
        out += replacement[position : match.start()].replace("\\", "\\\\")
        number = match[1] or match[2]
        out += f"\\g<{number}>" if int(number) <= groups else ""
        position = match.end()
    return out + replacement[position:].replace("\\", "\\\\")
