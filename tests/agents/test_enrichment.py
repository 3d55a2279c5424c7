"""Lines of a lookup vouch for nothing once they are past their date."""

from __future__ import annotations

import datetime as dt

import pytest

from agents.enrichment import expired


@pytest.mark.parametrize(
    ("line", "past"),
    [
        ({"src_ip": "a"}, False),
        ({"expires": ""}, False),
        ({"expires": "2026-11-19"}, False),
        ({"expires": " 2026-11-20 "}, False),
        ({"expires": "2026-11-18"}, True),
        ({"expires": "next year"}, True),
    ],
)
def test_the_last_day_still_counts_and_an_unreadable_date_does_not(line: dict[str, str], past: bool) -> None:
    assert expired(line, dt.date(2026, 11, 19)) is past
