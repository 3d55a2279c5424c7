"""Every form in which clients answer, and every way in which they get it wrong."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answers import AnswerError, AskAgainError, read_decision, read_outcome
from tools.records.review import Proposal

PROPOSAL = Proposal(decision="deep_dive", reason="must be", by="code")
SHORT = {"decision": "no_deep_dive", "reason": "seen"}


@pytest.mark.parametrize(
    ("answer", "decision", "reason"),
    [
        (SHORT, "no_deep_dive", "seen"),
        ({"decisions": [{"findings": ["a"], **SHORT}]}, "no_deep_dive", "seen"),
        ({"decisions": [{"type": "approve"}]}, "deep_dive", "must be"),
        ([{"type": "accept", "args": None}], "deep_dive", "must be"),
        (
            {"decisions": [{"type": "edit", "edited_action": {"name": "record_decision", "args": SHORT}}]},
            "no_deep_dive",
            "seen",
        ),
        ([{"type": "edit", "args": {"action": "record_decision", "args": SHORT}}], "no_deep_dive", "seen"),
        ({"decisions": [{"type": "reject", "message": "wrong host"}]}, "report_defect", "wrong host"),
        ({"decisions": [{"type": "respond", "message": "who?"}]}, "need_more_evidence", "who?"),
        ([{"type": "response", "args": "who?"}], "need_more_evidence", "who?"),
    ],
)
def test_every_form_is_read(answer: Any, decision: str, reason: str) -> None:
    (part,) = read_decision(answer, PROPOSAL).decisions
    assert (part.decision, part.reason) == (decision, reason)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "yes",
        7,
        [],
        {},
        {"decision": "maybe", "reason": "x"},
        {"decision": "deep_dive"},
        {"decision": "deep_dive", "reason": ""},
        [SHORT, SHORT],
        {"decisions": []},
        {"decisions": [{"type": "dance"}]},
        [{"type": "response", "args": ""}],
        [{"type": "edit"}],
        {**SHORT, "reviewer": "me"},
    ],
)
def test_a_bad_answer_is_told_what_is_expected(answer: Any) -> None:
    with pytest.raises(AnswerError, match=r"Expected|one review|No listed|stays open|arguments"):
        read_decision(answer, PROPOSAL)


def test_ignoring_asks_again() -> None:
    with pytest.raises(AskAgainError):
        read_decision([{"type": "ignore", "args": None}], PROPOSAL)


def test_outcomes_are_read_plain_and_edited() -> None:
    plain = {"outcome": "incident", "reason": "found"}
    assert read_outcome(plain) == read_outcome(
        [{"type": "edit", "args": {"action": "record_outcome", "args": plain}}]
    )
    with pytest.raises(AnswerError, match="Expected an outcome"):
        read_outcome({"outcome": "perhaps", "reason": "x"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["decisions", "type", "args", "decision", "reason", "findings", "edited_action", "message"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_answer_does_anything_but_decide_or_explain(answer: Any) -> None:
    with suppress(AnswerError):
        assert read_decision(answer, PROPOSAL).decisions
