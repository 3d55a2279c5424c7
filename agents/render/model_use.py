"""What a model did, as people read it: its calls with their costs, and what a reader must know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agents.render.layout import table
from agents.render.values import MISSING, escape, number, render_note, trusted
from agents.render.words import Language, word
from tools.records.model_use import ModelCall, ModelTotals, sum_calls
from tools.records.report import ItemReport, Section

COLUMNS = (
    "agent", "model", "result", "requests", "tokens_in", "tokens_cached", "tokens_out", "seconds", "cost",
)  # fmt: skip


def model_blocks(report: ItemReport, sub: str) -> Iterator[str]:
    """Yield the blocks about the model; none when there was none."""
    use, lang = report.model_use, report.language
    if use is None:
        return
    yield f"{sub} {word('model_use', lang)}"
    if use.narrative == "code":
        yield word("written_by_code", lang)
    if use.notes:
        yield "\n".join(f"- {render_note(note, lang, report.timezone)}" for note in use.notes)
    if use.calls:
        rows = [_row(call, lang) for call in use.calls]
        yield table([word(key, lang) for key in COLUMNS], [*rows, _sum_row(use.calls, lang)])


def author_line(section: Section, language: Language) -> Iterator[str]:
    """Yield who wrote a section, when that was a model."""
    if section.author:
        yield f"*{word('written_by_model', language).format(model=trusted(section.author))}*"


def totals_text(calls: Sequence[ModelCall], language: Language) -> str:
    """Return the sums over `calls` in one line."""
    totals = sum_calls(calls)
    shown = (
        ("tokens_in", totals.tokens_in),
        ("tokens_cached", totals.tokens_cached),
        ("tokens_out", totals.tokens_out),
        ("seconds", round(totals.seconds, 1)),
    )
    parts = [f"{word(key, language)} {number(value)}" for key, value in shown]
    return ", ".join(
        [*parts, *([f"{word('cost', language)} {_cost(totals.cost)}"] if totals.cost is not None else [])]
    )


def _row(call: ModelCall, lang: Language) -> list[str]:
    result = word("answered" if call.outcome == "ok" else call.outcome, lang)
    counts = (call.tokens_in, call.tokens_cached, call.tokens_out)
    return [
        word(call.agent, lang),
        trusted(call.model),
        result if call.outcome == "ok" else f"**{result}**",
        number(call.requests),
        *(number(count) for count in counts),
        f"{call.seconds:.1f}" + (f" ({word('estimated', lang)})" if call.estimated else ""),
        _cost(call.cost),
    ]


def _sum_row(calls: Sequence[ModelCall], lang: Language) -> list[str]:
    totals: ModelTotals = sum_calls(calls)
    requests = sum(call.requests for call in calls)
    return [
        word("sum", lang),
        "",
        "",
        number(requests),
        number(totals.tokens_in),
        number(totals.tokens_cached),
        number(totals.tokens_out),
        f"{totals.seconds:.1f}",
        _cost(totals.cost),
    ]


def _cost(cost: float | None) -> str:
    return MISSING if cost is None else escape(f"{cost:.6f}")
