"""Tables and fenced text in Markdown that nothing inside can break out of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from agents.render.values import visible

BREAK = "\ue000"
"""A line break inside a table cell. Values never hold it: private-use characters are made visible."""

CITED = re.compile("\ue001([^\ue002]*)\ue002([^\ue003]*)\ue003")
"""A figure between marks that no value holds: the fact's id and its text."""


def cite(fact_id: str, text: str) -> str:
    """Return a figure marked with the fact that it shows."""
    return f"\ue001{fact_id}\ue002{text}\ue003"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; cells are Markdown already."""
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def visible_lines(text: str) -> str:
    """Return `text` with its lines kept and every other unseen character made visible."""
    lines = re.split(r"\r?\n", text)
    return "\n".join(visible(line.replace("\t", "    ")).replace("␠", " ") for line in lines)


def fence(text: str, info: str = "") -> str:
    """Return `text` as a fenced block that it cannot break out of."""
    shown = visible_lines(text)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{info}\n{shown}\n{ticks}"
