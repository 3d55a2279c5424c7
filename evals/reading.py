"""Reading a rendered report as a person does: sections, verdicts, tables, and every figure with what it is.

Written for the scorers alone. It shares no code with the report's writer or its checks, so that a fault of
theirs cannot hide here.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

Kind = Literal["time", "duration", "number", "entity"]

VERDICT_WORDS = {
    "調査必須": "investigate", "判定不能": "undetermined", "観察": "observe", "不要": "none",
    "Investigate": "investigate", "Undetermined": "undetermined", "Observe": "observe", "None": "none",
}  # fmt: skip
SEARCH_LOG, CHECKS = ("調査ログ", "Search log"), ("品質チェック", "Checks")
MODEL_USE = ("モデルの使用", "Use of the model")
"""What a model cost is no claim about the logs."""
_FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1`*\s*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## ", re.MULTILINE)
_SUB = re.compile(r"^### ", re.MULTILINE)
_VERDICT = re.compile(r"\*\*(?:一次判断|Verdict): (\S+?)\*\*")
_COMPLETE = re.compile(r"(?:充足性|Completeness): (完全|complete|不完全|incomplete)(?![a-z])")
_UNSUPPRESSED = re.compile(r"(?:静観対象がなければ|without the exception) ([^\s)]+)")
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(\.\d+)? ?([A-Z]{2,5}|[+-]\d{2}(?::?\d{2})?)?")
_DURATION = re.compile(
    r"(?<![\w.])-?(?:(?P<h>\d[\d,]*)(?:時間|h) ?)?(?:(?P<m>\d+)(?:分|m(?![a-z])) ?)?(?:(?P<s>\d[\d.]*)(?:秒|s(?![a-z])))?"
)
_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)")
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.,/:#@=+\-])[+-]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?(?![A-Za-z0-9_/:@=\-]|[.,]\d)"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a report; times are epochs, durations seconds."""

    kind: Kind
    value: float | str

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.value:.15g}" if isinstance(self.value, float) else f"{self.kind} {self.value}"
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: cells by the label of their column, as plain text."""

    cells: dict[str, str]

    @property
    def text(self) -> str:
        """The whole row as text."""
        return " | ".join(self.cells.values())


@dataclass(frozen=True)
class Section:
    """The part of a report about one item."""

    item: str
    text: str
    """As written, without fenced code."""
    parts: dict[str, str] = field(default_factory=dict)
    """Text by sub-heading; what stands before the first has the heading ""."""

    @property
    def verdict(self) -> str | None:
        """The verdict it states."""
        found = _VERDICT.search(self.text)
        return VERDICT_WORDS.get(found[1]) if found else None

    @property
    def complete(self) -> bool | None:
        """Whether it says that its data is complete."""
        found = _COMPLETE.search(self.text)
        return None if found is None else found[1] in {"完全", "complete"}

    @property
    def body(self) -> str:
        """What a person reads: without search log, checks and code."""
        return "\n\n".join(
            text for name, text in self.parts.items() if name not in (*SEARCH_LOG, *CHECKS, *MODEL_USE)
        )

    def blocks(self) -> Iterator[str]:
        """Yield paragraphs, list entries and table rows of the body as plain text."""
        for paragraph in re.split(r"\n\s*\n", self.body):
            lines = paragraph.strip().splitlines()
            if lines and lines[0].startswith("|"):
                yield from (row.text for row in table_rows(lines))
            elif lines:
                yield from (plain(line) for line in lines)

    def tables(self) -> Iterator[list[Row]]:
        """Yield the tables of the body."""
        for paragraph in re.split(r"\n\s*\n", self.body):
            lines = paragraph.strip().splitlines()
            if lines and lines[0].startswith("|"):
                yield table_rows(lines)


def sections(markdown: str, items: Iterable[str]) -> dict[str, Section]:
    r"""Return the section of each of `items` that the report has.

    >>> sections("# R\n\n## a: A\n\n**Verdict: None** / Completeness: complete\n", ["a", "b"])["a"].verdict
    'none'
    """
    found = {}
    wanted = set(items)
    for chunk in _HEADING.split(_FENCE.sub("", markdown))[1:]:
        name = plain(chunk.split("\n", 1)[0]).split(":")[0].strip()
        if name in wanted:
            first, *rest = _SUB.split(chunk)
            parts = {"": first.partition("\n")[2]}
            for part in rest:
                title, _, text = part.partition("\n")
                parts[plain(title).strip()] = text
            found[name] = Section(name, chunk, parts)
    return found


def plain(text: str) -> str:
    r"""Return Markdown as plain text: escapes and defanging undone, emphasis and breaks taken away.

    >>> plain("**a\\_b** 192[.]0[.]2[.]1<br>hxxp://x[.]test")
    'a_b 192.0.2.1 http://x.test'
    """
    text = re.sub(r"(?<!\\)\*\*|(?<!\\)`", "", text).replace("<br>", " ")
    text = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)
    text = re.sub(r"\[([.:@])\]", r"\1", text)
    return re.sub(r"\bhxx(ps?)\b", r"htt\1", text)


def table_rows(lines: Sequence[str]) -> list[Row]:
    """Return the rows of a Markdown table."""
    cells = [[plain(cell).strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]] for line in lines]
    header = cells[0]
    return [Row(dict(zip(header, row, strict=False))) for row in cells[2:]]


def figures(text: str, zone: ZoneInfo, known: Iterable[str] = ()) -> Iterator[Figure]:
    """Yield every figure of plain text: first times, then `known` texts, addresses, durations and numbers.

    Args:
        text: Plain text of one block.
        zone: The zone of times.
        known: Texts from the logs or the procedure whose digits are no figures of their own; found ones are
            entities.
    """
    rest = text
    for found in _TIME.finditer(text):
        yield Figure("time", _epoch(found, zone))
    rest = _TIME.sub(" ", rest)
    for entity in sorted({one for one in known if one}, key=len, reverse=True):
        pattern = re.compile(rf"(?<![\w.]){re.escape(entity)}(?![\w]|\.\d)")
        if pattern.search(rest):
            yield Figure("entity", entity)
            rest = pattern.sub(" ", rest)
    for found in _ADDRESS.finditer(rest):
        yield Figure("entity", found[0])
    rest = _ADDRESS.sub(" ", rest)
    yield from (
        Figure("duration", seconds)
        for found in _DURATION.finditer(rest)
        if (seconds := _seconds(found)) is not None
    )
    rest = _DURATION.sub(lambda found: found[0] if _seconds(found) is None else " ", rest)
    for found in _NUMBER.finditer(rest):
        yield Figure("number", float(found[0].replace(",", "")))


def _epoch(found: re.Match[str], zone: ZoneInfo) -> float:
    """Return the epoch of a written time; NaN when its zone is not the report's."""
    local = dt.datetime.fromisoformat(f"{found[1]} {found[2]}").replace(tzinfo=zone)
    fraction = float(found[3] or 0)
    written = found[4]
    for fold in (0, 1):
        moment = local.replace(fold=fold)
        if written is None or moment.tzname() == written:
            return moment.timestamp() + fraction
    return float("nan")


def _seconds(found: re.Match[str]) -> float | None:
    parts = [found[name] for name in "hms"]
    if not any(parts):
        return None
    hours, minutes, seconds = (float((part or "0").replace(",", "")) for part in parts)
    return hours * 3600 + minutes * 60 + seconds


def words(text: str) -> int:
    """Return how many words a person must read; Japanese is counted as two characters a word.

    >>> words("three short words"), words("監視項目")
    (3, 2)
    """
    wide = len(re.findall(r"[\u3040-\u30ff\u3400-\u9fff]", text))
    return len(re.findall(r"[^\s|\u3000-\u9fff]*[A-Za-z0-9][^\s|\u3000-\u9fff]*", text)) + (wide + 1) // 2


def finding_rows(section: Section, labels: Sequence[str]) -> list[Row]:
    """Return the rows of the tables that have all of `labels` as columns and a verdict."""
    return [
        row
        for table in section.tables()
        for row in table
        if all(label in row.cells for label in labels) and row_verdict(row) is not None
    ]


def row_verdict(row: Row) -> tuple[str, str] | None:
    """Return the verdict of a finding's row, and what it would be without its exception."""
    cell = next((row.cells[name] for name in ("一次判断", "Verdict") if name in row.cells), None)
    if cell is None or not cell.split():
        return None
    verdict = VERDICT_WORDS.get(cell.split()[0])
    other = _UNSUPPRESSED.search(cell)
    unsuppressed = VERDICT_WORDS.get(other[1]) if other else verdict
    return (verdict, unsuppressed) if verdict and unsuppressed else None
