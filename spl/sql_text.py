"""Quoting for SQL, and the macros that give DuckDB this engine's value rules."""

from __future__ import annotations

import re

import duckdb

MACROS = (
    # Text as a number by the rule of spl.values.to_number: no infinities, no digit separators.
    "CREATE OR REPLACE MACRO spl_num(x) AS CASE WHEN isfinite(TRY_CAST(x AS DOUBLE)) AND NOT contains(x, '_')"
    " THEN TRY_CAST(x AS DOUBLE) END",
    "CREATE OR REPLACE MACRO spl_text(x) AS CASE WHEN x = trunc(x) AND abs(x) < 1e15"
    " THEN CAST(CAST(x AS BIGINT) AS VARCHAR) ELSE printf('%.15g', x) END",
    "CREATE OR REPLACE MACRO spl_finite(x) AS CASE WHEN isfinite(x) THEN x END",
    "CREATE OR REPLACE MACRO spl_scale(n) AS pow(10, greatest(-20, least(20, n)))",
    "CREATE OR REPLACE MACRO spl_round(x, n) AS CASE WHEN NOT isfinite(abs(x) * spl_scale(n)) THEN x"
    " ELSE (CASE WHEN x < 0 THEN -1 ELSE 1 END) * (floor(abs(x) * spl_scale(n))"
    " + CASE WHEN abs(x) * spl_scale(n) - floor(abs(x) * spl_scale(n)) >= 0.5 THEN 1 ELSE 0 END) / spl_scale(n) END",
    # A multivalue has at least one value; without any it is missing.
    "CREATE OR REPLACE MACRO spl_multi(x) AS CASE WHEN len(x) > 0 THEN x END",
    # An epoch that has a clock time in both backends: the years 1 to 9999 with a day to spare for zones.
    "CREATE OR REPLACE MACRO spl_epoch(x) AS CASE WHEN x BETWEEN -62135510400 AND 253402214400 THEN x END",
    # Comparison of two texts: by number if both are numeric, else by code point. Returns -1, 0, 1.
    "CREATE OR REPLACE MACRO spl_order(a, b) AS CASE WHEN spl_num(a) IS NOT NULL AND spl_num(b) IS NOT NULL"
    " THEN sign(spl_num(a) - spl_num(b)) WHEN a < b THEN -1 WHEN a = b THEN 0 WHEN a > b THEN 1 END",
)
"""Run once per database, before its configuration is locked."""


def install_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a database the macros that compiled searches call."""
    for statement in MACROS:
        connection.execute(statement)


def _mentions(statement: str) -> tuple[str, int]:
    """Return a macro's name and how often it writes out its first argument, macros inside it written out."""
    name, argument, body = re.findall(r"MACRO (\w+)\((\w+).*?\) AS (.*)", statement, re.DOTALL)[0]
    return name, len(re.findall(rf"\b{argument}\b", body))


_WRITTEN = {"nullif": 2, **dict(_mentions(statement) for statement in MACROS)}
_WRITTEN |= {"spl_text": 5 * _WRITTEN["spl_text"], "spl_order": 3 * _WRITTEN["spl_order"]}
_PIECE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(\w+)?\(|\)|[^'\"()\w]+|\w+")


def written_size(text: str) -> int:
    """Return the letters of a SQL expression once the database has written out its macros.

    >>> written_size("abc"), written_size("spl_finite(abc)") > 2 * written_size("abc")
    (3, True)
    """
    size, times, open_ = 0, 1, []
    for piece in _PIECE.finditer(text):
        size += times * len(piece[0])
        if piece[0].endswith("("):
            open_.append(times)
            times *= _WRITTEN.get(piece[1] or "", 1)
        elif piece[0] == ")" and open_:
            times = open_.pop()
    return size


def text_literal(value: str) -> str:
    """Return `value` as a SQL text.

    >>> text_literal("it's")
    "'it''s'"
    """
    if "\0" in value:
        return " || chr(0) || ".join(text_literal(part) for part in value.split("\0"))
    return "'" + value.replace("'", "''") + "'"


def number_literal(value: float) -> str:
    """Return `value` as a SQL double; a negative one in parentheses, since two minus signs begin a comment.

    >>> number_literal(-5)
    '(-5.0)::DOUBLE'
    """
    text = repr(float(value))
    return f"({text})::DOUBLE" if text.startswith("-") else f"{text}::DOUBLE"


def in_window(earliest: float, latest: float) -> str:
    """Return the condition that an event lies in a window, half-open, epoch seconds."""
    return f"_time >= {number_literal(earliest)} AND _time < {number_literal(latest)}"


def identifier(name: str) -> str:
    """Return `name` as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
