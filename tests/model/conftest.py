"""Real small models behind a real server, in an environment of their own that `make test-model` makes."""

from __future__ import annotations

import os
import select
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = ROOT / ".venv-model" / "bin" / "python"
MODELS = ROOT / ".venv-model" / "models"
LOAD_S = 120
CONTEXT = 16384
SERVED_S = 1800
"""After so long a server ends by itself, whatever became of the tests."""
PENALTY = {"smollm2-135m": 1.15}
"""Of a repeated token, for a model that otherwise repeats itself up to its most tokens."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def small_model(name: str, template: Path | None = None, served_s: int = SERVED_S) -> Iterator[str]:
    """Serve the model `name`, with a chat template of ours where one is given; yield its base URL, or skip with the reason."""
    if not PYTHON.exists():
        pytest.skip("no small model here: `make test-model` installs it")
    here = Path(__file__).parent
    made = subprocess.run(
        [str(PYTHON), str(here / "assemble.py"), name, str(MODELS)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"{name}: {made.stderr.strip()}")
    port = _free_port()
    with subprocess.Popen(
        [str(PYTHON), str(here / "serve.py"), made.stdout.strip()]
        + [str(value) for value in (port, CONTEXT, served_s, PENALTY.get(name, 1.0))]
        + ([str(template)] if template else []),
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"},
        stdin=subprocess.PIPE,  # it ends when this process does and the pipe closes
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            assert server.stdout is not None
            ready, _, _ = select.select([server.stdout], [], [], LOAD_S)
            line = server.stdout.readline().decode() if ready else ""
            assert line.startswith("READY"), f"{name} did not load: {line!r}"
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.kill()
