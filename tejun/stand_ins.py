"""What stands in for a team's environment while its searches are measured: events, lookups, macros."""

from __future__ import annotations

import re
from itertools import chain

from spl.catalog import FieldKind, Relation, StoredField
from spl.commands.lookup import InputLookup, LookupCommand
from spl.datamodels import load_datasets
from spl.expr import field_names
from spl.lex import blank_comments
from spl.lookups import Lookup, Lookups
from spl.macros import Macro, MacroTable, bundled_macros, macro_calls
from spl.plan import Search, term_fields, walk_commands, walk_searches

_METADATA = ("_raw", "index", "sourcetype", "host", "source")


class NoEvents:
    """A catalog without events, in which every index exists and every sourcetype of a data model."""

    def relation(
        self,
        *,
        indexes: frozenset[str] | None,
        sourcetypes: frozenset[str] | None,
        earliest: float,
        latest: float,
    ) -> Relation:
        """Return no rows, with the fields that every event has and those that data models read."""
        names = dict.fromkeys((*_METADATA, *_model_fields()))
        fields = {name: StoredField(name, "NULL::VARCHAR", FieldKind.TEXT) for name in names}
        return Relation("(SELECT 0::DOUBLE AS _time, 0::BIGINT AS _seq WHERE false)", fields, 0)

    def sourcetypes(self) -> frozenset[str]:
        """Return a sourcetype for every pattern of a data model."""
        sources = chain.from_iterable(dataset.sources for dataset in load_datasets().values())
        return frozenset(name.replace("*", "") for source in sources for name in source.sourcetypes)


def _model_fields() -> list[str]:
    sources = [source for dataset in load_datasets().values() for source in dataset.sources]
    read = [name for source in sources for expr in source.fields.values() for name in field_names(expr)]
    return sorted({*read, *(name for source in sources for name in term_fields(source.where))})


def stand_in_lookups(search: Search) -> Lookups:
    """Return an empty table for every lookup that a search names, with the fields that it names."""
    fields: dict[str, dict[str, None]] = {}
    for command in (command for part in walk_searches(search) for command in walk_commands(part)):
        if isinstance(command, LookupCommand | InputLookup):
            named = fields.setdefault(command.table, {})
            if isinstance(command, LookupCommand):
                named |= dict.fromkeys(name for name, _ in (*command.keys, *(command.outputs or ())))
    return Lookups({name: Lookup(name, tuple(named), ()) for name, named in fields.items()})


def undefined_macros(text: str, macros: MacroTable) -> dict[tuple[str, int], Macro]:
    """Return stand-ins for the macros that a search calls and nobody defines.

    Published detections call the macros of their authors' environment. As a command, one is read as `search *`; as a
    term, as one that every event meets; in an expression, as a missing value; as a quoted text, as a time; elsewhere, as a
    field of its name.
    """
    known = {**bundled_macros(), **macros}
    found: dict[tuple[str, int], Macro] = {}
    for one in (text, *(macro.definition for macro in macros.values())):
        for name, arguments, place in macro_calls(one):
            if (name, arguments) not in known and not any(called == name for called, _ in known):
                names = tuple(f"a{number}" for number in range(arguments))
                definition = _meaning(name, blank_comments(one)[:place])
                found.setdefault((name, arguments), Macro(name, names, definition, "stand-in", 0))
    return found


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_EXPRESSION = re.compile(
    r"\s*(?:eval|where|fieldformat)\b|.*\beval\s*\((?:[^()]|\([^()]*\))*$", re.IGNORECASE | re.DOTALL
)
_TSTATS = re.compile(r"\s*tstats\b(?P<rest>.*)", re.IGNORECASE | re.DOTALL)


def _meaning(name: str, before: str) -> str:
    """Return a definition that fits where a macro is called, given what stands before."""
    plain = _QUOTED.sub('""', before)
    command = re.split(r"[|\[]", plain)[-1]
    first = "|" not in plain and "[" not in plain
    if before.endswith('"'):
        return "-1d"
    if not command.strip():
        return "search *"
    if _EXPRESSION.match(command):
        return "null()"
    if tstats := _TSTATS.fullmatch(command):
        words = re.findall(r"\b(?:where|by|groupby)\b", tstats["rest"].lower())
        return {"where": "*", "by": name, "groupby": name}.get(words[-1] if words else "", "")
    return "*" if first or command.lower().lstrip().startswith("search") else name
