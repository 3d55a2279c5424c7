"""Lint tells which fields of a procedure no stored event holds, and is silent about what is there or not stored at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from procedures.bundled import find_procedure
from procedures.source import read_source
from tools.logstore.read_fields import unheld_fields
from tools.logstore.store import LogStore

EVENT = {"_time": 1_700_000_000, "index": "web", "sourcetype": "access_combined", "host": "h", "source": "s"}
FIELDS = {"clientip": "192.0.2.1", "status": "200", "uri": "/a", "uri_path": "/a", "bytes": "5"}


def lint(folder: Path, *events: dict[str, object]) -> list[str]:
    file = folder / "events.ndjson"
    file.write_text("".join(json.dumps({**event, "_raw": f"r{n}"}) + "\n" for n, event in enumerate(events)))
    with LogStore(folder / "logs") as store:
        store.import_paths([str(file)])
        found = list(unheld_fields(read_source(find_procedure("web-access-daily")), store.catalog()))
    assert {(fault.code, fault.severity) for fault in found} <= {("P060", "warning")}
    return [fault.message for fault in found]


def test_fields_that_are_there_are_no_fault(tmp_path: Path) -> None:
    assert lint(tmp_path, EVENT, {**EVENT, **FIELDS}) == []


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_no_event_holds_is_told_once_with_its_item(tmp_path: Path, field: str) -> None:
    (message,) = lint(tmp_path, EVENT, {**EVENT, **{name: v for name, v in FIELDS.items() if name != field}})
    assert f"index=web sourcetype=access_combined holds {field!r}, which item" in message


def test_logs_of_other_sources_say_nothing(tmp_path: Path) -> None:
    assert lint(tmp_path, {**EVENT, "index": "os"}, {**EVENT, "sourcetype": "other"}) == []
