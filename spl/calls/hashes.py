"""Digests of texts, in lower-case hex."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from spl.calls.texts import text_call
from spl.values import Value


def _digest(name: str) -> Callable[..., Value]:
    return text_call(lambda text: hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest())


CALLS: dict[str, Callable[..., Value]] = {name: _digest(name) for name in ("md5", "sha1", "sha256", "sha512")}
"""By name."""
