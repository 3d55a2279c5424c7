"""The words around a model's prose: those of the procedure, and the values of the log."""

from __future__ import annotations

from collections.abc import Iterator

from agents.context import ItemContext
from agents.material import Material
from agents.prose import Vocabulary, words_of
from procedures.model import Criterion
from tools.defang import defang
from tools.search.result import Row

VALUES = 2000
"""Most distinct values of one search that prose is compared with."""


def vocabulary_of(context: ItemContext, material: Material) -> Vocabulary:
    """Return the vocabulary of an item over its stored rows."""
    keys = set(context.item.key)
    rows = [*material.query.rows, *(row for result in material.results.values() for row in result.rows)]
    named = _texts({name: row[name] for name in keys if name in row} for row in rows)
    other = _texts({name: value for name, value in row.items() if name not in keys} for row in rows)
    return Vocabulary(
        trusted=words_of(list(_procedure_texts(context))), names=_forms(named), values=_forms(other)
    )


def _texts(rows: Iterator[Row]) -> Iterator[str]:
    for row in rows:
        for value in row.values():
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, str):
                    yield part


def _forms(texts: Iterator[str]) -> frozenset[str]:
    """Return values as they may be written: as they are and defanged, in lower case."""
    distinct = list(dict.fromkeys(texts))[:VALUES]
    return frozenset(form.lower() for text in distinct for form in (text, defang(text)))


def _procedure_texts(context: ItemContext) -> Iterator[str]:
    procedure, item = context.procedure, context.item
    yield from (procedure.title, procedure.role, procedure.prerequisites, procedure.notes)
    yield from (item.title, item.purpose, item.handover, item.not_covered, *item.attack)
    yield from (column.label for column in item.output)
    yield from _criteria_texts(item.criteria)
    for drill_down in item.drill_downs:
        yield drill_down.title
        yield from _criteria_texts(drill_down.criteria)


def _criteria_texts(criteria: tuple[Criterion, ...]) -> Iterator[str]:
    for criterion in criteria:
        yield from (criterion.why, criterion.question or "")
