"""Values of the graph itself that are stored by digest."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Payload(BaseModel):
    """What an interrupt shows; JSON values only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    body: dict[str, Any]
