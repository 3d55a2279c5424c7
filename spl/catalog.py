"""What the engine needs to know about stored events; a log store implements `Catalog`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from spl.errors import SplError


class FieldKind(StrEnum):
    """How a field is stored."""

    TEXT = "text"
    MULTI = "multi"
    """A list of texts."""


@dataclass(frozen=True, slots=True)
class StoredField:
    """One field of the stored events; `sql` is an expression over the relation's columns."""

    name: str
    sql: str
    kind: FieldKind


@dataclass(frozen=True, slots=True)
class Relation:
    """Events to search in.

    `sql` can stand after FROM. It has the columns `_time` DOUBLE (epoch seconds, never null) and `_seq`
    BIGINT (order of arrival), and holds only events of the indexes and sourcetypes that were asked for.
    """

    sql: str
    fields: Mapping[str, StoredField]
    scanned: int | None
    """Events of these indexes and sourcetypes in the window."""
    inside: bool = False
    """Whether every event lies in the window, so that no time needs to be read to know it."""
    set_aside: Mapping[int, int] = field(default_factory=dict)
    """Lines of these indexes and sourcetypes near the window that could not be read as events: their number by key."""


class UnknownIndexError(SplError):
    """The search names an index that does not exist."""

    code = "INDEX"


class Catalog(Protocol):
    """Knows which stored events a search may need."""

    def relation(
        self,
        *,
        indexes: frozenset[str] | None,
        sourcetypes: frozenset[str] | None,
        earliest: float,
        latest: float,
    ) -> Relation:
        """Return the events of `indexes` and `sourcetypes` (lower case; None means all) near the window.

        Raises:
            UnknownIndexError: None of `indexes` exists.
        """
        ...

    def sourcetypes(self) -> frozenset[str]:
        """Return the sourcetypes of all stored events."""
        ...
