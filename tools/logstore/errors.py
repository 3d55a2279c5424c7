"""Errors of the log store that a person can act on."""

from __future__ import annotations


class LogStoreError(Exception):
    """Root of the log store's errors; the message says what failed, where, and what to do."""


class LogImportError(LogStoreError):
    """An import could not be finished; the store is as it was before."""


class UnknownSourcetypeError(LogStoreError):
    """No such sourcetype is described."""
