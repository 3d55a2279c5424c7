"""What a day of the library costs a SIEM in searches, kind by kind: a rise is seen here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.counting import count_day, table_of
from tests.graph.conftest import opened

GOLDEN = Path(__file__).parent / "searches.md"


async def test_a_day_of_the_library_sends_so_many_searches_and_no_more(
    tmp_path: Path, demo_logs: Path
) -> None:
    """The demo's day alone, and the same day after a round of the day before."""
    for name in ("first", "second"):
        shutil.copytree(demo_logs, tmp_path / name / "logs")
    async with opened(tmp_path / "first") as tejun:
        first = await count_day(tejun)
    async with opened(tmp_path / "second") as tejun:
        await count_day(tejun, days_before=1)
        second = await count_day(tejun)
    table = table_of(first, second)
    if os.environ.get("TEJUN_GOLDEN") == "write":
        GOLDEN.write_text(table, "utf-8")
    assert table == GOLDEN.read_text("utf-8"), "the counts differ; TEJUN_GOLDEN=write accepts the new ones"
