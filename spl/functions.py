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
    Function("acos", 1, 1, "number", "inverse cosine"),
    Function("acosh", 1, 1, "number", "inverse hyperbolic cosine"),
    Function("asin", 1, 1, "number", "inverse sine"),
    Function("asinh", 1, 1, "number", "inverse hyperbolic sine"),
    Function("atan", 1, 1, "number", "inverse tangent"),
    Function("atan2", 2, 2, "number", "inverse tangent of y and x"),
    Function("atanh", 1, 1, "number", "inverse hyperbolic tangent"),
    Function("avg", 1, None, "number", "average of the numeric arguments"),
    Function("bit_and", 2, 2, "number", "bitwise AND of two whole numbers"),
    Function("bit_not", 1, 1, "number", "bitwise NOT within 53 bits"),
    Function("bit_or", 2, 2, "number", "bitwise OR of two whole numbers"),
    Function("bit_shift_left", 2, 2, "number", "whole number shifted to the left"),
    Function("bit_shift_right", 2, 2, "number", "whole number shifted to the right"),
    Function("bit_xor", 2, 2, "number", "bitwise XOR of two whole numbers"),
    Function("case", 2, None, "same", "value after the first condition that holds"),
    Function("ceiling", 1, 1, "number", "next whole number up"),
    Function("cidrmatch", 2, 2, "bool", "address lies in the network"),
    Function("coalesce", 1, None, "same", "first value that is present"),
    Function("cos", 1, 1, "number", "cosine"),
    Function("cosh", 1, 1, "number", "hyperbolic cosine"),
    Function("exact", 1, 1, "number", "the number itself"),
    Function("exp", 1, 1, "number", "e to a power"),
    Function("false", 0, 0, "bool", "false"),
    Function("floor", 1, 1, "number", "next whole number down"),
    Function("hypot", 2, 2, "number", "hypotenuse"),
    Function("if", 3, 3, "same", "second argument if the condition holds, else the third"),
    Function("in", 2, None, "bool", "value equals one of the others"),
    Function("ipmask", 2, 2, "text", "address with a mask applied"),
    Function("isbool", 1, 1, "bool", "value is true or false"),
    Function("isint", 1, 1, "bool", "value is a whole number"),
    Function("isnotnull", 1, 1, "bool", "value is present"),
    Function("isnull", 1, 1, "bool", "value is missing"),
    Function("isnum", 1, 1, "bool", "value is a number"),
    Function("isstr", 1, 1, "bool", "value is a text and no number"),
    Function("json", 1, 1, "text", "JSON text if it is valid"),
    Function("json_append", 3, None, "text", "value appended to arrays at paths"),
    Function("json_array", 0, None, "text", "JSON array of the arguments"),
    Function("json_array_to_mv", 1, 2, "multi", "elements of a JSON array"),
    Function("json_delete", 2, None, "text", "document without paths"),
    Function("json_entries", 1, 1, "text", "keys and values as a JSON array"),
    Function("json_extend", 3, None, "text", "arrays at paths extended by arrays"),
    Function("json_extract", 1, None, "text", "what stands at paths of a JSON text"),
    Function("json_extract_exact", 1, None, "text", "what stands under exact keys"),
    Function("json_has_key_exact", 2, 2, "bool", "an object has a key"),
    Function("json_keys", 1, 1, "text", "keys as a JSON array"),
    Function("json_object", 0, None, "text", "JSON object of keys and values"),
    Function("json_set", 3, None, "text", "document with values set at paths"),
    Function("json_valid", 1, 1, "bool", "text is a JSON object or array"),
    Function("len", 1, 1, "number", "length in characters"),
    Function("like", 2, 2, "bool", "text matches a pattern with % and _"),
    Function("ln", 1, 1, "number", "natural logarithm"),
    Function("log", 1, 2, "number", "logarithm, base 10 unless told"),
    Function("lower", 1, 1, "text", "lower case"),
    Function("ltrim", 1, 2, "text", "without characters at the start"),
    Function("match", 2, 2, "bool", "a regular expression is found in the text"),
    Function("max", 1, None, "same", "greatest argument; texts are above numbers"),
    Function("md5", 1, 1, "text", "MD5 digest in hex"),
    Function("min", 1, None, "same", "least argument; numbers are below texts"),
    Function("mv_to_json_array", 1, 2, "text", "values as a JSON array"),
    Function("mvappend", 1, None, "multi", "values of all arguments"),
    Function("mvcount", 1, 1, "number", "number of values"),
    Function("mvdedup", 1, 1, "multi", "distinct values in order"),
    Function("mvfilter", 1, 1, "multi", "values for which a condition holds"),
    Function("mvfind", 2, 2, "number", "place of the first value that a regular expression is found in"),
    Function("mvindex", 2, 3, "multi", "value at a place, or values from a place to another"),
    Function("mvjoin", 2, 2, "text", "values joined by a separator"),
    Function("mvmap", 2, 2, "multi", "expression applied to every value"),
    Function("mvrange", 2, 3, "multi", "numbers from a start to before an end"),
    Function("mvreverse", 1, 1, "multi", "values in reverse"),
    Function("mvsort", 1, 1, "multi", "values in lexical order"),
    Function("mvzip", 2, 3, "multi", "values of two fields joined pair by pair"),
    Function("now", 0, 0, "number", "time of the search, epoch seconds"),
    Function("null", 0, 0, "text", "a missing value"),
    Function("nullif", 2, 2, "same", "first argument unless it equals the second"),
    Function("pi", 0, 0, "number", "pi"),
    Function("pow", 2, 2, "number", "a number to a power"),
    Function("printf", 1, None, "text", "values in a format"),
    Function("random", 0, 0, "number", "a random whole number below 2^31"),
    Function("relative_time", 2, 2, "number", "a time moved by a time modifier such as -1d@d"),
    Function("replace", 3, 3, "text", "matches of a regular expression replaced"),
    Function("round", 1, 2, "number", "rounded, halves away from zero"),
    Function("rtrim", 1, 2, "text", "without characters at the end"),
    Function("searchmatch", 1, 1, "bool", "the event meets a search condition"),
    Function("sha1", 1, 1, "text", "SHA-1 digest in hex"),
    Function("sha256", 1, 1, "text", "SHA-256 digest in hex"),
    Function("sha512", 1, 1, "text", "SHA-512 digest in hex"),
    Function("sin", 1, 1, "number", "sine"),
    Function("sinh", 1, 1, "number", "hyperbolic sine"),
    Function("spath", 2, 2, "multi", "what stands at a path of a JSON text"),
    Function("split", 2, 2, "multi", "text split at a separator"),
    Function("sqrt", 1, 1, "number", "square root"),
    Function("strftime", 2, 2, "text", "a time as text"),
    Function("strptime", 2, 2, "number", "a text as a time, epoch seconds"),
    Function("substr", 2, 3, "text", "part of a text, counted from 1"),
    Function("sum", 1, None, "number", "sum of the numeric arguments"),
    Function("tan", 1, 1, "number", "tangent"),
    Function("tanh", 1, 1, "number", "hyperbolic tangent"),
    Function("time", 0, 0, "number", "time of the search, epoch seconds"),
    Function("tonumber", 1, 2, "number", "text as a number, missing when it is none"),
    Function("tostring", 1, 2, "text", "number as text; hex, commas, duration or binary"),
    Function("trim", 1, 2, "text", "without characters at both ends"),
    Function("true", 0, 0, "bool", "true"),
    Function("typeof", 1, 1, "text", "Number, String, Boolean or Invalid"),
    Function("upper", 1, 1, "text", "upper case"),
    Function("urldecode", 1, 1, "text", "text without percent encoding"),
    Function("validate", 2, None, "same", "value after the first condition that does not hold"),
)

FUNCTIONS: dict[str, Function] = {function.name: function for function in _ALL}
"""Every supported eval function by name."""

ALIASES = {"ceil": "ceiling", "ifnull": "coalesce"}
"""Other names of functions."""

TIME_DIRECTIVES = "YmdHMSybBaApIjTF%"
"""Directives of `strftime` and `strptime` that the database renders as Python does; Python does the others."""

_LONG_FORMS = {"%T": "%H:%M:%S", "%F": "%Y-%m-%d"}


def plain_directives(pattern: str) -> str:
    """Write out the short forms of a time format; `%%` stays what it is.

    >>> plain_directives("%F %T %%T")
    '%Y-%m-%d %H:%M:%S %%T'
    """
    return re.sub(r"%.", lambda match: _LONG_FORMS.get(match[0], match[0]), pattern, flags=re.DOTALL)
