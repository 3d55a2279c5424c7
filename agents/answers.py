"""Every form in which a client answers a review, read into one `Decision` or `Outcome`.

Our own form; LangChain's human-in-the-loop form `{"decisions": [{"type": …}]}`; and Agent Inbox's list
`[{"type": …, "args": …}]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from pydantic import ValidationError

from tools.records.review import Decision, Outcome, Proposal

_APPROVE = {"approve", "accept"}
_RESPOND = {"respond", "response"}


class AnswerError(ValueError):
    """An answer that cannot be used; its text tells the reviewer what is expected."""


class AskAgainError(AnswerError):
    """The client put the review off (`ignore`); the item stays paused."""


def read_decision(answer: object, proposal: Proposal) -> Decision:
    """Read a review's answer.

    Args:
        answer: What the client sent, untrusted.
        proposal: What `approve` and `accept` stand for.

    Raises:
        AnswerError: The answer is none of the accepted forms.
    """
    return _validated_decision(_plain_answer(answer, proposal))


def read_outcome(answer: object) -> Outcome:
    """Read the outcome of a deep dive.

    Raises:
        AnswerError: The answer is no outcome.
    """
    plain = _envelope(answer)
    if isinstance(plain, Mapping) and "type" in plain:
        plain = _edited_arguments(plain)
    try:
        return Outcome.model_validate(plain)
    except ValidationError as error:
        raise AnswerError(_explain(error, 'an outcome {"outcome", "reason"}')) from None


def _envelope(answer: object) -> object:
    """Take the single answer out of the list or `decisions` wrapper that inbox clients send."""
    if isinstance(answer, list):
        if len(answer) != 1:
            raise AnswerError(f"{len(answer)} answers for one review. Expected exactly one.")
        return cast("object", answer[0])
    if isinstance(answer, Mapping):
        entries = answer.get("decisions")
        if (
            isinstance(entries, list)
            and len(entries) == 1
            and isinstance(entries[0], Mapping)
            and "type" in entries[0]
        ):
            return cast("object", entries[0])
    return answer


def _plain_answer(answer: object, proposal: Proposal) -> object:
    entry = _envelope(answer)
    if not isinstance(entry, Mapping) or "type" not in entry:
        return entry
    kind = str(entry["type"])
    if kind in _APPROVE:
        return {"decision": proposal.decision, "reason": proposal.reason}
    if kind == "edit":
        return _edited_arguments(entry)
    if kind == "reject":
        return {"decision": "report_defect", "reason": _text(entry) or "rejected by the reviewer"}
    if kind in _RESPOND:
        question = _text(entry)
        if not question:
            raise AnswerError("the response is empty. Expected a question or what evidence is missing.")
        return {"decision": "need_more_evidence", "reason": question, "question": question}
    if kind == "ignore":
        raise AskAgainError("put off by the reviewer; the item stays open.")
    raise AnswerError(
        f"answer type {kind!r} is unknown. Expected approve, edit, reject, respond, accept, response or ignore."
    )


def _edited_arguments(entry: Mapping[str, object]) -> object:
    """Return the arguments of an `edit`, in LangChain's or in Agent Inbox's shape."""
    for name in ("edited_action", "args"):
        inner = entry.get(name)
        if isinstance(inner, Mapping):
            arguments = inner.get("args", inner.get("arguments"))
            return cast("object", arguments) if isinstance(arguments, Mapping) else dict(inner)
    raise AnswerError("the edit carries no arguments. Expected edited_action.args or args.")


def _text(entry: Mapping[str, object]) -> str:
    for name in ("message", "args"):
        value = entry.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, Mapping):
            inner = value.get("args", value)
            if isinstance(inner, Mapping):
                inner = inner.get("reason")
            if isinstance(inner, str) and inner.strip():
                return inner.strip()
    return ""


def _validated_decision(plain: object) -> Decision:
    try:
        return Decision.model_validate(plain)
    except ValidationError as error:
        raise AnswerError(
            _explain(error, 'a decision {"decision", "reason"} or {"decisions": [...]}')
        ) from None


def _explain(error: ValidationError, expected: str) -> str:
    faults = "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'answer'}: {fault['msg']}"
        for fault in error.errors()[:5]
    )
    return f"the answer is no valid answer to this review ({faults}). Expected {expected}."
