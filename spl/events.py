"""The events of a catalog as the first rows of a pipeline."""

from __future__ import annotations

from spl.catalog import FieldKind, Relation
from spl.python_calls import Kind
from spl.sql_terms import compile_term
from spl.sql_values import Sql, SqlContext
from spl.stage import Builder, OrderKey, Stage, time_window
from spl.terms import Combined, FieldIn, FieldTerm, Term, conjuncts, exact_values
from spl.wildcards import matches

KINDS = {FieldKind.TEXT: Kind.TEXT, FieldKind.MULTI: Kind.MULTI}


def event_stage(
    builder: Builder,
    wanted: frozenset[str] | None,
    indexes: frozenset[str] | None,
    kinds: frozenset[str] | None,
    *,
    term: Term | None = None,
    made: frozenset[str] = frozenset(),
) -> Stage:
    """Return the events of the window that meet `term`, newest first.

    Args:
        builder: The pipeline.
        wanted: Fields, wildcards as written, that can matter; None means all.
        indexes: Indexes to search, in lower case; None means all.
        kinds: Sourcetypes to search, in lower case; None means all.
        term: The condition, subsearches resolved.
        made: Fields that the search makes itself.
    """
    runtime = builder.runtime
    relation = runtime.catalog.relation(
        indexes=indexes, sourcetypes=kinds, earliest=runtime.earliest, latest=runtime.latest
    )
    runtime.scanned = _added(runtime.scanned, relation.scanned)
    runtime.set_aside.update(relation.set_aside)
    names = _names(relation, wanted)
    source = {name: Sql(relation.fields[name].sql, KINDS[relation.fields[name].kind]) for name in names}
    source["_time"] = Sql("_time", Kind.NUMBER)
    columns = {name: Sql(builder.column(), value.kind) for name, value in source.items()}
    items = [f"{value.text} AS {columns[name].text}" for name, value in source.items()]
    conditions = [time_window(relation, runtime.earliest, runtime.latest)]
    left = _rest_of_base(term)
    if left is not None:
        every = {name: Sql(field.sql, KINDS[field.kind]) for name, field in relation.fields.items()}
        every["_time"] = source["_time"]
        context = SqlContext(every, runtime.now, runtime.zone, runtime.source, runtime.python)
        conditions.append(compile_term(left, context))
    runtime.unknown |= {
        name for name in wanted or () if "*" not in name and name not in relation.fields and name not in made
    } - {"_time"}
    select = f"SELECT {', '.join(items)}, _time AS o_time, _seq AS o_seq FROM {relation.sql} WHERE {' AND '.join(conditions)}"
    return Stage(builder.add(select), columns, (OrderKey("o_time", "DESC"), OrderKey("o_seq", "DESC")))


def _added(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else one + other


def _names(relation: Relation, wanted: frozenset[str] | None) -> list[str]:
    """Return the fields of the relation that can matter."""
    if wanted is None:
        return list(relation.fields)
    wild = [name for name in wanted if "*" in name]
    return [
        name
        for name in relation.fields
        if name in wanted or any(matches(wildcard, name) for wildcard in wild)
    ]


def _rest_of_base(term: Term | None) -> Term | None:
    """Drop the index and sourcetype terms that the catalog has already met."""
    kept = [part for part in conjuncts(term) if not _is_met(part, term)]
    if not kept:
        return None
    return kept[0] if len(kept) == 1 else Combined("AND", tuple(kept), kept[0].span)


def _is_met(part: Term, whole: Term | None) -> bool:
    """Tell whether `part` asks for the very indexes or sourcetypes that the catalog was asked for.

    Of `index=a index=b` the catalog meets the first; the second must still be tested.
    """
    match part:
        case FieldTerm(("index" | "sourcetype") as field, "=") | FieldIn(("index" | "sourcetype") as field):
            own = exact_values(part, field)
            return own is not None and own == exact_values(whole, field)
    return False
