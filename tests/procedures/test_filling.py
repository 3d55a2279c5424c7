"""A value that comes out of a log is that value in a search, wherever its token stands, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from procedures.archive import load_procedure, macros_of, parameters_of
from procedures.bundled import bundled, find_procedure
from procedures.expand import TokenError, parameter_values, tokens
from procedures.filling import fill_search, literal
from procedures.source import read_source
from spl.commands.rows import Where
from spl.evaluate import evaluate
from spl.macros import MacroTable, parse_macros_conf
from spl.meets import meets
from spl.parse import parse_search
from spl.parse_expr import parse_expression
from spl.plan import Command, SearchCommand, command_names, indexes, walk_searches
from spl.terms import FieldIn, FieldTerm, walk_terms
from spl.values import lower_text, to_number
from tools.search.guard import guard

UTC = ZoneInfo("UTC")
MACROS = parse_macros_conf(
    "[logons]\ndefinition = index=a EventCode=4624\n[of(1)]\nargs = who\ndefinition = user=$who$\n[x]\ndefinition = y\n",
    "macros.conf",
)
HOSTILE = (
    "`drop_dm_object_name()) | where 1=2 | search (y IN (a)`",
    "`x`", "a`x`b", '") OR index=secret OR ("', "a | delete", "[search index=secret]", "]", "adm*", "*", "10.0.0.0/8",
    "C:\\temp\\", "a\\", '\\"', "a\nb", "$user$", "$$", "%60", "a+b%20c", "``` x ```", "NOT", "a'b", "ユーザー`x`",
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1),
    st.text(alphabet="ab`\"'|[]$*\\\n\t%+/(){},= 1.", min_size=1, max_size=30),
)


@dataclass(frozen=True)
class Written:
    """A search of the library with tokens of its findings, and what it may call."""

    name: str
    spl: str
    known: dict[str, str | int | float]
    macros: MacroTable
    indexes: frozenset[str]


def library() -> Iterator[Written]:
    for ident in bundled():
        source = read_source(find_procedure(ident))
        procedure, macros = load_procedure(source), macros_of(source)
        own = {"start": 0, "end": 1, **parameter_values(parameters_of(procedure, "default"))}
        names = frozenset(source.index for source in procedure.data_sources)
        for item in procedure.items:
            for down in item.drill_downs:
                yield Written(f"{item.id}/{down.id}", down.spl, own, macros, names)  # type: ignore[arg-type]


DRILL_DOWNS = tuple({(one.name, one.spl): one for one in library()}.values())


@settings(deadline=None)  # the longest texts of the library take longer to read on a busy machine
@given(value=VALUES, which=st.sampled_from(DRILL_DOWNS))
@example(
    value=HOSTILE[0], which=next(one for one in DRILL_DOWNS if one.name == "password-spray/success-after")
)
def test_every_drill_down_of_the_library_takes_any_value(value: str, which: Written) -> None:
    """No value of a log makes a drill-down fail, adds a command to it, or leaves a sign that a server could expand."""
    log = {name: [value] for name in tokens(which.spl) if name not in which.known}
    plain = {name: ["plain"] for name in log}
    filled = fill_search(which.spl, {**which.known, **log}, which.macros)
    template = fill_search(which.spl, {**which.known, **plain}, which.macros)
    sent = guard(filled, macros=which.macros, allowed_indexes=which.indexes, earliest=0, latest=1)
    assert "`" not in sent
    names = [name for name in command_names(parse_search(sent)) if name != "where"]
    assert names == [name for name in command_names(parse_search(template)) if name != "where"]
    assert indexes(parse_search(sent)) == indexes(parse_search(template))
    assert literals_of(sent) <= {value} | literals_of(template)


def literals_of(text: str) -> set[str]:
    """Return the values that the template itself compares with."""
    return {
        pattern.exact
        for search in walk_searches(parse_search(text))
        for command in search.commands
        if isinstance(command, SearchCommand)
        for term in walk_terms(command.term)
        for pattern in (
            (term.value,) if isinstance(term, FieldTerm) else term.values if isinstance(term, FieldIn) else ()
        )
        if pattern.exact is not None
    }


CONDITIONS = (
    "index=a user=$user$",
    "index=a user IN ($user$)",
    'index=a x="y" (user=$user$ OR host IN ($user$)) | stats count',
    "index=a `of($user$)` | stats count",
    "index=a | search user=$user$",
    "index=a | where user=$user$",
    "index=a | where user IN ($user$)",
)


@pytest.mark.parametrize("template", CONDITIONS)
@given(value=VALUES, other=VALUES)
def test_a_filled_search_finds_exactly_the_events_that_hold_the_value(
    template: str, value: str, other: str
) -> None:
    """A condition of search compares without regard to case, an expression with it; both know equal numbers."""
    search = parse_search(fill_search(template, {"user": [value]}, MACROS))
    fold = str if "where" in template else lower_text
    for held in (value, other, value + "x", "x" + value, value[:-1] or "-", "x" * len(value)):
        row = {"index": "a", "x": "y", "user": held, "_time": 0}
        found = all(kept(command, row) for command in search.commands if command.name in {"search", "where"})
        same_number = to_number(held) is not None and to_number(held) == to_number(value)
        assert found == (fold(held) == fold(value)) or same_number


def kept(command: Command, row: Mapping[str, str | int]) -> bool:
    """Tell whether a condition keeps an event, by the slow reference of the engine."""
    if isinstance(command, SearchCommand):
        return command.term is None or meets(command.term, row)
    assert isinstance(command, Where)
    return evaluate(command.condition, row, now=0, zone=UTC) is True


@given(VALUES)
def test_a_literal_is_its_value_and_holds_no_sign_that_a_server_reads(value: str) -> None:
    text = literal(value)
    assert evaluate(parse_expression(text), {}, now=0, zone=UTC) == value
    assert not set("`|[]$\n") & set(text)


def test_macros_are_expanded_in_the_template_alone() -> None:
    filled = fill_search("`logons` user=$user$ | stats count", {"user": ["`x`"]}, MACROS)
    assert filled.startswith("index=a EventCode=4624 user=")
    assert "y" not in filled


@pytest.mark.parametrize("value", ["\0", "a\ud800"])
def test_what_no_search_can_hold_is_refused(value: str) -> None:
    with pytest.raises(TokenError, match=r"\$user\$"):
        fill_search("index=a user=$user$", {"user": [value]}, {})


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("index=a NOT user=$user$", "`x`"),
        ("index=a user!=$user$", "adm*"),
        ("index=a NOT user=$user$", "0.0.0.0/0"),
        ("index=a (user=$user$ OR done=1)", "a|b"),
        ("index=a $user$", "x`y`"),
        ("| tstats count WHERE index=a user=$user$", "a*"),
        ("index=a | where match(user, $user$)", ".*"),
        ("index=a | where like(user, $user$)", "%"),
        ("index=a | where user LIKE $user$", "a_b"),
        ("index=a | where searchmatch($user$)", "x OR index=b"),
        ("index=a | rename user AS $user$", "a`b"),
        ('index=a user="$user$"', "plain"),
        ('index=a | rex field=x "$user$"', "plain"),
    ],
)
def test_a_value_that_would_be_more_than_itself_is_refused(template: str, value: str) -> None:
    with pytest.raises(TokenError, match=r"user"):
        fill_search(template, {"user": [value]}, {})


@pytest.mark.parametrize("template", ["index=a NOT user=$user$", "index=a user!=$user$", "index=a $user$"])
def test_a_plain_value_stands_anywhere(template: str) -> None:
    assert '"ordinary user-1"' in fill_search(template, {"user": ["ordinary user-1"]}, {})


def test_a_token_inside_a_subsearch_is_compared_there() -> None:
    filled = fill_search(
        "index=a [search index=a user=$user$ | fields host] | stats count", {"user": ["x*"]}, {}
    )
    inner = next(part for part in list(walk_searches(parse_search(filled)))[1:])
    assert [command.name for command in inner.commands] == ["search", "where", "fields"]
    assert command_names(parse_search(filled))[:2] == ("search", "stats")
