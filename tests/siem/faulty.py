"""What can go wrong between a search and its answer: the switch that stand-ins look at, and the shape of one fault."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.siem.searchhead import Asked, Reply, SearchHead

Json = Any
Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a server's answer keeps things."""

    rows: str | None
    """Key of the rows; None: the answer is the bare list."""
    total: str | None = None
    more: str | None = None
    success: str | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """What the transport does with one answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """In place of the answer."""
    delay_s: float = 0.0
    keep: float = 1.0
    """Part of the answer's bytes that is sent before the connection breaks."""
    forget_session: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail.

    A fault of splunkd changes its reply; one of the server its answer; one of the wire what is sent. One
    that is `once` hits the first search only.
    """

    name: str
    kind: Literal["failed", "cut", "blind", "harmless", "told"]
    says: str
    splunk: Callable[[SearchHead, Asked, Reply], Reply] | None = None
    answer: Callable[[Shape, Payload, Payload], Json] | None = None
    """Called with the shape, the arguments of the call and the answer."""
    wire: Callable[[], Wire] | None = None
    head: Mapping[str, Any] = field(default_factory=dict)
    """Attributes of the search head while the fault lasts."""
    purposes: frozenset[str] = frozenset()
    """What the searches are for that it hits (`query`, `drill_down`, `again`, …); empty: all."""
    hangs: bool = False
    """Whether nothing comes within any patience."""
    once: bool = False
    only: frozenset[str] = frozenset()
    """Servers at which it can happen; empty: all."""
    unknowable: frozenset[str] = frozenset()
    """Servers whose answer is the same, byte by byte, as a healthy one over other events."""


class Switch:
    """The fault that is on, and the searches that it hit."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.hits: list[str] = []
        self.kept: list[str] = []
        """The searches that the last fault hit."""
        self.purposes: dict[str, str] = {}
        """What each search is for, by its text as it was given to the session."""
        self._lock = threading.Lock()

    def set(self, fault: Fault | None) -> None:
        """Turn one fault on, all others off."""
        with self._lock:
            self.fault, self.hits = fault, []

    def set_kept(self) -> None:
        """Turn the fault off and keep what it hit."""
        with self._lock:
            self.fault, self.kept = None, self.hits

    def strike(self, search: str, part: str) -> Fault | None:
        """Return the fault when it is on, has a `part` of this kind, and hits this search; the hit is noted."""
        with self._lock:
            fault = self.fault
            if fault is None or getattr(fault, part) is None or not self._meant(fault, search):
                return None
            if fault.once and self.hits:
                return None
            self.hits.append(search)
            return fault

    def _meant(self, fault: Fault, search: str) -> bool:
        if not fault.purposes:
            return True
        known = [text for text in self.purposes if text in search]
        return bool(known) and self.purposes[max(known, key=len)] in fault.purposes

    def searched(self, head: SearchHead, search: str, earliest: str, latest: str) -> Reply:
        """Run a search at splunkd, with the fault where it is one of splunkd."""
        asked = head.asked(search, earliest, latest)
        reply = head.run(asked)
        if self.fault is not None and self.fault.head:
            with self._lock:
                self.hits.append(search)
        fault = self.strike(search, "splunk")
        return fault.splunk(head, asked, reply) if fault and fault.splunk else reply
