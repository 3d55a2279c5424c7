"""The findings table: the procedure's columns, then verdict, new or recurring, and the reasons."""

from __future__ import annotations

from collections.abc import Sequence

from agents.render.layout import BREAK, cite, table
from agents.render.values import MISSING, folded, hostile, number, render_note, render_value, trusted
from agents.render.words import Language, word
from tools.records.finding import CriterionResult
from tools.records.report import ItemReport, ReportRow
from tools.search.result import Value


def findings_table(report: ItemReport, rows: Sequence[ReportRow], *, cited: bool = False) -> str:
    """Return the table of `rows`, its figures marked with their facts if `cited`."""
    lang = report.language
    header = [trusted(column.label) for column in report.columns]
    header += [word("verdict", lang), word("state", lang), word("reasons", lang)]
    return table(header, (_finding_row(report, row, cited) for row in rows))


def _finding_row(report: ItemReport, row: ReportRow, cited: bool) -> list[str]:
    lang, zone = report.language, report.timezone
    cells = []
    for column, cell in zip(report.columns, row.cells, strict=True):
        fact = report.fact(cell) if cell else None
        shown = MISSING if fact is None else render_value(fact.value, column.format, lang, zone)
        cells.append(cite(fact.id, shown) if cited and fact is not None else shown)
    verdict = word(row.verdict.value, lang)
    if row.unsuppressed != row.verdict:
        verdict += f" ({word('would_be', lang)} {word(row.unsuppressed.value, lang)})"
    reasons = [reason_text(result, lang) for result in row.reasons]
    reasons += [render_note(note, lang, zone) for note in row.notes]
    return [*cells, verdict, word(row.recurrence, lang), BREAK.join(reasons) or MISSING]


def reason_text(result: CriterionResult, lang: Language) -> str:
    """Return why a criterion fired: `c1 failures >= 10: 12 against 10; before: 3, 2, 5, 4`."""
    text = f"{trusted(result.id)} {folded(result.expression, lang)}"
    if result.fired is None:
        text += f" \\[{word('undecided', lang)}\\]"
    if isinstance(result.threshold, int | float) and result.margin is not None:
        text += (
            f": {number(result.threshold + result.margin)} {word('against', lang)} {number(result.threshold)}"
        )
    elif result.observed:
        shown = (f"{trusted(seen.name)}={_plain(seen.value)}" for seen in result.observed)
        text += f": {', '.join(shown)}"
    if result.before:
        text += f"; {word('before', lang)}: {', '.join(map(_plain, result.before))}"
    if result.suppressed_by:
        text += f" ({word('suppressed_by', lang)} {trusted(result.suppressed_by)})"
    return text


def _plain(value: Value | None) -> str:
    if isinstance(value, list):
        return ", ".join(map(hostile, value))
    if value is None:
        return MISSING
    return hostile(value) if isinstance(value, str) else number(value)


def item_criteria(report: ItemReport) -> str:
    """Return the table of criteria over the item as a whole."""
    lang = report.language
    state = {True: "fired", False: "not_fired", None: "undecided"}
    rows = (
        [reason_text(result, lang), word(state[result.fired], lang), folded(result.why, lang)]
        for result in report.item_results
    )
    return table([word("item_criteria", lang), word("result", lang), word("reason", lang)], rows)
