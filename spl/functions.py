"""The eval functions of this engine: one row a function, shared by parser, evaluator, compiler and docs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

ResultKind = Literal["text", "number", "bool", "multi", "same"]


@dataclass(frozen=True, slots=True)
class Function:
    """Signature of an eval function; `most` None means any number of arguments."""

    name: str
    least: int
    most: int | None
    result: ResultKind
    doc: str


_ALL = (
    Function("abs", 1, 1, "number", "absolute value"),
    Function("case", 2, None, "same", "value after the first condition that holds"),
    Function("ceiling", 1, 1, "number", "next whole number up"),
    Function("cidrmatch", 2, 2, "bool", "address lies in the network"),
    Function("coalesce", 1, None, "same", "first value that is present"),
    Function("false", 0, 0, "bool", "false"),
    Function("floor", 1, 1, "number", "next whole number down"),
    Function("if", 3, 3, "same", "second argument if the condition holds, else the third"),
    Function("in", 2, None, "bool", "value equals one of the others"),
    Function("isnotnull", 1, 1, "bool", "value is present"),
    Function("isnull", 1, 1, "bool", "value is missing"),
    Function("len", 1, 1, "number", "length in characters"),
    Function("like", 2, 2, "bool", "text matches a pattern with % and _"),
    Function("lower", 1, 1, "text", "lower case"),
    Function("match", 2, 2, "bool", "a regular expression is found in the text"),
    Function("now", 0, 0, "number", "time of the search, epoch seconds"),
    Function("null", 0, 0, "text", "a missing value"),
    Function("relative_time", 2, 2, "number", "a time moved by a time modifier such as -1d@d"),
    Function("round", 1, 2, "number", "rounded, halves away from zero"),
    Function("strftime", 2, 2, "text", "a time as text"),
    Function("strptime", 2, 2, "number", "a text as a time, epoch seconds"),
    Function("tonumber", 1, 1, "number", "text as a number, missing when it is none"),
    Function("tostring", 1, 1, "text", "number as text"),
    Function("true", 0, 0, "bool", "true"),
    Function("upper", 1, 1, "text", "upper case"),
)

FUNCTIONS: dict[str, Function] = {function.name: function for function in _ALL}
"""Every supported eval function by name."""

TIME_DIRECTIVES = "YmdHMSybBaApIjTF%"
"""Directives of `strftime` and `strptime` that both backends render alike."""

_LONG_FORMS = {"%T": "%H:%M:%S", "%F": "%Y-%m-%d"}


def plain_directives(pattern: str) -> str:
    """Write out the short forms of a time format; `%%` stays what it is.

    >>> plain_directives("%F %T %%T")
    '%Y-%m-%d %H:%M:%S %%T'
    """
    return re.sub(r"%.", lambda match: _LONG_FORMS.get(match[0], match[0]), pattern, flags=re.DOTALL)
