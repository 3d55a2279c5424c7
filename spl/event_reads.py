"""Which fields of the stored events a search reads, and over which events it needs each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spl.commands.columns import Eval
from spl.commands.rows import Where
from spl.expr import Call, Expr, Field, Literal, Logic, children, field_names
from spl.plan import Command, Names, Search, SearchCommand, term_fields, walk_searches
from spl.terms import Combined, FieldIn, FieldTerm, NotTerm, Term, conjuncts, exact_values

METADATA = frozenset(
    {"index", "sourcetype", "source", "host", "linecount", "punct", "splunk_server", "timestamp"}
)
"""Fields that every event has from the moment it is indexed; those that begin with `_` are, too."""


@dataclass(frozen=True, slots=True)
class EventRead:
    """One read of event fields.

    `fields` are alternatives: the read is served when one of them is there, as in `coalesce(a, b)`.
    """

    fields: tuple[str, ...]
    scope: tuple[Term, ...]
    """Terms that the events meet where the read matters; none for all events of the search."""
    needed: bool
    """False where a missing field has a meaning of its own: behind NOT, in `isnull(…)`, beside alternatives."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One stretch of events that a search goes through."""

    terms: tuple[Term, ...]
    """What the events meet before the first pipe, all of it."""
    reads: tuple[EventRead, ...]


def scans(search: Search) -> Iterator[Scan]:
    """Yield what a search and its subsearches read of stored events.

    A read of a field counts until the search makes a field of that name itself. Fields that are named by a
    wildcard, or by a data model, are not known here and not yielded.
    """
    for part in walk_searches(search):
        if not isinstance(part.commands[0], SearchCommand):
            continue
        for branch in _branches(part.base):
            terms = conjuncts(branch)
            found = (*_of_terms(terms, ()), *_of_commands(part.commands[1:], terms))
            yield Scan(terms, tuple(dict.fromkeys(read for one in found for read in _as_reads(one))))


def _branches(base: Term | None) -> Iterator[Term | None]:
    """Yield the sides of an OR that name an index each; any other condition as it is."""
    sides = base.operands if isinstance(base, Combined) and base.op == "OR" else ()
    yield from sides if sides and all(exact_values(side, "index") for side in sides) else (base,)


def _as_reads(read: EventRead) -> Iterator[EventRead]:
    """Yield a read, and for each field of one that is no plain need that it is spoken of at all."""
    stored = tuple(name for name in read.fields if not _is_known(name))
    if read.needed and stored == read.fields:
        yield read
    if not read.needed or len(read.fields) > 1 or read.scope:
        for name in stored:
            yield EventRead((name,), (), needed=False)


def _is_known(name: str) -> bool:
    return name in METADATA or name.startswith("_") or "*" in name


# search terms ---------------------------------------------------------------------------------------


def _of_terms(terms: tuple[Term, ...], before: tuple[Term, ...]) -> Iterator[EventRead]:
    """Yield the reads of terms that must all hold; each matters where those to its left hold."""
    for place, term in enumerate(terms):
        yield from _of_term(term, (*before, *terms[:place]))


def _of_term(term: Term, scope: tuple[Term, ...]) -> Iterator[EventRead]:
    match term:
        case FieldTerm(name) | FieldIn(name):
            yield EventRead((name,), scope, needed=True)
        case Combined(_, operands):
            yield from _of_either(operands, scope)
        case NotTerm():
            for name in term_fields(term):
                yield EventRead((name,), (), needed=False)


def _of_either(operands: tuple[Term, ...], scope: tuple[Term, ...]) -> Iterator[EventRead]:
    """Yield the reads of alternatives: what each asks first is one need that any of the fields serves."""
    first: list[str] = []
    bare = False
    for operand in operands:
        reads = list(_of_terms(conjuncts(operand), scope))
        own = [read for read in reads if read.needed and read.scope == scope]
        first += [name for read in own for name in read.fields]
        bare = bare or not own
        yield from (read for read in reads if read not in own)
    if first:
        yield EventRead(tuple(dict.fromkeys(first)), scope, needed=not bare)


# commands -------------------------------------------------------------------------------------------


_KEEPING = {"fields", "fillnull", "filldown", "sort", "addtotals", "nomv", "makemv"}
"""Commands that go on without a field that they name."""


def _of_commands(commands: tuple[Command, ...], terms: tuple[Term, ...]) -> Iterator[EventRead]:
    """Yield the reads up to the command behind which no event field is left."""
    made: set[str] = set()
    names: Names = None
    for command in commands:
        for read in _of_command(command, made):
            stored = tuple(name for name in read.fields if name not in made)
            served = stored != read.fields
            yield EventRead(stored, terms, needed=read.needed and not served)
        made |= set(command.makes())
        names = command.output(names)
        if names is not None:
            return


def _of_command(command: Command, made: set[str]) -> Iterator[EventRead]:
    """Yield what one command reads; the names that an `eval` makes on its way are added to `made`."""
    match command:
        case Eval(assignments):
            for name, expr in assignments:
                yield from of_expression(expr)
                made.add(name)
        case Where(condition):
            yield from of_expression(condition)
        case SearchCommand(term):
            yield from _of_terms(conjuncts(term), ())
        case _:
            yield from _of_other(command)


def _of_other(command: Command) -> Iterator[EventRead]:
    aggregates = getattr(command, "aggregates", ())
    conditions = [one.condition for one in aggregates if one.condition is not None]
    for condition in conditions:
        yield from of_expression(condition)
    plain = {name for one in aggregates if one.condition is None for name in one.reads()}
    plain |= set(getattr(command, "by", ()))
    within = {name for condition in conditions for name in field_names(condition)} - plain
    own = set(command.makes()) if command.name != "rename" else set()
    for name in command.reads():
        if name not in within | own:
            yield EventRead((name,), (), needed=command.name not in _KEEPING)


def of_expression(expr: Expr) -> Iterator[EventRead]:
    """Yield what an expression reads: needs first, then fields that it can do without."""
    needs = [tuple(sorted(group)) for group in _needs(expr)]
    for group in dict.fromkeys(needs):
        yield EventRead(group, (), needed=True)
    served = {name for group in needs for name in group}
    for name in field_names(expr):
        if name not in served:
            yield EventRead((name,), (), needed=False)


_TOLERANT = {"isnull", "isnotnull", "isnum", "isstr", "isint", "isbool", "typeof", "searchmatch"}
_CHOOSING = {"coalesce", "if", "case", "nullif", "validate"}


def _needs(expr: Expr) -> list[frozenset[str]]:
    """Return groups of fields; the expression has nothing to say where all fields of a group are missing."""
    match expr:
        case Field(name):
            return [frozenset({name})]
        case Call(name) if name in _TOLERANT:
            return []
        case Call(name, args) if name in _CHOOSING:
            return _chosen(name, args)
        case Logic("OR", operands):
            groups = [_needs(operand) for operand in operands]
            return [frozenset().union(*(g for own in groups for g in own))] if all(groups) else []
    return [group for child in children(expr) for group in _needs(child)]


def _chosen(name: str, args: tuple[Expr, ...]) -> list[frozenset[str]]:
    """Return what a choice between values needs: its condition, where the values are constants."""
    values = args if name in {"coalesce", "nullif"} else args[1:] if name == "if" else args[1::2]
    constant = [value for value in values if isinstance(value, Literal) and value.value is not None]
    if len(constant) == len(values) and name != "coalesce":
        tests = args[:1] if name == "if" else args[::2]
        return [group for test in tests for group in _needs(test)]
    fields = frozenset(found for arg in args for found in field_names(arg))
    return [] if constant or not fields else [fields]
