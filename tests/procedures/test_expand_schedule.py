"""Tokens go in as data; windows follow the local calendar."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procedures.archive import load_procedure
from procedures.expand import TokenError, quote, substitute
from procedures.filling import drill_down_search, is_plain
from procedures.model import DrillDown, Place, Procedure
from procedures.schedule import WindowError, last_period, round_windows
from procedures.source import ProcedureSource
from spl.commands.rows import Where
from spl.evaluate import evaluate
from spl.expr import Literal
from spl.parse import parse_search
from spl.parse_expr import parse_expression
from spl.plan import SearchCommand, command_names

PLACE = Path(__file__).with_name("small.md")
TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")


def down(spl: str) -> DrillDown:
    place = Place(path="x", line=1)
    return DrillDown(id="d", title="t", runs=("c1",), spl=spl, place=place, spl_place=place)


def procedure(zone: str = "Asia/Tokyo") -> Procedure:
    text = PLACE.read_text("utf-8").replace("timezone: UTC", f"timezone: {zone}")
    return load_procedure(ProcedureSource(name="x", files={"PROCEDURE.md": text}))


@given(st.text())
def test_a_quoted_value_is_that_value_and_nothing_more(value: str) -> None:
    parsed = parse_expression(quote(value))
    assert isinstance(parsed, Literal)
    assert parsed.value == value


@given(st.text(min_size=1, max_size=40))
def test_a_token_never_adds_a_command_or_a_term(value: str) -> None:
    try:
        text = drill_down_search(down("index=a user=$user$ | stats count"), {"user": value}, {})
    except TokenError:
        return
    exact = () if is_plain(value) else ("where",)
    assert command_names(parse_search(text)) == ("search", *exact, "stats")


def test_a_wildcard_in_a_value_matches_only_itself() -> None:
    """As in any search condition, case does not matter: a key that was made lower case finds the events it is of."""
    text = drill_down_search(down("index=a user IN ($user$) | stats count"), {"user": ["adm*", "bob"]}, {})
    search = parse_search(text)
    exact = search.commands[1]
    assert isinstance(search.commands[0], SearchCommand)
    assert isinstance(exact, Where)
    for value, holds in (("adm*", True), ("admin", False), ("bob", True), ("BOB", True), ("bobby", False)):
        assert evaluate(exact.condition, {"user": value}, now=0, zone=TOKYO) is holds
    with pytest.raises(TokenError, match="would match more"):
        drill_down_search(down("index=a NOT user=$user$"), {"user": "adm*"}, {})


def test_several_values_after_an_equals_sign_become_a_list() -> None:
    text = drill_down_search(down("index=a user=$user$"), {"user": ["x", "y"]}, {})
    assert 'user IN ("x", "y")' in text.replace("  ", " ")


def test_unknown_tokens_and_dollars() -> None:
    assert substitute("cost $$5", {}) == "cost $5"
    with pytest.raises(TokenError, match="Known: a"):
        substitute("$b$", {"a": 1})


def at(zone: ZoneInfo, *parts: int) -> float:
    return dt.datetime(*parts, tzinfo=zone).timestamp()  # type: ignore[arg-type]


def test_the_last_period_is_the_last_local_day() -> None:
    window = last_period(procedure(), at(TOKYO, 2026, 11, 20, 0, 0, 1))
    assert (window.start, window.end) == (at(TOKYO, 2026, 11, 19), at(TOKYO, 2026, 11, 20))


def test_a_day_of_a_zone_with_summer_time_may_have_23_or_25_hours() -> None:
    spring = last_period(procedure("Europe/Berlin"), at(BERLIN, 2026, 3, 30, 12))
    autumn = last_period(procedure("Europe/Berlin"), at(BERLIN, 2026, 10, 26, 12))
    assert (spring.end - spring.start, autumn.end - autumn.start) == (23 * 3600, 25 * 3600)


def test_seven_days_of_a_daily_procedure_are_seven_rounds() -> None:
    windows = round_windows(procedure(), now=at(TOKYO, 2026, 11, 20, 9), last="7d")
    assert len(windows) == 7
    assert all(one.end == other.start for one, other in pairwise(windows))
    assert not any(window.ad_hoc for window in windows)


def test_a_window_that_is_no_period_is_ad_hoc() -> None:
    (window,) = round_windows(procedure(), now=0, from_="2026-11-19", to="2026-11-20")
    assert not window.ad_hoc
    (window,) = round_windows(procedure(), now=0, from_="2026-11-19T01:00", to="2026-11-20")
    assert window.ad_hoc
    with pytest.raises(WindowError, match="both its ends"):
        round_windows(procedure(), now=0, from_="2026-11-19")
