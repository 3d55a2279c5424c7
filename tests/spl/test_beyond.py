"""Input beyond every bound ends in our own errors."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from spl.errors import MacroError, SplError, SplSyntaxError, TimeError
from spl.evaluate import evaluate
from spl.macros import expand, parse_macros_conf
from spl.parse import parse_search
from spl.parse_expr import parse_expression
from spl.timerange import resolve

UTC = ZoneInfo("UTC")


@pytest.mark.parametrize(
    "text", ["-99999999999d", "-99999999mon", f"-{'9' * 5000}d", "9" * 400, "+9999999y@mon"]
)
def test_times_beyond_the_calendar_are_told(text: str) -> None:
    with pytest.raises(TimeError, match="beyond the calendar"):
        resolve(text, now=0.0, zone=UTC)


@pytest.mark.parametrize(
    "text", ["1e999", "floor(1e999)", "a" + " + 1" * 5000, "a" + " = 1" * 3000, "(" * 500, "not " * 500]
)
def test_expressions_beyond_bounds_are_told(text: str) -> None:
    with pytest.raises(SplSyntaxError):
        parse_expression(text)


def test_a_long_chain_within_bounds_runs() -> None:
    assert evaluate(parse_expression("0" + " + 1" * 150), {}, now=0, zone=UTC) == 150


def test_a_percent_sign_before_a_directive_stays() -> None:
    assert evaluate(parse_expression('strftime(0, "%%T %T")'), {}, now=0, zone=UTC) == "%T 00:00:00"


def test_macros_that_grow_without_end_and_twins_are_told() -> None:
    doubling = (
        "".join(f"[m{n}]\ndefinition = `m{n + 1}` `m{n + 1}`\n" for n in range(18))
        + "[m18]\ndefinition = x\n"
    )
    with pytest.raises(MacroError, match="grows beyond"):
        expand("`m0`", parse_macros_conf(doubling, "macros.conf"))
    with pytest.raises(MacroError, match="stands twice"):
        parse_macros_conf("[a]\ndefinition = x\n[a]\ndefinition = y\n", "macros.conf")


def test_an_argument_is_not_filled_a_second_time() -> None:
    macros = parse_macros_conf("[m(2)]\nargs = a, b\ndefinition = $a$ $b$\n", "macros.conf")
    assert expand('`m("$b$", 2)`', macros).text == "$b$ 2"


def test_an_inline_time_beyond_the_calendar_is_no_traceback() -> None:
    with pytest.raises(SplError):
        resolve(parse_search("index=a earliest=-99999999999d").earliest or "", now=0.0, zone=UTC)
