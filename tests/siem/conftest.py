"""One set of stand-ins for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.siem.matrix import Matrix, matrix_over


@pytest.fixture(scope="session")
def matrix(tmp_path_factory: pytest.TempPathFactory, demo_logs: Path) -> Iterator[Matrix]:
    """Host every stand-in over the demo logs."""
    with matrix_over(tmp_path_factory.mktemp("siem"), demo_logs) as hosted:
        yield hosted
