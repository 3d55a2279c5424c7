"""Three things that a field without a value can mean, and which of them holds a verdict back."""

from __future__ import annotations

import pytest

from agents.field_counts import Presence, field_counts
from agents.field_states import Counted, field_notes, field_states
from procedures.field_reads import FieldRead
from procedures.model import DataSource, Place

SOURCE = DataSource(
    id="s",
    index="i",
    sourcetype="t",
    max_silence_s=60,
    optional_fields={"errorCode": "only refused calls have one"},
    place=Place(path="p", line=1),
)
ALWAYS = FieldRead(("always",))
TODAY = Presence(events=500, held=500)


def states(
    read: FieldRead, now: Presence, before: Presence | None, *, others: Presence = TODAY
) -> dict[str, str]:
    reads = [read, ALWAYS]
    counts = field_counts(reads)
    counted = Counted(
        now={counts[0]: now, counts[1]: others},
        before={counts[0]: before} if before else {},
        evidence=dict.fromkeys(counts, "e"),
    )
    return {state.name: state.state for state in field_states(SOURCE, reads[:1], reads, counted)}


@pytest.mark.parametrize(
    ("what", "read", "now", "before", "expected"),
    [
        ("present", FieldRead(("f",)), (500, 1), None, None),
        ("no event asks for it", FieldRead(("f",), "a=1"), (0, 0), None, None),
        ("never seen, no history", FieldRead(("f",)), (500, 0), None, "lost"),
        ("never seen in a long history", FieldRead(("f",)), (500, 0), (9000, 0), "lost"),
        ("one event, and never seen", FieldRead(("f",), "a=1"), (1, 0), (50, 0), "lost"),
        ("usual before, many events now", FieldRead(("f",)), (500, 0), (9000, 8900), "lost"),
        ("usual before, one event now", FieldRead(("f",)), (1, 0), (200, 190), "absent"),
        ("held by few before", FieldRead(("f",)), (500, 0), (9000, 40), "absent"),
        ("held by one before, in a burst", FieldRead(("f",)), (500, 0), (9000, 4000), "absent"),
        ("can do without, never seen", FieldRead(("f",), "", needed=False), (500, 0), (9000, 0), "unseen"),
        ("can do without, usual before", FieldRead(("f",), "", needed=False), (500, 0), (9000, 8000), "lost"),
        ("optional, never seen", FieldRead(("errorCode",)), (500, 0), None, "unseen"),
        ("optional, usual before", FieldRead(("errorCode",)), (500, 0), (9000, 8900), "lost"),
        ("one of two serves", FieldRead(("f", "g")), (500, 3), None, None),
        ("neither of two", FieldRead(("f", "g")), (500, 0), None, "lost"),
    ],
)
def test_states(
    what: str, read: FieldRead, now: tuple[int, int], before: tuple[int, int] | None, expected: str | None
) -> None:
    earlier = Presence(*before, last=5.0) if before else None
    assert states(read, Presence(*now), earlier) == ({" / ".join(read.fields): expected} if expected else {})


def test_all_fields_of_an_extraction_gone_takes_the_optional_ones_with_it() -> None:
    gone = Presence(events=40)
    assert states(FieldRead(("errorCode",)), gone, None) == {"errorCode": "unseen"}
    assert states(FieldRead(("errorCode",)), gone, None, others=gone) == {"errorCode": "lost"}


def test_a_few_events_that_never_hold_the_fields_are_no_lost_extraction() -> None:
    counts = field_counts([ALWAYS])
    counted = Counted({counts[0]: Presence(events=3)}, {counts[0]: Presence(900, 600, 7.0)}, {counts[0]: "e"})
    (state,) = field_states(SOURCE, [ALWAYS], [ALWAYS], counted)
    assert (state.state, state.last) == ("absent", 7.0)


def test_a_note_names_every_lost_field_of_a_source_once() -> None:
    reads = [FieldRead(("b",)), FieldRead(("a",)), FieldRead(("a",), "x=1")]
    counts = field_counts(reads)
    counted = Counted(dict.fromkeys(counts, Presence(events=9)), {}, dict.fromkeys(counts, "e"))
    (note,) = field_notes(field_states(SOURCE, reads, reads, counted))
    assert (note.code, note.values) == ("source_fields", {"source": "s", "fields": ["a", "b"]})
