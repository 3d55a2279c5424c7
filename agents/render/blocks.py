"""A report as a sequence of blocks: Markdown text, and timelines that each format draws its own way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.render.decisions import HEADER, Entry, decision_rows
from agents.render.findings import findings_table, item_criteria
from agents.render.layout import BREAK, cite, table
from agents.render.model_use import author_line, model_blocks
from agents.render.search_log import search_log
from agents.render.values import escape, render_note, render_prose, trusted
from agents.render.words import Language, check_status, word
from tools.records.report import Check, Checks, ItemReport

SplOf = Callable[[str], str]
"""Returns the search text of an evidence digest."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The place of a timeline picture."""

    report: ItemReport


Block = str | Timeline


def item_heading(item: str, title: str, level: int) -> str:
    """Return the heading of an item."""
    return f"{'#' * level} {trusted(item)}: {trusted(title)}"


def item_blocks(
    report: ItemReport,
    checks: Checks | None,
    spl_of: SplOf,
    level: int = 2,
    decisions: Sequence[Entry] = (),
    *,
    cited: bool = False,
) -> Iterator[Block]:
    """Yield the blocks of one item's report, from its heading to its search log.

    Args:
        report: The item.
        checks: Its checks; None leaves them out.
        spl_of: Returns the search text of an evidence digest.
        level: Level of the item's heading.
        decisions: Casebook entries of the item, oldest first.
        cited: Whether figures carry marks that name their facts.
    """
    sub = "#" * (level + 1)
    yield item_heading(report.item, report.title, level)
    yield verdict_line(report)
    yield from section_blocks(report, ("overview",), sub, cited)
    yield from _details(report, sub, cited)
    yield from section_blocks(
        report, ("assessment", "recommendation", "exceptions", "completeness"), sub, cited
    )
    yield from _gaps(report, sub)
    yield from told_blocks(report)
    yield from section_blocks(report, ("not_covered",), sub, cited)
    yield from model_blocks(report, sub)
    if checks is not None:
        yield from checks_blocks(checks.checks, report.language, sub)
    yield from _decisions(report, decisions, sub)
    yield f"{sub} {word('searches', report.language)}"
    yield from earlier_runs(report)
    yield from search_log(report.search_log, report.language, report.timezone, spl_of)
    if report.attached:
        yield f"{sub} {word('attached', report.language)}"
        yield findings_table(report, report.attached, cited=cited)


def section_blocks(report: ItemReport, names: Iterable[str], sub: str, cited: bool = False) -> Iterator[str]:
    """Yield the heading and the paragraphs of sections, leaving out those without any."""
    sections = {section.id: section for section in report.sections}
    for name in names:
        section = sections.get(name)  # type: ignore[call-overload]
        if section is not None and section.paragraphs:
            yield f"{sub} {trusted(section.title)}"
            yield from author_line(section, report.language)
            yield from paragraphs(report, section.paragraphs, cited)


def paragraphs(report: ItemReport, texts: Iterable[str], cited: bool = False) -> Iterator[str]:
    """Yield prose with its facts filled in."""
    facts = {fact.id: fact for fact in report.facts}
    for text in texts:
        marked = {"cite": cite} if cited else {}
        yield render_prose(text, facts, report.language, report.timezone, **marked)


def verdict_line(report: ItemReport) -> str:
    """Return verdict and completeness side by side."""
    lang = report.language
    complete = word("complete" if report.complete else "incomplete", lang)
    line = f"**{word('verdict', lang)}: {word(report.verdict.value, lang)}** / {word('completeness', lang)}: {complete}"
    attack = f" / {word('attack', lang)}: {escape(', '.join(report.attack))}" if report.attack else ""
    return line + attack


def _details(report: ItemReport, sub: str, cited: bool) -> Iterator[Block]:
    lang = report.language
    yield f"{sub} {word('details', lang)}"
    yield findings_table(report, report.rows, cited=cited) if report.rows else word("no_rows", lang)
    yield from paragraphs(
        report, (text for part in report.sections if part.id == "details" for text in part.paragraphs), cited
    )
    if report.item_results:
        yield item_criteria(report)
    if report.timeline:
        yield f"{sub} {word('timeline', lang)}"
        yield Timeline(report)


def _gaps(report: ItemReport, sub: str) -> Iterator[str]:
    """Yield what is missing, below the section on completeness or, where that is empty, under its heading."""
    if not report.incomplete:
        return
    section = next((part for part in report.sections if part.id == "completeness"), None)
    if section is not None and not section.paragraphs:
        yield f"{sub} {trusted(section.title)}"
    yield f"**{word('gaps', report.language)}**"
    yield "\n".join(f"- {render_note(note, report.language, report.timezone)}" for note in report.incomplete)


def earlier_runs(report: ItemReport) -> Iterator[str]:
    """Yield where the reports of earlier runs are, with their own search logs; nothing where this is the first."""
    if report.earlier:
        yield f"{word('earlier_runs', report.language)}: {', '.join(f'`{name[:12]}`' for name in report.earlier)}"


def told_blocks(report: ItemReport) -> Iterator[str]:
    """Yield what a reader should know although it is no gap."""
    if report.told:
        yield f"**{word('told', report.language)}**"
        yield "\n".join(f"- {render_note(note, report.language, report.timezone)}" for note in report.told)


def checks_blocks(checks: Sequence[Check], lang: Language, sub: str) -> Iterator[str]:
    """Yield the table of checks, failures on top."""
    order = {"failed": 0, "not_checked": 1, "passed": 2}
    ranked = sorted(checks, key=lambda check: order[check.status])
    yield f"{sub} {word('checks', lang)}"
    header = [word(key, lang) for key in ("checks", "result", "check_details")]
    yield table(header, (_check_row(check, lang) for check in ranked))


def _check_row(check: Check, lang: Language) -> list[str]:
    status = check_status(check.status, lang)
    details = BREAK.join(trusted(text) for text in (check.looked_at, *check.defects))
    return [escape(check.id), f"**{status}**" if check.status == "failed" else status, details]


def _decisions(report: ItemReport, decisions: Sequence[Entry], sub: str) -> Iterator[str]:
    rows = [row for entry in decisions for row in decision_rows(entry, report.language, report.timezone)]
    if rows:
        yield f"{sub} {word('decisions', report.language)}"
        yield table([word(key, report.language) for key in HEADER], rows)
