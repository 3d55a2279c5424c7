"""How much of a file of searches the engine understands: how many parse, how many compile, what the others lack.

A search parses when all of it is understood; a command that is refused by name, whatever its arguments, is set aside
for that. It compiles when its SQL has been built and bound over stand-ins: no events, but every sourcetype that a data
model knows, and an empty table for every lookup that the search names.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import orjson

from spl.errors import BeyondError, ForbiddenError, SplError
from spl.lex import closing_pipe
from spl.macros import Macro, MacroTable, expand
from spl.parse import parse_search
from spl.plan import Search
from spl.run import run_search
from spl.sql_text import install_macros
from tejun.stand_ins import NoEvents, stand_in_lookups, undefined_macros

USAGE = 2
NOW, DAY_S = 1_700_000_000.0, 86_400.0
_SHOWN, _MOST_REFUSED = 20, 8
_NO_FIELD = re.compile(r"dataset (\S+) has no field (.+)\.")


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
    refused: int = 0
    """Searches that parse and use a command that is refused by name."""
    unlisted: Counter[str] = field(default_factory=Counter)
    """Fields and datasets that no data model has, by the number of searches that read them."""
    undefined: Counter[str] = field(default_factory=Counter)
    """Macros without a definition, by the number of searches that call them."""

    def lack(self, reason: str, place: str) -> None:
        """Count a reason."""
        self.lacks[reason] += 1
        self.first.setdefault(reason, place)

    def __str__(self) -> str:
        lines = [_share("parse:", self.parsed, self.total), _share("compile:", self.compiled, self.total)]
        if self.refused:
            lines.append(
                _share("refused:", self.refused, self.total) + " use a command that is refused by name"
            )
        if self.undefined:
            lines.append(
                f"{len(self.undefined):,} macros without a definition had stand-ins: {_listed(self.undefined)}"
            )
        if self.unlisted:
            lines.append(f"in the data models there is no {_listed(self.unlisted)}")
        lines += [
            f"{count:6,}  {reason}  (first: {self.first[reason]})"
            for reason, count in self.lacks.most_common()
        ]
        return "\n".join(lines) + "\n"


def _listed(counts: Counter[str]) -> str:
    more = len(counts) - _SHOWN
    names = [f"{name} ({count:,})" for name, count in counts.most_common(_SHOWN)]
    return ", ".join([*names, f"{more:,} more"] if more > 0 else names)


def _share(what: str, part: int, total: int) -> str:
    return f"{what:9}{part:,} of {total:,} ({100 * part / total if total else 100.0:.1f} %)"


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
        messages = compile_search(text, search, connection, macros)
        found.compiled += 1
        found.unlisted.update({name for message in messages for name in _unlisted(message)})
    except SplError as error:
        if isinstance(error, BeyondError | ForbiddenError) and parses_without_refused(text, macros):
            found.parsed += 1
            found.refused += 1
        place = f"line {number}, line {error.line} column {error.column} of the search"
        found.lack(f"{error.code} {error.message}", place)


def _unlisted(message: str) -> list[str]:
    """Return the fields of which a message says that their dataset lacks them."""
    match = _NO_FIELD.fullmatch(message)
    return [f"{match[1]}.{name}" for name in match[2].split(", ")] if match else []


def compile_search(
    text: str, search: Search, connection: duckdb.DuckDBPyConnection, macros: MacroTable
) -> tuple[str, ...]:
    """Build and bind the SQL of a search over stand-ins; return its messages.

    Raises:
        SplError: It cannot be compiled.
    """
    result = run_search(
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
    return tuple(result.messages)


def parses_without_refused(text: str, macros: MacroTable) -> bool:
    """Tell whether a search parses once another command stands in the place of each one that is refused by name."""
    return _parses_with_stand_ins(expand(text, macros).text, _MOST_REFUSED)


def _parses_with_stand_ins(text: str, refused: int) -> bool:
    try:
        parse_search(text)
    except (BeyondError, ForbiddenError) as error:
        if error.span is None or not refused:
            return False
        before, after = text[: error.span.start], text[closing_pipe(text, error.span.end) :]
        others = (f"{before}{command} {after}" for command in ("head", "makeresults"))
        return any(_parses_with_stand_ins(other, refused - 1) for other in others)
    except SplError:
        return False
    return True


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
