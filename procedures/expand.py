"""The `$token$` places of a procedure's texts, their values, and the expressions of criteria with parameters filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from spl.expr import Expr
from spl.parse_expr import parse_expression
from spl.values import to_number, to_text

Value = str | int | float | Sequence[str]

SCOPE_FUNCTIONS = frozenset({"total", "item_max", "distinct", "before_avg", "before_max", "before"})
"""Functions that criteria have beside those of the engine."""

SCOPE_NAMES = {"item": ("rows",), "finding": ("seen_before", "seen_periods")}
"""Names that criteria have beside the columns of a row, by scope."""

TOKEN = re.compile(r"\$\$|\$([A-Za-z_][\w.{}]*)\$")
"""A token, or a dollar that is written twice."""


class TokenError(ValueError):
    """The `$token$` named `token` has no value, or one that cannot be used safely where it stands."""

    def __init__(self, message: str, token: str) -> None:
        super().__init__(message)
        self.token = token


def tokens(text: str) -> tuple[str, ...]:
    """Return the names of the `$token$` places in `text`, without repeats."""
    return tuple(dict.fromkeys(match[1] for match in TOKEN.finditer(text) if match[1]))


def quote(value: str) -> str:
    r"""Return `value` as an SPL text.

    >>> quote('a"b\\c')
    '"a\\"b\\\\c"'
    """
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def rendered(value: Value) -> str:
    """Return a value as it stands in an expression."""
    if isinstance(value, int | float):
        return to_text(value) or "0"
    if isinstance(value, str):
        return quote(value)
    return ", ".join(quote(part) for part in value)


def valued(name: str, values: Mapping[str, Value]) -> Value:
    """Return the value of a token.

    Raises:
        TokenError: It has none.
    """
    if name not in values:
        raise TokenError(
            f"token ${name}$ has no value here. Known: {', '.join(sorted(values)) or 'none'}.", name
        )
    return values[name]


def substitute(text: str, values: Mapping[str, Value]) -> str:
    """Fill every `$token$` of an expression; `$$` is a dollar. A search is filled by `procedures.filling`.

    Raises:
        TokenError: A token has no value.
    """

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "$"
        return rendered(valued(name, values))

    return TOKEN.sub(fill, text)


def parameter_values(parameters: Mapping[str, str]) -> dict[str, Value]:
    """Return parameters as values: numbers where they are numbers."""
    numbers = {name: to_number(text) for name, text in parameters.items()}
    return {
        name: text if numbers[name] is None else _plain(numbers[name] or 0.0)
        for name, text in parameters.items()
    }


def _plain(number: float) -> int | float:
    return int(number) if number.is_integer() else number


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
