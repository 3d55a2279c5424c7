"""Splunk MCP servers as their packages ship them, each in an environment of its own, before the stand-in of splunkd."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.siem.splunkd import Listening
from tools.search.transport import Http, Stdio, Transport

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENTS = ROOT / ".venv-siem"
START_S = 60.0


@dataclass(frozen=True, slots=True)
class Package:
    """One server of a package."""

    name: str
    arguments: tuple[str, ...]
    wires: tuple[str, ...]
    stand_in: str
    """Which stand-in was written after it."""

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return ENVIRONMENTS / self.name / "bin" / "python"

    @property
    def installed(self) -> bool:
        """Whether it can be started."""
        return (ENVIRONMENTS / self.name / ".installed").exists()


_FOR_SPLUNK = ("-m", "src.server")
PACKAGES = (
    Package("mcp-server-for-splunk-0.6.13", _FOR_SPLUNK, ("http", "stdio"), "mcp-for-splunk-0.6.13"),
    Package("mcp-server-for-splunk-0.6.10", _FOR_SPLUNK, ("stdio", "http"), "mcp-for-splunk-0.6.10"),
    Package("mcp-server-splunk-0.3.0", ("-m", "splunk_mcp_server"), ("stdio",), "mcp-server-splunk-0.3.0"),
)


def needed() -> bool:
    """Tell whether at least one of them must run here: on a build server, or where it is asked for."""
    asked = os.environ.get("TEJUN_TEST_SIEM_SERVERS", os.environ.get("CI", ""))
    return asked.lower() in {"1", "true", "needed"}


@contextmanager
def started(package: Package, wire: str, splunkd: Listening, *, trusted: bool = True) -> Iterator[Transport]:
    """Yield the way to a running server; it ends with the block."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = kept | splunkd.environment(trusted=trusted) | {"MCP_LOG_LEVEL": "ERROR"}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if wire == "stdio":
            flags = ("--transport", "stdio") if package.arguments == _FOR_SPLUNK else ()
            script = 'cd "$0" && exec "$@"'  # it keeps files where it is started
            command = (str(package.python), *package.arguments, *flags)
            yield Stdio("/bin/sh", ("-c", script, folder, *command), environment)
            return
        port = _free_port()
        command = [
            str(package.python),
            *package.arguments,
            "--transport",
            "http",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}/mcp"
            _wait(url, process, Path(folder) / "log")
            yield Http(url)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended: {log.read_text(errors='replace')[-2000:]}")
        try:
            urllib.request.urlopen(url, timeout=2)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
            continue
        return
    raise RuntimeError(f"{process.args!r} does not answer at {url}")
