"""What the guard lets through is understood, read-only and bounded."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procedures import servers
from spl.commands import ALIASES, COMMANDS
from spl.macros import parse_macros_conf
from spl.parse import FORBIDDEN, parse_search
from spl.plan import command_names, indexes
from tools.search.guard import MOST_CHARACTERS, ROOM, GuardedSession, RefusedError, guard
from tools.search.result import SearchRequest, SearchStatus, TimedResult

MACROS = parse_macros_conf("[wipe]\ndefinition = delete\n[fine]\ndefinition = index=a\n", "macros.conf")


def guarded(spl: str, earliest: float = 0, latest: float = 1) -> str:
    return guard(
        spl,
        macros=MACROS,
        allowed_indexes=frozenset({"a"}),
        earliest=earliest,
        latest=latest,
        most_characters=MOST_CHARACTERS,
    )


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


SECRET = "[search index=b]"
HOLDING = {
    "append": "append {0}",
    "appendcols": "appendcols {0}",
    "appendpipe": "appendpipe [append {0}]",
    "eval": "eval x={0}",
    "join": "join x {0}",
    "multisearch": None,
    "search": "search {0}",
    "set": None,
    "tstats": "tstats prestats=t append=t count WHERE index=a {0} | stats count",
    "union": "union {0} [search index=a]",
    "where": "where {0}",
}
"""How each command holds a search; None where it must begin one."""

FIRST = {"multisearch": "| multisearch {0} [search index=a]", "set": "| set union {0} [search index=a]"}


def held(command: str) -> str:
    template = HOLDING[command]
    if template is None:
        return FIRST[command].format(SECRET)
    prefix = "| tstats prestats=t count WHERE index=a | " if command == "tstats" else "index=a | "
    return prefix + template.format(SECRET)


@pytest.mark.parametrize("command", sorted(HOLDING))
def test_a_search_is_seen_whichever_command_holds_it(command: str) -> None:
    with pytest.raises(RefusedError, match="'b' is not one"):
        guarded(held(command))


ARGUMENTS = ("x", "x ", "x=", "x AS ", "count BY ", "0 ", "field=x ", "t x OUTPUT ", "type=hosts ", "")


@pytest.mark.parametrize("command", sorted({"search", *COMMANDS, *ALIASES}))
def test_no_command_takes_a_search_for_something_else(command: str) -> None:
    """A bracket is read as a search by the walk, or refused: no command lets one pass as an argument."""
    for arguments in ARGUMENTS:
        for inner in (SECRET, "[append [search index=b]]") if command == "appendpipe" else (SECRET,):
            spl = f"{command} {arguments}{inner}"
            if spl == f"appendpipe {SECRET}":
                continue  # `search` in it is a filter of the rows, and reads nothing.
            for text in (f"index=a | {spl}", f"| {spl}", f"index=a | appendpipe [{spl}]"):
                with pytest.raises(RefusedError):
                    guarded(text)


@pytest.mark.parametrize("command", sorted({"search", *COMMANDS, *ALIASES}))
def test_a_command_that_is_cut_short_is_understood_or_refused(command: str) -> None:
    for arguments in ("", "x", " x", " x=", " x AS", " x,", " x BY", " (", ' "', " x y"):
        with contextlib.suppress(RefusedError):
            guarded(f"index=a | {command}{arguments}")


@st.composite
def nestings(draw: st.DrawFn) -> str:
    """Return a search of a foreign index within commands within commands."""
    inner = "search index=b"
    for _ in range(draw(st.integers(1, 5))):
        wrap = draw(
            st.sampled_from(
                [
                    "search index=a | append [{0}]",
                    "search index=a | appendpipe [append [{0}]]",
                    "search index=a | appendpipe [stats count | appendpipe [join x [{0}]]]",
                    "search index=a [{0} | fields x]",
                    "search index=a | where [{0} | fields x]",
                    "search index=a | eval y=[{0} | return x]",
                    "| union [{0}] [search index=a]",
                    "| multisearch [{0}] [search index=a]",
                    "search index=a | appendcols [{0}]",
                    "| set diff [{0}] [search index=a]",
                    "| tstats count WHERE index=a [{0} | fields x]",
                ]
            )
        )
        inner = wrap.format(inner)
    return inner


@given(nestings())
def test_a_foreign_index_is_seen_at_any_depth(spl: str) -> None:
    with pytest.raises(RefusedError, match=r"'b' is not one|nested more"):
        guarded(spl)


TIMES = (
    "earliest", "latest", "_index_earliest", "_index_latest", "starttime", "endtime", "starttimeu", "endtimeu",
    "hoursago", "daysago", "minutesago", "monthsago", "startdaysago", "enddaysago", "starthoursago", "endminutesago",
    "startmonthsago", "searchtimespanhours", "searchtimespandays", "searchtimespanminutes", "searchtimespanmonths",
    "timeformat", "EARLIEST", "StartTimeU",
)  # fmt: skip


@pytest.mark.parametrize("name", TIMES)
def test_a_time_of_its_own_is_refused_wherever_it_stands(name: str) -> None:
    for condition in (f"{name}=0", f'"{name}"="0"', f"({name}=0 OR x=1)", f"NOT {name}=0", f"{name} IN (0)"):
        for spl in (
            f"index=a {condition}",
            f"index=a | search {condition}",
            f"index=a | appendpipe [search {condition}]",
            f"index=a | append [search index=a {condition}]",
            f"| tstats count WHERE index=a {condition}",
        ):
            with pytest.raises(
                RefusedError, match=r"of its own|after the first command|one side of OR|NOT has"
            ):
                guarded(spl)


@pytest.mark.parametrize(
    ("spl", "why"),
    [
        ("index=a [search index=a | return earliest]", "no comparison"),
        ("index=a [search index=a | return latest=_time]", "no comparison"),
        ("index=a [search index=a | return $user]", "as it is"),
        ('index=a [search index=a | eval search=") OR index=b OR (" | fields search]', "no comparison"),
        ('index=a [search index=a | eval query="index=b" | table query]', "no comparison"),
        ("index=a [search index=a | rename user AS search | fields search]", "no comparison"),
        ("index=a [search index=a]", "are not known"),
        ("index=a [search index=a | fields x*]", "no comparison|are not known"),
        ('index=a [search index=a | table x | format "(" "(" "AND" ")" "OR" ") OR index=b OR ("]', "format"),
        ("index=a [search index=a | table search | format]", "no comparison"),
        ("index=a [search index=a | stats count BY x | foreach x [eval <<FIELD>>_y=1]]", "are not known"),
        ("index=a | where [search index=a | return $user]", "as it is"),
        ("| eventcount index=a", "beyond the window"),
        ("| metadata type=hosts index=a", "beyond the window"),
        ("| from datamodel:Web.Web | search index=a", "names no index"),
        ("| makeresults", "reads no index"),
        ("| inputlookup users", "'users' is not one"),
        ("index=a | lookup users user OUTPUT team", "'users' is not one"),
        ("index=a | inputlookup append=t users.csv", "'users.csv' is not one"),
        ("index=a | appendpipe [inputlookup append=t users]", "'users' is not one"),
        ("| from lookup:users", "'users' is not one"),
        ("index=a | append [| from inputlookup:users]", "'users' is not one"),
        ("| from savedsearch:nightly", "savedsearch"),
        ("| loadjob 1", "loadjob"),
        ("| savedsearch nightly", "savedsearch"),
        ("index=a | foreach x [eval y=[search index=a | return x]]", "template of foreach"),
        ('index=a x="`wipe`"', "backtick"),
        ('index=a x="`fine`"', "backtick"),
        ("index=a\u3000x=1", "blank"),
        ('index=a x=y\\" | stats count BY z\\"', "quote"),
        (f'index=a x="{"y" * 4_900}"', f"{MOST_CHARACTERS - ROOM:,}"),
    ],
)
def test_what_reaches_further_than_it_says_is_refused(spl: str, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        guarded(spl)


@pytest.mark.parametrize(
    "spl",
    [
        "index=a [search index=a user=x | fields host] | stats count",
        "index=a [search index=a | stats count BY host, user | fields host, user | format]",
        "index=a [search index=a | top limit=3 host | return 3 host]",
        "index=a [search index=a | table host | dedup host | head 5]",
        "index=a | stats earliest(_time) AS earliest BY x | where earliest > 5",
        "index=a | appendpipe [stats count | eval y=1]",
        "index=a | append [| makeresults | eval x=1]",
        "index=a | lookup known user OUTPUT team",
        "index=a | lookup known.csv user OUTPUT team",
        "| inputlookup known",
        'index=a x="[not a search] | delete `" | stats count'.replace("`", "'"),
        f'index=a x="{"y" * 4_800}"',
    ],
)
def test_what_stays_within_its_sources_passes(spl: str) -> None:
    passed = guard(
        spl,
        macros=MACROS,
        allowed_indexes=frozenset({"a"}),
        earliest=0,
        latest=1,
        lookups=frozenset({"known"}),
    )
    assert passed == spl


def test_a_server_without_a_limit_gets_a_long_search() -> None:
    spl = f'index=a x="{"y" * 9_000}"'
    assert (
        guard(
            spl,
            macros={},
            allowed_indexes=frozenset({"a"}),
            earliest=0,
            latest=1,
            most_characters=None,
        )
        == spl
    )


def test_comments_are_not_sent() -> None:
    assert (
        guarded("index=a ```a | delete `wipe` [search index=b] ``` | stats count")
        == "index=a   | stats count"
    )


def test_lint_leaves_as_much_room_as_the_guard() -> None:
    assert servers.ROOM == ROOM
