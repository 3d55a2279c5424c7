"""Times mean what Splunk means by them, in zones with and without clock changes."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spl.errors import TimeError
from spl.timerange import move, parse_duration, parse_span, resolve, step_list

UTC, TOKYO, BERLIN = ZoneInfo("UTC"), ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from([UTC, TOKYO, BERLIN])
EPOCHS = st.integers(0, 4_000_000_000).map(float)


def epoch(text: str) -> float:
    """Return the epoch of an ISO time with an offset."""
    return dt.datetime.fromisoformat(text).timestamp()


def moved(text: str, start: str, zone: ZoneInfo) -> str:
    """Move `start` and return the result as ISO time in `zone`."""
    return dt.datetime.fromtimestamp(move(text, start=epoch(start), zone=zone), zone).isoformat()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("now", 86400.0 * 365),
        ("", 86400.0 * 365),
        ("1490572800", 1490572800.0),
        ("0", 0.0),
        ("12.5", 12.5),
        ("-1h", 86400.0 * 365 - 3600),
        ("2017-03-27", epoch("2017-03-27T00:00:00+09:00")),
        (" 2017-03-27 ", epoch("2017-03-27T00:00:00+09:00")),
        ("2017-03-27T01:02:03", epoch("2017-03-27T01:02:03+09:00")),
        ("2017-03-27 01:02", epoch("2017-03-27T01:02:00+09:00")),
        ("2017-03-27T01:02:03Z", epoch("2017-03-27T01:02:03+00:00")),
        ("2017-03-27T01:02:03+02:00", epoch("2017-03-27T01:02:03+02:00")),
        ("03/27/2017:01:02:03", epoch("2017-03-27T01:02:03+09:00")),
    ],
)
def test_a_time_is_read_in_the_zone(text: str, wanted: float) -> None:
    assert resolve(text, now=86400.0 * 365, zone=TOKYO) == wanted


@pytest.mark.parametrize(
    "text", ["yesterday", "-1x", "@", "-", "@d-", "2017-13-01", "03/27/2017", "-1d@d junk", "@w9"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(TimeError, match="cannot be read"):
        resolve(text, now=0.0, zone=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "start", "wanted"),
    [
        ("@d", TOKYO, "2026-11-19T23:30:00+09:00", "2026-11-19T00:00:00+09:00"),
        ("-1d@d", TOKYO, "2026-11-19T00:00:00+09:00", "2026-11-18T00:00:00+09:00"),
        ("@d", TOKYO, "2026-11-19T14:59:59+00:00", "2026-11-19T00:00:00+09:00"),
        ("@d", TOKYO, "2026-11-19T15:00:00+00:00", "2026-11-20T00:00:00+09:00"),
        ("-24h@h", TOKYO, "2026-11-19T10:45:00+09:00", "2026-11-18T10:00:00+09:00"),
        ("@w", TOKYO, "2026-11-19T10:00:00+09:00", "2026-11-15T00:00:00+09:00"),
        ("@w0", TOKYO, "2026-11-15T10:00:00+09:00", "2026-11-15T00:00:00+09:00"),
        ("@w1", TOKYO, "2026-11-15T10:00:00+09:00", "2026-11-09T00:00:00+09:00"),
        ("@w7", TOKYO, "2026-11-19T10:00:00+09:00", "2026-11-15T00:00:00+09:00"),
        ("@mon", TOKYO, "2026-11-19T10:00:00+09:00", "2026-11-01T00:00:00+09:00"),
        ("@q", TOKYO, "2026-11-19T10:00:00+09:00", "2026-10-01T00:00:00+09:00"),
        ("@y", TOKYO, "2026-11-19T10:00:00+09:00", "2026-01-01T00:00:00+09:00"),
        ("-1mon", TOKYO, "2026-03-31T10:00:00+09:00", "2026-02-28T10:00:00+09:00"),
        ("-1mon", TOKYO, "2024-03-31T10:00:00+09:00", "2024-02-29T10:00:00+09:00"),
        ("+1y", TOKYO, "2024-02-29T10:00:00+09:00", "2025-02-28T10:00:00+09:00"),
        ("-1q", TOKYO, "2026-01-31T10:00:00+09:00", "2025-10-31T10:00:00+09:00"),
        ("@d+9h", TOKYO, "2026-11-19T10:00:00+09:00", "2026-11-19T09:00:00+09:00"),
        ("+d", TOKYO, "2026-11-19T10:00:00+09:00", "2026-11-20T10:00:00+09:00"),
    ],
)
def test_steps_are_taken_from_left_to_right(text: str, zone: ZoneInfo, start: str, wanted: str) -> None:
    assert moved(text, start, zone) == wanted


@pytest.mark.parametrize(
    ("text", "start", "wanted"),
    [
        # Clocks go from 02:00 to 03:00 on 2026-03-29: the day has 23 hours.
        ("@d", "2026-03-29T12:00:00+02:00", "2026-03-29T00:00:00+01:00"),
        ("+1d", "2026-03-28T12:00:00+01:00", "2026-03-29T12:00:00+02:00"),
        ("+24h", "2026-03-28T12:00:00+01:00", "2026-03-29T13:00:00+02:00"),
        ("+1d@d", "2026-03-29T12:00:00+02:00", "2026-03-30T00:00:00+02:00"),
        ("-1h", "2026-03-29T03:30:00+02:00", "2026-03-29T01:30:00+01:00"),
        ("-7d@d", "2026-03-30T09:00:00+02:00", "2026-03-23T00:00:00+01:00"),
        ("@mon", "2026-03-30T09:00:00+02:00", "2026-03-01T00:00:00+01:00"),
        # Clocks go from 03:00 back to 02:00 on 2026-10-25: the day has 25 hours.
        ("@d", "2026-10-25T12:00:00+01:00", "2026-10-25T00:00:00+02:00"),
        ("-1d", "2026-10-25T12:00:00+01:00", "2026-10-24T12:00:00+02:00"),
        ("-24h", "2026-10-25T12:00:00+01:00", "2026-10-24T13:00:00+02:00"),
        ("+1d@d", "2026-10-25T12:00:00+01:00", "2026-10-26T00:00:00+01:00"),
        ("@h", "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+02:00"),
        ("@h", "2026-10-25T02:30:00+01:00", "2026-10-25T02:00:00+01:00"),
        ("-1h", "2026-10-25T02:30:00+01:00", "2026-10-25T02:30:00+02:00"),
    ],
)
def test_days_keep_the_clock_and_hours_keep_their_length_in_berlin(
    text: str, start: str, wanted: str
) -> None:
    assert moved(text, start, BERLIN) == wanted


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_local_day_is_as_long_as_its_clock_says(day: str, hours: int) -> None:
    start = resolve(day, now=0.0, zone=BERLIN)
    assert move("+1d", start=start, zone=BERLIN) - start == hours * 3600
    start = resolve(day, now=0.0, zone=TOKYO)
    assert move("+1d", start=start, zone=TOKYO) - start == 24 * 3600


@given(EPOCHS, ZONES, st.sampled_from(["@s", "@m", "@h", "@d", "@w0", "@w3", "@mon", "@q", "@y"]))
def test_a_snap_never_goes_forward_and_snapping_again_changes_nothing(
    start: float, zone: ZoneInfo, snap: str
) -> None:
    snapped = move(snap, start=start, zone=zone)
    assert snapped <= start
    assert move(snap, start=snapped, zone=zone) == snapped


@given(EPOCHS, ZONES, st.integers(0, 10_000), st.sampled_from("smh"))
def test_fixed_lengths_can_be_taken_back(start: float, zone: ZoneInfo, amount: int, unit: str) -> None:
    assert move(f"-{amount}{unit}+{amount}{unit}", start=start, zone=zone) == start


@given(st.text(max_size=12) | st.text(alphabet="+-@0123smhdwqyon ", max_size=8))
def test_any_text_is_steps_or_a_time_error(text: str) -> None:
    try:
        steps = step_list(text)
    except TimeError:
        return
    assert all((amount is None) or (weekday is None) for amount, _, weekday in steps)


@pytest.mark.parametrize(
    ("text", "wanted"), [("10m", 600), ("24h", 86400), ("1d", 86400), ("2 w", 1209600), ("1.5h", 5400)]
)
def test_a_duration_has_a_fixed_length(text: str, wanted: float) -> None:
    assert parse_duration(text) == wanted


@pytest.mark.parametrize("text", ["1mon", "1q", "1y", "10", "m", "-1h", "", "1h30m"])
def test_a_duration_without_fixed_length_is_refused(text: str) -> None:
    with pytest.raises(TimeError, match="cannot be read"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("5m", (5, "m")), ("1mon", (1, "mon")), ("hour", (1, "h")), ("5", None), ("5x", None)],
)
def test_a_span_is_an_amount_and_a_unit(text: str, wanted: tuple[int, str] | None) -> None:
    assert parse_span(text) == wanted
