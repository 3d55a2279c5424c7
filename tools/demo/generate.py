"""Write the demo logs in the true formats of their sources."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from random import Random

from tools.demo import auth, cloudtrail, ids, plan, web, windows


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """One file of logs and how it is to be imported."""

    path: Path
    index: str
    sourcetype: str
    events: int


def generate(folder: Path, *, seed: int = plan.SEED, days: int = plan.DAYS) -> list[GeneratedFile]:
    """Write the demo logs below `folder`; the same seed writes the same bytes.

    Args:
        folder: Where the files go; it is made when it is missing.
        seed: Seed of the background; what is planted does not depend on it.
        days: Days of logs, the last of which is the demo's in every zone.
    """
    end = plan.utc(0) + 86400
    start = plan.tokyo(0, day=plan.DEMO_DAY - dt.timedelta(days=days - 1))
    folder.mkdir(parents=True, exist_ok=True)
    lines = [auth.render(line) for line in auth.auth_lines(Random(f"{seed}/auth"), start, end)]
    hits = [web.render(hit) for hit in web.web_hits(Random(f"{seed}/web"), start, end)]
    written = [
        _text(folder / "auth.log", lines, "os", "linux_secure", end),
        _text(folder / "access.log", hits, "web", "access_combined", end),
    ]
    records = cloudtrail.cloudtrail_records(Random(f"{seed}/aws"), start, end)
    for day, group in groupby(records, key=lambda record: str(record["eventTime"])[:10]):
        written.append(
            _records(
                folder / "cloudtrail" / f"{cloudtrail.ACCOUNT}_CloudTrail_{day}.json.gz", list(group), end
            )
        )
    events = [windows.render(one) for one in windows.windows_events(Random(f"{seed}/windows"), start, end)]
    alerts = [ids.render(one) for one in ids.ids_events(Random(f"{seed}/ids"), start, end)]
    return [
        *written,
        _text(folder / "windows.xml", events, "wineventlog", "XmlWinEventLog", end),
        _text(folder / "eve.json", alerts, "ids", "suricata", end),
    ]


def _text(path: Path, lines: Iterable[str], index: str, sourcetype: str, written_at: float) -> GeneratedFile:
    kept = list(lines)
    path.write_text("\n".join(kept) + "\n", "utf-8")
    os.utime(path, (written_at, written_at))
    return GeneratedFile(path, index, sourcetype, len(kept))


def _records(path: Path, records: list[cloudtrail.Record], written_at: float) -> GeneratedFile:
    path.parent.mkdir(exist_ok=True)
    data = json.dumps({"Records": records}, ensure_ascii=False, separators=(",", ":")).encode()
    path.write_bytes(gzip.compress(data, mtime=0))
    os.utime(path, (written_at, written_at))
    return GeneratedFile(path, "aws", "aws:cloudtrail", len(records))
