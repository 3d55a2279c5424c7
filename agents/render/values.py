"""Values as people read them. Everything from a log is defanged and escaped here, and nowhere else."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from agents.render.words import NOTES, Language, purpose_words, search_status, word
from tools.defang import defang, live_indicators
from tools.records.fact import Fact
from tools.records.finding import Note
from tools.search.result import Value

MISSING = "—"
_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|!~&$])")
_BLOCK_START = re.compile(r"^([-+=]|\d+(?=[.)](?:\s|$)))")
_REFERENCE = re.compile(r"\{\{([^{}]*)\}\}")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_TIME_VALUES = {"gap_start", "settle_until"}
_DURATION_VALUES = {"gap_s", "max_silence_s"}
_PROCEDURE_VALUES = {
    "source",
    "criterion",
    "drill_down",
    "entry",
    "lookup",
    "siem",
    "procedure",
    "column",
    "field",
    "search",
    "section",
}


class UnknownFactError(LookupError):
    """Prose refers to a fact that the report does not have."""


class UnknownNoteError(LookupError):
    """A note has a code, or lacks a value, that the wording does not know."""


def visible(text: str) -> str:
    r"""Return `text` on one line with control, direction and other unseen characters made visible.

    >>> visible("a\n\u202eb\u00a0 ")
    'a⏎⟨U+202E⟩b⟨U+00A0⟩␠'
    """
    shown = "".join(_shown(char) for char in text)
    inner = shown.strip(" ")
    lead = len(shown) - len(shown.lstrip(" "))
    return "␠" * lead + inner + "␠" * (len(shown) - len(inner) - lead)


def _shown(char: str) -> str:
    if char == "\n":
        return "⏎"
    category = unicodedata.category(char)
    unseen = category in _HIDDEN or (category == "Zs" and char not in " \u3000")
    return f"⟨U+{ord(char):04X}⟩" if unseen else char


def escape(text: str) -> str:
    """Return `text` so that Markdown shows it as it is; the brackets of defanging stay readable.

    A bracket before `(` or `:` stays escaped, since `[.](…)` would be a link and `[.]: …` the target of one.
    """
    escaped = _MARKDOWN.sub(r"\\\1", visible(text))
    readable = re.sub(r"\\\[([.:@])\\\](?![(:\[])", r"[\1]", escaped)
    return _BLOCK_START.sub(
        lambda match: f"\\{match[1]}" if not match[1].isdigit() else f"{match[1]}\\", readable
    )


def hostile(text: str) -> str:
    """Return text that came from a log: defanged, then escaped."""
    return escape(defang(text))


def trusted(text: str) -> str:
    """Return text of the procedure: file and field names stay as written, live indicators do not.

    >>> trusted("macros.conf, 192.0.2.1")
    'macros.conf, 192[.]0[.]2[.]1'
    """
    for indicator in sorted(set(live_indicators(text)), key=len, reverse=True):
        text = text.replace(indicator, defang(indicator))
    return escape(text)


def folded(text: str, language: Language) -> str:
    """Return text of the procedure with its lines joined as the language joins them."""
    return trusted(re.sub(r"\s*\n\s*", " " if language == "en" else "", text.strip()))


def clock(epoch: float, timezone: str) -> str:
    """Return a time in the report's zone, fractions kept when there are any.

    A number that no calendar can hold is shown as the number it is.

    >>> clock(0, "Asia/Tokyo")
    '1970-01-01 09:00:00 JST'
    """
    try:
        moment = dt.datetime.fromtimestamp(epoch, ZoneInfo(timezone))
    except (OverflowError, ValueError, OSError):
        return number(epoch)
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} {moment:%Z}"


def duration(seconds: float, language: Language) -> str:
    """Return a length of time.

    >>> duration(3723, "en"), duration(3723, "ja"), duration(0.5, "en")
    ('1h 2m 3s', '1時間2分3秒', '0.5s')
    """
    if not math.isfinite(seconds):
        return str(seconds)
    minutes, left = divmod(round(abs(seconds), 3), 60)
    hours, rest = divmod(int(minutes), 60)
    units = ("h", "m", "s") if language == "en" else ("時間", "分", "秒")
    shown = ((hours, f"{hours:,}"), (rest, str(rest)), (left, number(round(left, 3))))
    parts = [f"{text}{unit}" for (value, text), unit in zip(shown, units, strict=True) if value]
    return ("-" if seconds < 0 and parts else "") + (" " if language == "en" else "").join(
        parts or [f"0{units[2]}"]
    )


def number(value: float) -> str:
    """Return a number with thousands separators, whole ones without a point.

    >>> number(12345), number(0.25), number(1.99999), number(0.00001)
    ('12,345', '0.25', '2', '1e-05')
    """
    if not math.isfinite(value):
        return str(value)
    if value == int(value):
        return f"{int(value):,}"
    if abs(value) < 0.00005:
        return f"{value:.4g}"
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def _seconds(value: float, language: Language, timezone: str) -> str:
    return duration(value, language)


def _moment(value: float, language: Language, timezone: str) -> str:
    return clock(value, timezone)


def _amount(value: float, language: Language, timezone: str) -> str:
    return number(value)


def _share(value: float, language: Language, timezone: str) -> str:
    return f"{number(value)}%"


_NUMERIC: dict[str, Callable[[float, Language, str], str]] = {
    "integer": _amount,
    "decimal": _amount,
    "percent": _share,
    "time": _moment,
    "duration": _seconds,
}


def render_value(value: Value | None, kind: str, language: Language, timezone: str) -> str:
    """Return a value as Markdown.

    Args:
        value: The value; None is shown as a dash.
        kind: A `FactKind`, or a format of the procedure's output table.
        language: Language of the report.
        timezone: Zone of times.
    """
    if value is None or value == []:
        return MISSING
    if isinstance(value, list):
        return ("、" if language == "ja" else ", ").join(hostile(part) for part in value)
    if kind == "verdict":
        return word(str(value), language)
    if kind in _NUMERIC and (amount := _as_number(value)) is not None:
        return _NUMERIC[kind](amount, language, timezone)
    return hostile(str(value))


def _as_number(value: str | float) -> float | int | None:
    if not isinstance(value, str):
        return value
    if not _NUMBER.fullmatch(value):
        return None
    return float(value) if "." in value else int(value)


def render_fact(fact: Fact, language: Language, timezone: str) -> str:
    """Return a fact's value as Markdown; the procedure's own words are folded onto one line."""
    if fact.derivation.startswith("procedure.") and isinstance(fact.value, str):
        return folded(fact.value, language)
    return render_value(fact.value, fact.kind, language, timezone)


def render_prose(
    paragraph: str,
    facts: Mapping[str, Fact],
    language: Language,
    timezone: str,
    cite: Callable[[str, str], str] = lambda fact_id, text: text,
) -> str:
    """Replace every `{{f1}}` in `paragraph` by its fact, as `cite` writes its id and text.

    Raises:
        UnknownFactError: A reference names no fact.
    """

    def fill(match: re.Match[str]) -> str:
        fact = facts.get(match[1])
        if fact is None:
            raise UnknownFactError(
                f"unknown fact {match[1]!r} in {paragraph!r}. Expected one of the report's {len(facts)} facts."
            )
        return cite(fact.id, render_fact(fact, language, timezone))

    return _REFERENCE.sub(fill, paragraph)


def render_note(note: Note, language: Language, timezone: str) -> str:
    """Return a note in the report's language.

    Raises:
        UnknownNoteError: The code has no wording, or the note lacks a value that the wording names.
    """
    if note.code not in NOTES:
        raise UnknownNoteError(
            f"unknown note code {note.code!r}. Expected one of: {', '.join(sorted(NOTES))}."
        )
    shown = {name: _note_value(name, value, language, timezone) for name, value in note.values.items()}
    try:
        return NOTES[note.code][language == "en"].format(**shown)
    except KeyError as error:
        raise UnknownNoteError(
            f"note {note.code!r} lacks the value {error}. It has: {', '.join(shown) or 'none'}."
        ) from None


def _note_value(name: str, value: Value, language: Language, timezone: str) -> str:
    if name in _TIME_VALUES and isinstance(value, int | float):
        return clock(value, timezone)
    if name in _DURATION_VALUES and isinstance(value, int | float):
        return duration(value, language)
    if name == "purpose":
        return trusted(purpose_words(str(value), language))
    if name in {"failure", "agent", "cause", "verdict", "verdict_now"}:
        return word(str(value), language)
    if name == "status":
        return search_status(str(value), language)
    if name == "value":
        return f" {hostile(str(value))}" if value != "" else ""
    if name == "fields" and isinstance(value, list):
        return trusted(", ".join(value))
    if name in _PROCEDURE_VALUES:
        return trusted(str(value))
    return render_value(value, "decimal", language, timezone)
