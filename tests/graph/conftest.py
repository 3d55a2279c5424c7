"""A data directory with everything open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tejun.opening import Tejun, open_tejun
from tejun.settings import Settings

LIBRARY = Path(__file__).resolve().parent.parent.parent / "procedures" / "library"


def settings_of(home: Path, user: str = "analyst") -> Settings:
    return Settings(home=home, casebook_url=f"sqlite:///{home / 'casebook.sqlite'}", user=user)


@asynccontextmanager
async def opened(home: Path, user: str = "analyst") -> AsyncIterator[Tejun]:
    async with open_tejun(settings_of(home, user)) as tejun:
        yield tejun


@pytest.fixture
async def tejun(home: Path) -> AsyncIterator[Tejun]:
    async with opened(home) as everything:
        yield everything
