"""The store as the SPL engine sees it: a relation over the files that a search may need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spl.catalog import FieldKind, Relation, StoredField, UnknownIndexError
from spl.sql_text import identifier, in_window, text_literal
from tools.logstore.layout import column_name
from tools.logstore.manifest import SetAside, StoredFile

METADATA = ("_raw", "index", "sourcetype", "host", "source")
Count = Callable[[str], int]
"""Runs a SQL count."""
_MOST_REMEMBERED = 32


@dataclass(slots=True)
class Remembered:
    """What searches of the same files need again: the searches of one item ask for the same few windows."""

    counts: dict[str, int] = field(default_factory=dict)
    """Events by the SQL that counts them; a stored file never changes."""
    fields: dict[tuple[str, ...], dict[str, StoredField]] = field(default_factory=dict)
    """Fields by the names of the files."""


class StoreCatalog:
    """Implements `spl.catalog.Catalog` over one reading of the manifest."""

    def __init__(
        self,
        folder: Path,
        files: Sequence[StoredFile],
        count: Count,
        remembered: Remembered | None = None,
        set_aside: Sequence[SetAside] = (),
    ) -> None:
        self._folder = folder
        self._files = files
        self._count = count
        self._remembered = remembered or Remembered()
        self._set_aside = set_aside

    def relation(
        self,
        *,
        indexes: frozenset[str] | None,
        sourcetypes: frozenset[str] | None,
        earliest: float,
        latest: float,
    ) -> Relation:
        """Return the events of these indexes and sourcetypes near the window.

        Raises:
            UnknownIndexError: None of `indexes` exists.
        """
        known = {file.index.lower() for file in self._files}
        if indexes is not None and not indexes & known:
            names = " or ".join(repr(name) for name in sorted(indexes))
            hint = "" if known else " Nothing is stored yet: import logs with `tejun logs import`."
            raise UnknownIndexError(f"index {names} does not exist.{hint}", supported=tuple(sorted(known)))
        chosen = [
            file
            for file in self._files
            if (indexes is None or file.index.lower() in indexes)
            and (sourcetypes is None or file.sourcetype.lower() in sourcetypes)
        ]
        near = [file for file in chosen if file.last >= earliest and file.first < latest]
        fields = self._fields(near or chosen)
        if not near:
            fields = {name: _absent(stored) for name, stored in fields.items()}
        edge = [file for file in near if file.first < earliest or file.last >= latest]
        scanned = sum(file.events for file in near) - sum(file.events for file in edge)
        if edge:
            scanned += self._counted(
                f"SELECT count(*) FROM {self._sql(edge)} WHERE {in_window(earliest, latest)}"
            )
        missed = {
            aside.id: aside.lines
            for aside in self._set_aside
            if aside.concerns(indexes, sourcetypes, earliest, latest)
        }
        return Relation(
            sql=self._sql(near), fields=fields, scanned=scanned, inside=not edge, set_aside=missed
        )

    def sourcetypes(self) -> frozenset[str]:
        """Return the sourcetypes of all stored events."""
        return frozenset(file.sourcetype for file in self._files)

    def _counted(self, sql: str) -> int:
        known = self._remembered.counts
        count = known.get(sql)
        if count is None:
            count = self._count(sql)
            _keep(known, sql, count)
        return count

    def _fields(self, files: Sequence[StoredFile]) -> dict[str, StoredField]:
        known = self._remembered.fields
        names = tuple(file.name for file in files)
        fields = known.get(names)
        if fields is None:
            fields = _fields(files)
            _keep(known, names, fields)
        return fields

    def _sql(self, files: Sequence[StoredFile]) -> str:
        """Return the files as one relation; a field is a column in some of them and in a map in others.

        Files with the same columns are read as they are: to unite them by name costs a tenth of a search.
        """
        if not files:
            return f"({_empty()})"
        names = ", ".join(text_literal(str(self._folder / file.name)) for file in files)
        alike = all(file.columns == files[0].columns for file in files)
        return f"read_parquet([{names}]{'' if alike else ', union_by_name=true'})"


def _keep(known: dict[Any, Any], key: object, value: object) -> None:
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    known[key] = value


def _empty() -> str:
    text = ", ".join(f"NULL::VARCHAR AS {identifier(name)}" for name in METADATA)
    return f"SELECT NULL::DOUBLE AS _time, NULL::BIGINT AS _seq, {text} WHERE FALSE"


def _fields(files: Sequence[StoredFile]) -> dict[str, StoredField]:
    """Return every field of `files` with the SQL that reads it from all of them."""
    homes: dict[str, set[tuple[str, str]]] = {}
    for file in files:
        for name, kind in file.columns.items():
            homes.setdefault(name, set()).add(("column", kind))
        for name, kind in file.rest.items():
            homes.setdefault(name, set()).add(("rest", kind))
    fields = {name: StoredField(name, identifier(name), FieldKind.TEXT) for name in METADATA}
    fields |= {name: _field(name, found) for name, found in sorted(homes.items()) if name not in fields}
    return fields


def _field(name: str, homes: set[tuple[str, str]]) -> StoredField:
    multi = any(kind == "multi" for _, kind in homes)
    literal = text_literal(name)
    column, many = (identifier(column_name(name, kind)) for kind in ("text", "multi"))
    column_kinds = {kind for home, kind in homes if home == "column"}
    if not multi:
        parts = [column] if column_kinds else []
        parts += [f"_rest[{literal}]"] if any(home == "rest" for home, _ in homes) else []
        return StoredField(name, _coalesce(parts), FieldKind.TEXT)
    parts = [many] if "multi" in column_kinds else []
    if "text" in column_kinds:
        parts.append(f"(CASE WHEN {column} IS NOT NULL THEN [{column}] END)")
    if any(home == "rest" for home, _ in homes):
        parts += [
            f"_many[{literal}]",
            f"(CASE WHEN _rest[{literal}] IS NOT NULL THEN [_rest[{literal}]] END)",
        ]
    return StoredField(name, _coalesce(parts), FieldKind.MULTI)


def _absent(field: StoredField) -> StoredField:
    """Return a field of events that are all outside the window: known, and without a value."""
    if field.name in METADATA:
        return field
    empty = "NULL::VARCHAR[]" if field.kind is FieldKind.MULTI else "NULL::VARCHAR"
    return StoredField(field.name, empty, field.kind)


def _coalesce(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"coalesce({', '.join(parts)})"
