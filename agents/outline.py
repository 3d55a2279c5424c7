"""A report's worst findings as whoever writes sees them: labels, references and counts, and no log text at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from agents.narrative import Language
from agents.prose import referable
from agents.render.values import render_fact
from agents.sheet import Sheet
from procedures.verdict import Verdict
from tools.records.fact import Fact
from tools.records.report import ReportRow

OUTLINED = 2
"""Findings that are outlined; a narrative is about the worst, the table has all."""
REASON: dict[Language, tuple[str, str]] = {"ja": ("理由", "未判定"), "en": ("reason", "undecided")}
LATIN_WORDS = 8
"""Most Latin words of the item that Japanese sentences may hold."""
_SPECIAL = re.compile(r"([\^$.\[\]()|{}*+?])")
_NUMERALS = "二三四五六七八九十百千万億零"
_KANJI = "".join(
    f"{chr(low + 1)}-{chr(high - 1)}"
    for low, high in pairwise(sorted([ord("一") - 1, *map(ord, _NUMERALS), ord("龠") + 1]))
    if high - low > 1
)
"""Kanji without those that figures in words are made of."""
_ENGLISH = "[a-z](,? ?[a-z'-])"
"""The first letter of English words and what may follow it, with no two spaces together."""
_COUNTED = {"integer", "decimal", "percent"}


@dataclass(frozen=True)
class Outline:
    """The findings that a narrative is built of."""

    sheet: Sheet

    @property
    def language(self) -> Language:
        """The language of the report."""
        return self.sheet.report.language

    @cached_property
    def rows(self) -> list[ReportRow]:
        """The first row of each of the worst findings."""
        first: dict[str, ReportRow] = {}
        for row in self.sheet.report.rows:
            if row.verdict is not Verdict.NONE:
                first.setdefault(row.finding, row)
        return list(first.values())[:OUTLINED]

    @cached_property
    def text(self) -> str:
        """One line for each finding: its facts by label, and why criteria fired."""
        lines = [" | ".join((f"F{n}", *self._parts(row))) for n, row in enumerate(self.rows, 1)]
        more = len(self.sheet.report.rows) - len(self.rows)
        return "\n".join([*lines, f"(+{more})"] if more > 0 else lines)

    @cached_property
    def facts(self) -> list[Fact]:
        """The facts that may be referred to, in order."""
        known = {fact.id: fact for fact in self.sheet.report.facts}
        cells = [known[cell] for row in self.rows for cell in row.cells if cell]
        return [fact for fact in cells if referable(fact)]

    def _parts(self, row: ReportRow) -> Iterator[str]:
        for fact in self.facts:
            if fact.id in row.cells:
                yield self._told(fact)
        fired, undecided = REASON[self.language]
        for result in row.reasons:
            yield f"{fired if result.fired else undecided}: {result.why or result.expression}"

    def _told(self, fact: Fact) -> str:
        report = self.sheet.report
        shown = f" = {render_fact(fact, report.language, report.timezone)}" if fact.kind in _COUNTED else ""
        return f"{self.phrase(fact)}{shown}"

    def phrase(self, fact: Fact) -> str:
        """Return a fact as a sentence names it: its label, where that is plain words, and the reference."""
        label = fact.label
        if self.language == "en" and label[1:2].islower():
            label = label[0].lower() + label[1:]
        plain = all(sign.isalpha() or sign in " -・ー" for sign in label)
        return f"{label} {{{{{fact.id}}}}}" if plain else f"{{{{{fact.id}}}}}"

    def patterns(self, words: str) -> tuple[str, str]:
        """Return regular expressions of a sentence that refers to facts, and of one that need not.

        Args:
            words: The procedure's text about the item; its Latin words may stand in Japanese sentences.
        """
        phrases = "|".join(dict.fromkeys(_SPECIAL.sub(r"\\\1", self.phrase(fact)) for fact in self.facts))
        if self.language == "ja":
            signs = _japanese(words)
            refers = f"({phrases}) ?{signs}{{1,36}}"
            return f"^{signs}{{0,24}}({refers}){{1,3}}。$", f"^{signs}{{6,60}}({refers}){{0,1}}。$"
        refers = f" ({phrases})(,? {_ENGLISH}{{1,80}})?"
        start = f"^[A-Z]{_ENGLISH}"
        return f"{start}{{1,70}}({refers}){{1,3}}[.]$", f"{start}{{15,110}}({refers}){{0,1}}[.]$"


def _japanese(words: str) -> str:
    """Return what one sign, or one Latin word of the procedure, of a Japanese sentence may be."""
    latin = dict.fromkeys(re.findall(r"[A-Za-z]{2,}", words))
    return f"({'|'.join([f'[ぁ-んァ-ヶー{_KANJI}々、]', *list(latin)[:LATIN_WORDS]])})"
