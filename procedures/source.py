"""The files of a procedure as read: what the digest seals and what an archive keeps."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict

DOCUMENT = "PROCEDURE.md"
MACROS = "macros.conf"
LOOKUPS, TRANSFORMS = "lookups", "transforms.conf"


class ProcedureNotFoundError(Exception):
    """There is no procedure at this place."""


class ProcedureSource(BaseModel):
    """All text of one version of a procedure, and the chosen parameter column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Folder or file name, as shown in faults."""
    files: dict[str, str]
    """Text by file name: PROCEDURE.md, macros.conf, lookups/*.csv, lookups/transforms.conf."""
    environment: str = "default"

    @property
    def document(self) -> str:
        """The text of PROCEDURE.md."""
        return self.files[DOCUMENT]

    @property
    def digest(self) -> str:
        """sha256 over the files and the chosen environment; it identifies the exact version."""
        content = {"files": self.files, "environment": self.environment}
        return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()

    @property
    def text_digest(self) -> str:
        """sha256 over the files alone: the same in every environment."""
        return hashlib.sha256(orjson.dumps(self.files, option=orjson.OPT_SORT_KEYS)).hexdigest()


def read_source(path: Path, environment: str = "default") -> ProcedureSource:
    """Read a procedure from its folder, or from its PROCEDURE.md.

    Raises:
        ProcedureNotFoundError: There is none, or a file is no UTF-8 text.
    """
    document = path / DOCUMENT if path.is_dir() else path
    folder = document.parent
    if not document.is_file():
        raise ProcedureNotFoundError(
            f"no procedure at {str(path)!r}. Expected a folder with {DOCUMENT}, or that file."
        )
    names = {DOCUMENT: document, MACROS: folder / MACROS}
    lookups = folder / LOOKUPS
    for file in (*sorted(lookups.glob("*.csv")), lookups / TRANSFORMS):
        names[f"{LOOKUPS}/{file.name}"] = file
    files = {}
    for name, file in names.items():
        if not file.is_file():
            continue
        try:
            files[name] = file.read_text("utf-8")
        except (UnicodeDecodeError, OSError) as error:
            raise ProcedureNotFoundError(
                f"cannot read {str(file)!r}: {error}. Expected UTF-8 text."
            ) from None
    return ProcedureSource(name=str(document), files=files, environment=environment)
