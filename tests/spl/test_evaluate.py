"""Values of expressions, written down by hand: the rules that the two backends share."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spl.evaluate import evaluate, is_true
from spl.parse_expr import parse_expression
from spl.values import Value, compare, round_half_away, to_number, to_text

ROW: dict[str, object] = {"a": "abc", "n": "10", "m": ["x", "10"], "e": ""}


def value(text: str, row: dict[str, object] | None = None, zone: str = "Asia/Tokyo") -> Value:
    """Return the value of `text` over `row`."""
    return evaluate(parse_expression(text), ROW if row is None else row, now=100.0, zone=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # three values: what decides, decides; else missing stays missing
        ("z = 1", None),
        ("NOT z = 1", None),
        ("z = 1 OR true()", True),
        ("z = 1 AND false()", False),
        ("z = 1 OR false()", None),
        ("z = 1 AND true()", None),
        ("if(z = 1, 1, 2)", 2),
        ("if(NOT z = 1, 1, 2)", 2),
        ("case(z = 1, 1, n = 10, 2)", 2),
        ("case(z = 1, 1)", None),
        # by number if both are numbers, else by code point
        ("n > 9", True),
        ('n > "9"', True),
        ('n > "9x"', False),
        ('"B" < "a"', True),
        ('a = "ABC"', False),
        ("n IN (1, 10.0)", True),
        ("a IN (z, 1)", None),
        ('a IN (z, "abc")', True),
        # missing propagates through arithmetic, dividing by zero is missing
        ("n + z", None),
        ("a . z", None),
        ("n / 0", None),
        ("n % 0", None),
        ("n + 1", 11),
        ("n . 1", "101"),
        ('a + "d"', "abcd"),
        ("a + 1", None),
        ("-a", None),
        ("7 % 4", 3),
        ("-7 % 4", -3),
        # a multivalue holds if one of its values does
        ('m = "x"', True),
        ("m > 9", True),
        ('m = "y"', False),
        ('match(m, "^1")', True),
        # functions
        ("round(2.5)", 3),
        ("round(-2.5)", -3),
        ("round(1.25, 1)", 1.3),
        ("isnull(z)", True),
        ("isnull(e)", False),
        ("isnotnull(e)", True),
        ("coalesce(z, null(), a)", "abc"),
        ("len(a)", 3),
        ("upper(a)", "ABC"),
        ("tonumber(a)", None),
        ('tonumber(" 10 ")', 10),
        ("tostring(10.0)", "10"),
        ("now()", 100),
        ('match(a, "B")', False),
        ('match(a, "b")', True),
        ('match(a, "(?<x>b)c$")', True),
        ('like(a, "a%")', True),
        ('like(a, "b%")', False),
        ('like(a, "a_c")', True),
        ('cidrmatch("10.0.0.0/8", "10.1.2.3")', True),
        ('cidrmatch("10.0.0.0/8", "11.1.2.3")', False),
        ('cidrmatch("10.0.0.0/8", a)', False),
        ('strftime(0, "%Y-%m-%d %H:%M:%S")', "1970-01-01 09:00:00"),
        ('strftime(0, "%F %T")', "1970-01-01 09:00:00"),
        ('strptime("1970-01-01", "%Y-%m-%d")', -9 * 3600),
        ('relative_time(0, "@d")', -9 * 3600),
    ],
)
def test_values_follow_the_rules(text: str, wanted: Value) -> None:
    got = value(text)
    assert got == wanted
    assert isinstance(got, bool) == isinstance(wanted, bool)


@pytest.mark.parametrize(
    ("winter", "summer"),
    [("2026-03-29 01:59:59", "2026-03-29 03:00:00"), ("2026-01-01 00:00:00", "2026-07-01 00:00:00")],
)
def test_clock_times_follow_the_clock_of_the_zone(winter: str, summer: str) -> None:
    for text, offset in ((winter, 1), (summer, 2)):
        row: dict[str, object] = {"t": text}
        there = value('strptime(t, "%Y-%m-%d %H:%M:%S")', row, "Europe/Berlin")
        utc = value('strptime(t, "%Y-%m-%d %H:%M:%S")', row, "UTC")
        assert isinstance(there, float)
        assert isinstance(utc, float)
        assert utc - there == offset * 3600
        back: dict[str, object] = {"t": there}
        assert value('strftime(t, "%Y-%m-%d %H:%M:%S")', back, "Europe/Berlin") == text


@pytest.mark.parametrize("kept", [None, "true", 1, ["x"]])
def test_only_true_is_true(kept: Value) -> None:
    assert not is_true(kept)
    assert is_true(True)


@given(st.floats(-1e14, 1e14), st.integers(0, 6))
def test_rounding_moves_by_at_most_half_a_step(number: float, digits: int) -> None:
    step = 10.0**-digits
    assert abs(round_half_away(number, digits) - number) <= step / 2 + abs(number) * 1e-15
    assert round_half_away(-number, digits) == -round_half_away(number, digits)


@given(st.integers(-(10**14), 10**14))
def test_whole_numbers_keep_their_text(number: int) -> None:
    assert to_text(float(number)) == str(number)
    assert to_number(str(number)) == number


@given(st.text(max_size=4), st.text(max_size=4))
def test_comparing_the_other_way_round_gives_the_opposite(left: str, right: str) -> None:
    forward, backward = compare(left, right), compare(right, left)
    assert forward is not None
    assert backward == -forward
