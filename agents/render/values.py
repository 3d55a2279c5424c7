"""Values as people read them. Everything from a log is defanged and escaped here, and nowhere else."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from agents.render.words import NOTES, Language, purpose_words, word
from tools.defang import defang
from tools.records.finding import Note
from tools.records.report import Fact
from tools.search.result import Value

MISSING = "—"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|!~&$])")
_REFERENCE = re.compile(r"\{\{(f\d+)\}\}")
_TIME_VALUES = {"gap_start", "settle_until"}
_DURATION_VALUES = {"gap_s", "max_silence_s"}


class UnknownFactError(KeyError):
    """Prose refers to a fact that the report does not have."""


def visible(text: str) -> str:
    """Return `text` on one line with control and direction characters made visible.

    >>> visible("a\\n\\u202eb")
    'a⏎⟨U+202E⟩b'
    """
    return "".join(
        "⏎" if char == "\n" else f"⟨U+{ord(char):04X}⟩" if unicodedata.category(char) in {"Cc", "Cf", "Co", "Cs"} else char
        for char in text
    )


def escape(text: str) -> str:
    """Return `text` so that Markdown shows it as it is; the brackets of defanging stay readable."""
    escaped = _MARKDOWN.sub(r"\\\1", visible(text))
    return re.sub(r"\\\[([.:@])\\\]", r"[\1]", escaped)


def hostile(text: str) -> str:
    """Return text that came from a log: defanged, then escaped."""
    return escape(defang(text))


def clock(epoch: float, timezone: str) -> str:
    """Return a time in the report's zone, fractions kept when there are any.

    >>> clock(0, "Asia/Tokyo")
    '1970-01-01 09:00:00 JST'
    """
    moment = dt.datetime.fromtimestamp(epoch, ZoneInfo(timezone))
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} {moment:%Z}"


def duration(seconds: float, language: Language) -> str:
    """Return a length of time.

    >>> duration(3723, "en"), duration(3723, "ja")
    ('1h 2m 3s', '1時間2分3秒')
    """
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    units = (("時間", "分", "秒"), ("h", "m", "s"))[language == "en"]
    parts = [f"{value}{unit}" for value, unit in zip((hours, minutes, left), units, strict=True) if value]
    return (" " if language == "en" else "").join(parts) or f"0{units[2]}"


def number(value: float) -> str:
    """Return a number with thousands separators, whole ones without a point."""
    return f"{int(value):,}" if value == int(value) else f"{value:,.4f}".rstrip("0")


def render_value(value: Value | None, kind: str, language: Language, timezone: str) -> str:
    """Return a value as Markdown.

    Args:
        value: The value; None is shown as a dash.
        kind: A `FactKind`, or a format of the procedure's output table.
        language: Language of the report.
        timezone: Zone of times.
    """
    if value is None:
        return MISSING
    if isinstance(value, list):
        return "、".join(hostile(part) for part in value) if language == "ja" else ", ".join(map(hostile, value))
    if isinstance(value, int | float) and kind in _NUMERIC:
        return _NUMERIC[kind](value, language, timezone)
    if kind == "verdict":
        return word(str(value), language)
    return hostile(str(value))


_NUMERIC = {
    "integer": lambda value, language, timezone: number(value),
    "decimal": lambda value, language, timezone: number(value),
    "percent": lambda value, language, timezone: f"{number(value)}%",
    "time": lambda value, language, timezone: clock(value, timezone),
    "duration": lambda value, language, timezone: duration(value, language),
}


def render_fact(fact: Fact, language: Language, timezone: str) -> str:
    """Return a fact's value as Markdown; the procedure's own words are folded onto one line."""
    if fact.derivation.startswith("procedure.") and isinstance(fact.value, str):
        return escape(re.sub(r"\s*\n\s*", " " if language == "en" else "", fact.value.strip()))
    return render_value(fact.value, fact.kind, language, timezone)


def render_prose(paragraph: str, facts: Mapping[str, Fact], language: Language, timezone: str) -> str:
    """Replace every `{{f1}}` in `paragraph` by its fact.

    Raises:
        UnknownFactError: A reference names no fact.
    """

    def fill(match: re.Match[str]) -> str:
        fact = facts.get(match[1])
        if fact is None:
            raise UnknownFactError(match[1])
        return render_fact(fact, language, timezone)

    return _REFERENCE.sub(fill, paragraph)


def render_note(note: Note, language: Language, timezone: str) -> str:
    """Return a note in the report's language."""
    shown = {name: _note_value(name, value, language, timezone) for name, value in note.values.items()}
    return re.sub(r"\s+(?=[はをがの])", "", NOTES[note.code][language == "en"].format(**shown)) if language == "ja" else NOTES[note.code][1].format(**shown)


def _note_value(name: str, value: Value, language: Language, timezone: str) -> str:
    if name in _TIME_VALUES and isinstance(value, int | float):
        return clock(value, timezone)
    if name in _DURATION_VALUES and isinstance(value, int | float):
        return duration(value, language)
    if name == "purpose":
        return escape(purpose_words(str(value), language))
    if name == "status":
        return word(str(value), language)
    return render_value(value, "decimal", language, timezone)
