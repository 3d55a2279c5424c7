"""The search log (調査ログ): every search that the item rests on, and every search text once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from agents.render.layout import fence, table
from agents.render.values import MISSING, clock, number, trusted
from agents.render.words import Language, purpose_words, search_status, word
from tools.records.finding import LoggedSearch

COLUMNS = ("purpose", "search", "window", "result", "rows", "scanned", "seconds", "evidence")


def search_log(
    log: Sequence[LoggedSearch], lang: Language, zone: str, spl_of: Callable[[str], str]
) -> Iterator[str]:
    """Yield the table of all searches, then their texts."""
    texts: dict[str, int] = {}
    rows = []
    for entry in log:
        place = texts.setdefault(spl_of(entry.evidence), len(texts) + 1)
        rows.append(_row(entry, place, lang, zone))
    yield table([word(key, lang) for key in COLUMNS], rows)
    for text, place in texts.items():
        yield f"S{place}:"
        yield fence(text, "spl")


def _row(entry: LoggedSearch, place: int, lang: Language, zone: str) -> list[str]:
    return [
        _purpose(entry, lang, zone),
        f"S{place}",
        f"{clock(entry.earliest, zone)} – {clock(entry.latest, zone)}",
        search_status(entry.status.value, lang),
        number(entry.rows),
        MISSING if entry.scanned is None else number(entry.scanned),
        f"{entry.duration_s:.3f}",
        f"`{entry.evidence[:12]}`",
    ]


def _purpose(entry: LoggedSearch, lang: Language, zone: str) -> str:
    taken = taken_words(entry, lang, zone)
    return trusted(purpose_words(entry.purpose, lang)) + (f" ({taken})" if taken else "")


def taken_words(entry: LoggedSearch, lang: Language, zone: str) -> str:
    """Return from where the answer of a search was taken and when it ran; empty when the item sent for it."""
    if entry.taken_from is None:
        return ""
    ran = clock(round(entry.executed_at), zone)
    return word(f"taken_{entry.taken_from}", lang).format(time=ran)
