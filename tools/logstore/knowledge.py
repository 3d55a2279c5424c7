"""What all searches of a store may use: macros, lookups, a database of places. Read anew when a file changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import maxminddb

from spl.datamodels import Dataset, load_datasets
from spl.lookups import Lookups, read_lookups
from spl.macros import Macro, parse_macros_conf
from tools.logstore.errors import LogStoreError

Locate = Callable[[str], Mapping[str, str]]
Stamp = tuple[tuple[str, int, int], ...]


class Knowledge:
    """The knowledge objects below a folder.

    They are `macros.conf`, `lookups/*.csv`, `lookups/transforms.conf`, `lookups/places.mmdb` and `models/*.toml`.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def macros(self) -> dict[tuple[str, int], Macro]:
        """Return the macros.

        Raises:
            MacroError: The file cannot be read.
        """
        path = self._folder / "macros.conf" if self._folder else None
        if path is None or not path.is_file():
            return {}
        return parse_macros_conf(path.read_text("utf-8"), str(path))

    def lookups(self) -> Lookups:
        """Return the lookup tables.

        Raises:
            UnknownLookupError: A file cannot be read.
        """
        if self._folder is None:
            return Lookups()
        folder = self._folder / "lookups"
        return _lookups(folder, _stamp(folder))

    def datasets(self) -> Mapping[str, Dataset]:
        """Return the datasets of the bundled data models and of those in the folder.

        Raises:
            DataModelFileError: A file cannot be used.
        """
        if self._folder is None:
            return load_datasets()
        folder = self._folder / "models"
        return _datasets(folder, _stamp(folder))

    def locate(self) -> Locate | None:
        """Return a function that tells where an address is; None without a database of places."""
        path = self._folder / "lookups" / "places.mmdb" if self._folder else None
        return _places(path, path.stat().st_mtime_ns) if path is not None and path.is_file() else None


def _stamp(folder: Path) -> Stamp:
    if not folder.is_dir():
        return ()
    with os.scandir(folder) as entries:
        return tuple(sorted((e.name, e.stat().st_mtime_ns, e.stat().st_size) for e in entries if e.is_file()))


@lru_cache(maxsize=8)
def _lookups(folder: Path, stamp: Stamp) -> Lookups:
    return read_lookups(folder)


@lru_cache(maxsize=8)
def _datasets(folder: Path, stamp: Stamp) -> Mapping[str, Dataset]:
    return load_datasets([folder])


@lru_cache(maxsize=2)
def _places(path: Path, changed: int) -> Locate:
    try:
        reader = maxminddb.open_database(path)
    except (maxminddb.InvalidDatabaseError, OSError) as error:
        raise LogStoreError(f"cannot read the database of places {str(path)!r}: {error}") from error

    def locate(address: str) -> Mapping[str, str]:
        try:
            found = reader.get(address)
        except ValueError:
            return {}
        return _fields(found) if isinstance(found, dict) else {}

    return locate


def _fields(found: Mapping[str, Any]) -> dict[str, str]:
    """Return Splunk's fields of a MaxMind record.

    Source: MaxMind, "GeoIP2 City database"; Splunk Search Reference, iplocation.
    """
    place = found.get("location") or {}
    regions = found.get("subdivisions") or [{}]
    values = {
        "City": _name(found.get("city")),
        "Continent": _name(found.get("continent")),
        "Country": _name(found.get("country")),
        "MetroCode": place.get("metro_code"),
        "Region": _name(regions[0]),
        "Timezone": place.get("time_zone"),
        "lat": place.get("latitude"),
        "lon": place.get("longitude"),
    }
    return {name: str(value) for name, value in values.items() if value is not None}


def _name(part: Any) -> str | None:
    names = part.get("names") if isinstance(part, dict) else None
    return names.get("en") if isinstance(names, dict) else None
