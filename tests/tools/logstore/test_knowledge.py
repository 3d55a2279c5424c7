"""Macros, lookups and a database of places beside a store."""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from spl.errors import SearchTimeoutError, SplError
from tools.logstore.errors import LogStoreError
from tools.logstore.store import LogStore


@pytest.fixture
def home(tmp_path: Path) -> Path:
    event = {"_time": 1600000000, "index": "i", "sourcetype": "s", "_raw": "r", "ip": "203.0.113.7"}
    (tmp_path / "e.ndjson").write_text(json.dumps(event))
    (tmp_path / "lookups").mkdir()
    with LogStore(tmp_path / "logs") as store:
        store.import_paths([str(tmp_path / "e.ndjson")])
    return tmp_path


def rows(home: Path, spl: str) -> tuple[list[dict[str, object]], tuple[str, ...]]:
    with LogStore(home / "logs", knowledge=home) as store:
        found = store.search(spl, earliest=0, latest=2e9, zone=ZoneInfo("UTC"))
    return [dict(row) for row in found.rows], found.messages


def test_places_come_from_a_database_of_the_user(home: Path) -> None:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoIP2-City")
    place = {"country": {"names": {"en": "Japan"}}, "location": {"latitude": 35.7, "longitude": 139.7}}
    writer.insert_network(IPSet(["203.0.113.0/24"]), place)
    writer.to_db_file(str(home / "lookups" / "places.mmdb"))
    found, _ = rows(home, "index=i | iplocation ip | table Country lat City")
    assert found == [{"Country": "Japan", "lat": "35.7"}]


def test_without_a_database_of_places_it_is_told(home: Path) -> None:
    found, messages = rows(home, "index=i | iplocation ip | table ip Country")
    assert found == [{"ip": "203.0.113.7"}]
    assert any("no database of places" in text for text in messages)


@pytest.mark.parametrize("begin", ["| inputlookup", "inputlookup"])
def test_a_subsearch_may_begin_with_a_table(home: Path, begin: str) -> None:
    (home / "lookups" / "bad.csv").write_text("ip\n203.0.113.7\n")
    found, _ = rows(home, f"index=i [{begin} bad.csv] | stats count")
    assert found == [{"count": 1}]


def test_a_lookup_by_networks_is_stopped_when_its_time_is_up(home: Path) -> None:
    (home / "lookups" / "nets.csv").write_text("net,owner\n203.0.113.0/24,Ann\n")
    (home / "lookups" / "transforms.conf").write_text("[nets]\nfilename = nets.csv\nmatch_type = CIDR(net)\n")
    with LogStore(home / "logs", knowledge=home) as store:
        spl = "index=i | lookup nets net AS ip OUTPUT owner | table owner"
        found = store.search(spl, earliest=0, latest=2e9, zone=ZoneInfo("UTC"))
        assert found.rows == [{"owner": "Ann"}]
        with pytest.raises(SearchTimeoutError):
            store.search(spl, earliest=0, latest=2e9, zone=ZoneInfo("UTC"), timeout_s=0)


def test_a_changed_lookup_is_read_anew(home: Path) -> None:
    for owner in ("Ann", "Bob B."):
        (home / "lookups" / "o.csv").write_text(f"ip,owner\n203.0.113.7,{owner}\n")
        assert rows(home, "index=i | lookup o.csv ip | table owner")[0] == [{"owner": owner}]


DOORS = """
model = "Doors"
[datasets.All_Doors]
fields = ["door", "action"]
[[datasets.All_Doors.sources]]
sourcetypes = ["s"]
where = "ip=*"
fields = { door = "ip", action = '"opened"' }
"""


def test_a_data_model_of_the_user_is_read_anew_when_it_changes(home: Path) -> None:
    (home / "models").mkdir()
    for action in ("opened", "closed"):
        (home / "models" / "doors.toml").write_text(DOORS.replace("opened", action))
        found, _ = rows(
            home, "| tstats count from datamodel=Doors where index=i by All_Doors.door All_Doors.action"
        )
        assert found == [{"All_Doors.door": "203.0.113.7", "All_Doors.action": action, "count": 1}]
    assert rows(home, "| from datamodel:Web | stats count")[0] == [{"count": 0}]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("lookups/o.csv", "a,b\n1\n", SplError),
        ("lookups/o.csv", "", SplError),
        ("lookups/transforms.conf", "[x]\nfilename = nope.csv\n", SplError),
        ("lookups/transforms.conf", "no stanza", SplError),
        ("macros.conf", "no stanza", SplError),
        ("models/a.toml", "model = 1", SplError),
        ("lookups/places.mmdb", "no database", LogStoreError),
    ],
)
def test_knowledge_that_cannot_be_read_is_told(
    home: Path, name: str, content: str, error: type[Exception]
) -> None:
    (home / name).parent.mkdir(exist_ok=True)
    (home / name).write_text(content)
    with pytest.raises(error):
        rows(home, "index=i | iplocation ip")
