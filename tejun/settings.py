"""Settings from the environment; this folder is the only one that reads it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from tools.records.leases import user


class Settings(BaseModel):
    """Everything that can be set.

    `TEJUN_HOME` is the data directory; `TEJUN_SIEM_URL` and `TEJUN_SIEM_TOKEN` name a Splunk MCP server
    instead of the local log store; `TEJUN_CASEBOOK_URL` another database; `TEJUN_USER` the reviewer.
    """

    model_config = ConfigDict(frozen=True)

    home: Path
    siem_url: str | None = None
    siem_token: SecretStr | None = None
    casebook_url: str
    user: str

    @property
    def logs(self) -> Path:
        """Folder of the local log store."""
        return self.home / "logs"

    @property
    def evidence(self) -> Path:
        """Folder of the evidence store."""
        return self.home / "evidence"

    @property
    def checkpoints(self) -> Path:
        """File of the checkpoints."""
        return self.home / "checkpoints.sqlite"

    @property
    def source(self) -> str:
        """A stable name of what is searched."""
        return urlsplit(self.siem_url).netloc if self.siem_url else "local"


def read_settings() -> Settings:
    """Read the settings of this process."""
    home = Path(os.environ.get("TEJUN_HOME", ".tejun")).absolute()
    token = os.environ.get("TEJUN_SIEM_TOKEN")
    return Settings(
        home=home,
        siem_url=os.environ.get("TEJUN_SIEM_URL") or None,
        siem_token=SecretStr(token) if token else None,
        casebook_url=os.environ.get("TEJUN_CASEBOOK_URL") or f"sqlite:///{home / 'casebook.sqlite'}",
        user=os.environ.get("TEJUN_USER") or user(),
    )
