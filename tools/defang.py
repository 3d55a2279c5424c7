"""Defanging: indicators in reports must not be clickable or resolvable by accident."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

_SCHEME = re.compile(r"\b(h)(tt)(ps?)(?=://)", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"\b((?:s?ftp|ldaps?|smb|file|javascript|data))(://|:(?=\S))", re.IGNORECASE)
_DOT = re.compile(r"(?<=[\w\-])\.(?=[\w\-])")
_AT = re.compile(r"(?<=[\w.+\-\]])@(?=[\w\[\-])")
_IPV6 = re.compile(
    r"(?<![\w:])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|(?=[0-9A-Fa-f:]*::)[0-9A-Fa-f:]*[0-9A-Fa-f][0-9A-Fa-f:]*)(?![\w:])"
)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?%?")

_LIVE = (
    re.compile(r"(?i)\b(?:https?|s?ftp|ldaps?|smb)://[^\s\]]"),
    re.compile(r"(?<![\d.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.]\d)"),
)
_RUN = re.compile(r"[A-Za-z0-9.-]+")
_TOP = re.compile(
    r"(?i)(?<=[a-z0-9-])\.(?:com|net|org|io|jp|ru|cn|info|biz|xyz|top|example|test|local)(?![a-z0-9])"
)
_DOMAIN = re.compile(r"(?i)[a-z0-9-]+\.[a-z]{2,}")


def defang(text: str) -> str:
    """Return `text` with URLs, addresses and host names made harmless; plain numbers stay as they are.

    >>> defang("http://evil.example/a?b=1 from 192.0.2.1")
    'hxxp://evil[.]example/a?b=1 from 192[.]0[.]2[.]1'
    >>> defang("12.5"), defang(defang("a.b"))
    ('12.5', 'a[.]b')
    """
    if _NUMBER.fullmatch(text):
        return text
    text = _SCHEME.sub(lambda match: f"{match.group(1)}xx{match.group(3)}", text)
    text = _OTHER_SCHEME.sub(r"\1[:]\2", text).replace("[:]://", "[:]//").replace("[:]:", "[:]")
    text = _IPV6.sub(
        lambda match: match.group().replace(":", "[:]") if match.group().strip(":") else match.group(), text
    )
    text = _AT.sub("[@]", text)
    return _DOT.sub("[.]", text)


def live_indicators(text: str) -> tuple[str, ...]:
    """Return the indicators in `text` that are still live: URLs, IPv4 addresses, host names, mail addresses.

    Written apart from `defang`, so that one can check the other.
    """
    found = [match.group() for pattern in _LIVE for match in pattern.finditer(text)]
    return (*found, *_hosts(text), *_mail_addresses(text))


def _hosts(text: str) -> Iterator[str]:
    """Yield host names: in each run of their letters, up to the last top-level domain.

    One pass over the text, whatever it holds: a log can hold a million dots.
    """
    for run in _RUN.finditer(text):
        ends = [match.end() for match in _TOP.finditer(run.group())]
        if ends:
            yield run.group()[: ends[-1]].rpartition("..")[2].lstrip("-.")


def _mail_addresses(text: str) -> Iterator[str]:
    """Yield mail addresses, found by their @."""
    parts = text.split("@")
    for before, after in pairwise(parts):
        domain = _DOMAIN.match(after)
        mailbox = _letters_at_end(before)
        if domain and mailbox:
            yield f"{mailbox}@{domain.group()}"


def _letters_at_end(text: str) -> str:
    end = len(text)
    while end and text[end - 1].isascii() and (text[end - 1].isalnum() or text[end - 1] in "._+-"):
        end -= 1
    return text[end:]
