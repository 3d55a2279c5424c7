"""Reports in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agents.render.blocks import Block, SplOf, Timeline, item_blocks, item_heading
from agents.render.decisions import Entry
from agents.render.layout import BREAK, table
from agents.render.model_use import author_line
from agents.render.round import round_blocks
from agents.render.values import clock, escape, hostile, render_prose
from agents.render.words import word
from tools.records.report import Checks, ItemReport, RoundReport

SUMMARY_SECTIONS = ("overview", "assessment", "recommendation")


def render_item(
    report: ItemReport, *, checks: Checks | None, spl_of: SplOf, decisions: Sequence[Entry] = ()
) -> str:
    """Return one item's report, with its TLP marking.

    Args:
        report: The item.
        checks: Its checks; None leaves them out.
        spl_of: Returns the search text of an evidence digest.
        decisions: Casebook entries of the item, oldest first.
    """
    marking = f"**TLP:{escape(report.tlp)}**"
    return _joined([marking, *item_blocks(report, checks, spl_of, level=1, decisions=decisions), marking])


def render_round(report: RoundReport, *, spl_of: SplOf) -> str:
    """Return the report of a whole round."""
    return _joined(round_blocks(report, spl_of))


def render_summary(report: ItemReport) -> str:
    """Return the one screen that a reviewer reads first; the full report is named, not repeated."""
    facts = {fact.id: fact for fact in report.facts}
    verdict = f"**{word(report.verdict.value, report.language)}** (TLP:{escape(report.tlp)})"
    lines = [item_heading(report.item, report.title, 1), verdict]
    for section in report.sections:
        if section.id in SUMMARY_SECTIONS:
            lines += author_line(section, report.language)
            lines += [
                render_prose(text, facts, report.language, report.timezone) for text in section.paragraphs
            ]
    return "\n\n".join(lines)


def _joined(blocks: Iterable[Block]) -> str:
    texts = (_text_timeline(block.report) if isinstance(block, Timeline) else block for block in blocks)
    return "\n\n".join(texts).replace(BREAK, "<br>") + "\n"


def _text_timeline(report: ItemReport) -> str:
    lang, zone = report.language, report.timezone
    rows = (
        [
            hostile(point.label),
            clock(point.first, zone),
            clock(point.last, zone),
            word(point.verdict.value, lang),
        ]
        for point in report.timeline
    )
    return table([word("entity", lang), word("first", lang), word("last", lang), word("verdict", lang)], rows)
