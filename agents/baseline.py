"""The same search over earlier windows, so that an item can say what is usual."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from agents.searching import Searcher
from procedures.model import Baseline
from tools.records.finding import BaselinePeriod
from tools.search.result import SearchStatus

DAY_S = 86400


def shift(epoch: float, seconds: float, zone: ZoneInfo) -> float:
    """Return `epoch` moved back by `seconds`; whole days keep the local clock time across DST changes.

    >>> shift(172800, 86400, ZoneInfo("UTC"))
    86400.0
    """
    if seconds % DAY_S:
        return epoch - seconds
    local = dt.datetime.fromtimestamp(epoch, zone)
    return (local - dt.timedelta(days=seconds // DAY_S)).timestamp()


async def search_baseline(
    baseline: Baseline, searcher: Searcher, spl: str, *, earliest: float, latest: float, zone: ZoneInfo
) -> tuple[BaselinePeriod, ...]:
    """Run `spl` over each earlier period, newest first. A period that is not `ok` is kept and marked."""
    periods = []
    for index in range(1, baseline.periods + 1):
        back_s = index * baseline.step_s
        window = shift(earliest, back_s, zone), shift(latest, back_s, zone)
        ran = await searcher.run(f"baseline:{index}", spl, *window)
        periods.append(
            BaselinePeriod(
                index=index,
                earliest=window[0],
                latest=window[1],
                evidence=ran.evidence if ran else "",
                ok=ran is not None and ran.result.status is SearchStatus.OK,
            )
        )
    return tuple(periods)
