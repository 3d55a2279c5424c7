"""Broken bytes on their way in: shown as text, and flagged, so that their event is neither lost nor taken for whole."""

from __future__ import annotations

import re
from collections.abc import Iterable

FIELD = "_flaw"
"""Field that names what was broken in an event; only the import writes it, never the text of a log."""

BYTES, CONTROL, NUMBER, DEPTH, REPEATED, ESCAPE, RAW = (
    "bytes",
    "control",
    "number",
    "depth",
    "repeated",
    "escape",
    "raw",
)
"""Bytes that are no UTF-8 or half a surrogate pair, control characters, numbers that JSON does not have or no computer
holds, nesting beyond reason, a name given twice, an escape that does not exist, and a `_raw` that is not what its
sourcetype says."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_FIRST_BYTE, _LAST_BYTE = 0xDC80, 0xDCFF
"""Surrogates that stand for the bytes of a text that was decoded with `surrogateescape`."""


def text_of(data: bytes) -> tuple[str, tuple[str, ...]]:
    r"""Return bytes as text, what is broken in them shown, and the flaws.

    >>> text_of(b"user \xff\x1b[0m")
    ('user \\xff\\x1b[0m', ('bytes', 'control'))
    """
    flaws: tuple[str, ...] = ()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text, flaws = data.decode(errors="backslashreplace"), (BYTES,)
    shown = without_controls(text)
    return shown, flaws if shown is text else (*flaws, CONTROL)


def without_controls(text: str) -> str:
    r"""Return `text` itself, or with its control characters shown; tabs and line ends stay.

    >>> without_controls("a\x00b")
    'a\\x00b'
    """
    if not _CONTROL.search(text):
        return text
    return _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)


def has_controls(text: str) -> bool:
    """Tell whether `text` holds control characters other than tabs and line ends."""
    return _CONTROL.search(text) is not None


def without_surrogates(text: str) -> str:
    r"""Return `text` with half surrogate pairs shown, and as bytes where they stand for bytes.

    >>> without_surrogates("a\ud800\udcff")
    'a\\ud800\\xff'
    """
    return _SURROGATE.sub(_shown_surrogate, text)


def has_surrogates(text: str) -> bool:
    """Tell whether `text` holds half a surrogate pair, or a byte that stands as one."""
    return _SURROGATE.search(text) is not None


def _shown_surrogate(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code - 0xDC00:02x}" if _FIRST_BYTE <= code <= _LAST_BYTE else f"\\u{code:04x}"


def in_order(flaws: Iterable[str]) -> tuple[str, ...]:
    """Return each flaw once, in a fixed order."""
    return tuple(sorted(set(flaws)))
