"""Who this process is, and whether another one still lives: for leases that a killed process cannot keep."""

from __future__ import annotations

import getpass
import os
import socket
from functools import cache
from pathlib import Path

from tools.records.rows import Lease

TTL_S = 120.0


class LeaseHeldError(Exception):
    """Somebody else works on this item."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(f"item is held by {lease.holder} (process {lease.pid} on {lease.host}).")
        self.lease = lease


@cache
def user() -> str:
    """Return the name of the user of this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


@cache
def host() -> str:
    """Return the name of this machine."""
    return socket.gethostname()


def process_started(pid: int) -> str:
    """Return when `pid` was started, in clock ticks since boot; empty when that cannot be told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def is_dead(lease: Lease) -> bool:
    """Tell whether the holder is a process of this machine that has ended."""
    if lease.host != host():
        return False
    try:
        os.kill(lease.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return bool(lease.process_started) and process_started(lease.pid) != lease.process_started
