"""The condition of the `search` command: terms, field comparisons, and their combination."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from spl.errors import Span

if TYPE_CHECKING:
    from spl.plan import Search

TermOp = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A search value: literal parts between `*` wildcards, compared without regard to case.

    `("ab", "")` is `ab*`; one part means no wildcard.
    """

    parts: tuple[str, ...]

    @property
    def exact(self) -> str | None:
        """The value itself when it has no wildcard."""
        return self.parts[0] if len(self.parts) == 1 else None

    @property
    def is_any(self) -> bool:
        """Whether it is `*` alone."""
        return len(self.parts) > 1 and not any(self.parts)


_PIECE = re.compile(r"\\([\\*\"])|(\*+)|([^\\*]+|\\)", re.DOTALL)


def parse_pattern(text: str) -> Pattern:
    r"""Read a search value; `\*` is a star, `\\` a backslash.

    >>> parse_pattern("Acc*").parts, parse_pattern(r"a\*b").parts
    (('Acc', ''), ('a*b',))
    """
    parts = [""]
    for match in _PIECE.finditer(text):
        escaped, star, plain = match.groups()
        if star:
            parts.append("")
        else:
            parts[-1] += escaped or plain
    return Pattern(tuple(parts))


@dataclass(frozen=True, slots=True)
class FieldTerm:
    """`field op value`."""

    field: str
    op: TermOp
    value: Pattern
    span: Span


@dataclass(frozen=True, slots=True)
class FieldIn:
    """`field IN (a, b)`."""

    field: str
    values: tuple[Pattern, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Keyword:
    """A word or phrase that stands somewhere in the raw text."""

    value: Pattern
    sensitive: bool
    """Whether case matters, as in CASE(…)."""
    span: Span


@dataclass(frozen=True, slots=True)
class Subsearch:
    """`[ search … ]`; its rows become the condition, an OR over rows of an AND over fields."""

    search: Search
    span: Span


@dataclass(frozen=True, slots=True)
class RowsIn:
    """Some row of a table, in lower case, has the values of these fields; what a large subsearch becomes."""

    table: str
    fields: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class NotTerm:
    """Events for which the operand does not hold, those without its field included."""

    operand: Term
    span: Span


@dataclass(frozen=True, slots=True)
class Combined:
    """Terms joined by AND or OR."""

    op: Literal["AND", "OR"]
    operands: tuple[Term, ...]
    span: Span


Term = FieldTerm | FieldIn | Keyword | Subsearch | RowsIn | NotTerm | Combined


def conjuncts(term: Term | None) -> tuple[Term, ...]:
    """Return the terms that must all hold."""
    if term is None:
        return ()
    if isinstance(term, Combined) and term.op == "AND":
        return tuple(part for operand in term.operands for part in conjuncts(operand))
    return (term,)


def walk_terms(term: Term | None) -> Iterator[Term]:
    """Yield `term` and everything below it."""
    if term is None:
        return
    yield term
    if isinstance(term, NotTerm):
        yield from walk_terms(term.operand)
    elif isinstance(term, Combined):
        for operand in term.operands:
            yield from walk_terms(operand)


def exact_values(term: Term | None, field: str) -> frozenset[str] | None:
    """Return the lower-case values that `field` must have at the top level; None when it is not bounded."""
    for part in conjuncts(term):
        values = _bounded(part, field)
        if values:
            return values
    return None


def _bounded(term: Term, field: str) -> frozenset[str] | None:
    """Return the exact values that `term` allows for `field`; None when it allows others too."""
    match term:
        case FieldTerm(name, "=", value) if name == field and value.exact is not None:
            return frozenset({value.exact.lower()})
        case FieldIn(name, values) if name == field and all(value.exact is not None for value in values):
            return frozenset((value.exact or "").lower() for value in values)
        case Combined("OR", operands):
            parts = [exact_values(operand, field) for operand in operands]
            return frozenset().union(*(part for part in parts if part)) if all(parts) else None
    return None


def is_network(value: str) -> bool:
    """Tell whether a search value is a CIDR block such as `10.0.0.0/8`."""
    if "/" not in value:
        return False
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True
