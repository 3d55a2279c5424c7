"""The decisions over an item, as the casebook holds them: who, when, why, outcomes and corrections."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.render.values import clock, hostile
from agents.render.words import Language, word

Entry = Mapping[str, object]
"""A casebook entry: `kind`, `reviewer`, `decided_at` and `body` as canonical JSON."""

HEADER = ("who", "when", "decision", "reason")


def body_of(entry: Entry) -> dict[str, Any]:
    """Return what was answered."""
    return dict(json.loads(str(entry["body"])))


def kinds(entry: Entry) -> list[str]:
    """Return the decisions, or the outcome, that one answer holds."""
    body = body_of(entry)
    return (
        [body["outcome"]] if "outcome" in body else [part["decision"] for part in body.get("decisions", [])]
    )


def has_defect(entries: Sequence[Entry]) -> bool:
    """Tell whether a reviewer called the report defective (要訂正)."""
    return any("report_defect" in kinds(entry) for entry in entries)


def decision_rows(entry: Entry, lang: Language, zone: str) -> Iterator[list[str]]:
    """Yield the table rows of one answer."""
    who, when = hostile(str(entry["reviewer"])), clock(float(str(entry["decided_at"])), zone)
    body = body_of(entry)
    if "outcome" in body:
        yield [who, when, f"{word('outcome', lang)}: {word(body['outcome'], lang)}", hostile(body["reason"])]
    for part in body.get("decisions", []):
        case = f" [{word('case', lang)} {hostile(part['case'])}]" if part.get("case") else ""
        yield [
            who,
            when,
            word(part["decision"], lang) + _about(part["findings"]) + case,
            hostile(part["reason"]),
        ]
    if body.get("question"):
        yield [who, when, word("question", lang), hostile(body["question"])]
    for correction in body.get("corrections", []):
        yield [who, when, _correction(correction, lang), hostile(correction["note"])]
    if body.get("knowledge"):
        yield [who, when, word("knowledge", lang), hostile(body["knowledge"])]


def _about(findings: str | list[str]) -> str:
    return "" if findings == "rest" else f" ({', '.join(hostile(name) for name in findings)})"


def _correction(correction: Mapping[str, Any], lang: Language) -> str:
    target = correction.get("fact") or correction.get("finding")
    new = (
        word(correction["verdict"], lang)
        if correction.get("verdict")
        else hostile(str(correction.get("value") or ""))
    )
    about = f" {hostile(str(target))}" if target else ""
    return f"{word('correction', lang)}{about}" + (f" → {new}" if new else "")
