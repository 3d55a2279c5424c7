"""Rows that are found by index are those that a look at every row finds."""

from __future__ import annotations

import ipaddress
from fnmatch import fnmatchcase

from hypothesis import given, settings
from hypothesis import strategies as st

from spl.lookup_matching import Matcher
from spl.lookups import Lookup, MatchType

OCTET = st.sampled_from(["0", "1", "10", "255", "300"])
ADDRESS = st.one_of(st.tuples(*[OCTET] * 4).map(".".join), st.sampled_from(["::1", "fe80::1", "host", ""]))
CELLS = {
    "EXACT": st.sampled_from(["a", "A", "b*", "", "ab"]),
    "WILDCARD": st.text("abA*", max_size=5),
    "CIDR": st.one_of(
        ADDRESS, st.tuples(ADDRESS, st.sampled_from(["/0", "/8", "/31", "/64", "/x"])).map("".join)
    ),
}
VALUES = {"EXACT": st.text("abA*", max_size=3), "WILDCARD": st.text("abA*\n", max_size=5), "CIDR": ADDRESS}


def fits(kind: str, cell: str, value: str, *, sensitive: bool) -> bool:
    """Compare one cell with one value by the rules of transforms.conf."""
    if kind == "CIDR":
        try:
            network = ipaddress.ip_network(cell, strict=False)
        except ValueError:
            return cell == value
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False
    if not sensitive:
        cell, value = cell.lower(), value.lower()
    return fnmatchcase(value, cell) if kind == "WILDCARD" else cell == value


@st.composite
def questions(draw: st.DrawFn) -> tuple[Lookup, tuple[str, ...], list[MatchType]]:
    kinds: list[MatchType] = draw(
        st.lists(st.sampled_from(["EXACT", "WILDCARD", "CIDR"]), min_size=1, max_size=2)
    )
    rows = draw(st.lists(st.tuples(*(CELLS[kind] for kind in kinds)), max_size=8))
    numbered = tuple((*row, str(place)) for place, row in enumerate(rows))
    fields = tuple(f"k{place}" for place in range(len(kinds)))
    types = {name: kind for name, kind in zip(fields, kinds, strict=True) if kind != "EXACT"}
    table = Lookup("t", (*fields, "row"), numbered, types, draw(st.booleans()))
    return table, draw(st.tuples(*(VALUES[kind] for kind in kinds))), kinds


@settings(max_examples=400, deadline=None)
@given(questions())
def test_the_rows_found_are_those_that_fit(asked: tuple[Lookup, tuple[str, ...], list[MatchType]]) -> None:
    table, values, kinds = asked
    keys = table.fields[:-1]
    wanted = [
        row
        for row in table.rows
        if all(
            fits(kind, cell, value, sensitive=table.case_sensitive)
            for kind, cell, value in zip(kinds, row, values, strict=False)
        )
    ]
    assert list(Matcher(table, keys).rows(values)) == wanted
