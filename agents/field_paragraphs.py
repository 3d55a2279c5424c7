"""What a report says about fields that no event of the window holds."""

from __future__ import annotations

from collections.abc import Iterator

from agents.draft import Draft
from tools.records.finding import FieldState


def lost_fields(draft: Draft) -> Iterator[str]:
    """Say, first of all, that a verdict cannot be had because fields are missing."""
    for source, states in _by_source(draft, "lost"):
        yield draft.say("fields_lost", source=_source(draft, source), fields=_names(draft, source, states))


def missing_fields(draft: Draft) -> Iterator[str]:
    """Say which fields had no value in the window without holding the verdict back, and when they last had one."""
    for source, states in _by_source(draft, "absent"):
        parts = [_last_seen(draft, state) for state in sorted(states, key=lambda state: state.name)]
        yield draft.say("fields_absent", source=_source(draft, source), fields=_joined(draft, parts))
    for source, states in _by_source(draft, "unseen"):
        yield draft.say("fields_unseen", source=_source(draft, source), fields=_names(draft, source, states))


def _by_source(draft: Draft, kind: str) -> Iterator[tuple[str, list[FieldState]]]:
    found: dict[str, list[FieldState]] = {}
    for state in draft.material.findings.fields:
        if state.state == kind:
            found.setdefault(state.source, []).append(state)
    yield from found.items()


def _source(draft: Draft, source: str) -> str:
    return draft.of_procedure("data source", source, f"data_sources.{source}.id")


def _names(draft: Draft, source: str, states: list[FieldState]) -> str:
    text = _joined(draft, sorted(state.name for state in states))
    place = f"procedure.fields.{source}.{states[0].state}"
    return draft.book.ref("fields", text, "text", evidence=states[0].evidence, derivation=place)


def _joined(draft: Draft, parts: list[str]) -> str:
    return ("、" if draft.language == "ja" else ", ").join(parts)


def _last_seen(draft: Draft, state: FieldState) -> str:
    return draft.say(
        "field_last",
        field=draft.book.ref(
            "field",
            state.name,
            "text",
            evidence=state.evidence,
            derivation=f"procedure.field.{state.source}.{state.name}.absent",
        ),
        last=draft.book.ref(
            "last seen",
            state.last,
            "time",
            evidence=state.before,
            derivation=f"field.{state.source}.{state.name}.last",
        ),
    )
