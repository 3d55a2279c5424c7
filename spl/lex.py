"""Tokens of SPL, with their places. SPL has three vocabularies: eval expressions, arguments, search terms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from spl.errors import Span, SplSyntaxError

Kind = Literal[
    "word", "string", "quoted_field", "number", "op", "comma", "lparen", "rparen", "subsearch", "end"
]


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `value` is the text without quotes and escapes."""

    kind: Kind
    text: str
    value: str
    span: Span


QUOTED = r'"(?:[^"\\]|\\.)*"'
"""A text in double quotes, its escapes included."""
_QUOTED_FIELD = r"'(?:[^'\\]|\\.)*'"
_COMMON = rf"(?P<space>\s+)|(?P<string>{QUOTED})|(?P<comma>,)|(?P<lparen>\()|(?P<rparen>\))"

EVAL = re.compile(
    rf"{_COMMON}|(?P<quoted_field>{_QUOTED_FIELD})"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w{])"
    r"|(?P<word>(?:[^\W\d]|\{[\w.]+\})[\w{}@:]*)|(?P<op>==|!=|<=|>=|<>|[=<>+\-*/%.])",
    re.DOTALL,
)
ARGUMENTS = re.compile(
    rf"{_COMMON}|(?P<quoted_field>{_QUOTED_FIELD})|(?P<op>=)|(?P<word>[^\s,()=|\"'\[\]]+)", re.DOTALL
)
SEARCH = re.compile(
    rf"{_COMMON}|(?P<op>!=|<=|>=|=|<|>)|(?P<word>(?:[^\s()\[\]|\",=<>!]|!(?!=)|\\.)+)", re.DOTALL
)
_SEARCH_VALUE = re.compile(rf"(?P<string>{QUOTED})|(?P<word>(?:[^\s()\[\]|\",]|\\.)+)", re.DOTALL)


def unescape(quoted: str) -> str:
    r"""Return the text of a quoted token: `\"` and `\\` are escapes, any other backslash stands for itself.

    >>> unescape('"a \\"b\\" C:\\\\x \\d"')
    'a "b" C:\\x \\d'
    """
    return re.sub(rf"\\([\\{quoted[0]}])", r"\1", quoted[1:-1])


def tokenize(
    text: str, pattern: re.Pattern[str], start: int = 0, end: int | None = None
) -> tuple[Token, ...]:
    """Split `text[start:end]` by one of the vocabularies above; the last token is `end`.

    Raises:
        SplSyntaxError: A character belongs to no token, or a quote is not closed.
    """
    stop = len(text) if end is None else end
    return (*_tokens(text, pattern, start, stop), Token("end", "", "", Span(stop, stop)))


def _tokens(text: str, pattern: re.Pattern[str], position: int, stop: int) -> Iterator[Token]:
    after_operator = False
    while position < stop:
        chosen = (
            _SEARCH_VALUE
            if after_operator and pattern is SEARCH and not text[position].isspace()
            else pattern
        )
        if text[position] == "[":
            end = closing_bracket(text, position, stop)
            yield Token("subsearch", text[position:end], text[position + 1 : end - 1], Span(position, end))
            position, after_operator = end, False
            continue
        match = chosen.match(text, position, stop) or pattern.match(text, position, stop)
        if match is None or match.end() == position:
            raise _unreadable(text, position)
        position = match.end()
        if match.lastgroup == "space":
            continue
        token = _token(match)
        after_operator = token.kind == "op"
        yield token


def _token(match: re.Match[str]) -> Token:
    kind: Kind = match.lastgroup  # type: ignore[assignment]
    text = match.group()
    value = unescape(text) if kind in {"string", "quoted_field"} else text
    return Token(kind, text, value, Span(match.start(), match.end()))


def _unreadable(text: str, position: int) -> SplSyntaxError:
    char = text[position]
    what = f"the quote {char} is never closed" if char in "\"'" else f"unexpected character {char!r}"
    return SplSyntaxError(f"{what}.", text=text, span=Span(position, position + 1))


_COMMENT = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)


def blank_comments(text: str) -> str:
    """Replace ```comments``` outside quotes by spaces, so that every other place stays the same."""

    def blank(match: re.Match[str]) -> str:
        found = match.group()
        return found if not found.startswith("```") else re.sub(r"\S", " ", found)

    return re.sub(rf"{QUOTED}|{_COMMENT.pattern}", blank, text, flags=re.DOTALL)


_PIPE_OR_SKIP = re.compile(rf"{QUOTED}|[|\[\]]", re.DOTALL)


def closing_bracket(text: str, start: int, stop: int) -> int:
    """Return the offset behind the bracket that closes the one at `start`.

    Raises:
        SplSyntaxError: None does.
    """
    depth = 0
    for match in _PIPE_OR_SKIP.finditer(text, start, stop):
        depth += {"[": 1, "]": -1}.get(match.group(), 0)
        if depth == 0 and match.group() == "]":
            return match.end()
    raise SplSyntaxError("[ is never closed.", text=text, span=Span(start, start + 1))


def bracket_starts(text: str, span: Span) -> Iterator[int]:
    """Yield where each bracket of `text` at `span` opens that stands in no other; one in double quotes is none."""
    depth = 0
    for match in _PIPE_OR_SKIP.finditer(text, span.start, span.end):
        if match.group() == "[":
            if depth == 0:
                yield match.start()
            depth += 1
        elif match.group() == "]":
            depth -= 1


def closing_pipe(text: str, start: int) -> int:
    """Return the offset of the pipe or bracket that ends the command in which `start` lies, or the end of the text."""
    depth = 0
    for match in _PIPE_OR_SKIP.finditer(text, start):
        char = match.group()
        if depth == 0 and char in {"|", "]"}:
            return match.start()
        depth += {"[": 1, "]": -1}.get(char, 0)
    return len(text)


def split_pipeline(text: str, begin: int = 0, stop: int | None = None) -> tuple[Span, ...]:
    """Return the spans between top-level pipes of `text[begin:stop]`, in which comments are blanked.

    A pipe in quotes or in a `[subsearch]` does not split.

    Raises:
        SplSyntaxError: A bracket is not closed, or closes nothing.
    """
    spans: list[Span] = []
    start, opened = begin, list[int]()
    end = len(text) if stop is None else stop
    for match in _PIPE_OR_SKIP.finditer(text, begin, end):
        char = match.group()
        if char == "[":
            opened.append(match.start())
        elif char == "]":
            if not opened:
                raise SplSyntaxError("] closes no [.", text=text, span=Span(match.start(), match.end()))
            opened.pop()
        elif char == "|" and not opened:
            spans.append(Span(start, match.start()))
            start = match.end()
    if opened:
        raise SplSyntaxError("[ is never closed.", text=text, span=Span(opened[-1], opened[-1] + 1))
    return (*spans, Span(start, end))


def without_comments(text: str) -> str:
    """Return `text` with a blank for every ```comment``` outside quotes: nobody can take one for something else."""
    return re.sub(
        rf"{QUOTED}|{_COMMENT.pattern}",
        lambda match: " " if match.group().startswith("```") else match.group(),
        text,
        flags=re.DOTALL,
    )
