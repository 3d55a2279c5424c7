"""Settings of models come from the environment alone, each agent's own before the common one."""

from __future__ import annotations

import pytest

from tejun.settings import Settings, SettingsError, read_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(("TEJUN_MODEL", "OPENAI_")):
            monkeypatch.delenv(name)


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return read_settings()


def test_without_a_name_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, OPENAI_API_KEY="x").models == {}


def test_an_agent_has_its_own_before_the_common(monkeypatch: pytest.MonkeyPatch) -> None:
    models = read(
        monkeypatch,
        TEJUN_MODEL="big",
        TEJUN_MODEL_REPORTER="small",
        TEJUN_MODEL_REPORTER_BASE_URL="http://localhost:1/v1",
        TEJUN_MODEL_DRILL_DOWN="off",
        TEJUN_MODEL_TEMPERATURE="default",
        TEJUN_MODEL_PRICE="1,0.5,2",
        OPENAI_API_KEY="k",
    ).models
    assert {agent: model.name for agent, model in models.items()} == {"judge": "big", "reporter": "small"}
    assert (models["judge"].base_url, models["reporter"].base_url) == (None, "http://localhost:1/v1")
    assert models["judge"].temperature is None
    assert models["judge"].price is not None
    assert models["judge"].key is not None
    assert models["judge"].key.get_secret_value() == "k"


def test_the_key_may_stand_in_another_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    models = read(monkeypatch, TEJUN_MODEL="m", TEJUN_MODEL_KEY_VARIABLE="GROUP_KEY", GROUP_KEY="g").models
    assert models["judge"].key is not None
    assert models["judge"].key.get_secret_value() == "g"


@pytest.mark.parametrize(
    ("name", "value"),
    [("TIMEOUT", "soon"), ("TIMEOUT", "0"), ("RETRIES", "-1"), ("MAX_TOKENS", "0"), ("TEMPERATURE", "hot"), ("PRICE", "1")],
)  # fmt: skip
def test_what_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"TEJUN_MODEL_{name} .*{value}"):
        read(monkeypatch, TEJUN_MODEL="m", **{f"TEJUN_MODEL_{name}": value})
