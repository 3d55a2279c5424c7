"""Macros expand to their text, and every place in the result leads back to the text that was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spl.errors import MacroError, Span
from spl.macros import Macro, expand, parse_macros_conf

CONF = """\
# comment
; comment
[linux]
definition = index=os sourcetype=linux_secure

[over(2)]
args = field, least
definition = where $field$ > $least$

[since]
definition = "-70m@m"

[both]
definition = `linux` | `over(count, 5)`

[long]
definition = index=os \\
  x=1

[a]
definition = `b`

[b]
definition = `a`
"""
MACROS = parse_macros_conf(CONF, "macros.conf")


def test_a_file_is_read_with_its_lines() -> None:
    assert MACROS["over", 2] == Macro("over", ("field", "least"), "where $field$ > $least$", "macros.conf", 6)
    assert MACROS["linux", 0].line == 3
    assert MACROS["long", 0].definition.split() == ["index=os", "x=1"]
    assert parse_macros_conf("", "macros.conf") == {}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("x = 1", "m.conf:1:"),
        ("[a]\nwhat is this", "m.conf:2:"),
        ("[a(2)]\nargs = x\ndefinition = y", "m.conf:1:"),
        ("[a]\nargs = x\ndefinition = y", "m.conf:1:"),
        ("\n[a]\nargs =", "m.conf:2:"),
        ("[a]\niseval = 1\ndefinition = y", "m.conf:1:"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_line(text: str, place: str) -> None:
    with pytest.raises(MacroError) as caught:
        parse_macros_conf(text, "m.conf")
    assert caught.value.message.startswith(place)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("`linux` x=1", "index=os sourcetype=linux_secure x=1"),
        ("`linux()`", "index=os sourcetype=linux_secure"),
        ("`over(count, 5)`", "where count > 5"),
        ('`over("a,b", 5)`', "where a,b > 5"),
        (r'`over("\"a,b\"", 5)`', 'where "a,b" > 5'),
        ('`drop_dm_object_name("Web")`', 'rename "Web.*" AS "*"'),
        ("`both`", "index=os sourcetype=linux_secure | where count > 5"),
        (
            'x="`linux`" y="`none`" z="a `linux`"',
            'x="index=os sourcetype=linux_secure" y="`none`" z="a `linux`"',
        ),
        ('f(now(), "`since`")', 'f(now(), "-70m@m")'),
        ("x=1 ```not `linux` here``` y=2", "x=1 ```not `linux` here``` y=2"),
        ("no macro", "no macro"),
        ("", ""),
    ],
)
def test_calls_are_replaced_by_definitions(text: str, wanted: str) -> None:
    assert expand(text, MACROS).text == wanted


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("x `none`", "is unknown", 3),
        ("x `over(1)`", "takes 2 arguments, got 1", 3),
        ("x `linux(1)`", "takes 0 arguments, got 1", 3),
        ("x y `a`", "calls itself: a → b → a", 5),
    ],
)
def test_a_call_that_cannot_be_expanded_is_told_with_its_place(text: str, message: str, column: int) -> None:
    with pytest.raises(MacroError, match=message) as caught:
        expand(text, MACROS)
    assert (caught.value.line, caught.value.column) == (1, column)
    assert "over(2)" in caught.value.supported or "itself" in message


def test_a_place_inside_a_macro_is_that_of_its_call() -> None:
    text = "x=1 `linux` y=2"
    expanded = expand(text, MACROS)
    inside = expanded.text.index("sourcetype")
    assert expanded.locate(inside) == text.index("`")
    assert expanded.locate(expanded.text.index("y=2")) == text.index("y=2")
    assert expanded.locate(0) == 0
    assert expanded.span(Span(inside, inside + 4)) == Span(4, 5)


@given(st.lists(st.sampled_from(["x=1", "`linux`", "`over(a, 1)`", '"`linux`"', "| head", " "]), max_size=8))
def test_every_copied_character_leads_back_to_itself(parts: list[str]) -> None:
    text = " ".join(parts)
    expanded = expand(text, MACROS)
    places = [expanded.locate(at) for at in range(len(expanded.text))]
    assert places == sorted(places)
    assert all(text[place] in {expanded.text[at], "`"} for at, place in enumerate(places))


@pytest.mark.parametrize("call", ["over(count, 5", "over(", "linux(", "over(count, 5) more", 'over(")", 5'])
def test_a_call_that_does_not_end_is_refused_with_its_place(call: str) -> None:
    text = f"search index=os | `{call}` | head 1"
    with pytest.raises(MacroError) as caught:
        expand(text, MACROS)
    assert f"macro call `{call}` does not end" in caught.value.message
    assert caught.value.span == Span(18, 20 + len(call))
