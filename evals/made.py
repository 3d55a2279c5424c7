"""What a run was made with, so that a comparison says between what and what it compares."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from pydantic import Field

from agents.prompting import prompt_texts
from evals.case import Case
from evals.planting import Model
from procedures.source import read_source

DIGITS = 12
"""Of a digest; enough to tell two texts apart."""
GIT_S = 10


class Made(Model):
    """The parts that a team changes between two runs; digests are the first digits of sha256."""

    version: str
    commit: str | None = None
    """The commit of the checkout, `-dirty` with changes that are not committed; None outside of one."""
    procedures: dict[str, str] = Field(default_factory=dict)
    """Digest of each procedure's files by its id, without the edits of cases."""
    prompts: dict[str, str] = Field(default_factory=dict)
    """Digest of each prompt by its file."""
    models: dict[str, str] = Field(default_factory=dict)
    """Name and settings of the model by agent."""


def made_with(cases: Sequence[Case], models: Mapping[str, str]) -> Made:
    """Return what a run of `cases` is made with.

    Args:
        cases: Those that run.
        models: What speaks for each agent, for people.
    """
    places = {case.procedure: case.place for case in cases}
    return Made(
        version=version("tejun"),
        commit=_commit(Path(__file__).parent),
        procedures={name: read_source(place).text_digest[:DIGITS] for name, place in sorted(places.items())},
        prompts={name: _digest(text) for name, text in sorted(prompt_texts().items())} if models else {},
        models=dict(models),
    )


def differences(before: Made, after: Made) -> Iterator[str]:
    """Yield what differs, one line each."""
    for name in ("version", "commit"):
        if (old := getattr(before, name)) != (new := getattr(after, name)):
            yield f"{name} {old or 'unknown'} → {new or 'unknown'}"
    for field in ("procedures", "prompts", "models"):
        then, now = getattr(before, field), getattr(after, field)
        for name in sorted(then.keys() | now.keys()):
            if then.get(name) != now.get(name):
                yield f"{field.removesuffix('s')} {name} {then.get(name, 'none')} → {now.get(name, 'none')}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _commit(folder: Path) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    asked = [git, "-C", str(folder), "describe", "--always", "--dirty", f"--abbrev={DIGITS}", "--exclude=*"]
    told = subprocess.run(asked, capture_output=True, text=True, timeout=GIT_S, check=False)  # noqa: S603 - fixed words
    return told.stdout.strip() or None
