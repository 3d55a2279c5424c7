"""Looking at everything that a round needs: stores, SIEM, models; and saying what to do about what is missing."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Literal

from openai import DefaultAsyncHttpxClient
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import SQLAlchemyError

from tejun.doctor_siem import examine_siem
from tejun.opening import open_tejun
from tejun.settings import AGENTS, Settings
from tejun.shapes import DiagnosisShape
from tools.model.client import ChatModel
from tools.model.question import Question
from tools.model.settings import ModelSettings
from tools.records.casebook import CasebookError

PROBE_S = 30.0

_REMEDIES: dict[str, str] = {
    "timeout": "it did not answer in time; raise TEJUN_MODEL_TIMEOUT or use a faster model",
    "rate_limited": "it asks for fewer requests; wait, or raise the limit of the account",
    "server_error": "the server failed; look at its log",
    "unreachable": "nothing answers at {url}; start the server or mend TEJUN_MODEL_BASE_URL",
    "unauthorised": "the key was not accepted; set {variable} to a valid key",
    "unknown_model": "the server does not know {name!r}; mend TEJUN_MODEL",
    "bad_request": "the server does not take the request; it must support structured output (json_schema)",
    "malformed": "its answer has not the form that was asked for; it must support structured output (json_schema)",
    "cut_off": "its answer was cut off; raise TEJUN_MODEL_MAX_TOKENS",
    "refused": "it declined to answer",
}
"""What to do about a model that does not answer, by failure."""


class Probe(BaseModel):
    """What a model is asked to answer."""

    model_config = ConfigDict(extra="forbid")

    ok: Literal["yes"]


async def examine(settings: Settings) -> AsyncIterator[DiagnosisShape]:
    """Yield what was found, one part at a time; looks, and changes nothing but the data directory itself."""
    yield await asyncio.to_thread(_home, settings.home)
    async for found in _stores(settings):
        yield found
    async for found in _models(settings):
        yield found


def _home(home: Path) -> DiagnosisShape:
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        text = f"{home}: {error.strerror}. Set TEJUN_HOME to a folder that you may write to."
        return DiagnosisShape(part="data directory", state="failed", text=text)
    return DiagnosisShape(part="data directory", state="ok", text=str(home))


async def _stores(settings: Settings) -> AsyncIterator[DiagnosisShape]:
    try:
        async with open_tejun(settings.model_copy(update={"models": {}})) as tejun:
            rounds = await asyncio.to_thread(tejun.resources.casebook.rounds)
            yield DiagnosisShape(part="casebook", state="ok", text=f"{len(rounds)} rounds")
            yield DiagnosisShape(part="checkpoints", state="ok", text=str(settings.checkpoints))
            session = await tejun.resources.sessions.session("UTC")
            async for found in examine_siem(settings, session):
                yield found
    except (CasebookError, SQLAlchemyError, OSError) as error:
        text = f"{str(error).splitlines()[0]}. Mend TEJUN_CASEBOOK_URL or the data directory."
        yield DiagnosisShape(part="casebook", state="failed", text=text)


async def _models(settings: Settings) -> AsyncIterator[DiagnosisShape]:
    """Yield one line for each model that is configured, or one that says there is none."""
    if not settings.models:
        text = "none is used: TEJUN_MODEL is not set. Rounds run deterministically."
        yield DiagnosisShape(part="model", state="absent", text=text)
        return
    async with DefaultAsyncHttpxClient() as http:
        for part, model in _distinct(settings.models):
            yield await _model(part, model, http)


def _distinct(models: dict[str, ModelSettings]) -> Iterator[tuple[str, ModelSettings]]:
    """Yield each model once, named after the agents that it speaks for."""
    for model in dict.fromkeys(models.values()):
        agents = [agent for agent in AGENTS if models.get(agent) == model]
        yield f"model of {', '.join(agents)}", model


async def _model(part: str, model: ModelSettings, http: DefaultAsyncHttpxClient) -> DiagnosisShape:
    if model.base_url is None and model.key is None:
        text = f"{model.name}: the key is missing. Set {model.key_variable}, or TEJUN_MODEL_BASE_URL."
        return DiagnosisShape(part=part, state="failed", text=text)
    question = Question("reporter", "Answer with JSON.", 'Answer {"ok": "yes"}.', Probe, {})
    probing = model.model_copy(update={"retries": 0})
    reply = await ChatModel(probing, http).ask(question, seconds=PROBE_S)
    url = model.base_url or "the provider"
    if reply.answer is not None:
        text = f"{model.name} at {url} answered in {reply.call.seconds:.1f} s"
        return DiagnosisShape(part=part, state="ok", text=text)
    remedy = _REMEDIES.get(reply.call.outcome, reply.call.outcome)
    told = remedy.format(url=url, name=model.name, variable=model.key_variable)
    return DiagnosisShape(part=part, state="failed", text=f"{model.name}: {told}.")
