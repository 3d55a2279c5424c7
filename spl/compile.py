"""From a plan to one SELECT: a CTE per command that needs one, over the events of a catalog."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from spl.catalog import FieldKind, Relation
from spl.commands import apply_command, made_by
from spl.plan import Command, Search, Table, source_fields
from spl.sql_expr import Kind, Sql, SqlContext
from spl.sql_terms import compile_term
from spl.sql_text import number_literal
from spl.stage import Builder, Limit, OrderKey, Stage
from spl.terms import Combined, FieldIn, FieldTerm, Term, conjuncts, exact_values

KINDS = {FieldKind.TEXT: Kind.TEXT, FieldKind.MULTI: Kind.MULTI}
FIRST_FIELDS = ("_time", "index", "sourcetype", "host", "source", "_raw")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A search as SQL."""

    sql: str
    """Yields the result rows in order, one column per field."""
    count_sql: str
    fields: tuple[str, ...]
    kinds: tuple[Kind, ...]
    limited: tuple[Limit, ...]
    unknown: tuple[str, ...]
    """Event fields that the search reads and no event here has."""


def compile_search(
    search: Search, relation: Relation, *, earliest: float, latest: float, zone: ZoneInfo, now: float
) -> Compiled:
    """Compile `search` over `relation`, for events in `[earliest, latest)`."""
    builder = Builder(zone=zone, now=now, source=search.text)
    wanted = source_fields(search)
    stage = _base(builder, search, relation, earliest, latest, wanted)
    for place, command in enumerate(search.commands[1:], 2):
        builder.rest = search.commands[place:]
        stage = apply_command(builder, stage, command)
    names = _ordered_names(search, stage)
    columns = ", ".join(stage.columns[name].text for name in names) or "NULL"
    unknown = sorted((wanted or frozenset()) - set(relation.fields) - _made(search.commands) - {"_time"})
    return Compiled(
        sql=builder.statement(f"SELECT {columns} FROM {stage.cte}{stage.order_by}"),
        count_sql=builder.statement(f"SELECT count(*) FROM {stage.cte}"),
        fields=names,
        kinds=tuple(stage.columns[name].kind for name in names),
        limited=tuple(builder.limited),
        unknown=tuple(unknown),
    )


def _base(
    builder: Builder,
    search: Search,
    relation: Relation,
    earliest: float,
    latest: float,
    wanted: frozenset[str] | None,
) -> Stage:
    """Select the events of the window that meet the first command's condition."""
    names = relation.fields if wanted is None else [name for name in relation.fields if name in wanted]
    source = {name: Sql(relation.fields[name].sql, KINDS[relation.fields[name].kind]) for name in names}
    source["_time"] = Sql("_time", Kind.NUMBER)
    columns = {name: Sql(builder.column(), value.kind) for name, value in source.items()}
    items = [f"{value.text} AS {columns[name].text}" for name, value in source.items()]
    conditions = [f"_time >= {number_literal(earliest)}", f"_time < {number_literal(latest)}"]
    term = _rest_of_base(search.base)
    if term is not None:
        raw = {**source, "_raw": Sql(relation.fields["_raw"].sql, Kind.TEXT)}
        conditions.append(compile_term(term, SqlContext(raw, builder.now, builder.zone, search.text)))
    select = f"SELECT {', '.join(items)}, _time AS o_time, _seq AS o_seq FROM {relation.sql} WHERE {' AND '.join(conditions)}"
    return Stage(builder.add(select), columns, (OrderKey("o_time", "DESC"), OrderKey("o_seq", "DESC")))


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


def _made(commands: tuple[Command, ...]) -> set[str]:
    """Return every field that some command of the search creates."""
    return {name for command in commands for name in made_by(command)}


def _ordered_names(search: Search, stage: Stage) -> tuple[str, ...]:
    """Return the fields of the result; raw events begin with the fields that every event has."""
    names = list(stage.columns)
    if not any(isinstance(command, Table) for command in search.commands) and {"_raw", "_time"} <= set(names):
        names = [*(name for name in FIRST_FIELDS if name in names), *sorted(set(names) - set(FIRST_FIELDS))]
    return tuple(names)
