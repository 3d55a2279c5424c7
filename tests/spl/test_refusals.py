"""What this engine lacks is refused before anything runs, at its place, never half done."""

from __future__ import annotations

import pytest

from spl.errors import ForbiddenError, SplError, SplSyntaxError, UnsupportedError
from spl.macros import Macro
from spl.parse import FORBIDDEN, SUPPORTED, parse_search
from spl.plan import indexes, output_fields, source_fields, sourcetypes

REFUSED = [
    ("index=a | predict x", UnsupportedError, "1:11"),
    ("index=a | stats p101(x)", UnsupportedError, "1:17"),
    ("index=a | eventstats sparkline(count)", UnsupportedError, "1:22"),
    ("index=a | stats sparkline()", SplSyntaxError, "1:17"),
    ("index=a | stats sparkline(count, x)", SplSyntaxError, "1:34"),
    ("index=a | chart sparkline(count) by a, b", UnsupportedError, "1:17"),
    ("index=a | stats count(eval(sbstr(x,1)=1)) AS n", UnsupportedError, "1:28"),
    ("index=a | eval y=sbstr(x,1,2)", UnsupportedError, "1:18"),
    ("index=a | eval y=(x=1)", UnsupportedError, "1:19"),
    ("index=a | where x+1", UnsupportedError, "1:17"),
    ("index=a [search x=1", SplSyntaxError, "1:9"),
    ("index=a [search x=1 | stauts count]", UnsupportedError, "1:23"),
    ("index=a | append [search index=b | delete]", ForbiddenError, "1:36"),
    ("index=a | stats count(eval(x=[search index=b])) AS n", UnsupportedError, "1:30"),
    ("index=a | where x=[search index=b | stauts count]", UnsupportedError, "1:37"),
    ("index=a | head 1\n| appendpipe [stats count | delete]", ForbiddenError, "2:29"),
    ("index=a | eval x=1, y=[search index=b | delete]", ForbiddenError, "1:41"),
    ("index=a | join left=L right=R where L.x=R.y [search index=b]", UnsupportedError, "1:16"),
    ("| tstats count where index=a by PREFIX(user=)", UnsupportedError, "1:33"),
    ("index=a (x=1 OR earliest=-1h)", UnsupportedError, "1:10"),
    ("index=a | search earliest=-1h", UnsupportedError, "1:18"),
    ("index=a\n| dedup x sortby num(", SplSyntaxError, "2:"),
    ('index=a | rex "(?<x>a"', UnsupportedError, "1:15"),
    ('index=a | rex "(x)"', SplSyntaxError, "1:15"),
    ('index=a | rex mode=sed "s/a/b"', SplSyntaxError, "1:24"),
    ('index=a | rex mode=awk "s/a/b/"', UnsupportedError, "1:20"),
    ('index=a | where match(x, "(")', UnsupportedError, "1:26"),
    ('index=a | eval x=strftime(_time, "")', UnsupportedError, "1:34"),
    ('index=a | eval x=strftime(_time, "%E")', UnsupportedError, "1:34"),
    ("index=a | bin x start=a", SplSyntaxError, "1:23"),
    ("index=a | head (x+5)", UnsupportedError, "1:17"),
    ("index=a | sort x asc, y", SplSyntaxError, "1:18"),
    ("index=a | sort x desc, y", SplSyntaxError, "1:18"),
    ("index=a | sort limit=x y", SplSyntaxError, "1:22"),
    ("index=a | table a=b", SplSyntaxError, "1:18"),
    ("index=a | dedup 0 x", SplSyntaxError, "1:17"),
    ("index=a | join x", SplSyntaxError, "1:11"),
    ("index=a | tstats count", SplSyntaxError, "1:11"),
    ("index=a | transaction keeporphans=t", UnsupportedError, "1:35"),
    ("index=a | chart count by a, b, c", UnsupportedError, "1:11"),
    ("index=a | foreach x [stats count]", UnsupportedError, "1:21"),
    ("index=a | | head", SplSyntaxError, "1:"),
    ('index=a "open', SplSyntaxError, "1:9"),
    ("index=a x=", SplSyntaxError, "1:"),
    ("", SplSyntaxError, "1:"),
    ("| stats count", UnsupportedError, "1:"),
    ("| rest /services", UnsupportedError, "1:3"),
]


@pytest.mark.parametrize(("search", "error", "place"), REFUSED)
def test_refused_with_its_place(search: str, error: type[SplError], place: str) -> None:
    with pytest.raises(error) as caught:
        parse_search(search)
    assert str(caught.value).startswith(place), str(caught.value)


@pytest.mark.parametrize("command", sorted(FORBIDDEN))
@pytest.mark.parametrize(
    "search", ["index=a | {}", "index=a | {} x", "| {} x", "index=a | head 1 | {} x=1 | head"]
)
def test_commands_that_write_are_forbidden_with_the_reason(search: str, command: str) -> None:
    with pytest.raises(ForbiddenError, match=FORBIDDEN[command]):
        parse_search(search.format(command))


@pytest.mark.parametrize("command", sorted(FORBIDDEN))
def test_a_forbidden_command_inside_a_macro_is_found(command: str) -> None:
    macro = Macro("m", (), f"head 1 | {command} x", "macros.conf", 1)
    with pytest.raises(ForbiddenError) as caught:
        parse_search("index=a | `m`", macros={("m", 0): macro})
    assert caught.value.column == len("index=a | ") + 1


def test_words_of_forbidden_commands_may_be_searched_for() -> None:
    assert parse_search("index=a delete script run").base is not None
    assert parse_search('index=a "| delete"').base is not None
    assert parse_search("index=a ```| delete``` x=1 | head").commands[1:]


def test_an_unknown_command_names_what_is_supported() -> None:
    with pytest.raises(UnsupportedError) as caught:
        parse_search("index=a | statz count")
    assert caught.value.supported == SUPPORTED
    assert "'stats'" in str(caught.value)


@pytest.mark.parametrize(
    ("search", "wanted"),
    [
        ("index=a", {"a"}),
        ("index=A sourcetype=x", {"a"}),
        ("index IN (a, b)", {"a", "b"}),
        ("(index=a x=1) OR (index=b y=2)", {"a", "b"}),
        ("index=a OR x=1", None),
        ("index=* x=1", None),
        ("index=a* x=1", None),
        ("NOT index=a", None),
        ("index!=a", None),
        ("x=1", None),
    ],
)
def test_a_guard_can_see_which_indexes_bound_a_search(search: str, wanted: set[str] | None) -> None:
    assert indexes(parse_search(search)) == (None if wanted is None else frozenset(wanted))
    assert sourcetypes(
        parse_search(search.replace("index", "sourcetype").replace("sourcetype=x", ""))
    ) == indexes(parse_search(search))


def test_lint_can_see_the_fields_of_a_result() -> None:
    assert output_fields(
        parse_search("index=a | stats count AS n dc(u) BY s | eval r=n/2 | rename s AS src | fields - n")
    ) == {"dc(u)", "r", "src"}
    assert output_fields(parse_search("index=a | eval x=1")) is None
    wanted = source_fields(
        parse_search('index=a k=1 | eval x=p+q | rex field=r "(?<z>.)" | stats sum(x) BY z')
    )
    assert wanted is not None
    assert {"k", "p", "q", "r"} <= wanted
