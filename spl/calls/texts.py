"""Functions of texts."""

from __future__ import annotations

import math
import re
import urllib.parse
from collections.abc import Callable

from spl.regexes import compile_pcre, expand_replacement, searching
from spl.values import Value, lower_text, round_half_away, to_number, to_text, upper_text

_DAY = 86_400


def text_call(function: Callable[..., Value]) -> Callable[..., Value]:
    """Return `function` over texts: missing when an argument is."""

    def apply(*values: Value) -> Value:
        known = [text for value in values if (text := to_text(value)) is not None]
        return function(*known) if len(known) == len(values) else None

    return apply


def _substr(value: Value, start: Value, length: Value = None) -> Value:
    text, first = to_text(value), to_number(start)
    if text is None or first is None:
        return None
    begin = int(first) - 1 if first > 0 else max(0, len(text) + int(first)) if first < 0 else 0
    if length is None:
        return text[begin:]
    count = to_number(length)
    return None if count is None else text[begin : begin + max(0, int(count))]


def _trim(strip: Callable[[str, str], str]) -> Callable[..., Value]:
    return text_call(lambda text, chars=" \t": strip(text, chars))


def _replace(value: Value, pattern: Value, replacement: Value) -> Value:
    text, regex, new = to_text(value), to_text(pattern), to_text(replacement)
    if text is None or regex is None or new is None:
        return None
    compiled = compile_pcre(regex)
    expanded = expand_replacement(new, compiled.groups)
    replaced: str = searching(regex, lambda timeout: compiled.sub(expanded, text, timeout=timeout))
    return replaced


def _match(value: Value, pattern: Value) -> Value:
    regex = to_text(pattern)
    known = value if isinstance(value, list) else [to_text(value)]
    texts = [text for text in known if text is not None]
    if regex is None or not texts:
        return None
    compiled = compile_pcre(regex)
    return searching(regex, lambda timeout: any(compiled.search(text, timeout=timeout) for text in texts))


def _tostring(value: Value, form: Value = None) -> Value:
    if form is None:
        return to_text(value)
    number = to_number(value)
    if number is None:
        return to_text(value)
    match to_text(form):
        case "hex":
            return hex(int(number)) if number >= 0 else None
        case "binary":
            return f"{int(number):b}" if number >= 0 else None
        case "commas":
            shown = round_half_away(number, 2)
            return f"{shown:,.0f}" if shown == int(shown) else f"{shown:,.2f}"
        case "duration":
            return duration_text(number)
    return None


def duration_text(seconds: float) -> str:
    """Return a duration as Splunk writes it: `HH:MM:SS`, with `D+` in front from a day on.

    >>> duration_text(93784)
    '1+02:03:04'
    """
    whole = int(seconds)
    days, rest = divmod(abs(whole), _DAY)
    clock = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{'-' if whole < 0 else ''}{f'{days}+' if days else ''}{clock}"


_DIRECTIVE = re.compile(
    r"%(?P<flags>['\-+ #0]*)(?P<width>\*|\d+)?(?:\.(?P<digits>\*|\d+))?[hlL]?(?P<kind>[a-zA-Z%])"
)


def _printf(form: Value, *values: Value) -> Value:
    pattern, rest = to_text(form), list(values)
    if pattern is None:
        return None

    def number_of() -> float:
        return to_number(rest.pop(0) if rest else None) or 0.0

    def one(match: re.Match[str]) -> str:
        kind = match["kind"]
        if kind == "%":
            return "%"
        width = str(int(number_of())) if match["width"] == "*" else match["width"] or ""
        digits = str(int(number_of())) if match["digits"] == "*" else match["digits"]
        flags = match["flags"]
        spec = f"%{flags.replace(chr(39), '')}{width}" + (f".{digits}" if digits is not None else "")
        if kind in "sc":
            text = to_text(rest.pop(0) if rest else None) or ""
            return f"{spec}s" % (text[:1] if kind == "c" else text)
        number = number_of()
        if kind in "diu":
            shown = f"{spec}d" % math.trunc(number)
            return f"{math.trunc(number):,}" if "'" in flags else shown
        if kind in "oxX":
            return f"{spec}{kind}" % math.trunc(number)
        if kind in "aA":
            return number.hex()
        return f"{spec}{kind}" % number if kind in "fFeEgG" else match.group()

    return _DIRECTIVE.sub(one, pattern)


def _type_name(value: Value) -> Value:
    if value is None:
        return "Invalid"
    if isinstance(value, bool):
        return "Boolean"
    return "Number" if to_number(value) is not None else "String"


def _is_text(value: Value) -> Value:
    return isinstance(value, str | list) and to_number(value) is None


def _is_whole(value: Value) -> Value:
    number = to_number(value)
    return number is not None and number == math.trunc(number)


def _urldecode(text: str) -> str:
    return urllib.parse.unquote(text)


CALLS: dict[str, Callable[..., Value]] = {
    "isbool": lambda value: isinstance(value, bool),
    "isint": _is_whole,
    "isnotnull": lambda value: value is not None,
    "isnull": lambda value: value is None,
    "isnum": lambda value: to_number(value) is not None,
    "isstr": _is_text,
    "len": text_call(len),
    "lower": text_call(lower_text),
    "ltrim": _trim(str.lstrip),
    "match": _match,
    "printf": _printf,
    "replace": _replace,
    "rtrim": _trim(str.rstrip),
    "substr": _substr,
    "tostring": _tostring,
    "trim": _trim(str.strip),
    "typeof": _type_name,
    "upper": text_call(upper_text),
    "urldecode": text_call(_urldecode),
}
"""By name."""
