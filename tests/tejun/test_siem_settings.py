"""The SIEM's settings: each way in, no contradiction taken silently, no secret shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tejun.settings import SettingsError, read_settings
from tejun.siem import LOCAL, SiemSettings, read_siem
from tools.search.transport import Http, Sse, Stdio


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TEJUN_SIEM"):
            monkeypatch.delenv(name)


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> SiemSettings | None:
    for name, value in variables.items():
        monkeypatch.setenv(f"TEJUN_SIEM_{name}", value)
    return read_siem()


def given(monkeypatch: pytest.MonkeyPatch, **variables: str) -> SiemSettings:
    siem = read(monkeypatch, **variables)
    assert siem is not None
    return siem


def test_without_any_the_local_store_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch) is None
    assert read_settings().source == LOCAL


def test_a_url_and_a_token_are_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    siem = given(monkeypatch, URL="https://splunk.example:8089/services/mcp", TOKEN="hunter2")
    assert siem.source == "splunk.example:8089"
    assert siem.transport() == Http(
        "https://splunk.example:8089/services/mcp", {"Authorization": "Bearer hunter2"}, None
    )
    assert "hunter2" not in repr(siem) + repr(siem.transport()) + siem.where


def test_a_name_keeps_its_baselines_when_host_and_port_change(monkeypatch: pytest.MonkeyPatch) -> None:
    first = given(monkeypatch, URL="http://one:1/mcp", NAME="prod")
    second = given(monkeypatch, URL="https://two:2/mcp", NAME="prod")
    assert first.source == second.source == "prod"
    with pytest.raises(SettingsError, match="TEJUN_SIEM_NAME"):
        read(monkeypatch, NAME="local")


def test_a_stream_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    siem = given(monkeypatch, URL="http://one/sse", TRANSPORT="sse", HEADERS='{"x-key": "k"}')
    assert siem.transport() == Sse("http://one/sse", {"x-key": "k"}, None)
    assert given(monkeypatch, HEADERS="x-key: k\nx-two: a: b").transport() == Sse(
        "http://one/sse", {"x-key": "k", "x-two": "a: b"}, None
    )


def test_a_command_is_started_with_what_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLUNK_PASSWORD", "s3cret")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    siem = given(monkeypatch, COMMAND="mcp-server-splunk --mode 'read only'", TOKEN="t")
    way = siem.transport()
    assert isinstance(way, Stdio)
    assert (way.command, way.args) == ("mcp-server-splunk", ("--mode", "read only"))
    assert way.env["SPLUNK_PASSWORD"] == "s3cret"
    assert not [name for name in way.env if name.startswith(("TEJUN_", "OPENAI_"))]
    assert siem.source == "stdio:mcp-server-splunk"
    assert "s3cret" not in repr(siem) + repr(way)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"TRANSPORT": "carrier-pigeon"}, "Expected http, sse or stdio"),
        ({"TRANSPORT": "stdio"}, "TEJUN_SIEM_COMMAND is not set"),
        ({"TRANSPORT": "sse"}, "TEJUN_SIEM_URL is not set"),
        ({"URL": "http://a/mcp", "COMMAND": "x"}, "are both set"),
        ({"URL": "ftp://a/mcp"}, "no http or https address"),
        ({"COMMAND": "x 'y"}, "cannot be read"),
        ({"URL": "http://a/mcp", "HEADERS": "{1"}, "TEJUN_SIEM_HEADERS"),
        ({"URL": "http://a/mcp", "HEADERS": "no colon"}, "TEJUN_SIEM_HEADERS"),
        ({"URL": "http://a/mcp", "HEADERS": '{"a": 1}'}, "TEJUN_SIEM_HEADERS"),
        ({"URL": "http://a/mcp", "CA": "/nowhere/ca.pem"}, "TEJUN_SIEM_CA"),
    ],
)
def test_what_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    with pytest.raises(SettingsError, match=told):
        read(monkeypatch, **variables)


def test_a_file_without_certificates_is_no_authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hello")
    with pytest.raises(SettingsError, match="certificates in PEM"):
        read(monkeypatch, URL="https://a/mcp", CA=str(tmp_path / "ca.pem"))


def test_an_address_is_shown_without_its_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    siem = given(monkeypatch, URL="https://sato:hunter2@splunk:8089/mcp?key=hunter2")
    assert siem.where == "https://splunk:8089/mcp"
