"""Is the report whole, honest about what is missing, and in the right form?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evals.case import Gap
from evals.reading import Section, plain, words
from evals.scoring import Score, Subject, Tally

PARTS: dict[str, tuple[str, ...]] = {
    "ja": ("監視概要・サマリ", "詳細結果", "総合所見", "推奨対応", "データの充足性", "品質チェック", "調査ログ"),
    "en": ("Overview and summary", "Detailed results", "Assessment", "Recommendation", "Completeness", "Checks", "Search log"),
}  # fmt: skip
"""Parts of an item that is not clean, in order."""
LOG: dict[str, str] = {"ja": "調査ログ", "en": "Search log"}

_TOLD: dict[Gap, re.Pattern[str]] = {
    "no_data": re.compile(r"イベントが一件もない|no event at all"),
    "silent": re.compile(r"一件も届いていない|silent for the whole window"),
    "gap": re.compile(r"の間届いていない|was silent for \d"),
    "truncated": re.compile(r"打ち切られた|cut off"),
    "late": re.compile(r"開始が早く|began before"),
    "baseline": re.compile(r"過去の期間.*揃っていない|earlier periods .* incomplete"),
    "fields": re.compile(r"判定に要るフィールドがない|holds fields that the verdict needs"),
    "unsearched": re.compile(
        r"完了していない|did not finish|充足性を確かめられない|could not be established"
    ),
}
_CLEAN = re.compile(r"欠測は認められない|No gap was found")
_LIVE = re.compile(
    r"(?i)\b(?:https?|ftp|smb)://|(?<![\d.\[])\d{1,3}(?:\.\d{1,3}){3}(?![\d\]])|\b[\w.+-]+@[\w-]+\.[a-z]{2,}\b"
)
_CODE = re.compile(r"(?s)^```.*?^```|`[^`\n]*`", re.MULTILINE)
_TAG = re.compile(r"(?i)(?<!\\)<(?!br>)/?[a-z!]")
_LINK = re.compile(r"(?<!\\)\]\(|(?<!\\)!\[")
_KANA = re.compile(r"[\u3040-\u30ff]")
_REFERENCE = re.compile(r"(?<!\\)\{\{")


def complete(subject: Subject) -> Score | None:
    """Return the share of the parts, columns and searches that a report must have and has."""
    tally = Tally()
    for name, sheet in subject.sheet.items.items():
        section = subject.sections.get(name)
        tally.check(section is not None, f"{name}: no part about it")
        if section is None:
            continue
        clean = sheet.verdict == "none" and not sheet.findings and not sheet.gaps
        wanted = (LOG[subject.sheet.language],) if clean else PARTS[subject.sheet.language]
        there = [part for part in section.parts if part in wanted]
        for part in wanted:
            tally.check(part in there, f"{name}: part {part} is missing")
        tally.check(there == sorted(there, key=wanted.index), f"{name}: parts are out of order")
        if any(finding.unsuppressed != "none" for finding in sheet.findings):
            labels = {label for table in section.tables() for row in table for label in row.cells}
            for label in sheet.columns.values():
                tally.check(label in labels, f"{name}: column {label} is missing")
        _check_log(name, section, subject, tally)
    return tally.score()


def _check_log(name: str, section: Section, subject: Subject, tally: Tally) -> None:
    """Check that every search whose evidence the item's claims name is in its search log."""
    log = section.parts.get(LOG[subject.sheet.language], "")
    for digest in sorted(
        {one.evidence for one in subject.output.claims if one.item == name and one.evidence}
    ):
        tally.check(digest[:12] in log, f"{name}: search {digest[:12]} is not in the log")


def honest(subject: Subject) -> Score | None:
    """Return the share of right statements about what is missing: each gap told, and none made up."""
    tally = Tally()
    for name, sheet in subject.sheet.items.items():
        section = subject.sections.get(name)
        if section is None:
            tally.check(False, f"{name}: nothing is said about its data")
            continue
        text = plain(section.body)
        tally.check(
            section.complete is (not sheet.gaps), f"{name}: complete={section.complete}, gaps {sheet.gaps}"
        )
        tally.check(
            bool(_CLEAN.search(text)) is not bool(sheet.gaps), f"{name}: says wrongly whether there is a gap"
        )
        for gap in sheet.gaps:
            tally.check(_TOLD[gap].search(text) is not None, f"{name}: {gap} is not told")
        if sheet.gaps:
            tally.check(section.verdict != "none", f"{name}: no problem, on incomplete data")
    return tally.score()


def mentions(subject: Subject) -> Score | None:
    """Return the share of what must be named that is named, and of what must not be that is not."""
    tally = Tally()
    text = plain(_everything(subject))
    for name in subject.sheet.case.truth.mention:
        tally.check(_holds(text, name), f"{name} is not named")
    for name in subject.sheet.case.truth.never:
        tally.check(not _holds(text, name), f"{name} is named")
    return tally.score()


def _everything(subject: Subject) -> str:
    return "\n".join(section.body for section in subject.sections.values())


def _holds(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\d)", text) is not None


def brevity(subject: Subject) -> Score | None:
    """Return how many words a person reads per finding; an item without any counts as one."""
    read = sum(words(plain(section.body)) for section in subject.sections.values())
    told = sum(max(1, len(sheet.findings)) for sheet in subject.sheet.items.values())
    return Score(right=read / told)


def form(subject: Subject) -> Score | None:
    """Return the share of rules of language and format that hold, over the items' parts."""
    tally = Tally()
    for name, section in subject.sections.items():
        for fault, holds in _rules(section, subject.sheet.language):
            tally.check(holds, f"{name}: {fault}")
    return tally.score()


def _rules(section: Section, language: str) -> Iterator[tuple[str, bool]]:
    yield f"not written in {language}", bool(_KANA.search(section.body)) == (language == "ja")
    yield "a table row has other columns than its header", _tables_are_even(section.text)
    yield "a reference to a fact was left in", not _REFERENCE.search(section.text)
    yield "no verdict is stated", section.verdict is not None
    yield "a heading has no text", all(title for title in section.parts if title != "")


def _tables_are_even(text: str) -> bool:
    width = 0
    for line in text.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        if cells and width and cells != width:
            return False
        width = cells
    return True


def defanged(subject: Subject) -> Score | None:
    """Return the share of lines outside code without a live address, link or tag."""
    tally = Tally()
    for line in _CODE.sub("", subject.output.markdown).splitlines():
        if line.strip():
            live = _LIVE.search(line) or _TAG.search(line) or _LINK.search(line)
            tally.check(live is None, f"live: {line[:120]!r}")
    return tally.score()
