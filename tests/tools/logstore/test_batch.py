"""Events one by one and events as a table are stored alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.logstore.batch import Batch
from tools.logstore.events import Event
from tools.logstore.layout import METADATA, column_name
from tools.logstore.manifest import StoredFile

TEXT = st.sampled_from(["", "x", "é", "2026-01-01"])
EVENTS = st.builds(
    Event,
    time=st.sampled_from([0.0, 1.5, 86399.9, 86400.0, -1.0]),
    raw=TEXT,
    index=st.sampled_from(["i", "j"]),
    sourcetype=st.sampled_from(["s", "S", "a:b"]),
    host=st.sampled_from(["", "h"]),
    source=st.sampled_from(["", "f"]),
    fields=st.dictionaries(st.sampled_from(["a", "A", "b.c", "名"]), TEXT, max_size=3),
)


def stored(batch: Batch) -> list[tuple[StoredFile, pa.Table]]:
    batch.finish()
    return sorted(
        (
            (replace(file, name="", bytes=0), pq.read_table(batch.folder / file.name).select(columns(file)))
            for file in batch.written
        ),
        key=lambda pair: (pair[0].index, pair[0].sourcetype, pair[0].day),
    )


def columns(file: StoredFile) -> list[str]:
    return [*METADATA, "_rest", "_many", *map(column_name, file.columns)]


def as_table(events: list[Event]) -> pa.Table:
    names = sorted({name for event in events for name in event.fields})
    data = {
        "_time": pa.array([event.time for event in events], pa.float64()),
        "_raw": [event.raw for event in events],
        "index": [event.index for event in events],
        "sourcetype": [event.sourcetype for event in events],
        "host": pa.array([event.host or None for event in events], pa.string()),
        "source": pa.array([event.source or None for event in events], pa.string()),
    }
    data |= {name: pa.array([event.fields.get(name) for event in events], pa.string()) for name in names}
    return pa.table(data)


@settings(max_examples=60, deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=12), st.booleans())
def test_a_table_is_stored_as_its_events_would_be(
    tmp_path_factory: object, events: list[Event], rare: bool
) -> None:
    folder = Path(tmp_path_factory.mktemp("batch"))  # type: ignore[attr-defined]
    if rare:
        events = events + [Event(5.0, "r", "i", "s", "h", "f") for _ in range(150)]
    singly, at_once = Batch(folder / "a", 7), Batch(folder / "b", 7)
    for event in events:
        singly.add(event)
    at_once.add_table(as_table(events))
    one, other = stored(singly), stored(at_once)
    assert [file for file, _ in one] == [file for file, _ in other]
    for (_, left), (_, right) in zip(one, other, strict=True):
        assert left.schema == right.schema
        assert left.to_pylist(maps_as_pydicts="strict") == right.to_pylist(maps_as_pydicts="strict")
