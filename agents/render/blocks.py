"""A report as a sequence of blocks: Markdown text, and timelines that each format draws its own way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.render.values import MISSING, clock, escape, hostile, number, render_note, render_prose, render_value
from agents.render.words import Language, purpose_words, word
from tools.records.finding import CriterionResult, LoggedSearch
from tools.records.report import Checks, ItemReport, ReportRow

SplOf = Callable[[str], str]
"""Returns the search text of an evidence digest."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The place of a timeline picture."""

    report: ItemReport


Block = str | Timeline


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; cells are Markdown already."""
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def fence(text: str, info: str = "") -> str:
    """Return `text` as a fenced block that it cannot break out of."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{info}\n{text}\n{ticks}"


def item_blocks(report: ItemReport, checks: Checks | None, spl_of: SplOf, level: int = 2) -> Iterator[Block]:
    """Yield the blocks of one item's report, from its heading to its search log."""
    lang, zone = report.language, report.timezone
    facts = {fact.id: fact for fact in report.facts}
    sections = {section.id: section for section in report.sections}
    sub = "#" * (level + 1)
    yield f"{'#' * level} {escape(report.item)}: {escape(report.title)}"
    yield _verdict_line(report)

    def prose(name: str) -> Iterator[str]:
        section = sections[name]  # type: ignore[index]
        if section.paragraphs:
            yield f"{sub} {section.title}"
            yield from (render_prose(paragraph, facts, lang, zone) for paragraph in section.paragraphs)

    yield from prose("overview")
    yield f"{sub} {word('details', lang)}"
    yield _findings_table(report, report.rows) if report.rows else render_value(None, "text", lang, zone)
    yield from (render_prose(text, facts, lang, zone) for text in sections["details"].paragraphs)
    if report.item_results:
        yield _item_criteria(report)
    if report.timeline:
        yield f"{sub} {word('timeline', lang)}"
        yield Timeline(report)
    for name in ("assessment", "recommendation", "exceptions", "completeness"):
        yield from prose(name)
    if report.incomplete:
        yield "\n".join(f"- **{word('gaps', lang)}**: {render_note(note, lang, zone)}" for note in report.incomplete)
    yield from prose("not_covered")
    if checks is not None:
        yield f"{sub} {word('checks', lang)}"
        yield _checks_table(checks, lang)
    yield f"{sub} {word('searches', lang)}"
    yield from search_log(report.search_log, lang, zone, spl_of)
    if report.attached:
        yield f"{sub} {word('attached', lang)}"
        yield _findings_table(report, report.attached)


def _verdict_line(report: ItemReport) -> str:
    lang = report.language
    complete = word("complete" if report.complete else "incomplete", lang)
    line = f"**{word('verdict', lang)}: {word(report.verdict.value, lang)}** / {word('completeness', lang)}: {complete}"
    attack = f" / {word('attack', lang)}: {escape(', '.join(report.attack))}" if report.attack else ""
    return line + attack


def _findings_table(report: ItemReport, rows: Sequence[ReportRow]) -> str:
    lang = report.language
    header = [escape(column.label) for column in report.columns]
    header += [word("verdict", lang), word("state", lang), word("reasons", lang)]
    return table(header, (_finding_row(report, row) for row in rows))


def _finding_row(report: ItemReport, row: ReportRow) -> list[str]:
    lang, zone = report.language, report.timezone
    cells = []
    for column, cell in zip(report.columns, row.cells, strict=True):
        fact = report.fact(cell) if cell else None
        kind = "entity" if column.format == "defang" else column.format
        cells.append(MISSING if fact is None else render_value(fact.value, kind, lang, zone))
    verdict = word(row.verdict.value, lang)
    if row.unsuppressed != row.verdict:
        verdict += f" ({word('would_be', lang)} {word(row.unsuppressed.value, lang)})"
    reasons = [reason_text(result, lang) for result in row.reasons]
    reasons += [render_note(note, lang, zone) for note in row.notes]
    return [*cells, verdict, word(row.recurrence, lang), "<br>".join(reasons) or MISSING]


def reason_text(result: CriterionResult, lang: Language) -> str:
    """Return why a criterion fired: `c1 failures >= 10: 12 against 10; before: 3, 2, 5, 4`."""
    text = f"{escape(result.id)} {escape(result.expression)}"
    if result.fired is None:
        text += f" [{word('undecided', lang)}]"
    if result.threshold is not None and result.margin is not None:
        observed = float(str(result.threshold)) + result.margin
        text += f": {number(observed)} {word('against', lang)} {number(float(str(result.threshold)))}"
    elif result.observed:
        shown = (f"{escape(seen.name)}={MISSING if seen.value is None else hostile(_plain(seen.value))}" for seen in result.observed)
        text += f": {', '.join(shown)}"
    if result.before:
        text += f"; {word('before', lang)}: {', '.join(MISSING if value is None else _plain(value) for value in result.before)}"
    if result.suppressed_by:
        text += f" ({word('suppressed_by', lang)} {escape(result.suppressed_by)})"
    return text


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return number(value) if isinstance(value, int | float) else str(value)


def _item_criteria(report: ItemReport) -> str:
    lang = report.language
    state = {True: "fired", False: "not_fired", None: "undecided"}
    rows = ([reason_text(result, lang), word(state[result.fired], lang), escape(result.why)] for result in report.item_results)
    return table([word("item_criteria", lang), word("result", lang), word("reason", lang)], rows)


def _checks_table(checks: Checks, lang: Language) -> str:
    order = {"failed": 0, "not_checked": 1, "passed": 2}
    rows = (
        [
            escape(check.id),
            f"**{word(check.status, lang)}**" if check.status == "failed" else word(check.status, lang),
            escape(check.looked_at) + "".join(f"<br>{escape(defect)}" for defect in check.defects),
        ]
        for check in sorted(checks.checks, key=lambda check: order[check.status])
    )
    return table([word("checks", lang), word("result", lang), word("check_details", lang)], rows)


def search_log(log: Sequence[LoggedSearch], lang: Language, zone: str, spl_of: SplOf) -> Iterator[str]:
    """Yield the table of all searches, and every search text once."""
    texts: dict[str, int] = {}
    rows = []
    for entry in log:
        number_of = texts.setdefault(spl_of(entry.evidence), len(texts) + 1)
        rows.append(
            [
                escape(purpose_words(entry.purpose, lang)),
                f"S{number_of}",
                f"{clock(entry.earliest, zone)} – {clock(entry.latest, zone)}",
                word(entry.status.value, lang),
                number(entry.rows),
                MISSING if entry.scanned is None else number(entry.scanned),
                f"{entry.duration_s:.3f}",
                f"`{entry.evidence[:12]}`",
            ]
        )
    keys = ("purpose", "search", "window", "result", "rows", "scanned", "seconds", "evidence")
    yield table([word(key, lang) for key in keys], rows)
    for text, number_of in texts.items():
        yield f"S{number_of}:\n\n{fence(text, 'spl')}"
