"""Reports as canonical JSON: sorted keys, UTF-8, values as they were computed and nothing rendered."""

from __future__ import annotations

import orjson

from agents.render.blocks import SplOf
from tools.records.report import RoundReport

SCHEMA = "tejun.round-report/1"


def to_json(report: RoundReport, *, spl_of: SplOf) -> str:
    """Return the report of a whole round; the same report gives the same text.

    Args:
        report: The round.
        spl_of: Returns the search text of an evidence digest.
    """
    logs = [entry for item in report.items if item.report for entry in item.report.search_log]
    document = {
        "schema": SCHEMA,
        **report.model_dump(mode="json"),
        "searches": {entry.evidence: spl_of(entry.evidence) for entry in logs},
    }
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2).decode() + "\n"
