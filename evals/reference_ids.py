"""What each item of `ids-alerts-daily` must find, counted over the generator's own alerts in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import fmean

from evals.counting import Row, distinct, first_and_last, grouped
from evals.logs import Events
from tools.demo.ids import Alert

SEVERE, BURST_TIMES, HOUR_S, DAY_S = 1, 5, 3600, 86400


def _alerts(events: Events, start: float, end: float) -> list[Alert]:
    found = (one._replace(time=int(one.time)) for one in events.ids if one.code)
    return [one for one in found if start <= one.time < end]


def severe_alert(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield severe alerts by source and signature; where one passed, with all alerts of the source."""
    alerts = _alerts(events, start, end)
    mine = grouped(alerts, lambda one: one.source)
    severe = [one for one in alerts if one.severity <= SEVERE]
    for (source, code), part in grouped(severe, lambda one: (one.source, one.code)).items():
        passed = sum(one.action != "blocked" for one in part)
        row: Row = {
            "src_ip": source, "code": str(code), "alerts": len(part), "passed": passed, "blocked": len(part) - passed,
            "names": distinct(one.name for one in part), "targets": len({one.target for one in part}),
            **first_and_last(one.time for one in part),
        }  # fmt: skip
        if passed:
            row["other-alerts.all_alerts"] = len(mine[source])
            row["other-alerts.kinds"] = len({one.code for one in mine[source]})
        yield row


def new_signature(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield alerts by signature."""
    for code, part in grouped(_alerts(events, start, end), lambda one: one.code).items():
        yield {
            "code": str(code), "alerts": len(part), "sources": len({one.source for one in part}),
            "names": distinct(one.name for one in part), "worst": min(one.severity for one in part),
            **first_and_last(one.time for one in part),
        }  # fmt: skip


def rare_signature(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield the signatures of seven days that fired on the last of them."""
    for code, part in grouped(_alerts(events, start - 6 * DAY_S, end), lambda one: one.code).items():
        if max(one.time for one in part) >= start:
            yield {
                "code": str(code), "alerts": len(part), "sources": distinct(one.source for one in part),
                "names": distinct(one.name for one in part), **first_and_last(one.time for one in part),
            }  # fmt: skip


def alert_burst(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield alerts by hour, with the average of the hours that have any."""
    hours = grouped(_alerts(events, start, end), lambda one: int(one.time - one.time % HOUR_S))
    usual = fmean(map(len, hours.values())) if hours else 0
    for hour, part in hours.items():
        yield {
            "_time": hour, "alerts": len(part), "sources": len({one.source for one in part}),
            "kinds": len({one.code for one in part}), "limit": round(BURST_TIMES * usual, 1), "usual": round(usual, 1),
        }  # fmt: skip


def source_spread(events: Events, start: float, end: float) -> Iterator[Row]:
    """Yield the kinds of alerts of each source."""
    for source, part in grouped(_alerts(events, start, end), lambda one: one.source).items():
        yield {
            "src_ip": source, "kinds": len({one.code for one in part}), "alerts": len(part),
            "targets": len({one.target for one in part}),
            "severe_alerts": sum(one.severity <= SEVERE for one in part), **first_and_last(one.time for one in part),
        }  # fmt: skip


IDS_REFERENCES: dict[str, Callable[[Events, float, float], Iterator[Row]]] = {
    "severe-alert": severe_alert, "new-signature": new_signature, "rare-signature": rare_signature,
    "alert-burst": alert_burst, "source-spread": source_spread,
}  # fmt: skip
"""One count per item."""
