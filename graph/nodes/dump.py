"""Domain values to the JSON that the state holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel


def dump_all(models: Iterable[BaseModel]) -> list[dict[str, Any]]:
    """Return `models` as JSON values, in order."""
    return [model.model_dump(mode="json") for model in models]
