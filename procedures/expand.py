"""Filling `$token$` places: values go in as quoted SPL texts, never as parts of a search."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from procedures.model import DrillDown
from spl.expr import Expr
from spl.lex import blank_comments, split_pipeline
from spl.parse_expr import parse_expression
from spl.values import to_number, to_text

Value = str | int | float | Sequence[str]

SCOPE_FUNCTIONS = frozenset({"total", "item_max", "distinct", "before_avg", "before_max", "before"})
"""Functions that criteria have beside those of the engine."""

SCOPE_NAMES = {"item": ("rows",), "finding": ("seen_before", "seen_periods")}
"""Names that criteria have beside the columns of a row, by scope."""

_TOKEN = re.compile(r"\$\$|\$([A-Za-z_][\w.{}]*)\$")
_TERM = re.compile(
    r'(?P<field>"[^"]+"|[\w.{}:]+)\s*(?:=\s*\$(?P<one>[\w.{}]+)\$|IN\s*\(\s*\$(?P<many>[\w.{}]+)\$\s*\))'
)
_NEGATED = re.compile(r"\b(?:NOT|OR)\b|!=")


class TokenError(ValueError):
    """A `$token$` has no value, or one that cannot be used safely where it stands."""


def tokens(text: str) -> tuple[str, ...]:
    """Return the names of the `$token$` places in `text`, without repeats."""
    return tuple(dict.fromkeys(match[1] for match in _TOKEN.finditer(text) if match[1]))


def quote(value: str) -> str:
    r"""Return `value` as an SPL text.

    >>> quote('a"b\\c')
    '"a\\"b\\\\c"'
    """
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _rendered(value: Value) -> str:
    if isinstance(value, int | float):
        return to_text(value) or "0"
    if isinstance(value, str):
        return quote(value)
    return ", ".join(quote(part) for part in value)


def substitute(text: str, values: Mapping[str, Value]) -> str:
    """Fill every `$token$`; `$$` is a dollar.

    Raises:
        TokenError: A token has no value.
    """

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "$"
        if name not in values:
            raise TokenError(
                f"token ${name}$ has no value here. Known: {', '.join(sorted(values)) or 'none'}."
            )
        return _rendered(values[name])

    return _TOKEN.sub(fill, text)


def parameter_values(parameters: Mapping[str, str]) -> dict[str, Value]:
    """Return parameters as values: numbers where they are numbers."""
    numbers = {name: to_number(text) for name, text in parameters.items()}
    return {
        name: text if numbers[name] is None else _plain(numbers[name] or 0.0)
        for name, text in parameters.items()
    }


def _plain(number: float) -> int | float:
    return int(number) if number.is_integer() else number


def drill_down_search(drill_down: DrillDown, values: Mapping[str, Value]) -> str:
    """Return a drill-down's search with its tokens filled.

    Quoting does not neutralise `*`, and `search` ignores case; so an exact `where` follows every search
    condition that compares a field with a token.

    Raises:
        TokenError: A token has no value, or one with `*` where no exact condition can follow.
    """
    text = blank_comments(drill_down.spl)
    parts = []
    for number, span in enumerate(split_pipeline(text)):
        part = text[span.start : span.end]
        searching = number == 0 or part.strip().lower().startswith("search ")
        parts.append(_filled(part, values, searching=searching))
    return "|".join(parts)


def _filled(part: str, values: Mapping[str, Value], *, searching: bool) -> str:
    if not searching:
        return substitute(part, values)
    pairs = [(match["field"].strip('"'), match["one"] or match["many"]) for match in _TERM.finditer(part)]
    widened = re.sub(r"=\s*(\$[\w.{}]+\$)", lambda match: _equality(match, values), part)
    filled = substitute(widened, values)
    wild = [name for name in tokens(part) if "*" in _rendered(values.get(name, ""))]
    exact = not _NEGATED.search(part)
    if wild and (not exact or set(wild) - {name for _, name in pairs}):
        raise TokenError(f"the value of ${wild[0]}$ holds *, which would match more than itself here.")
    conditions = [f"'{field}' IN ({_rendered(values[name])})" for field, name in pairs] if exact else []
    return filled + (f" | where {' AND '.join(conditions)} " if conditions else "")


def _equality(match: re.Match[str], values: Mapping[str, Value]) -> str:
    """Turn `field=$x$` into `field IN ($x$)` where the token has several values."""
    value = values.get(match[1].strip("$"))
    several = value is not None and not isinstance(value, str | int | float)
    return f" IN ({match[1]})" if several else match[0]


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Expr:
    return parse_expression(text, extra_functions=SCOPE_FUNCTIONS)


def expression(text: str, parameters: Mapping[str, str]) -> Expr:
    """Return a criterion's condition as a parsed expression, parameters filled in.

    Raises:
        SplError: It is no expression.
        TokenError: It names a parameter that does not exist.
    """
    return _parsed(expression_text(text, parameters))


def expression_text(text: str, parameters: Mapping[str, str]) -> str:
    """Return a condition with its parameters filled in, as people read it.

    >>> expression_text("failures >= $burst$", {"burst": "30"})
    'failures >= 30'
    """
    return _filled_text(text, tuple(parameters.items()))


@lru_cache(maxsize=1024)
def _filled_text(text: str, parameters: tuple[tuple[str, str], ...]) -> str:
    return substitute(text, parameter_values(dict(parameters)))
