"""The edge of the command line: every error that a person can act on becomes a message and an exit code."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from tejun.output import FAILED, USAGE, fail

P = ParamSpec("P")
T = TypeVar("T")


def guarded(command: Callable[P, T]) -> Callable[P, T]:
    """Decorate a command so that its known errors end it with a message."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        from procedures.archive import ProcedureError
        from procedures.schedule import WindowError
        from procedures.source import ProcedureNotFoundError
        from spl.errors import SplError
        from tejun.settings import SettingsError
        from tools.logstore.errors import LogStoreError
        from tools.records.attention import ClaimedError
        from tools.records.casebook import CasebookError
        from tools.records.evidence import EvidenceError
        from tools.records.leases import LeaseHeldError

        usage = (ProcedureError, ProcedureNotFoundError, WindowError, SplError, SettingsError)
        failed = (LogStoreError, CasebookError, EvidenceError, LeaseHeldError, ClaimedError)
        try:
            return command(*args, **kwargs)
        except usage as error:
            fail(str(error), USAGE)
        except failed as error:
            fail(str(error), FAILED)
        except OSError as error:
            fail(f"{error.strerror or error}: {error.filename or ''}".rstrip(": "), FAILED)

    return run


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    return asyncio.run(work)
