"""Fixtures that every folder of tests shares."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.postgresql import find_programs, new_database, running
from tools.demo.generate import generate
from tools.logstore.store import LogStore

ROOT = Path(__file__).resolve().parent.parent
Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Return the folder of reference data beside the checkout, or skip with the reason."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the shared reference data beside the checkout is absent")
    return folder


@pytest.fixture(scope="session")
def postgresql_port() -> Iterator[int]:
    """Yield the port of a PostgreSQL server, or skip with the reason."""
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed")
    with running(programs) as port:
        yield port


@pytest.fixture
def postgresql(postgresql_port: int) -> str:
    """Return the address of a fresh database."""
    return new_database(postgresql_port, f"t{uuid.uuid4().hex}")


@pytest.fixture(scope="session")
def demo_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log store that holds the demo logs; tests copy it."""
    folder = tmp_path_factory.mktemp("demo")
    with LogStore(folder / "logs") as store:
        for file in generate(folder / "files"):
            store.import_paths([str(file.path)], index=file.index, sourcetype=file.sourcetype)
    return folder / "logs"


@pytest.fixture(scope="session")
def real_logs(tmp_path_factory: pytest.TempPathFactory, shared_dir: Path) -> Path:
    """Return a log store that holds the three real sets."""
    folder = tmp_path_factory.mktemp("real") / "logs"
    with LogStore(folder) as store:
        for name in ("linux_auth", "web_access", "aws_cloudtrail"):
            store.import_paths([str(shared_dir / "data" / name / "events.ndjson.gz")])
    return folder


@pytest.fixture
def home(tmp_path: Path, demo_logs: Path) -> Path:
    """Return a data directory of its own that holds the demo logs."""
    shutil.copytree(demo_logs, tmp_path / "home" / "logs")
    return tmp_path / "home"


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """Return the environment of a process that works in `home`."""
    return {
        **os.environ,
        "TEJUN_HOME": str(home),
        "TEJUN_USER": "analyst",
        "LANGGRAPH_STRICT_MSGPACK": "true",
        "COLUMNS": "160",
    }


@pytest.fixture
def cli(environment: dict[str, str]) -> Cli:
    """Return a way to run the `tejun` command in a process of its own."""

    def run(
        *arguments: str, user: str = "analyst", check: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("tejun")), *arguments],
            env={**environment, "TEJUN_USER": user},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        if check is not None:
            assert done.returncode == check, done.stdout + done.stderr
        return done

    return run
