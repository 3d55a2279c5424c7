"""Values that a model wrote out, turned into references where there is no doubt which fact they are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.prose import REFERENCE, referable
from agents.sheet import Sheet

_TWICE = re.compile(r"(\{\{f\d+\}\})(?:\s*[(（]?\s*\1\s*[)）]?)+")
_WORD = r"[A-Za-z0-9_.:@\[\]-]"


def prove(text: str, sheet: Sheet) -> str:
    """Return `text` with a reference for every value that is written as one listed fact is shown.

    A value that several facts with different labels have stays as it is, and is a fault: nobody can tell which one is
    meant. Figures get their label behind them later, so that a wrong sentence around a right figure is seen.
    """
    parts, at = [], 0
    for match in REFERENCE.finditer(text):
        parts += [_proven(text[at : match.start()], sheet), match.group()]
        at = match.end()
    joined = "".join([*parts, _proven(text[at:], sheet)])
    return _TWICE.sub(r"\1", joined)


def _proven(text: str, sheet: Sheet) -> str:
    for value, reference in _certain(sheet):
        if value in text:
            pattern = rf"(?<!{_WORD}){re.escape(value)}(?![A-Za-z0-9_@-]|[.:\[]\w)"
            text = re.sub(pattern, lambda match, to=reference: to, text)  # type: ignore[misc]
    return text


def _certain(sheet: Sheet) -> Iterator[tuple[str, str]]:
    """Yield values, the longest first, with the reference to the one fact, or the one label, that has them."""
    places: dict[str, dict[str, str]] = {}
    for fact in filter(referable, sheet.facts.values()):
        for shown in sheet.forms(fact):
            places.setdefault(shown, {}).setdefault(fact.label if fact.kind != "entity" else "", fact.id)
    for value in sorted(places, key=len, reverse=True):
        if len(places[value]) == 1 and len(value) > 0:
            yield value, f"{{{{{next(iter(places[value].values()))}}}}}"
