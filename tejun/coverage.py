"""How much of a file of searches the engine understands: one number, and what the others lack, by frequency."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import orjson

from spl.errors import SplError
from spl.macros import Macro
from spl.parse import parse_search

USAGE = 2


def main() -> int:
    """Read the file that is named on the command line and print the table."""
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        sys.stderr.write("Expected a file: one JSON object a line, with a `search` and perhaps `macros`.\n")
        return USAGE
    understood, total, lacks, first = 0, 0, Counter[str](), dict[str, str]()
    with Path(sys.argv[1]).open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            total += 1
            try:
                entry = orjson.loads(line)
                parse_search(entry["search"], macros=read_macros(entry.get("macros") or {}))
                understood += 1
            except SplError as error:
                reason = f"{error.code} {error.message}"
                lacks[reason] += 1
                first.setdefault(reason, f"line {number}, column {error.column} of the search")
            except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
                reason = "the line is no JSON object with a `search`"
                lacks[reason] += 1
                first.setdefault(reason, f"line {number}")
    share = 100 * understood / total if total else 100.0
    sys.stdout.write(f"understood: {understood:,} of {total:,} ({share:.1f} %)\n")
    for reason, count in lacks.most_common():
        sys.stdout.write(f"{count:6,}  {reason}  (first: {first[reason]})\n")
    return 0


def read_macros(entries: dict[str, object]) -> dict[tuple[str, int], Macro]:
    """Return macros of `name` or `name(2)` to a definition, or to an object with `definition` and `args`."""
    found: dict[tuple[str, int], Macro] = {}
    for stanza, entry in entries.items():
        name, _, count = stanza.partition("(")
        if isinstance(entry, dict):
            args = entry.get("args") or ()
            names = args.split(",") if isinstance(args, str) else args
            definition = str(entry.get("definition", ""))
        else:
            names, definition = (), str(entry)
        arguments = tuple(str(one).strip() for one in names)
        number = int(count.rstrip(")") or 0) if count.rstrip(")").isdecimal() else len(arguments)
        found[name, number] = Macro(name, arguments, definition, "macros", 0)
    return found


if __name__ == "__main__":
    sys.exit(main())
