"""How much of a file of searches the engine understands: how many parse, how many compile, what the others lack.

A search compiles when its SQL has been built and bound over stand-ins: no events, but every sourcetype that a data
model knows, and an empty table for every lookup that the search names.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import orjson

from spl.catalog import FieldKind, Relation, StoredField
from spl.commands.lookup import InputLookup, LookupCommand
from spl.datamodels import load_datasets
from spl.errors import SplError
from spl.expr import field_names
from spl.lex import blank_comments
from spl.lookups import Lookup, Lookups
from spl.macros import Macro, MacroTable, bundled_macros
from spl.parse import parse_search
from spl.plan import Search, term_fields, walk_searches
from spl.run import run_search
from spl.sql_text import install_macros

USAGE = 2
NOW, DAY_S = 1_700_000_000.0, 86_400.0
_METADATA = ("_raw", "index", "sourcetype", "host", "source")
_CALL = re.compile(r"`\s*(\w+)\s*(?:\(\s*\))?`")
_SHOWN = 20


@dataclass
class Coverage:
    """What became of a number of searches."""

    total: int = 0
    parsed: int = 0
    compiled: int = 0
    lacks: Counter[str] = field(default_factory=Counter)
    """Reasons why searches do not parse or compile, by frequency."""
    first: dict[str, str] = field(default_factory=dict)
    """Where each reason was met first."""
    undefined: Counter[str] = field(default_factory=Counter)
    """Macros without a definition, by the number of searches that call them."""

    def lack(self, reason: str, place: str) -> None:
        """Count a reason."""
        self.lacks[reason] += 1
        self.first.setdefault(reason, place)

    def __str__(self) -> str:
        lines = [_share("parse", self.parsed, self.total), _share("compile", self.compiled, self.total)]
        if self.undefined:
            names = ", ".join(f"{name} ({count:,})" for name, count in self.undefined.most_common(_SHOWN))
            lines.append(
                f"{len(self.undefined):,} macros without a definition were read as `search *`: {names}"
            )
        lines += [
            f"{count:6,}  {reason}  (first: {self.first[reason]})"
            for reason, count in self.lacks.most_common()
        ]
        return "\n".join(lines) + "\n"


def _share(what: str, part: int, total: int) -> str:
    return f"{what + ':':9}{part:,} of {total:,} ({100 * part / total if total else 100.0:.1f} %)"


def main() -> int:
    """Read the file that is named on the command line and print the table."""
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        sys.stderr.write("Expected a file: one JSON object a line, with a `search` and perhaps `macros`.\n")
        return USAGE
    with Path(sys.argv[1]).open("rb") as lines:
        sys.stdout.write(str(measure(lines)))
    return 0


def measure(lines: Iterable[bytes]) -> Coverage:
    """Try every search of a file of JSON lines."""
    found = Coverage()
    with duckdb.connect() as connection:
        install_macros(connection)
        for number, line in enumerate(lines, 1):
            if line.strip():
                _try_line(found, connection, number, line)
    return found


def _try_line(found: Coverage, connection: duckdb.DuckDBPyConnection, number: int, line: bytes) -> None:
    found.total += 1
    try:
        entry = orjson.loads(line)
        text = str(entry["search"])
        macros = read_macros(entry.get("macros") or {})
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        found.lack("the line is no JSON object with a `search`", f"line {number}")
        return
    undefined = undefined_macros(text, macros)
    found.undefined.update(name for name, _ in undefined)
    macros |= undefined
    try:
        search = parse_search(text, macros=macros)
        found.parsed += 1
        compile_search(text, search, connection, macros)
        found.compiled += 1
    except SplError as error:
        place = f"line {number}, line {error.line} column {error.column} of the search"
        found.lack(f"{error.code} {error.message}", place)


def compile_search(
    text: str, search: Search, connection: duckdb.DuckDBPyConnection, macros: MacroTable
) -> None:
    """Build and bind the SQL of a search over stand-ins.

    Raises:
        SplError: It cannot be compiled.
    """
    run_search(
        text,
        connection=connection,
        catalog=NoEvents(),
        earliest=NOW - DAY_S,
        latest=NOW,
        zone=ZoneInfo("UTC"),
        now=NOW,
        macros=macros,
        lookups=stand_in_lookups(search),
        locate=lambda address: {},
    )


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
    for command in (command for part in walk_searches(search) for command in part.commands):
        if isinstance(command, LookupCommand | InputLookup):
            named = fields.setdefault(command.table, {})
            if isinstance(command, LookupCommand):
                named |= dict.fromkeys(name for name, _ in (*command.keys, *(command.outputs or ())))
    return Lookups({name: Lookup(name, tuple(named), ()) for name, named in fields.items()})


def undefined_macros(text: str, macros: MacroTable) -> dict[tuple[str, int], Macro]:
    """Return stand-ins for the macros without arguments that a search calls and nobody defines.

    Published detections call the macros of their authors' environment; as a term or as a command, each is read as a
    condition that every event meets.
    """
    known = {**bundled_macros(), **macros}
    texts = (text, *(macro.definition for macro in macros.values()))
    called = dict.fromkeys(name for one in texts for name in _CALL.findall(blank_comments(one)))
    return {
        (name, 0): Macro(name, (), "search *", "stand-in", 0) for name in called if (name, 0) not in known
    }


def read_macros(entries: Mapping[str, Any] | list[dict[str, Any]]) -> dict[tuple[str, int], Macro]:
    """Return the macros of one search.

    Args:
        entries: `name` or `name(2)` to a definition, or to an object with `definition` and `args` (or `arguments`);
            or a list of such objects with a `name`.
    """
    pairs = entries.items() if isinstance(entries, Mapping) else [(str(one["name"]), one) for one in entries]
    found: dict[tuple[str, int], Macro] = {}
    for stanza, entry in pairs:
        name, _, count = stanza.partition("(")
        args: Any = ()
        definition = entry
        if isinstance(entry, Mapping):
            args = entry.get("args") or entry.get("arguments") or ()
            definition = entry.get("definition", "")
        names = tuple(str(one).strip() for one in (args.split(",") if isinstance(args, str) else args))
        number = int(count.rstrip(")") or 0) if count.rstrip(")").isdecimal() else len(names)
        found[name, number] = Macro(name, names, str(definition), "macros", 0)
    return found


if __name__ == "__main__":
    sys.exit(main())
