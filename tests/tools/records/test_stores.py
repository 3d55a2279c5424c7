"""Evidence is what it says; the chain of decisions shows every change; leases die with their holder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tools.records.casebook import AlreadyDecidedError, Casebook, CasebookError, UnknownNameError
from tools.records.evidence import (
    EvidenceCorruptError,
    EvidenceMissingError,
    EvidenceStore,
    EvidenceWriteError,
)
from tools.records.leases import LeaseHeldError
from tools.records.report import Check
from tools.records.rows import Entry, Round, RoundItemRow
from tools.records.searches import SearchKey, SentSearch
from tools.search.result import SearchStatus

ROUND = Round(
    id="11111111-0000-0000-0000-000000000000", procedure_id="p", procedure_title="P", procedure_version="1", procedure_digest="d" * 64,
    source="local", start=0, end=1, timezone="UTC", ad_hoc=False, generation=1, created_at=0,
)  # fmt: skip
ITEM = RoundItemRow(
    thread_id="22222222-0000-0000-0000-000000000000", round_id=ROUND.id, item_id="i", title="I", position=0
)
VALUE = Check(id="x", status="passed", looked_at="y")


def entry(interrupt: str = "1", **changes: Any) -> Entry:
    plain: dict[str, Any] = {
        "thread_id": ITEM.thread_id, "round_id": ROUND.id, "item_id": "i", "kind": "decision", "interrupt_id": interrupt,
        "body": "{}", "reviewer": "me", "decided_at": 1.0, "evidence_digest": "e", "procedure_digest": "p",
    }  # fmt: skip
    return Entry(**{**plain, **changes})


@pytest.fixture(params=["sqlite", "postgresql"])
def url(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if request.param == "postgresql":
        address: str = request.getfixturevalue("postgresql")
        return address.replace("postgresql:", "postgresql+psycopg:")
    return f"sqlite:///{tmp_path / 'casebook.sqlite'}"


@pytest.fixture
def casebook(url: str) -> Any:
    book = Casebook(url)
    book.start_round(ROUND, [ITEM])
    yield book
    book.close()


def change(url: str, statement: str) -> None:
    """Change the database behind the casebook's back."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_evidence_is_read_back_as_it_was(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    digest = store.put(VALUE)
    assert store.put(VALUE) == digest
    assert store.get(digest, Check) == VALUE
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".json"]


def test_changed_evidence_is_found_out(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    digest = store.put(VALUE)
    path = next(tmp_path.rglob("*.json"))
    path.write_bytes(path.read_bytes().replace(b"passed", b"failed"))
    with pytest.raises(EvidenceCorruptError):
        store.get(digest, Check)


def test_a_digest_is_no_path(tmp_path: Path) -> None:
    for name in ("../../etc/passwd", "", "A" * 64, "0" * 64):
        with pytest.raises(EvidenceMissingError):
            EvidenceStore(tmp_path).get(name, Check)


def test_evidence_that_cannot_be_written_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EvidenceWriteError, match="run the same command again"):
        EvidenceStore(tmp_path / "file").put(VALUE)


def test_the_same_answer_twice_is_one_entry_and_another_is_refused(casebook: Casebook) -> None:
    assert casebook.append(entry()) == casebook.append(entry())
    with pytest.raises(AlreadyDecidedError, match="by me"):
        casebook.append(entry(reviewer="you"))
    assert casebook.verify_chain().length == 1


@pytest.mark.parametrize(
    "column",
    [
        "body",
        "reviewer",
        "decided_at",
        "evidence_digest",
        "procedure_digest",
        "kind",
        "item_id",
        "hash",
        "previous_hash",
    ],
)
def test_a_change_of_any_column_breaks_the_chain(casebook: Casebook, url: str, column: str) -> None:
    for number in range(3):
        casebook.append(entry(str(number)))
    value = "5.5" if column == "decided_at" else "'outcome'" if column == "kind" else "'tampered'"
    change(url, f"UPDATE decisions SET {column} = {value} WHERE seq = 2")
    report = casebook.verify_chain()
    assert not report.ok
    assert report.broken_at in {2, 3}


def test_a_removed_entry_breaks_the_chain(casebook: Casebook, url: str) -> None:
    for number in range(3):
        casebook.append(entry(str(number)))
    change(url, "DELETE FROM decisions WHERE seq = 2")
    assert not casebook.verify_chain().ok


def test_a_round_started_twice_is_one(casebook: Casebook) -> None:
    casebook.start_round(ROUND.model_copy(update={"procedure_title": "other"}), [ITEM])
    assert [round_.procedure_title for round_ in casebook.rounds()] == ["P"]


def test_names_that_are_unknown_list_what_exists(casebook: Casebook) -> None:
    with pytest.raises(UnknownNameError, match="11111111"):
        casebook.find_round("nonsense")
    with pytest.raises(UnknownNameError, match="Items: i"):
        casebook.find_item("11111111/nonsense")


def test_a_database_of_a_later_version_is_refused(casebook: Casebook, url: str) -> None:
    change(url, "UPDATE schema_version SET version = 99")
    with pytest.raises(CasebookError, match="Update Tejun"):
        Casebook(url)


def test_the_sent_searches_arrive_in_a_database_that_was_made_without_them(
    casebook: Casebook, url: str
) -> None:
    casebook.start_round(ROUND, [ITEM])
    casebook.close()
    change(url, "DROP TABLE searches")
    key = SearchKey("local", "k" * 64, 0.0, 1.0, 1000)
    sent = SentSearch(
        round_id=ROUND.id, item_id="i", role="ask", **key._asdict(), status=SearchStatus.OK, evidence="e" * 64,
        executed_at=2.0, duration_s=0.5,
    )  # fmt: skip
    opened = Casebook(url)
    assert opened.round(ROUND.id) == ROUND
    opened.searches.add(sent)
    assert opened.searches.of_round(key, round_id=ROUND.id, role="ask") == [sent]
    assert opened.searches.of_round(key, round_id=ROUND.id, role="total") == []
    assert opened.searches.of_complete_items(key, not_round="", executed_from=2.0) == []
    opened.update_item(ITEM.thread_id, complete=True)
    assert opened.searches.of_complete_items(key, not_round="", executed_from=2.0) == [sent]
    assert opened.searches.of_complete_items(key, not_round="", executed_from=2.1) == []
    assert opened.searches.of_complete_items(key, not_round=ROUND.id, executed_from=2.0) == []
    opened.close()


@pytest.mark.parametrize("url", ["mysql://h/d", "nonsense", "oracle://h/d"])
def test_an_address_of_another_database_is_refused(url: str) -> None:
    with pytest.raises(CasebookError, match="casebook"):
        Casebook(url)


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(CasebookError, match="cannot open the casebook") as told:
        Casebook("postgresql://tejun:hunter2@127.0.0.1:1/x")
    assert "hunter2" not in str(told.value)


def test_a_password_in_a_database_url_is_not_shown() -> None:
    with pytest.raises(CasebookError) as told:
        Casebook("sqlite:////nonexistent/folder/x?password=hunter2".replace("?password=hunter2", ""))
    assert "hunter2" not in str(told.value)


HOLD = """
import sys, time
from tools.records.casebook import Casebook
with Casebook(sys.argv[1]).lease("t"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lease_is_told_by_its_holder_and_dies_with_it(casebook: Casebook, url: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(LeaseHeldError, match=f"process {process.pid}"), casebook.lease("t"):
        pass
    process.kill()
    process.wait()
    process.stdout.close()
    with casebook.lease("t"):
        assert casebook.holder("t") is not None
    assert casebook.holder("t") is None


WORKER = """
import sys
from tools.records.casebook import Casebook
from tools.records.rows import Entry
book = Casebook(sys.argv[1])
for number in range(30):
    book.append(Entry(thread_id="t", round_id="r", item_id="i", kind="decision", interrupt_id=f"{sys.argv[2]}-{number}",
        body="{}", reviewer="w", decided_at=1.0, evidence_digest="e", procedure_digest="p"))
"""


def test_four_processes_append_and_nothing_is_lost(casebook: Casebook, url: str) -> None:
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, url, str(number)]) for number in range(4)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0, 0]
    report = casebook.verify_chain()
    assert (report.ok, report.length) == (True, 120)
