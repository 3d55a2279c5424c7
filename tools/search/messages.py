"""What a SIEM says beside its rows: which words mean failure, and which that rows may be missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools.search.failure import in_words

LEVELS = ("FATAL", "ERROR", "WARN", "INFO", "DEBUG")
_FAILING = frozenset({"FATAL", "ERROR"})
_WORDY = re.compile(r"^\W*(FATAL|ERROR|WARN(?:ING)?|INFO|DEBUG)\b\W*", re.IGNORECASE)
_INCOMPLETE = re.compile(
    r"""(?ix)
    incomplete | partial | prematurely | might\ not\ (?:be\ complete|include) | not\ all\b
    | \bpeers? \b (?! .* \b(?:version|clock)\b ) | \bindexers?\b | unable\ to\ distribute
    | disk\ (?:usage\ )?quota | usage\ quota | quota .* (?:reached|exceeded)
    | concurren | maximum\ number | limit .* (?:reached|exceeded) | exceeded .* limit | \bmax(?:out|time|resultrows)\b
    | finali[sz] | preview | truncat | terminated | timed?[ ]?out | auto-?cancel
    | unavailable | unreachable | could\ not\ (?:search|read|reach|contact|connect) | failed\ to\ (?:search|read|reach|contact)
    | \bskipp(?:ed|ing)\b | (?:missing|corrupt\w*)\ (?:buckets?|data|events?)
    """
)


@dataclass(frozen=True, slots=True)
class Message:
    """One statement of the SIEM."""

    level: str
    """One of `LEVELS`, or empty where none was given."""
    text: str

    @property
    def fails(self) -> bool:
        """Whether the search did not do what it was asked for."""
        return self.level in _FAILING

    @property
    def incomplete(self) -> bool:
        """Whether it says that rows may be missing."""
        return _INCOMPLETE.search(self.text) is not None

    def __str__(self) -> str:
        return in_words(f"{self.level}: {self.text}" if self.level else self.text)


def read_messages(value: Any) -> tuple[Message, ...]:
    """Return the statements, however they were written.

    >>> [str(one) for one in read_messages([{"type": "WARN", "text": "slow"}, "FATAL: gone", {"ERROR": ["a", "b"]}])]
    ['WARN: slow', 'FATAL: gone', 'ERROR: a', 'ERROR: b']
    """
    return tuple(_read(value, ""))


def _read(value: Any, level: str) -> Iterator[Message]:
    if value is None or value == "":
        return
    if isinstance(value, list | tuple):
        for part in value:
            yield from _read(part, level)
    elif isinstance(value, Mapping):
        yield from _read_mapping(value, level)
    else:
        yield _of_text(str(value), level)


def _read_mapping(value: Mapping[Any, Any], level: str) -> Iterator[Message]:
    given = next(
        (value[name] for name in ("type", "level", "severity") if isinstance(value.get(name), str)), None
    )
    text = next((value[name] for name in ("text", "message", "msg") if name in value), None)
    if text is not None:
        yield from _read(text, _level(str(given)) if given is not None else level)
        return
    for name, inner in value.items():
        yield from _read(inner, _level(str(name)) or level)


def _of_text(text: str, level: str) -> Message:
    found = _WORDY.match(text)
    if level or found is None:
        return Message(level, text)
    return Message(_level(found.group(1)), text[found.end() :])


def _level(text: str) -> str:
    upper = text.strip().upper()
    return "WARN" if upper == "WARNING" else upper if upper in LEVELS else ""
