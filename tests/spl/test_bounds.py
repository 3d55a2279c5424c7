"""The heaviest searches of `make limits`, over fewer events: the right answer, or a clear message, in bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from spl.errors import SearchFailedError, SearchTimeoutError
from tests.limits import CASES, event, outcome

ROWS, SECONDS = 12_000, 60.0


@pytest.fixture(scope="module")
def big(over_module: Callable[..., Any]) -> Any:
    """Events with a key each, one of them hostile to regular expressions."""
    return over_module([event(number, ROWS) for number in range(ROWS)])


@pytest.mark.parametrize("name", CASES)
def test_a_heavy_search_ends(name: str, big: Any) -> None:
    started = time.monotonic()
    told = outcome(CASES[name], lambda text: big.search(text, limit=1000, timeout_s=SECONDS), ROWS)
    assert told == ("stopped" if CASES[name].stops else "right")
    assert time.monotonic() - started < SECONDS


def test_a_search_that_runs_out_of_time_says_so(big: Any) -> None:
    started = time.monotonic()
    with pytest.raises(SearchTimeoutError, match="and was stopped"):
        big.search(CASES["transaction"].spl, timeout_s=0.02)
    assert time.monotonic() - started < SECONDS


def test_a_search_that_needs_too_much_memory_says_so(big: Any) -> None:
    big.connection.execute("SET memory_limit = '30MB'")
    try:
        with pytest.raises(SearchFailedError, match="needs more memory than it may have"):
            big.search(
                "index=big | streamstats list(text) AS a list(key) AS b | stats count(a) count(b)",
                timeout_s=SECONDS,
            )
    finally:
        big.connection.execute("RESET memory_limit")


def test_the_statement_of_a_chain_of_texts_grows_with_its_length_only(over: Callable[..., Any]) -> None:
    bench = over([{"a": "x", "b": "y", "code": "4625"}])
    sizes = []
    for length in (4, 8, 16):
        result = bench.search("index=main | eval k=" + ' + "_" + '.join(["a", "b"] * length) + " | table k")
        assert result.rows == [{"k": "_".join("xy" * length)}]
        sizes.append(len(result.sql))
    assert bench.rows('index=main | eval k=a + "__" + code | table k') == [{"k": "x__4625"}]
    assert sizes[2] - sizes[1] < 3 * (sizes[1] - sizes[0])
