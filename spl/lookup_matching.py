"""Which rows of a lookup fit given values: equal, inside a network, or by wildcards, found by index, not row by row."""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from spl.lookups import Lookup, MatchType
from spl.values import lower_text


class Matcher:
    """The rows of a table by the values of some of its fields."""

    def __init__(self, table: Lookup, keys: Sequence[str]) -> None:
        self._rows = table.rows
        self._columns = [
            _column(
                table.match_types.get(key, "EXACT"),
                [row[table.fields.index(key)] for row in table.rows],
                sensitive=table.case_sensitive,
            )
            for key in keys
        ]

    def rows(self, values: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Yield the rows whose cells all fit `values`, one value for each key, in the order of the table."""
        places = (set(column.places(value)) for column, value in zip(self._columns, values, strict=True))
        for place in sorted(set.intersection(*places)):
            yield self._rows[place]


class _Column(Protocol):
    def places(self, value: str) -> Iterable[int]:
        """Return the places of the cells that fit."""
        ...


def _column(kind: MatchType, cells: Sequence[str], *, sensitive: bool) -> _Column:
    if kind == "CIDR":
        return _Networks(cells)
    return _Wildcards(cells, sensitive=sensitive, wild=kind == "WILDCARD")


class _Networks:
    """Cells that are networks or addresses; any other cell must be the value itself."""

    def __init__(self, cells: Sequence[str]) -> None:
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._networks: dict[tuple[int, int], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for place, cell in enumerate(cells):
            try:
                network = ipaddress.ip_network(cell, strict=False)
            except ValueError:
                self._exact[cell].append(place)
                continue
            mask = int(network.netmask)
            self._networks[network.version, mask][int(network.network_address)].append(place)

    def places(self, value: str) -> Iterator[int]:
        yield from self._exact.get(value, ())
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return
        number = int(address)
        for (version, mask), networks in self._networks.items():
            if version == address.version:
                yield from networks.get(number & mask, ())


class _Wildcards:
    """Cells with `*`, held by the letters before their first `*`, or else by those behind their last."""

    def __init__(self, cells: Sequence[str], *, sensitive: bool, wild: bool) -> None:
        self._sensitive = sensitive
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._starts: dict[str, list[tuple[int, re.Pattern[str]]]] = defaultdict(list)
        self._ends: dict[str, list[tuple[int, re.Pattern[str]]]] = defaultdict(list)
        for place, cell in enumerate(cells):
            text = cell if sensitive else lower_text(cell)
            parts = text.split("*") if wild else [text]
            if len(parts) == 1:
                self._exact[text].append(place)
                continue
            held = self._ends[parts[-1]] if parts[-1] and not parts[0] else self._starts[parts[0]]
            held.append((place, re.compile(".*".join(map(re.escape, parts)), re.DOTALL)))
        self._start_sizes = sorted({len(start) for start in self._starts})
        self._end_sizes = sorted({len(end) for end in self._ends})

    def places(self, value: str) -> Iterator[int]:
        text = value if self._sensitive else lower_text(value)
        yield from self._exact.get(text, ())
        held = [self._starts.get(text[:size], ()) for size in self._start_sizes]
        held += [self._ends.get(text[-size:], ()) for size in self._end_sizes]
        for entries in held:
            for place, pattern in entries:
                if pattern.fullmatch(text):
                    yield place
