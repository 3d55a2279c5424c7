"""LangSmith's `evaluate` runs the same scorers, and nothing leaves the machine without being asked to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from evals.case import load_cases
from evals.run import Plan
from evals.smith import evaluate_cases
from tejun.variants import VARIANTS


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Return every request that LangSmith's endpoint gets."""
    seen: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def _note(self) -> None:
            seen.append(f"{self.command} {self.path}")
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = do_PATCH = _note  # noqa: N815 - names of the base class

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("LANGSMITH_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("LANGSMITH_API_KEY", "not-a-key")
    yield seen
    server.shutdown()
    server.server_close()


def test_without_being_asked_to_nothing_is_sent(asked: list[str]) -> None:
    results = evaluate_cases(load_cases(ids=["root-login-fires"]), Plan(VARIANTS["product"]))
    (row,) = list(results)
    scores = {one.key: one.score for one in row["evaluation_results"]["results"]}
    assert (scores["verdicts"], scores["told"], scores["stable"]) == (1.0, 1.0, None)
    assert asked == []
