"""Eval functions over plain values, by family; the Python backend calls them, and SQL where it has no form of its own."""

from __future__ import annotations

from collections.abc import Callable

from spl.calls import hashes, json_values, multi, numbers, texts
from spl.values import Value

PLAIN: dict[str, Callable[..., Value]] = {
    **numbers.CALLS,
    **texts.CALLS,
    **multi.CALLS,
    **hashes.CALLS,
    **json_values.CALLS,
}
"""Functions of values alone, by name."""
