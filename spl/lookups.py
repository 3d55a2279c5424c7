"""Lookup tables: CSV files, described by `transforms.conf` where it stands beside them."""

from __future__ import annotations

import configparser
import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from spl.errors import Span, SplError

MatchType = Literal["EXACT", "WILDCARD", "CIDR"]
MOST_MATCHES = 1000
"""Matches that a lookup takes when `max_matches` does not say."""


class UnknownLookupError(SplError):
    """A lookup is unknown or its file cannot be read."""

    code = "LOOKUP"


@dataclass(frozen=True, slots=True)
class Lookup:
    """One lookup table; cells are texts, an empty one is missing."""

    name: str
    fields: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    match_types: Mapping[str, MatchType] = field(default_factory=dict)
    case_sensitive: bool = True
    max_matches: int = MOST_MATCHES
    default: str | None = None
    """What the outputs are when nothing matches."""


@dataclass(frozen=True, slots=True)
class Lookups:
    """The lookups that a search may use, by name and by file name."""

    tables: Mapping[str, Lookup] = field(default_factory=dict)

    def __or__(self, other: Lookups) -> Lookups:
        """Return the lookups of both; of the same name, those of `other`."""
        return Lookups({**self.tables, **other.tables})

    def only(self, names: Collection[str]) -> Lookups:
        """Return the lookups of these names, with or without `.csv`; a search finds no other."""
        wanted = {*names, *(f"{name}.csv" for name in names)}
        return Lookups({name: table for name, table in self.tables.items() if name in wanted})

    def find(self, name: str, *, text: str = "", span: Span | None = None) -> Lookup:
        """Return a lookup.

        Raises:
            UnknownLookupError: There is none of this name.
        """
        found = self.tables.get(name) or self.tables.get(f"{name}.csv")
        if found is None:
            raise UnknownLookupError(
                f"lookup {name!r} does not exist. Expected a CSV file in the folder of lookups, or a stanza of its "
                "transforms.conf.",
                text=text,
                span=span,
                supported=tuple(sorted(self.tables)),
            )
        return found


NO_LOOKUPS = Lookups()


def read_lookups(folder: Path) -> Lookups:
    """Read every CSV file of a folder, and its `transforms.conf` if there is one; no folder means no lookups.

    Raises:
        UnknownLookupError: A file cannot be read.

    Source: Splunk Admin Manual, transforms.conf, "Lookup tables".
    """
    if not folder.is_dir():
        return Lookups()
    conf = folder / "transforms.conf"
    try:
        files = {path.name: path.read_text("utf-8-sig") for path in sorted(folder.glob("*.csv"))}
        return parse_lookups(files, conf.read_text("utf-8") if conf.is_file() else "")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UnknownLookupError(f"a lookup in {str(folder)!r} cannot be read: {error}.") from None


def parse_lookups(files: Mapping[str, str], conf: str) -> Lookups:
    """Return the lookups of CSV texts by file name and of a `transforms.conf`."""
    tables = {name: parse_csv(name, text) for name, text in files.items()}
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(conf)
    except configparser.Error as error:
        raise UnknownLookupError(f"transforms.conf cannot be read: {error}.") from None
    for stanza in parser.sections():
        settings = parser[stanza]
        if "filename" not in settings:
            continue
        table = tables.get(settings["filename"])
        if table is None:
            raise UnknownLookupError(
                f"lookup {stanza!r} names the file {settings['filename']!r}, which is not there."
            )
        tables[stanza] = _described(stanza, table, settings)
    return Lookups(tables)


def _described(name: str, table: Lookup, settings: Mapping[str, str]) -> Lookup:
    types: dict[str, MatchType] = {}
    for part in settings.get("match_type", "").split(","):
        kind, _, inside = part.strip().partition("(")
        if inside and kind.upper() in {"WILDCARD", "CIDR"}:
            types[inside.rstrip(") ")] = kind.upper()  # type: ignore[assignment]
    if "time_field" in settings:
        raise UnknownLookupError(f"lookup {name!r} is time-based (time_field), which is not supported.")
    least = int(settings.get("min_matches", "0"))
    return Lookup(
        name=name,
        fields=table.fields,
        rows=table.rows,
        match_types=types,
        case_sensitive=settings.get("case_sensitive_match", "true").lower() in {"1", "t", "true"},
        max_matches=int(settings.get("max_matches", str(MOST_MATCHES))),
        default=settings.get("default_match") if least else None,
    )


def parse_csv(name: str, text: str) -> Lookup:
    """Return the table of a CSV text; its first row names the fields."""
    rows: Sequence[list[str]] = list(csv.reader(io.StringIO(text)))
    if not rows:
        raise UnknownLookupError(f"lookup file {name!r} is empty. Expected a header line.")
    header = tuple(rows[0])
    for place, row in enumerate(rows[1:], 2):
        if row and len(row) != len(header):
            raise UnknownLookupError(f"{name}:{place}: {len(row)} cells under a header of {len(header)}.")
    return Lookup(name, header, tuple(tuple(row) for row in rows[1:] if row))
