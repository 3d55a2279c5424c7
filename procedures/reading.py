"""Reading values with their places: everything that is wrong is reported, and reading goes on."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass, field

import yaml

from procedures.codes import CODES
from procedures.document import Block, Cell, table_rows
from procedures.model import Fault, Place
from procedures.words import COLUMN_OF
from spl.errors import TimeError
from spl.timerange import parse_duration


@dataclass(slots=True)
class Faults:
    """Collects what is wrong in one file."""

    path: str
    found: list[Fault] = field(default_factory=list)

    def add(self, code: str, message: str, line: int, column: int = 1) -> None:
        """Report a fault."""
        place = Place(path=self.path, line=max(1, line), column=max(1, column))
        severity = CODES[code][0]
        fault = Fault(place=place, code=code, message=message, severity=severity)
        if fault not in self.found:
            self.found.append(fault)


def near(word: str, known: Collection[str]) -> str:
    """Return a hint with the nearest known word and all of them."""
    close = difflib.get_close_matches(word, list(known), 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{hint} Expected one of: {', '.join(known)}."


@dataclass(frozen=True, slots=True)
class Settings:
    """A YAML mapping whose keys and values know their lines."""

    values: dict[str, object]
    lines: dict[str, int]
    line: int
    faults: Faults

    def place(self, key: str) -> int:
        """Return the line of `key`, or that of the mapping when it is absent."""
        return self.lines.get(key, self.line)

    def only(self, known: Collection[str]) -> None:
        """Report keys that are not `known`."""
        for key in self.values:
            if key not in known:
                self.faults.add("P004", f"key {key!r} is unknown.{near(key, known)}", self.place(key))

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; a missing one without a default is reported."""
        value = self.values.get(key)
        if value is None:
            if default is None:
                self.faults.add("P002", f"{key!r} is missing.", self.line)
            return default or ""
        return str(value)

    def choice(self, key: str, known: Collection[str], default: str | None = None) -> str:
        """Return one of `known`."""
        value = self.text(key, default)
        if key in self.values and value not in known:
            self.faults.add("P003", f"{key} {value!r} is not known.{near(value, known)}", self.place(key))
        return value if value in known else next(iter(known))

    def date(self, key: str) -> dt.date:
        """Return a date."""
        value = self.values.get(key)
        if isinstance(value, dt.date):
            return value
        if value is None:
            self.faults.add("P002", f"{key!r} is missing. Expected a date such as 2026-11-20.", self.line)
        else:
            self.faults.add("P003", f"{key} {value!r} is no date. Expected 2026-11-20.", self.place(key))
        return dt.date(1970, 1, 1)

    def duration(self, key: str, default: str | None = None) -> float:
        """Return the seconds of a duration."""
        text = self.text(key, default)
        try:
            return parse_duration(text) if text else 0.0
        except TimeError as error:
            self.faults.add("P003", f"{key}: {error.message}", self.place(key))
            return 0.0

    def number(self, key: str, default: float) -> float:
        """Return a number above zero."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            self.faults.add("P003", f"{key} {value!r} is no number above zero.", self.place(key))
            return default
        return value

    def names(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; a single text is a list of one."""
        value = self.values.get(key) or []
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list):
            self.faults.add("P003", f"{key} {value!r} is no list.", self.place(key))
            return ()
        return tuple(str(part) for part in value)


class _Loader(yaml.SafeLoader):
    """YAML in which only true and false are truth values: `on` is a key of ours, `no` a word."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def read_settings(text: str, first_line: int, faults: Faults) -> Settings | None:
    """Read a YAML mapping; None when it is none, which is reported."""
    try:
        node = yaml.compose(text, Loader=_Loader)
        values = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        faults.add("P001", f"YAML cannot be read: {error.problem}.", first_line + line)
        return None
    except (yaml.YAMLError, ValueError) as error:
        faults.add("P001", f"YAML cannot be read: {error}.", first_line)
        return None
    if values is None:
        return Settings({}, {}, first_line, faults)
    if not isinstance(values, dict) or not isinstance(node, yaml.MappingNode):
        faults.add("P001", "YAML is no mapping. Expected key: value lines.", first_line)
        return None
    lines = {str(key.value): first_line + key.start_mark.line for key, _ in node.value}
    return Settings({str(key): value for key, value in values.items()}, lines, first_line, faults)


Record = dict[str, Cell]


def read_table(
    block: Block, required: Collection[str], faults: Faults, *, others: bool = False
) -> list[Record]:
    """Read a table by the meaning of its columns.

    Args:
        block: The table.
        required: Columns that must be there.
        faults: Where faults go.
        others: Whether columns beyond the known ones are kept under their own names.
    """
    header, *rows = table_rows(block)
    names = [COLUMN_OF.get(cell.text.casefold(), cell.text if others else None) for cell in header]
    for cell, name in zip(header, names, strict=True):
        if name is None:
            faults.add(
                "P007",
                f"column {cell.text!r} is unknown.{near(cell.text, COLUMN_OF)}",
                cell.line,
                cell.column,
            )
    for name in required:
        if name not in names:
            faults.add(
                "P007", f"the table has no column {name!r}. Expected {', '.join(required)}.", block.line
            )
    records = []
    for cells in rows:
        if len(cells) < len(header):
            faults.add(
                "P007",
                f"the row has {len(cells)} cells. Expected {len(header)}.",
                cells[0].line if cells else block.line,
            )
        elif any(cell.text for cell in cells):
            records.append({name: cell for name, cell in zip(names, cells, strict=False) if name is not None})
    return records
