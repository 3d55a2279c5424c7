"""Which fields of which data source each item of a procedure reads: in its searches, drill-downs and totals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from procedures.archive import load_procedure, macros_of, parameters_of
from procedures.expand import Value, parameter_values, substitute, tokens
from procedures.model import DataSource, Item
from procedures.source import ProcedureSource
from spl.datamodels import AnyDatasets
from spl.errors import SplError
from spl.event_reads import EventRead, Scan, scans
from spl.macros import MacroTable
from spl.parse import parse_search
from spl.parse_terms import parse_condition
from spl.plan import term_fields
from spl.terms import (
    Combined,
    FieldIn,
    FieldTerm,
    Keyword,
    Pattern,
    Term,
    conjuncts,
    exact_values,
    walk_terms,
)
from spl.write_terms import UnwritableError, write_condition

_FILLED_LATER = "\ue000"
"""Stands for a value that only a finding has; a term that holds it narrows no scope."""


@dataclass(frozen=True, slots=True)
class FieldRead:
    """Fields of a data source that an item reads; each of several serves."""

    fields: tuple[str, ...]
    scope: str = ""
    """Search condition of the events for which the item reads it; empty for every event of the source."""
    needed: bool = True
    """False where the search has a meaning for an event without the field."""


Reads = Mapping[str, Mapping[str, tuple[FieldRead, ...]]]
"""Data source id to item id to what the item reads of the source."""


def field_reads(source: ProcedureSource) -> Reads:
    """Return what every item reads of every data source; sources and items that read nothing are left out."""
    return _field_reads(source.digest, source.model_dump_json())


@lru_cache(maxsize=32)
def _field_reads(digest: str, text: str) -> Reads:
    source = ProcedureSource.model_validate_json(text)
    procedure = load_procedure(source)
    values = parameter_values(parameters_of(procedure, source.environment))
    macros = macros_of(source)
    found: dict[str, dict[str, tuple[FieldRead, ...]]] = {}
    for item in procedure.items:
        for ident, read in _of_item(item, procedure.data_sources, values, macros):
            own = found.setdefault(ident, {})
            own[item.id] = tuple(dict.fromkeys((*own.get(item.id, ()), read)))
    return found


def _of_item(
    item: Item, sources: tuple[DataSource, ...], values: Mapping[str, Value], macros: MacroTable
) -> Iterator[tuple[str, FieldRead]]:
    for text in (item.spl, item.total_spl, *(part.spl for part in item.drill_downs)):
        for scan in _scans(text or "", values, macros):
            near = [source for source in sources if _reaches(scan, source)]
            for source in [one for one in near if one.id in item.needs] or near:
                for read in scan.reads:
                    own = _of_source(scan, read, source)
                    if not _is_met(read):
                        yield source.id, own


def _scans(text: str, values: Mapping[str, Value], macros: MacroTable) -> list[Scan]:
    later = {name: _FILLED_LATER for name in tokens(text) if name not in values}
    try:
        return list(
            scans(parse_search(substitute(text, {**values, **later}), macros=macros, datasets=AnyDatasets()))
        )
    except SplError:
        return []  # lint tells what is wrong with it


def _reaches(scan: Scan, source: DataSource) -> bool:
    """Tell whether events of `source` can be among those that a search goes through."""
    for field, value in (("index", source.index), ("sourcetype", source.sourcetype), *_fixed(source)):
        for term in scan.terms:
            allowed = exact_values(term, field)
            if allowed is not None and value.lower() not in allowed:
                return False
    return any(exact_values(term, "index") for term in scan.terms)


def _fixed(source: DataSource) -> Iterator[tuple[str, str]]:
    for term in _narrowing(source):
        if isinstance(term, FieldTerm) and term.op == "=" and term.value.exact is not None:
            yield term.field, term.value.exact


def _narrowing(source: DataSource) -> tuple[Term, ...]:
    try:
        return conjuncts(parse_condition(source.where)) if source.where else ()
    except SplError:
        return ()


def _of_source(scan: Scan, read: EventRead, source: DataSource) -> FieldRead:
    """Return a read with its scope as text, without what holds for every event of the source.

    Where only a value of a finding narrows the events, a drill-down reads what these few events hold, which the
    source as a whole does not tell: the field is then only spoken of.
    """
    always = {_written(term) for term in _narrowing(source)}
    kept = []
    for term in read.scope:
        text = _written(term)
        if text and text not in always and not _is_place(term):
            kept.append(f"({text})" if isinstance(term, Combined) and term.op == "OR" else text)
    later = {name for term in scan.terms if _is_open(term) for name in term_fields(term)}
    unknown = any(map(_is_open, read.scope)) or later & set(read.fields)
    return FieldRead(read.fields, " ".join(kept), needed=read.needed and not (unknown and not kept))


def _is_open(term: Term) -> bool:
    return any(_FILLED_LATER in part for pattern in _values(term) for part in pattern.parts)


def _written(term: Term) -> str:
    """Return a term as text; empty when a part of it is known only when the search runs."""
    if _is_open(term):
        return ""
    try:
        return write_condition(term)
    except UnwritableError:
        return ""


def _values(term: Term) -> Iterator[Pattern]:
    for part in walk_terms(term):
        match part:
            case FieldTerm(value=value) | Keyword(value=value):
                yield value
            case FieldIn(values=values):
                yield from values


def _is_met(read: EventRead) -> bool:
    """Tell whether the events of a narrow scope hold the field by what the scope asks for."""
    return any(set(read.fields) <= _asked(term) for term in read.scope if not _is_open(term))


def _asked(term: Term) -> set[str]:
    """Return the fields that every event which meets a term holds."""
    match term:
        case FieldTerm(name) | FieldIn(name):
            return {name}
        case Combined("OR", operands):
            return set.intersection(*map(_asked, operands))
        case Combined(_, operands):
            return set().union(*map(_asked, operands))
    return set()


def _is_place(term: Term) -> bool:
    return isinstance(term, FieldTerm | FieldIn) and term.field in {"index", "sourcetype"}
