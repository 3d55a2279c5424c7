"""What the guard lets through is understood, read-only and bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spl.macros import parse_macros_conf
from spl.parse import FORBIDDEN, parse_search
from spl.plan import command_names, indexes
from tools.search.guard import GuardedSession, RefusedError, guard
from tools.search.result import SearchRequest, SearchStatus, TimedResult

MACROS = parse_macros_conf("[wipe]\ndefinition = delete\n[fine]\ndefinition = index=a\n", "macros.conf")


def guarded(spl: str, earliest: float = 0, latest: float = 1) -> str:
    return guard(spl, macros=MACROS, allowed_indexes=frozenset({"a"}), earliest=earliest, latest=latest)


@pytest.mark.parametrize(
    ("spl", "why"),
    [
        ("index=a | delete", "refused always"),
        ("index=a | `wipe`", "refused always"),
        ("index=b", "not one of"),
        ("index=*", "names no index"),
        ("error", "names no index"),
        ("index=a OR index=b", "not one of"),
        ("index=a OR error", "names no index"),
        ("index=a earliest=0", "of its own"),
        ("index=a | makeresults", "makeresults"),
        ("index=a [search index=b]", "'b' is not one"),
        ("index=a [search index=a earliest=-1d | return x]", "earliest= or latest="),
        ("index=a | append [search x=1]", "names no index"),
        ("index=a | join x [| inputlookup t | append [search index=b]]", "'b' is not one"),
        ("| tstats count FROM datamodel=Web BY Web.src", "names no index"),
        ("| tstats count WHERE index=a earliest=-1d", "of its own"),
        ("index=a starthoursago=5", "of its own"),
        (
            "| tstats prestats=t count WHERE index=a | tstats prestats=t append=t count WHERE index=b | stats count",
            "'b' is not",
        ),
        ("| tstats count WHERE index=a [search index=b | fields x]", "'b' is not one"),
        ("`unknown`", "unknown"),
        ("| rest /services", "rest"),
    ],
)
def test_it_denies_by_default(spl: str, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        guarded(spl)


def test_a_data_model_of_the_server_passes() -> None:
    search = "| tstats count FROM datamodel=Doors.All_Doors WHERE index=a nodename=All_Doors.Gates BY All_Doors.door"
    assert guarded(search) == search


def test_an_unbounded_window_is_refused() -> None:
    for window in ((0, float("inf")), (5, 5), (-1, 1), (float("nan"), 1)):
        with pytest.raises(RefusedError):
            guarded("index=a", *window)


@given(
    st.text(alphabet="abdeltINXx=|`[]\"()* \\'$_", max_size=60),
    st.sampled_from(sorted(FORBIDDEN)),
    st.booleans(),
)
def test_nothing_with_a_forbidden_command_passes(noise: str, command: str, upper: bool) -> None:
    word = command.upper() if upper else command
    for spl in (f"index=a {noise} | {word} x", f"index=a | {word} {noise}", f"{noise} | {word}"):
        try:
            text = guarded(spl)
        except RefusedError:
            continue
        parsed = parse_search(text)
        assert command not in command_names(parsed)
        assert indexes(parsed) == {"a"}


async def test_a_refused_search_never_reaches_the_server() -> None:
    class Nobody:
        source = "nobody"

        async def search(self, request: SearchRequest) -> TimedResult:
            raise AssertionError(request)

        async def utc_offset_s(self, at: float) -> int | None:
            return None

    session = GuardedSession(Nobody(), frozenset({"a"}), MACROS)
    timed = await session.search(SearchRequest(spl="index=a | delete", earliest=0, latest=1))
    assert timed.result.status is SearchStatus.REFUSED
