"""Local users of the pages: a name, a role, and the hash of a token that is shown once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from enum import StrEnum
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from tools.durable import write_durably

TOKEN_BYTES = 32
"""A token has 256 random bits: no dictionary reaches it, so one salted sha256 is enough."""


class Role(StrEnum):
    """What somebody may do, each role including the one before."""

    READER = "reader"
    ANALYST = "analyst"
    LEAD = "lead"

    def may(self, needed: Role) -> bool:
        """Tell whether this role includes `needed`."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class UsersError(Exception):
    """The file of users cannot be used; the text says what to do."""


class User(BaseModel):
    """One user; the token itself is kept nowhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    salt: str
    token_hash: str
    added_at: float


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    users: tuple[User, ...] = ()


class Users:
    """The users of one data directory, in one file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> tuple[User, ...]:
        """Return every user by name.

        Raises:
            UsersError: The file is damaged.
        """
        try:
            return _File.model_validate_json(self.path.read_bytes()).users
        except FileNotFoundError:
            return ()
        except ValidationError as error:
            fault = error.errors()[0]["msg"]
            raise UsersError(
                f"the users in {str(self.path)!r} cannot be read: {fault}. Restore the file or remove it."
            ) from None

    def find(self, name: str) -> User | None:
        """Return the user `name`."""
        return next((user for user in self.all() if user.name == name), None)

    def add(self, name: str, role: Role) -> str:
        """Add a user, or give one a new token and role; return the token, which is not kept.

        Raises:
            UsersError: The name is empty or holds characters that cannot be shown.
        """
        if not name.strip() or not name.isprintable() or len(name) > 80:
            raise UsersError(f"user name {name!r} cannot be used. Expected 1 to 80 visible characters.")
        token, salt = secrets.token_urlsafe(TOKEN_BYTES), secrets.token_hex(16)
        user = User(name=name, role=role, salt=salt, token_hash=_hashed(salt, token), added_at=time.time())
        self._write([*(known for known in self.all() if known.name != name), user])
        return token

    def remove(self, name: str) -> bool:
        """Remove a user; sessions end with the next request. Tell whether there was one."""
        kept = [known for known in self.all() if known.name != name]
        if len(kept) == len(self.all()):
            return False
        self._write(kept)
        return True

    def login(self, name: str, token: str) -> User | None:
        """Return the user if the token is theirs; the time taken does not tell which part was wrong."""
        user = self.find(name)
        salt, wanted = (user.salt, user.token_hash) if user else ("", "0" * 64)
        return user if hmac.compare_digest(_hashed(salt, token), wanted) else None

    def _write(self, users: list[User]) -> None:
        ordered = sorted(users, key=lambda user: user.name)
        data = orjson.dumps({"users": [user.model_dump(mode="json") for user in ordered]})

        def write(temporary: Path) -> None:
            temporary.touch(mode=0o600)
            temporary.write_bytes(data)

        write_durably(self.path, write)


def _hashed(salt: str, token: str) -> str:
    return hashlib.sha256(f"{salt}:{token}".encode()).hexdigest()


def session_key(path: Path) -> str:
    """Return the secret that signs sessions; made at first use, readable by its owner only."""
    if not path.exists():

        def write(temporary: Path) -> None:
            temporary.touch(mode=0o600)
            temporary.write_text(secrets.token_hex(32), "ascii")

        write_durably(path, write)
    return path.read_text("ascii")
