"""A search condition as text again."""

from __future__ import annotations

import re

from spl.terms import Combined, FieldIn, FieldTerm, Keyword, NotTerm, Pattern, Term

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")
_WORDS = {"AND", "OR", "NOT", "IN", "CASE", "TERM"}


class UnwritableError(ValueError):
    """The condition holds what has no text of its own, such as the rows of a subsearch."""


def write_condition(term: Term) -> str:
    r"""Return text that reads as `term`; every AND and OR inside another term stands in parentheses.

    Raises:
        UnwritableError: It holds a subsearch.

    >>> from spl.parse_terms import parse_condition
    >>> write_condition(parse_condition('a=1 (b.c="x y" OR NOT d IN (2, "3*"))'))
    'a=1 (b.c="x y" OR NOT (d=2 OR d=3*))'
    """
    match term:
        case FieldTerm(field, op, value):
            return f"{_name(field)}{op}{_value(value)}"
        case FieldIn(field, values):
            either = " OR ".join(f"{_name(field)}={_value(value)}" for value in values)
            return either if len(values) == 1 else f"({either})"
        case Keyword(value, sensitive):
            return f"CASE({_value(value)})" if sensitive else _value(value, quoted=True)
        case NotTerm(operand):
            return f"NOT {_inner(operand)}"
        case Combined(op, operands):
            return (" OR " if op == "OR" else " ").join(map(_inner, operands))
    raise UnwritableError(f"{type(term).__name__} has no text of its own.")


def _inner(term: Term) -> str:
    text = write_condition(term)
    return f"({text})" if isinstance(term, Combined) else text


def _name(field: str) -> str:
    return field if _PLAIN.fullmatch(field) else _quoted(field)


def _value(pattern: Pattern, *, quoted: bool = False) -> str:
    text = "*".join(_escaped(part) for part in pattern.parts)
    plain = "*".join(pattern.parts)
    bare = plain.replace("*", "") == "" or _PLAIN.fullmatch(plain.replace("*", ""))
    if bare and not quoted and plain and text == plain and plain.upper() not in _WORDS:
        return plain
    return f'"{text}"'


def _escaped(part: str) -> str:
    return re.sub(r'([\\*"])', r"\\\1", part)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
