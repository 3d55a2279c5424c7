"""A PostgreSQL server of the tests' own: a folder of its own, loopback only, gone with them."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

STARTS_WITHIN_S = 60


def find_programs() -> Path | None:
    """Return the folder of `initdb` and `postgres`; None where there is no server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    at_hand = shutil.which("initdb")
    program = found[-1] if found else Path(at_hand) if at_hand else None
    return program.resolve().parent if program else None


@contextmanager
def running(programs: Path) -> Iterator[int]:
    """Yield the port of a fresh server. Root may not run one, so that the user `postgres` does then."""
    owner = "postgres" if os.getuid() == 0 else getpass.getuser()
    folder = Path(tempfile.mkdtemp(prefix="tejun-postgresql-"))
    shutil.chown(folder, owner)
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "tejun", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True, capture_output=True, user=owner, cwd=folder,
    )  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-c", "fsync=off"]
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, *options], user=owner, cwd=folder, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)
        shutil.rmtree(folder)


def _wait(port: int) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="tejun", dbname="postgres").close()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def new_database(port: int, name: str) -> str:
    """Create a database and return its address."""
    with psycopg.connect(
        host="127.0.0.1", port=port, user="tejun", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    return f"postgresql://tejun@127.0.0.1:{port}/{name}"
