"""The evidence store: content-addressed, written once, on disk before it is referenced, verified when read."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast

import orjson
from pydantic import BaseModel, ValidationError

from tools.durable import write_durably

_DIGEST = re.compile(r"[0-9a-f]{64}")
RECENT = 32
"""Values kept parsed: those of an item or two."""
T = TypeVar("T", bound=BaseModel)


class EvidenceError(Exception):
    """Root of the evidence store's errors."""


class EvidenceMissingError(EvidenceError):
    """Nothing is stored under this digest."""


class EvidenceCorruptError(EvidenceError):
    """What is stored does not have this digest, or is not what it should be."""


class EvidenceWriteError(EvidenceError):
    """The evidence could not be written; nothing refers to it."""


def canonical(model: BaseModel) -> bytes:
    """Return the one JSON text of `model`: sorted keys, no spaces."""
    return orjson.dumps(model.model_dump(mode="json", by_alias=True), option=orjson.OPT_SORT_KEYS)


def digest_of(model: BaseModel) -> str:
    """Return the digest that `model` is stored under, without storing it."""
    return hashlib.sha256(canonical(model)).hexdigest()


@lru_cache(maxsize=RECENT)
def _parsed(data: bytes, model: type[BaseModel]) -> BaseModel:
    return model.model_validate_json(data)


class EvidenceStore:
    """Values by their digest, below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, model: BaseModel) -> str:
        """Store `model` and return its digest; storing it again changes nothing.

        Raises:
            EvidenceWriteError: It could not be written.
        """
        data = canonical(model)
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        if not path.exists():
            try:
                write_durably(path, lambda temporary: temporary.write_bytes(data))
            except OSError as error:
                raise EvidenceWriteError(
                    f"cannot write evidence below {str(self.folder)!r}: {error.strerror or error}. "
                    "Nothing refers to it; free space or mend the permissions and run the same command again."
                ) from error
        return digest

    def get(self, digest: str, model: type[T]) -> T:
        """Return what is stored under `digest`. The bytes are read and verified every time, parsed once.

        Raises:
            EvidenceMissingError: Nothing is.
            EvidenceCorruptError: The bytes do not have this digest, or are no `model`.
        """
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise EvidenceMissingError(f"evidence {digest[:12]} is not in {str(self.folder)!r}.") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise EvidenceCorruptError(
                f"evidence {digest[:12]} in {str(path)!r} was changed after it was written."
            )
        try:
            return cast("T", _parsed(data, model))
        except ValidationError as error:
            raise EvidenceCorruptError(f"evidence {digest[:12]} is no {model.__name__}: {error}") from None

    def has(self, digest: str) -> bool:
        """Tell whether something is stored under `digest`."""
        return self._path(digest).exists()

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise EvidenceMissingError(f"{digest[:80]!r} is no digest.")
        return self.folder / digest[:2] / f"{digest}.json"
