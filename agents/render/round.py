"""The round report: what the analyst signs."""

from __future__ import annotations

import json
from collections.abc import Iterator

from agents.render.blocks import Block, SplOf, item_blocks, table
from agents.render.values import MISSING, clock, escape, hostile
from agents.render.words import Language, word
from tools.records.report import RoundItem, RoundReport


def round_blocks(report: RoundReport, spl_of: SplOf) -> Iterator[Block]:
    """Yield the blocks of a round report."""
    lang, zone = report.language, report.timezone
    yield f"**TLP:{report.tlp}**"
    yield f"# {word('report', lang)}: {escape(report.procedure_title)}"
    yield from _warnings(report)
    yield table([word("round", lang), f"`{report.round}`"], _facts(report))
    if report.entities:
        yield f"## {word('entities', lang)}"
        yield _entities(report)
    yield f"## {word('summary', lang)}"
    yield _summary(report)
    for item in report.items:
        yield from _item(item, lang, zone, spl_of)
    yield f"## {word('sign_here', lang)}"
    yield f"{hostile(report.signed_by)} — {clock(report.signed_at, zone)}" if report.signed_by and report.signed_at else word("unsigned", lang)
    yield f"**TLP:{report.tlp}**"


def _warnings(report: RoundReport) -> Iterator[str]:
    lang = report.language
    decisions = [entry for item in report.items for entry in item.decisions]
    if any("report_defect" in str(entry["body"]) for entry in decisions):
        yield f"> **{word('corrected', lang)}**"
    if any(item.checks is not None and item.checks.failed for item in report.items):
        yield f"> **{word('check_failed', lang)}**"
    if report.ad_hoc:
        yield f"> {word('ad_hoc', lang)}"
    if report.overdue_review:
        yield f"> {word('overdue', lang)}"


def _facts(report: RoundReport) -> list[list[str]]:
    lang, zone = report.language, report.timezone
    complete = word("complete" if report.complete else "incomplete", lang)
    return [
        [word("verdict", lang), f"**{word(report.verdict.value, lang)}**"],
        [word("completeness", lang), complete],
        [word("status", lang), word(report.status, lang)],
        [word("window", lang), f"{clock(report.start, zone)} – {clock(report.end, zone)}"],
        [word("zone", lang), escape(zone)],
        [word("procedure", lang), f"{escape(report.procedure)} {word('version', lang)} {escape(report.procedure_version)}"],
        [word("digest", lang), f"`{report.procedure_digest[:16]}`"],
        [word("model", lang), escape(report.model) if report.model else word("no_model", lang)],
    ]


def _entities(report: RoundReport) -> str:
    lang = report.language
    items = list(dict.fromkeys(item for row in report.entities for item in row.verdicts))
    header = [word("entity", lang), *(escape(item) for item in items)]
    rows = (
        [hostile(row.value), *(word(row.verdicts[item].value, lang) if item in row.verdicts else MISSING for item in items)]
        for row in report.entities
    )
    return table(header, rows)


def _summary(report: RoundReport) -> str:
    lang = report.language
    header = [word(key, lang) for key in ("item", "verdict", "completeness", "findings", "decision")]
    return table(header, (_summary_row(item, lang) for item in report.items))


def _summary_row(item: RoundItem, lang: Language) -> list[str]:
    name = f"{escape(item.item)}: {escape(item.title)}"
    if item.report is None:
        return [name, word("undetermined", lang), word("incomplete", lang), MISSING, _decision_word(item, lang)]
    found = len({row.finding for row in (*item.report.rows, *item.report.attached)})
    complete = word("complete" if item.report.complete else "incomplete", lang)
    return [name, word(item.report.verdict.value, lang), complete, str(found), _decision_word(item, lang)]


def _decision_word(item: RoundItem, lang: Language) -> str:
    if item.state == "failed":
        return word("failed", lang)
    made = [entry for entry in item.decisions if entry["kind"] in {"decision", "outcome"}]
    if made:
        words = dict.fromkeys(word(kind, lang) for entry in made for kind in _kinds(entry))
        return " → ".join(words) + (f" ({word('pending', lang)})" if item.state == "paused" else "")
    return word("pending" if item.state != "recorded" else "not_needed", lang)


def _kinds(entry: dict[str, object]) -> list[str]:
    body = json.loads(str(entry["body"]))
    return [body["outcome"]] if entry["kind"] == "outcome" else [part["decision"] for part in body["decisions"]]


def _item(item: RoundItem, lang: Language, zone: str, spl_of: SplOf) -> Iterator[Block]:
    if item.report is None:
        yield f"## {escape(item.item)}: {escape(item.title)}"
        yield word("item_failed" if item.error else "not_run", lang) + (f": {escape(item.error)}" if item.error else "")
        return
    yield from item_blocks(item.report, item.checks, spl_of)
    if item.decisions:
        yield f"### {word('decisions', lang)}"
        yield table(
            [word(key, lang) for key in ("who", "when", "decision", "reason")],
            (row for entry in item.decisions for row in _decision_rows(entry, lang, zone)),
        )


def _decision_rows(entry: dict[str, object], lang: Language, zone: str) -> Iterator[list[str]]:
    who, when = hostile(str(entry["reviewer"])), clock(float(str(entry["decided_at"])), zone)
    body = json.loads(str(entry["body"]))
    if entry["kind"] == "outcome":
        yield [who, when, f"{word('outcome', lang)}: {word(body['outcome'], lang)}", hostile(body["reason"])]
    for part in body.get("decisions", []):
        findings = "" if part["findings"] == "rest" else f" ({', '.join(f'`{escape(name)}`' for name in part['findings'])})"
        yield [who, when, word(part["decision"], lang) + findings, hostile(part["reason"])]
    for correction in body.get("corrections", []):
        yield [who, when, word("correction", lang), hostile(correction["note"])]
    if body.get("knowledge"):
        yield [who, when, word("knowledge", lang), hostile(body["knowledge"])]
