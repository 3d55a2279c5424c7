"""Nothing that was defanged is live, and nothing is defanged twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.defang import defang, live_indicators

PARTS = st.sampled_from(
    [
        "http://",
        "https://",
        "evil.example",
        "192.0.2.1",
        "a@b.com",
        "2001:db8::1",
        " ",
        "/x?y=1",
        "ftp://",
        "-",
        "日本",
        ":8080",
        "HTTP://",
        "localhost",
        ".",
    ]
)


@given(st.lists(PARTS, max_size=8).map("".join))
def test_what_was_defanged_is_not_live(text: str) -> None:
    assert live_indicators(defang(text)) == ()


@given(st.lists(PARTS, max_size=6).map("".join))
def test_defanging_twice_changes_nothing(text: str) -> None:
    assert defang(defang(text)) == defang(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192[.]0[.]2[.]1"),
        ("https://a.example/b.c", "hxxps://a[.]example/b[.]c"),
        ("user@mail.example", "user[@]mail[.]example"),
        ("2001:db8::1", "2001[:]db8[:][:]1"),
        ("12:30:45", "12:30:45"),
        ("3.14", "3.14"),
        ("日本語", "日本語"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert defang(text) == expected


def test_live_text_is_found() -> None:
    assert live_indicators("see http://evil.example or 192.0.2.1")


@pytest.mark.parametrize("part", ["A", "a.", "1.", "a-", "x@", "a@b.", ".com", "a.com", "-.", "ab.test@"])
def test_a_long_hostile_value_takes_no_longer_than_its_length(part: str) -> None:
    """Two million letters; a step for every pair of them would not end."""
    text = part * (2_000_000 // len(part))
    live_indicators(text)
    defang(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see a.b.example, and x", ("a.b.example",)),
        ("a..evil.com.", ("evil.com",)),
        ("-evil.com", ("evil.com",)),
        ("mail m.x+1@evil.ru now", ("evil.ru", "m.x+1@evil.ru")),
        ("a@b.cc@d.ee", ("a@b.cc", "b.cc@d.ee")),
        ("evil.community and .com and a@b", ()),
    ],
)
def test_live_hosts_and_mail_addresses_are_told(text: str, found: tuple[str, ...]) -> None:
    assert live_indicators(text) == found
