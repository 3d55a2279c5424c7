"""Each safeguard, switched off by name, beside the fault that it alone catches: the table must turn red then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import agents.completeness
import agents.judge
import agents.query
import graph.nodes.look_again
import tools.search.answers
import tools.search.client
import tools.search.dialects
import tools.search.gather
import tools.search.proving
from tests.siem.faults import FAULTS
from tests.siem.faulty import Fault
from tools.demo import plan

Change = tuple[Any, str, Callable[[Any], Any]]
"""An object, the name of one of its parts, and what makes the part that stands there while it is off."""
BAD = ("false all-clear", "not calm", "crashed")


@dataclass(frozen=True, slots=True)
class Safeguard:
    """One safeguard and how it is shown."""

    name: str
    changes: tuple[Change, ...]
    fault: str
    server: str
    procedure: str
    turns: str = "false all-clear"
    """What the table shows without it."""

    @property
    def shown_by(self) -> Fault:
        """The fault."""
        return next(fault for fault in FAULTS if fault.name == self.fault)

    @contextmanager
    def off(self) -> Iterator[None]:
        """Switch it off for the length of a block."""
        kept = [(place, name, getattr(place, name)) for place, name, _ in self.changes]
        for place, name, change in self.changes:
            setattr(place, name, change(getattr(place, name)))
        try:
            yield
        finally:
            for place, name, value in kept:
                setattr(place, name, value)


def gives(value: Any) -> Callable[[Any], Any]:
    """Replace a function by one that gives always the same."""
    return lambda plain: lambda *arguments, **named: value


def _uncounted(dialects: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(replace(dialect, sentinel=False, bare_is_proof=True) for dialect in dialects)


def _sure(plain: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda payload: replace(plain(payload), sure=True)


def _all_sure(readers: dict[Any, Any]) -> dict[Any, Any]:
    return {shape: _sure(reader) for shape, reader in readers.items()}


def _first_page(plain: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda payload: replace(plain(payload), next_offset=None)


def _first_pages(readers: dict[Any, Any]) -> dict[Any, Any]:
    return {shape: _first_page(reader) for shape, reader in readers.items()}


def _fine_messages(plain: Callable[..., Any]) -> Callable[..., Any]:
    return lambda answer, messages: plain(
        {name: value for name, value in answer.items() if name != "messages"}, ()
    )


def _seen(plain: Callable[..., Any]) -> Callable[..., Any]:
    return lambda context, material, judgement, *rest: judgement


def _untold(plain: Callable[..., Any]) -> Callable[..., Any]:
    return lambda code, *arguments, **named: None


_ANSWERS, _CLIENT = tools.search.answers, tools.search.client
_LOOK = (graph.nodes.look_again, "take_second_look", _seen)
_QUERY, _DRILL = (agents.query, "status_notes", gives([])), (agents.judge, "_drill_note", gives(None))
_DIALECTS, _READERS = (tools.search.dialects, "DIALECTS", _uncounted), (_ANSWERS, "_READERS", _all_sure)
LINUX = plan.LINUX
OFFICIAL, PAGED, COUNTED = "official-1.2", "mcp-for-splunk-0.6.13", "mcp-server-splunk-0.3.0"

SAFEGUARDS = (
    Safeguard("the counting row", (_DIALECTS, _READERS), "rows lost, all but completeness", "livehybrid", LINUX),
    Safeguard("as many rows as were counted", ((tools.search.proving, "_is_cut", gives(False)),), "all but the count lost", COUNTED, LINUX),
    Safeguard("the window of the counting row", ((tools.search.proving, "check_window", gives(None)),), "window cut, all but completeness", OFFICIAL, LINUX),
    Safeguard("Splunk's messages", ((_ANSWERS, "_partial", _fine_messages),), "blind, peers in messages", OFFICIAL, LINUX),
    Safeguard("the state of the search", ((_ANSWERS, "_check_state", gives(None)),), "blind, still running", OFFICIAL, LINUX),
    Safeguard("previews", ((_ANSWERS, "_partial", gives(None)),), "blind, a preview", OFFICIAL, LINUX),
    Safeguard("the echoed query", ((tools.search.gather, "check_echo", gives(None)),), "blind, another query", OFFICIAL, LINUX),
    Safeguard("the empty result asked bare", ((_CLIENT, "_is_mute", gives(False)),), "peer lost, all but completeness", OFFICIAL, LINUX),
    Safeguard("page following", ((_ANSWERS, "_READERS", _first_pages),), "pages of ten", PAGED, LINUX, turns="not calm"),
    Safeguard("grouping fields", ((tools.search.proving, "check_rows", gives(None)),), "key column lost", OFFICIAL, LINUX, turns="false all-clear"),
    Safeguard("trying again", ((_CLIENT, "pause_s", gives(None)),), "mcp 503 once", OFFICIAL, LINUX, turns="not calm"),
    Safeguard("a failed query, and the second look at it", (_QUERY, _LOOK), "fatal, all but completeness", OFFICIAL, LINUX),
    Safeguard("a failed drill-down, and the second look at it", (_DRILL, _LOOK), "fatal, drill-downs only", OFFICIAL, plan.WEB),
    Safeguard("silent sources", ((agents.completeness, "_note", gives(None)),), "index without permission", PAGED, LINUX),
    Safeguard("fields", ((agents.completeness, "field_notes", gives(())),), "add-on lost", OFFICIAL, LINUX),
    Safeguard("the second look", (_LOOK,), "late events", OFFICIAL, LINUX),
)  # fmt: skip
"""All safeguards, in the order of an answer's way."""
