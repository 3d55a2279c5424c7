"""The check of the text itself: what stands in the rendered report is read back and compared with stored values."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from procedures.verdict import Verdict
from tools.checks.subject import Subject
from tools.checks.taken import told_as_taken
from tools.records.fact import Fact
from tools.records.finding import CriterionResult
from tools.records.report import ReportRow, Section
from tools.search.result import Value

_FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1$", re.DOTALL | re.MULTILINE)
_REFERENCE = re.compile(r"\{\{(f\d+)\}\}")
_PIPE = re.compile(r"(?<!\\)\|")
_NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:e-\d+)?|-?inf|nan"
_TIME = r"\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [A-Za-z0-9+:-]+"
_MOMENT = re.compile(r"(\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)? (\S+)")
_LENGTH = re.compile(r"(-?)(?:([\d,]+)(?:h|時間))?\s*(?:(\d+)(?:m|分))?\s*(?:([\d.]+(?:e-\d+)?)(?:s|秒))?")
_NUMERIC_TEXT = re.compile(r"[+-]?\d+(?:\.\d+)?")
_PIECE = re.compile(r"\s+|http(?=s?://)|.", re.DOTALL | re.IGNORECASE)
_INSIDE = re.compile(r"(?<=[\w-])\.(?=[\w-])")
_ROUNDING = 5.1e-5
_VERDICTS = {
    Verdict.INVESTIGATE: ("調査必須", "Investigate"),
    Verdict.UNDETERMINED: ("判定不能", "Undetermined"),
    Verdict.OBSERVE: ("観察", "Observe"),
    Verdict.NONE: ("不要", "None"),
}
_HEADINGS = {
    "timeline": ("時系列", "Timeline"),
    "attached": ("添付: 表に載せなかった検知", "Attached: findings not in the table"),
    "searches": ("調査ログ", "Search log"),
}
_COMPLETE = {True: ("完全", "complete"), False: ("不完全", "incomplete")}
_FIRED: dict[bool | None, tuple[str, str]] = {
    True: ("該当", "fired"),
    False: ("非該当", "not fired"),
    None: ("判定不能", "undecided"),
}

Blocks = dict[str, list[str]]
"""Heading to the blocks of text below it."""


def check_rendered(subject: Subject) -> Iterator[str]:
    """Numbers, times, names and verdicts read out of the text agree with the stored values, place by place."""
    english = subject.report.language == "en"
    blocks = _blocks(subject.rendered)
    yield from _verdict_line(subject, english)
    for section in subject.report.sections:
        yield from _paragraphs(subject, section, blocks.get(section.title, []))
    details = next((part.title for part in subject.report.sections if part.id == "details"), "")
    yield from _findings(subject, blocks.get(details, []), subject.report.rows, english)
    yield from _item_criteria(subject, blocks.get(details, []), english)
    attached = blocks.get(_HEADINGS["attached"][english], [])
    yield from _findings(subject, attached, subject.report.attached, english)
    yield from _timeline(subject, blocks.get(_HEADINGS["timeline"][english], []), english)
    yield from _searches(subject, blocks.get(_HEADINGS["searches"][english], []))


def _blocks(text: str) -> Blocks:
    found: Blocks = {}
    heading = ""
    for block in _FENCE.sub("", text).split("\n\n"):
        if match := re.match(r"#+ (.*)", block):
            heading = re.sub(r"\\(.)", r"\1", match[1])
            found.setdefault(heading, [])
        elif block.strip():
            found.setdefault(heading, []).append(block.strip())
    return found


def _verdict_line(subject: Subject, english: bool) -> Iterator[str]:
    judgement = subject.judgement
    wanted = rf"\*\*[^*]*: {_VERDICTS[judgement.verdict][english]}\*\* / [^:/]*: {_COMPLETE[judgement.complete][english]}(?: /|$)"
    if not re.search(wanted, subject.rendered, re.MULTILINE):
        yield f"{_VERDICTS[judgement.verdict][english]} / {_COMPLETE[judgement.complete][english]}"


def _paragraphs(subject: Subject, section: Section, blocks: Sequence[str]) -> Iterator[str]:
    """Every paragraph stands there with its values, and nothing else does."""
    prose = [
        block
        for block in blocks
        if not block.startswith(("|", "- ", "**")) and not _is_signature(block, section)
    ]
    for text in section.paragraphs:
        place = next((block for block in prose if _says(subject, text, block)), None)
        if place is None:
            yield f"{section.title}: {_REFERENCE.sub('…', text)[:80]}"
        else:
            prose.remove(place)
    if section.paragraphs or section.id != "details":
        yield from (f"{section.title}: {block[:80]}" for block in prose)
    if section.id == "completeness":
        listed = sum(
            line.startswith("- ") for block in blocks for line in block.splitlines() if block[:2] == "- "
        )
        noted = len(subject.report.incomplete) + len(subject.report.told)
        if listed != noted:
            yield f"{section.title}: {listed} / {noted}"


def _is_signature(block: str, section: Section) -> bool:
    """Tell whether a block is the line that names the model which wrote the section."""
    return (
        bool(section.author)
        and block.startswith("*")
        and block.endswith("*")
        and str(section.author) in block.replace("\\", "")
    )


def _says(subject: Subject, text: str, block: str) -> bool:
    """Tell whether `block` is `text` with the values of its facts in their places."""
    facts = {fact.id: fact for fact in subject.report.facts}
    parts = _REFERENCE.split(text)
    named = [facts.get(name) for name in parts[1::2]]
    if any(fact is None for fact in named):
        return False
    asked = [fact for fact in named if fact is not None]
    pattern = re.escape(parts[0]) + "".join(
        f"({_shape(fact.value, fact.kind, subject.report.language, hostile=_is_hostile(fact))}){re.escape(literal)}"
        for fact, literal in zip(asked, parts[2::2], strict=True)
    )
    match = re.fullmatch(pattern, block, re.DOTALL)
    return match is not None and all(
        _agrees(subject, found, fact) for found, fact in zip(match.groups(), asked, strict=True)
    )


def _is_hostile(fact: Fact) -> bool:
    """Tell whether a value came from a log, so that nothing in it may be live."""
    return not fact.derivation.startswith("procedure.")


def _agrees(subject: Subject, found: str, fact: Fact) -> bool:
    zone, language = subject.procedure.timezone, subject.report.language
    return reads_as(found, fact.value, fact.kind, zone, language, hostile=_is_hostile(fact))


def _findings(
    subject: Subject, blocks: Sequence[str], rows: Sequence[ReportRow], english: bool
) -> Iterator[str]:
    """Every cell of the findings table shows its fact; verdicts and margins are those of the judgement."""
    lines = _table(blocks, len(subject.report.columns) + 3)
    if len(lines) != len(rows):
        yield f"{len(lines)} / {len(rows)}"
        return
    facts = {fact.id: fact for fact in subject.report.facts}
    judged = {entry.finding: entry for entry in subject.judgement.findings}
    for cells, row in zip(lines, rows, strict=True):
        for column, name, cell in zip(subject.report.columns, row.cells, cells, strict=False):
            fact = facts.get(name or "")
            value = fact.value if fact else None
            if not reads_as(cell, value, column.format, subject.procedure.timezone, subject.report.language):
                yield f"{row.finding} {column.label}: {cell[:80]} / {value!r}"
        entry = judged.get(row.finding)
        wanted = (
            [_VERDICTS[entry.verdict][english], _VERDICTS[entry.unsuppressed][english]] if entry else [""]
        )
        words = [word for verdict in _VERDICTS.values() if (word := verdict[english]) in cells[-3]]
        if not cells[-3].startswith(wanted[0]) or set(words) != set(wanted):
            yield f"{row.finding}: {cells[-3]}"
        yield from _reasons(row, cells[-1])


def _reasons(row: ReportRow, cell: str) -> Iterator[str]:
    """The reasons of a finding stand in its cell one by one, and then its notes."""
    parts = cell.split("<br>")
    if len(parts) < len(row.reasons) + len(row.notes):
        yield f"{row.finding}: {len(parts)} / {len(row.reasons) + len(row.notes)}"
    for result, part in zip(row.reasons, parts, strict=False):
        if not _tells(result, part):
            yield f"{row.finding}: {part[:80]}"


def _tells(result: CriterionResult, text: str) -> bool:
    """Tell whether `text` names the criterion with what was observed, the threshold, and the periods before."""
    numbers: list[float] = []

    def place(value: Value | None) -> str:
        if isinstance(value, int | float):
            numbers.append(value)
            return f"({_NUMBER})"
        return _shape(value, "text", "en", hostile=True)

    pattern = f"{_letters(result.id)} {_letters(result.expression)}"
    if result.fired is None:
        pattern += rf" \\\[(?:{'|'.join(_FIRED[None])})\\\]"
    if isinstance(result.threshold, int | float) and result.margin is not None:
        observed, threshold = place(result.threshold + result.margin), place(result.threshold)
        pattern += f": {observed} (?:対|against) {threshold}"
    elif result.observed:
        pattern += ": " + ", ".join(f"{_letters(seen.name)}={place(seen.value)}" for seen in result.observed)
    if result.before:
        pattern += "; (?:以前|before): " + ", ".join(place(value) for value in result.before)
    if result.suppressed_by:
        pattern += rf" \([^()]*{_letters(result.suppressed_by)}\)"
    match = re.fullmatch(pattern, text, re.DOTALL)
    return match is not None and all(
        _close(_read(shown), number) for shown, number in zip(match.groups(), numbers, strict=True)
    )


def _item_criteria(subject: Subject, blocks: Sequence[str], english: bool) -> Iterator[str]:
    results = subject.report.item_results
    lines = _table(blocks, 3)
    if len(lines) != len(results):
        yield f"{len(lines)} / {len(results)}"
        return
    for cells, result in zip(lines, results, strict=True):
        reason = re.fullmatch(_letters(result.why), cells[2], re.DOTALL)
        if not _tells(result, cells[0]) or cells[1] != _FIRED[result.fired][english] or reason is None:
            yield f"{result.id}: {' '.join(cells)[:120]}"


def _timeline(subject: Subject, blocks: Sequence[str], english: bool) -> Iterator[str]:
    points = subject.report.timeline
    lines = _table(blocks, 4)
    if len(lines) != len(points):
        yield f"{_HEADINGS['timeline'][english]}: {len(lines)} / {len(points)}"
        return
    zone, language = subject.procedure.timezone, subject.report.language
    for cells, point in zip(lines, points, strict=True):
        shown = (
            reads_as(cells[0], point.label, "entity", zone, language)
            and reads_as(cells[1], point.first, "time", zone, language)
            and reads_as(cells[2], point.last, "time", zone, language)
            and cells[3] == _VERDICTS[point.verdict][english]
        )
        if not shown:
            yield f"{point.finding}: {' '.join(cells)[:120]}"


def _searches(subject: Subject, blocks: Sequence[str]) -> Iterator[str]:
    log = subject.report.search_log
    lines = _table(blocks, 8)
    if len(lines) != len(log):
        yield f"{len(lines)} / {len(log)}"
        return
    zone, language = subject.procedure.timezone, subject.report.language
    for cells, entry in zip(lines, log, strict=True):
        window = cells[2].split(" – ")
        shown = (
            len(window) == 2
            and told_as_taken(cells[0], entry, zone, language)
            and reads_as(window[0], entry.earliest, "time", zone, language)
            and reads_as(window[1], entry.latest, "time", zone, language)
            and reads_as(cells[4], entry.rows, "integer", zone, language)
            and cells[7].strip("`") == entry.evidence[:12]
        )
        if not shown:
            yield f"{entry.purpose}: {' '.join(cells)[:120]}"


def _table(blocks: Sequence[str], columns: int) -> list[list[str]]:
    """Return the body of the first table with this many columns."""
    for block in blocks:
        lines = [_PIPE.split(line)[1:-1] for line in block.splitlines() if line.startswith("|")]
        if len(lines) > 1 and len(lines[0]) == columns:
            return [[cell.strip() for cell in line] for line in lines[2:]]
    return []


def reads_as(
    text: str, value: Value | None, kind: str, zone: str, language: str, *, hostile: bool = True
) -> bool:
    """Tell whether `text`, read back, is `value`.

    Args:
        text: A piece of rendered Markdown.
        value: The stored value.
        kind: A kind of fact, or a format of the output table.
        zone: The procedure's time zone; a time in any other is wrong.
        language: Language of the report.
        hostile: Whether the value came from a log; it must then be defanged.
    """
    if re.fullmatch(_shape(value, kind, language, hostile=hostile), text, re.DOTALL) is None:
        return False
    amount = _amount(value, kind)
    if amount is None:
        return True
    if kind == "time":
        return _is_moment(text, amount, zone)
    if kind == "duration":
        return abs(_length(text) - amount) <= 0.00051 if math.isfinite(amount) else text == str(amount)
    return _close(_read(text.rstrip("%")), amount)


def _amount(value: Value | None, kind: str) -> float | None:
    """Return the number that a value of a numeric kind stands for."""
    if kind not in {"integer", "decimal", "percent", "time", "duration"} or isinstance(value, list):
        return None
    if isinstance(value, str):
        return float(value) if _NUMERIC_TEXT.fullmatch(value) else None
    return value


def _shape(value: Value | None, kind: str, language: str, *, hostile: bool) -> str:
    """Return the pattern of `value` as it may be written; numbers are read afterwards."""
    if value is None or value == []:
        return "—"
    if isinstance(value, list):
        return "(?:、|, )".join(_letters(part, hostile=hostile) for part in value)
    if kind == "verdict":
        return re.escape(_VERDICTS[Verdict(str(value))][language == "en"])
    if (amount := _amount(value, kind)) is not None:
        if kind == "time":
            return f"{_TIME}|{_NUMBER}"
        if kind == "duration" and math.isfinite(amount):
            return r"-?(?:[\d,]+(?:h|時間))?\s?(?:\d+(?:m|分))?\s?(?:[\d.]+(?:e-\d+)?(?:s|秒))?"
        return f"(?:{_NUMBER})%?"
    return _letters(str(value), hostile=hostile)


def _letters(text: str, *, hostile: bool = False) -> str:
    """Return the pattern of a text that may be escaped, folded, or have unseen characters shown.

    Defanging is allowed, and where the text is hostile a dot inside a name must be defanged.
    """
    edge = r"(?:\s|⏎|␠|⟨U\+[0-9A-F]{4,}⟩)*"
    inner = text.strip()
    strict = hostile and not _NUMERIC_TEXT.fullmatch(inner.removesuffix("%"))
    pieces = []
    for match in _PIECE.finditer(inner):
        piece = match[0]
        if piece.isspace():
            pieces.append(edge)
        elif piece.lower() == "http":
            pieces.append(f"{piece[0]}(?:tt|xx){piece[-1]}")
        elif piece.isalnum() or piece == "_":
            pieces.append(rf"\\?{re.escape(piece)}")
        elif strict and _INSIDE.match(inner, match.start()):
            pieces.append(r"\\?\[\.\\?\]")
        else:
            pieces.append(rf"(?:\\?\[)?\\?(?:{re.escape(piece)}|⟨U\+{ord(piece):04X}⟩)(?:\\?\])?")
    return edge + "".join(pieces) + edge


def _is_moment(text: str, epoch: float, zone: str) -> bool:
    """Tell whether `text` is the moment `epoch`, told in `zone`."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        return _close(_read(text), epoch)
    try:
        naive = dt.datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - the zone is put on below
    except ValueError:
        return False
    for fold in (0, 1):
        local = naive.replace(tzinfo=ZoneInfo(zone), fold=fold)
        if abs(local.timestamp() + float(match[2] or 0) - epoch) < 2e-6 and local.tzname() == match[3]:
            return True
    return False


def _length(text: str) -> float:
    match = _LENGTH.fullmatch(text.strip())
    if match is None:
        return math.nan
    hours, minutes, seconds = (float((part or "0").replace(",", "")) for part in match.groups()[1:])
    return (hours * 3600 + minutes * 60 + seconds) * (-1 if match[1] else 1)


def _read(text: str) -> float:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return math.nan


def _close(one: float, two: float) -> bool:
    return one == two or abs(one - two) <= _ROUNDING or (math.isnan(one) and math.isnan(two))
