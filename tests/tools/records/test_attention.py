"""Claims keep reviewers out of each other's way; openings are kept once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.records.attention import CLAIM_S, Attention, ClaimedError
from tools.records.casebook import Casebook


@pytest.fixture
def attention(tmp_path: Path) -> Iterator[Attention]:
    casebook = Casebook(f"sqlite:///{tmp_path / 'casebook.sqlite'}")
    yield casebook.attention
    casebook.close()


def test_a_second_reviewer_is_told_who_holds_the_item(attention: Attention) -> None:
    attention.claim("t", "sato", now=1000)
    with pytest.raises(ClaimedError, match="sato holds this item"):
        attention.claim("t", "mori", now=1001)
    with pytest.raises(ClaimedError, match="sato holds"):
        attention.check("t", "mori", now=1001)
    attention.check("t", "sato", now=1001)
    attention.check("other", "mori", now=1001)


def test_a_claim_ends_when_it_is_released_or_its_time_is_over(attention: Attention) -> None:
    attention.claim("t", "sato", now=1000)
    attention.release("t", "mori")
    assert attention.claims(now=1001)["t"].holder == "sato"
    attention.release("t", "sato")
    assert attention.claims(now=1001) == {}
    attention.claim("t", "sato", now=1000)
    assert attention.claim("t", "mori", now=1001 + CLAIM_S).holder == "mori"


def test_claiming_again_prolongs(attention: Attention) -> None:
    first = attention.claim("t", "sato", now=1000)
    assert attention.claim("t", "sato", now=1500).expires_at == first.expires_at + 500


def test_only_the_first_opening_counts(attention: Attention) -> None:
    for now in (10.0, 20.0):
        attention.opened("t", "i", "sato", now=now)
    attention.opened("t", "i", "mori", now=30.0)
    assert sorted((seen.reviewer, seen.opened_at) for seen in attention.openings()) == [
        ("mori", 30.0),
        ("sato", 10.0),
    ]
