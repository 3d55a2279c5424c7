"""Which signs an id may have: what is signed, linked and written into a search must be one plain word."""

from __future__ import annotations

import re
from collections.abc import Iterator

from procedures.model import Item, Place, Procedure
from procedures.reading import Faults

CODE = "P011"

_ID = re.compile(r"[\w.-]+")
_PARAMETER = re.compile(r"[A-Za-z_][\w.{}]*")
_SEARCHED = re.compile(r"[^\s\"'`|\[\](),=<>!*$\\]+")

_EXPECTED = "letters, digits, underscore, dash and dot"


def check_ids(procedure: Procedure, faults: Faults) -> None:
    """Report every id of a procedure that is no plain word, and every index or sourcetype that no search can name."""
    for what, ident, place in _ids(procedure):
        if not _ID.fullmatch(ident):
            _add(faults, what, ident, _EXPECTED, place)
    for parameter in procedure.parameters:
        if not _PARAMETER.fullmatch(parameter.name):
            expected = "a letter or underscore, then letters, digits, underscore and dot"
            _add(faults, "parameter", parameter.name, expected, parameter.place)
    for source in procedure.data_sources:
        for what, name in (("index", source.index), ("sourcetype", source.sourcetype)):
            if not _SEARCHED.fullmatch(name):
                _add(
                    faults,
                    what,
                    name,
                    "no blank, quote, bracket, comma, comparison, star or pipe",
                    source.place,
                )


def _add(faults: Faults, what: str, name: str, expected: str, place: Place) -> None:
    faults.add(
        CODE,
        f"{what} {name!r} has a sign that it cannot have. Expected {expected}.",
        place.line,
        place.column,
    )


def _ids(procedure: Procedure) -> Iterator[tuple[str, str, Place]]:
    for source in procedure.data_sources:
        yield "data source id", source.id, source.place
    for entry in procedure.known_benign:
        yield "known-benign id", entry.id, entry.place
    for name in procedure.lookups:
        yield "lookup", name, Place(path="", line=1)
    for item in procedure.items:
        yield from _ids_of(item)


def _ids_of(item: Item) -> Iterator[tuple[str, str, Place]]:
    yield "item id", item.id, item.place
    for criterion in item.criteria:
        yield "criterion id", criterion.id, criterion.place
    for down in item.drill_downs:
        yield "drill-down id", down.id, down.place
        for criterion in down.criteria:
            yield "criterion id", criterion.id, criterion.place
    for rule in item.enrich:
        yield "lookup", rule.lookup, item.place
