"""Search macros in Splunk's own format (`macros.conf`), expanded before anything else looks at a search."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from spl.errors import MacroError, Span
from spl.lex import unescape

_STANZA = re.compile(r"\[\s*(?P<name>[^\]()\s]+?)(?:\((?P<count>\d+)\))?\s*\]")
_CALL = re.compile(
    r'```.*?(?:```|\Z)|"`(?P<quoted>\w+(?:\([^`"]*\))?)`"|"(?:[^"\\]|\\.)*"|`(?P<body>[^`]*)`', re.DOTALL
)
"""A comment, a macro call that is the whole of a quoted text, any other quoted text, or a macro call."""
_DEEPEST = 20
_LARGEST = 50_000


@dataclass(frozen=True, slots=True)
class Macro:
    """One stanza of macros.conf."""

    name: str
    args: tuple[str, ...]
    definition: str
    path: str
    line: int


MacroTable = Mapping[tuple[str, int], Macro]
"""Macros by name and number of arguments."""


def parse_macros_conf(text: str, path: str) -> dict[tuple[str, int], Macro]:
    """Read macros.conf; a definition continues on the next line after a trailing backslash.

    Raises:
        MacroError: A stanza or setting cannot be read; the message starts with `path:line`.
    """
    macros: dict[tuple[str, int], Macro] = {}
    stanza: tuple[str, int, int] | None = None
    settings: dict[str, str] = {}
    for number, line in _logical_lines(text):
        match = _STANZA.fullmatch(line.strip())
        if match:
            _finish(macros, stanza, settings, path)
            stanza, settings = (match["name"], int(match["count"] or 0), number), {}
        elif line.strip() and not line.lstrip().startswith(("#", ";")):
            name, equals, value = line.partition("=")
            if not equals or stanza is None:
                raise MacroError(
                    f"{path}:{number}: line cannot be read. Expected [name], [name(2)] or setting = value."
                )
            settings[name.strip()] = value.strip()
    _finish(macros, stanza, settings, path)
    return macros


@cache
def bundled_macros() -> MacroTable:
    """Return the macros that every search has, after those of Splunk's CIM add-on and content updates.

    One of the same name in a `macros.conf` takes the place of one of these.
    """
    file = files("spl") / "macros.conf"
    return parse_macros_conf(file.read_text(encoding="utf-8"), "spl/macros.conf")


def _logical_lines(text: str) -> list[tuple[int, str]]:
    lines: list[tuple[int, str]] = []
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        lines.append((start, joined + line))
        joined, start = "", 0
    return [*lines, (start, joined)] if joined else lines


def _finish(
    macros: dict[tuple[str, int], Macro],
    stanza: tuple[str, int, int] | None,
    settings: dict[str, str],
    path: str,
) -> None:
    if stanza is None:
        return
    name, count, line = stanza
    args = tuple(part.strip() for part in settings.get("args", "").split(",") if part.strip())
    if settings.get("iseval", "0").lower() in {"1", "true"}:
        raise MacroError(f"{path}:{line}: macro {name!r} is an eval macro (iseval), which is not supported.")
    if len(args) != count:
        raise MacroError(
            f"{path}:{line}: macro {name!r} names {len(args)} args. Expected {count}, as in its stanza."
        )
    if "definition" not in settings:
        raise MacroError(f"{path}:{line}: macro {name!r} has no definition.")
    if (name, count) in macros:
        raise MacroError(f"{path}:{line}: macro {name!r} stands twice.")
    macros[name, count] = Macro(name, args, settings["definition"], path, line)


@dataclass(frozen=True, slots=True)
class Expanded:
    """A search without macro calls, and where its characters came from."""

    text: str
    original: str
    _pieces: tuple[tuple[int, int, bool], ...] = field(default=())
    """Start in `text`, start in `original`, whether it was copied (else it came from a macro)."""

    def locate(self, offset: int) -> int:
        """Return the offset in the original text; inside a macro's text, that of its call."""
        index = bisect_right([start for start, _, _ in self._pieces], offset) - 1
        if index < 0:
            return offset
        start, origin, copied = self._pieces[index]
        return origin + (offset - start if copied else 0)

    def span(self, span: Span) -> Span:
        """Return `span` of the expanded text as a span of the original."""
        start = self.locate(span.start)
        return Span(start, max(start + 1, self.locate(max(span.end - 1, span.start)) + 1))


def macro_calls(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the name, the number of arguments and the place of every macro call in `text`."""
    for match in _CALL.finditer(text):
        if body := match["body"] or match["quoted"]:
            name, args = _split_call(body)
            yield name, len(args), match.start() + (match["quoted"] is not None)


def expand(text: str, macros: MacroTable, *, in_quotes: bool = True) -> Expanded:
    """Replace every macro call in `text`, and in what they bring, by its definition.

    Args:
        text: A search.
        macros: The macros beside those that every search has.
        in_quotes: Whether a quoted text that is a macro call as a whole is one. In a text that holds values of a log
            it must not be: whoever writes the log would choose the macro.

    Raises:
        MacroError: A macro is unknown, calls itself, or gets the wrong number of arguments, or a call does not end.
    """
    macros = {**bundled_macros(), **macros}
    pieces: list[tuple[int, int, bool]] = []
    out, position = "", 0
    for match in _CALL.finditer(text):
        call = match.start() + (match["quoted"] is not None)
        written = in_quotes or match["quoted"] is None
        replaced = _replaced(match, macros, text, Span(call, match.end()), ()) if written else None
        if replaced is None:
            continue
        pieces += [(len(out), position, True)]
        out += text[position : match.start()]
        pieces += [(len(out), call, False)]
        out += replaced
        position = match.end()
    pieces.append((len(out), position, True))
    return Expanded(out + text[position:], text, tuple(pieces))


def _replaced(
    match: re.Match[str], macros: MacroTable, text: str, span: Span, active: tuple[str, ...]
) -> str | None:
    """Return what takes the place of a match of `_CALL`; None when it stays.

    A quoted text that is the call of a known macro becomes the macro's text in quotes.
    """
    if match["body"] is not None:
        return _replacement(match["body"], macros, text, span, active)
    if match["quoted"] is None:
        return None
    name, args = _split_call(match["quoted"])
    if (name, len(args)) not in macros:
        return None
    found = _replacement(match["quoted"], macros, text, span, active)
    return found if _QUOTED.fullmatch(found.strip()) else f'"{found}"'


def _replacement(body: str, macros: MacroTable, text: str, span: Span, active: tuple[str, ...]) -> str:
    if "(" in body and not body.rstrip().endswith(")"):
        raise MacroError(
            f"macro call `{body}` does not end. Expected `name` or `name(arguments)`.", text=text, span=span
        )
    name, args = _split_call(body)
    macro = macros.get((name, len(args)))
    if macro is None:
        known = tuple(sorted(f"{known}({count})" if count else known for known, count in macros))
        wrong = [count for known, count in macros if known == name]
        detail = f"takes {wrong[0]} arguments, got {len(args)}" if wrong else "is unknown"
        raise MacroError(f"macro `{name}` {detail}.", text=text, span=span, supported=known)
    if name in active or len(active) >= _DEEPEST:
        raise MacroError(f"macro `{name}` calls itself: {' → '.join((*active, name))}.", text=text, span=span)
    values = dict(zip(macro.args, args, strict=True))
    definition = _PARAMETER.sub(lambda match: values.get(match[1], match[0]), macro.definition)

    def one(inner: re.Match[str]) -> str:
        replaced = _replaced(inner, macros, text, span, (*active, name))
        return inner.group() if replaced is None else replaced

    expanded = _CALL.sub(one, definition)
    if len(expanded) > _LARGEST:
        raise MacroError(f"macro `{name}` grows beyond {_LARGEST:,} characters.", text=text, span=span)
    return expanded


_PARAMETER = re.compile(r"\$(\w+)\$")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ARGUMENT = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^,]*)\s*(?:,|\Z)', re.DOTALL)


def _split_call(body: str) -> tuple[str, list[str]]:
    r"""Return the name and the arguments of a call; quotes around an argument only hold it together.

    >>> _split_call('over("a, b", \"say \\"hi\\"\", 5)')
    ('over', ['a, b', 'say "hi"', '5'])
    """
    name, paren, rest = body.strip().partition("(")
    if not paren:
        return name.strip(), []
    inner = rest.rsplit(")", 1)[0]
    if not inner.strip():
        return name.strip(), []
    return name.strip(), [
        _unquoted(match.group(1).strip()) for match in _ARGUMENT.finditer(inner) if match.group()
    ]


def _unquoted(argument: str) -> str:
    return unescape(argument) if _QUOTED.fullmatch(argument) else argument
