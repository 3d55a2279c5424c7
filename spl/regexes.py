"""Regular expressions: from Splunk's PCRE spelling to the one that DuckDB (RE2) and Python both read."""

from __future__ import annotations

from functools import cache, lru_cache

import duckdb
import regex

from spl.errors import Span, UnsupportedError

_NAMED = regex.compile(r"\(\?<(?![=!])")
_BEYOND = regex.compile(r"(?<!\\)(?:\\\\)*(?:\(\?<?[=!]|\(\?>|\\[1-9]|\\k|\(\?P[=>]|\(\?\()")


def translate_regex(pattern: str, *, text: str, span: Span) -> str:
    """Return `pattern` as RE2 reads it: `(?<name>` becomes `(?P<name>`.

    Raises:
        UnsupportedError: It uses lookaround, backreferences or possessive quantifiers, or is no pattern.
    """
    found = _BEYOND.search(pattern)
    if found:
        raise UnsupportedError(
            f"regular expression with {found.group()!r} (lookaround, backreference or possessive).",
            text=text,
            span=span,
        )
    translated = _NAMED.sub("(?P<", pattern)
    try:
        regex.compile(translated)
    except regex.error as error:
        raise UnsupportedError(f"regular expression: {error}.", text=text, span=span) from None
    refusal = _refusal(translated)
    if refusal:
        raise UnsupportedError(f"regular expression: {refusal}.", text=text, span=span)
    return str(translated)


@cache
def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@lru_cache(maxsize=1024)
def _refusal(pattern: str) -> str | None:
    """Return why the database cannot run `pattern`; None when it can."""
    try:
        _database().cursor().execute("SELECT regexp_matches('', ?)", [pattern])
    except duckdb.Error as error:
        return str(error).removeprefix("Invalid Input Error: ")
    return None
