"""From the text of a search to its plan. Nothing runs before the whole search has been understood."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from spl.errors import ForbiddenError, Span, SplError, SplSyntaxError, UnsupportedError
from spl.lex import blank_comments, split_pipeline
from spl.macros import MacroTable, expand
from spl.parse_commands import PARSERS, Clause
from spl.parse_terms import TermParser
from spl.plan import Command, Search, SearchCommand

FORBIDDEN: dict[str, str] = {
    "collect": "writes events to an index",
    "delete": "deletes events",
    "dbxquery": "runs SQL on another database",
    "fit": "trains and stores a model",
    "apply": "runs a stored model",
    "map": "runs a search for every row, built from log text",
    "mcollect": "writes metrics",
    "meventcollect": "writes metrics",
    "outputcsv": "writes a file",
    "outputlookup": "writes a lookup",
    "run": "runs a script",
    "runshellscript": "runs a script",
    "script": "runs a script",
    "sendalert": "triggers an alert action",
    "sendemail": "sends mail",
    "tscollect": "writes summary files",
}
"""Commands that are refused always, with the reason."""

SUPPORTED = tuple(sorted({"search", "bucket", *PARSERS}))
"""Commands that this engine runs."""

_NAME = re.compile(r"\s*([A-Za-z_]\w*)")


def parse_search(text: str, *, macros: MacroTable | None = None) -> Search:
    """Parse a whole search.

    Args:
        text: The search as written.
        macros: Macros that it may call.

    Returns:
        The plan; its `text` is the search as it runs, macros expanded.

    Raises:
        SplError: It cannot be run here; the place is one in `text`.
    """
    expanded = expand(text, macros or {})
    try:
        return _parse_expanded(expanded.text)
    except SplError as error:
        if error.span is None:
            raise
        raise type(error)(
            error.message, text=text, span=expanded.span(error.span), supported=error.supported
        ) from None


def _parse_expanded(text: str) -> Search:
    blanked = blank_comments(text)
    spans = list(split_pipeline(blanked))
    if len(spans) > 1 and not blanked[spans[0].start : spans[0].end].strip():
        spans.pop(0)
    first = _parse_first(blanked, spans[0])
    if not isinstance(first, tuple):
        raise _no_generator(blanked, spans[0])
    command, times = first
    rest = [_parse_command(blanked, span) for span in spans[1:]]
    return Search(
        commands=(command, *rest), text=text, earliest=times.get("earliest"), latest=times.get("latest")
    )


def _no_generator(text: str, span: Span) -> SplError:
    return UnsupportedError("a search that does not begin with `search`.", text=text, span=span)


def _parse_first(text: str, span: Span) -> tuple[Command, dict[str, str]] | None:
    """Read the first command: a condition, with or without the word `search`."""
    match = _NAME.match(text, span.start, span.end)
    leading = text[: span.start].rstrip().endswith("|")
    start = span.start
    if match and match.group(1).lower() == "search" and not _is_comparison(text, match.end(), span.end):
        start = match.end()
    elif match and leading:
        _check_name(text, match)
        return None
    elif match:
        _refuse_forbidden_first(text, match, span)
    parser = TermParser(text, start, span.end)
    term = parser.parse()
    if term is None and not parser.times:
        raise SplSyntaxError(
            "the search is empty. Expected search terms.", text=text, span=Span(start, span.end)
        )
    return SearchCommand(term, _trim(text, span)), {name: value for name, (value, _) in parser.times.items()}


def _is_comparison(text: str, position: int, end: int) -> bool:
    return text[position:end].lstrip()[:1] in {"=", "<", ">", "!"}


def _refuse_forbidden_first(text: str, match: re.Match[str], span: Span) -> None:
    """A search for the word `delete` is fine; `sendemail to=…` as a first command is not meant as a search."""
    name = match.group(1).lower()
    if name in FORBIDDEN and text[match.end() : span.end].strip():
        raise _forbidden(text, name, Span(match.start(1), match.end(1)))


def _parse_command(text: str, span: Span) -> Command:
    match = _NAME.match(text, span.start, span.end)
    if match is None:
        raise SplSyntaxError(
            "a command is missing between pipes.",
            text=text,
            span=Span(span.start, max(span.end, span.start + 1)),
        )
    name = _check_name(text, match)
    if name == "search":
        parser = TermParser(text, match.end(), span.end)
        term = parser.parse()
        if parser.times:
            _, place = next(iter(parser.times.values()))
            raise UnsupportedError("earliest or latest after the first command.", text=text, span=place)
        return SearchCommand(term, _trim(text, span))
    parse: Callable[[Clause], Command] = PARSERS["bin" if name == "bucket" else name]
    return parse(Clause(text, match.end(), span.end, _trim(text, span)))


def _check_name(text: str, match: re.Match[str]) -> str:
    name = match.group(1).lower()
    span = Span(match.start(1), match.end(1))
    if name in FORBIDDEN:
        raise _forbidden(text, name, span)
    if name not in SUPPORTED:
        near = difflib.get_close_matches(name, SUPPORTED, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UnsupportedError(f"command {name!r}.{hint}", text=text, span=span, supported=SUPPORTED)
    return name


def _forbidden(text: str, name: str, span: Span) -> ForbiddenError:
    return ForbiddenError(f"command {name!r} {FORBIDDEN[name]}; it is refused always.", text=text, span=span)


def _trim(text: str, span: Span) -> Span:
    inner = text[span.start : span.end]
    return Span(span.start + len(inner) - len(inner.lstrip()), span.start + len(inner.rstrip()))
