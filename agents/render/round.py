"""The round report: what the analyst signs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.render.blocks import (
    Block,
    SplOf,
    checks_blocks,
    earlier_runs,
    item_blocks,
    item_heading,
    paragraphs,
    told_blocks,
    verdict_line,
)
from agents.render.decisions import has_defect, kinds
from agents.render.layout import table
from agents.render.model_use import totals_text
from agents.render.search_log import search_log
from agents.render.values import MISSING, clock, escape, hostile, number, trusted
from agents.render.words import Language, purpose_words, search_status, word
from procedures.verdict import Verdict
from tools.records.report import ItemReport, RoundItem, RoundReport

_REFERENCE = re.compile(r"\{\{([^{}]*)\}\}")
_COUNTED = ("count(findings)", "sum(events)", "nearest_miss.")
"""Derivations of the facts that one line about a clean item is made of."""


def round_blocks(report: RoundReport, spl_of: SplOf) -> Iterator[Block]:
    """Yield the blocks of a round report."""
    lang = report.language
    marking = f"**TLP:{escape(report.tlp)}**"
    yield marking
    yield f"# {word('report', lang)}: {trusted(report.procedure_title)}"
    yield from _warnings(report)
    yield table([word("round", lang), escape(report.round)], _facts(report))
    if report.entities:
        yield f"## {word('entities', lang)}"
        yield _entities(report)
    yield f"## {word('summary', lang)}"
    yield _summary(report)
    if report.unfinished:
        yield f"## {word('unfinished', lang)}"
        yield word("unfinished_hint", lang)
        yield _unfinished(report)
    if report.checks:
        yield from checks_blocks(report.checks, lang, "##")
    for item in report.items:
        yield from _item(item, lang, spl_of)
    yield f"## {word('sign_here', lang)}"
    yield _signature(report)
    yield marking


def _warnings(report: RoundReport) -> Iterator[str]:
    lang = report.language
    yield from _closed(report)
    if any(has_defect(item.decisions) for item in report.items):
        yield f"> **{word('corrected', lang)}**"
    of_items = [check for item in report.items if item.checks for check in item.checks.checks]
    if any(check.status == "failed" for check in (*report.checks, *of_items)):
        yield f"> **{word('check_failed', lang)}**"
    if report.ad_hoc:
        yield f"> {word('ad_hoc', lang)}"
    if report.overdue_review:
        yield f"> {word('overdue', lang)}"


def _closed(report: RoundReport) -> Iterator[str]:
    """Yield that the round was taken back, and which items a newer round stands for."""
    lang = report.language
    if taken := report.withdrawal:
        when = clock(taken.at, report.timezone)
        yield f"> **{word('withdrawn_round', lang)}** ({hostile(taken.by)}, {when}): {hostile(taken.reason)}"
    newer: dict[str, list[str]] = {}
    for item in report.items:
        if item.superseded_by:
            newer.setdefault(item.superseded_by, []).append(trusted(item.item))
    for name, items in newer.items():
        yield f"> **{word('superseded_items', lang)}** {escape(name)}: {', '.join(items)}"


def _unfinished(report: RoundReport) -> str:
    lang = report.language
    header = [word(key, lang) for key in ("item", "search", "result", "server_words")]
    rows = (
        [
            trusted(search.item),
            trusted(purpose_words(search.purpose, lang)),
            search_status(search.status.value, lang),
            hostile(search.message) if search.message else MISSING,
        ]
        for search in report.unfinished
    )
    return table(header, rows)


def _facts(report: RoundReport) -> list[list[str]]:
    lang, zone = report.language, report.timezone
    complete = word("complete" if report.complete else "incomplete", lang)
    return [
        [word("verdict", lang), f"**{word(report.verdict.value, lang)}**"],
        [word("completeness", lang), complete],
        [word("status", lang), word(report.status, lang)],
        [word("window", lang), f"{clock(report.start, zone)} – {clock(report.end, zone)}"],
        [word("zone", lang), escape(zone)],
        [
            word("procedure", lang),
            f"{trusted(report.procedure)} {word('version', lang)} {escape(report.procedure_version)}",
        ],
        [word("digest", lang), f"`{report.procedure_digest[:16]}`"],
        [word("model", lang), trusted(report.model) if report.model else word("no_model", lang)],
        *_model_totals(report),
    ]


def _model_totals(report: RoundReport) -> Iterator[list[str]]:
    uses = [item.report.model_use for item in report.items if item.report and item.report.model_use]
    if calls := [call for use in uses for call in use.calls]:
        yield [word("model_use", report.language), totals_text(calls, report.language)]


def _entities(report: RoundReport) -> str:
    lang = report.language
    known = [item.item for item in report.items]
    items = [item for item in known if any(item in row.verdicts for row in report.entities)]
    header = [word("entity", lang), *(trusted(item) for item in items)]
    rows = (
        [
            hostile(row.value),
            *(word(row.verdicts[item].value, lang) if item in row.verdicts else MISSING for item in items),
        ]
        for row in report.entities
    )
    return table(header, rows)


def _summary(report: RoundReport) -> str:
    lang = report.language
    header = [word(key, lang) for key in ("item", "verdict", "completeness", "findings", "decision")]
    return table(header, (_summary_row(item, lang) for item in report.items))


def _summary_row(item: RoundItem, lang: Language) -> list[str]:
    name = f"{trusted(item.item)}: {trusted(item.title)}"
    if item.report is None:
        return [
            name,
            word("undetermined", lang),
            word("incomplete", lang),
            MISSING,
            _decision_word(item, lang),
        ]
    found = len({row.finding for row in (*item.report.rows, *item.report.attached)})
    complete = word("complete" if item.report.complete else "incomplete", lang)
    return [name, word(item.report.verdict.value, lang), complete, number(found), _decision_word(item, lang)]


def _decision_word(item: RoundItem, lang: Language) -> str:
    if item.state in {"failed", "superseded", "withdrawn"}:
        return word(item.state, lang)
    words = dict.fromkeys(word(kind, lang) for entry in item.decisions for kind in kinds(entry))
    if words:
        return " → ".join(words) + (f" ({word('pending', lang)})" if item.state == "paused" else "")
    return word("pending" if item.state != "recorded" else "not_needed", lang)


def _item(item: RoundItem, lang: Language, spl_of: SplOf) -> Iterator[Block]:
    if item.report is None:
        yield item_heading(item.item, item.title, 2)
        yield word("item_failed" if item.error else "not_run", lang) + (
            f": {hostile(item.error)}" if item.error else ""
        )
    elif is_clean(item):
        yield from _clean_item(item.report, item, spl_of)
    else:
        yield from item_blocks(item.report, item.checks, spl_of, decisions=item.decisions)


def is_clean(item: RoundItem) -> bool:
    """Tell whether nothing in an item asks for a reader: no finding, no gap, no defect, no exception, no decision."""
    report = item.report
    return (
        report is not None
        and report.verdict is Verdict.NONE
        and report.complete
        and not (report.incomplete or report.rows or report.attached or item.decisions)
        and all(result.fired is False for result in report.item_results)
        and not (report.model_use and report.model_use.notes)
        and not (item.checks is not None and item.checks.failed)
        and not any(_REFERENCE.search(text) for text in _texts(report, "exceptions"))
    )


def _clean_item(report: ItemReport, item: RoundItem, spl_of: SplOf) -> Iterator[Block]:
    """Yield the one line of a clean item, what its counts were checked against, and its searches."""
    lang = report.language
    derivations = {fact.id: fact.derivation for fact in report.facts}
    told = [
        text
        for text in _texts(report, "overview")
        if any(derivations.get(ident, "").startswith(_COUNTED) for ident in _REFERENCE.findall(text))
    ]
    yield item_heading(report.item, report.title, 2)
    yield verdict_line(report)
    gap = " " if lang == "en" else ""
    for texts in (told, _texts(report, "completeness")):
        if texts:
            yield gap.join(paragraphs(report, texts))
    yield from told_blocks(report)
    if item.checks is not None and any(check.status != "passed" for check in item.checks.checks):
        yield from checks_blocks(item.checks.checks, lang, "###")
    yield f"### {word('searches', lang)}"
    yield from earlier_runs(report)
    yield from search_log(report.search_log, lang, report.timezone, spl_of)


def _texts(report: ItemReport, name: str) -> list[str]:
    return [text for section in report.sections if section.id == name for text in section.paragraphs]


def _signature(report: RoundReport) -> str:
    lang = report.language
    signed = report.signed_by is not None and report.signed_at is not None
    who = hostile(report.signed_by) if report.signed_by else word("unsigned", lang)
    when = clock(report.signed_at, report.timezone) if signed and report.signed_at is not None else MISSING
    return table([word("signer", lang), word("signed_when", lang)], [[who, when]])
