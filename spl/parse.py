"""From the text of a search to its plan. Nothing runs before the whole search has been understood."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import lru_cache

from spl.clause import Clause
from spl.commands import ALIASES, COMMANDS, GENERATING, NOT_FIRST, parse_command
from spl.commands.datamodel import FromDataset
from spl.datamodels import Dataset
from spl.errors import BeyondError, ForbiddenError, Span, SplError, SplSyntaxError, UnsupportedError
from spl.lex import blank_comments, bracket_starts, closing_bracket, split_pipeline
from spl.macros import MacroTable, expand
from spl.parse_terms import TermParser
from spl.plan import Command, Generator, Search, SearchCommand

FORBIDDEN: dict[str, str] = {
    "collect": "writes events to an index",
    "delete": "deletes events",
    "dump": "writes files",
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

BEYOND: dict[str, str] = {
    "abstract": "Splunk does not say which lines it keeps",
    "af": "Splunk does not say how it scores",
    "analyzefields": "Splunk does not say how it scores",
    "anomalies": "Splunk does not say how it scores",
    "anomalousvalue": "Splunk does not say how it scores",
    "anomalydetection": "Splunk does not say how it scores",
    "arules": "Splunk does not say how it scores",
    "associate": "Splunk does not say how it scores",
    "bucketdir": "Splunk does not say how it groups",
    "cluster": "Splunk does not say how it groups",
    "concurrency": "streamstats counts what overlaps",
    "contingency": "chart count by two fields gives the table",
    "correlate": "Splunk does not say how it scores",
    "crawl": "there are no files to find",
    "dbinspect": "there are no buckets",
    "diff": "it shows texts side by side",
    "erex": "Splunk does not say how it finds the expression; rex takes one",
    "findtypes": "Splunk does not say how it groups",
    "folderize": "Splunk does not say how it groups",
    "gauge": "it draws a gauge",
    "geom": "it draws maps",
    "geostats": "it draws maps",
    "history": "there is no history of searches",
    "iconify": "it draws symbols",
    "input": "there are no inputs to change",
    "inputcsv": "there is no dispatch folder; inputlookup reads a table",
    "kmeans": "Splunk does not say where it starts",
    "loadjob": "there are no stored jobs",
    "mcatalog": "there is no metrics index",
    "metasearch": "search gives the events, their fields too",
    "mpreview": "there is no metrics index",
    "msearch": "there is no metrics index",
    "mstats": "there is no metrics index",
    "multikv": "tables in text are read when logs are imported",
    "outlier": "it changes values without saying which",
    "outputtext": "it shows the raw text",
    "pivot": "tstats and from ask a data model",
    "predict": "Splunk does not say how it forecasts",
    "relevancy": "Splunk does not say how it scores",
    "reltime": "it words a time for a person",
    "rest": "there is no Splunk server to ask",
    "rtorder": "there is no real-time search",
    "savedsearch": "there are no saved searches",
    "scrub": "Splunk does not say how it makes up names",
    "selfjoin": "stats by the fields puts rows together",
    "sichart": "there are no summary indexes",
    "sirare": "there are no summary indexes",
    "sistats": "there are no summary indexes",
    "sitimechart": "there are no summary indexes",
    "sitop": "there are no summary indexes",
    "summary": "there are no stored models",
    "tags": "there are no tags.conf files",
    "typelearner": "Splunk does not say how it learns",
    "typer": "there are no event types",
    "walklex": "there is no index of words",
    "x11": "Splunk does not say how it decomposes",
    "xpath": "spath reads XML",
}
"""Commands that are refused because no right answer can be given here, with the reason."""

SUPPORTED = tuple(sorted({"search", *ALIASES, *COMMANDS}))
"""Commands that this engine runs."""

_NAME = re.compile(r"\s*([A-Za-z_]\w*)")


def parse_search(
    text: str, *, macros: MacroTable | None = None, datasets: Mapping[str, Dataset] | None = None
) -> Search:
    """Parse a whole search.

    Args:
        text: The search as written.
        macros: Macros that it may call.
        datasets: Datasets of the data models, as `load_datasets` gives them; None means the bundled ones.

    Returns:
        The plan; its `text` is the search as it runs, macros expanded.

    Raises:
        SplError: It cannot be run here; the place is one in `text`.
    """
    expanded = expand(text, macros or {})
    try:
        return _parse_expanded(expanded.text, datasets)
    except SplError as error:
        if error.span is None:
            raise
        raise type(error)(
            error.message, text=text, span=expanded.span(error.span), supported=error.supported
        ) from None


_DEEPEST = 8
"""How deep subsearches may be nested."""


def _parse_expanded(text: str, datasets: Mapping[str, Dataset] | None) -> Search:
    return _parse_with(text, datasets) if _OF_MODELS.search(text) else _parse_known(text)


_OF_MODELS = re.compile(r"(?i)\b(?:datamodel|from|tstats|pivot)\b")
"""Only searches with these words ask which datasets there are."""


@lru_cache(maxsize=256)
def _parse_known(text: str) -> Search:
    return _parse_with(text, None)


def _parse_with(text: str, datasets: Mapping[str, Dataset] | None) -> Search:
    return _Pipeline(blank_comments(text), text, 0, datasets).parse(Span(0, len(text)))


class _Pipeline:
    """Parses a pipeline of `text`; `whole` is the text as written, comments included."""

    def __init__(
        self,
        text: str,
        whole: str,
        depth: int,
        datasets: Mapping[str, Dataset] | None,
        opened: set[int] | None = None,
    ) -> None:
        self._datasets = datasets
        self._text = text
        self._whole = whole
        self._depth = depth
        self._opened: set[int] = set() if opened is None else opened

    def parse(self, place: Span) -> Search:
        """Parse a search that stands at `place`."""
        text = self._text
        spans = list(split_pipeline(text, place.start, place.end))
        if len(spans) > 1 and not text[spans[0].start : spans[0].end].strip():
            spans.pop(0)
        command, times = self._first(spans[0], leading=text[place.start : spans[0].start].strip() == "|")
        self._all_read(spans[0], command.name)
        hoisted = times if isinstance(command, FromDataset) else None
        rest = [
            self._command(span, hoisted if number == 0 else None) for number, span in enumerate(spans[1:])
        ]
        whole = self._whole if place == Span(0, len(text)) else self._whole[place.start : place.end].strip()
        return Search(
            commands=(command, *rest), text=whole, earliest=times.get("earliest"), latest=times.get("latest")
        )

    def commands(self, text: str) -> tuple[Command, ...]:
        """Parse commands that stand alone, as the filled template of `foreach`.

        Raises:
            UnsupportedError: One holds a search. Names of fields are filled in, and those are the text of a log.
        """
        inner = _Pipeline(blank_comments(text), text, self._depth + 1, self._datasets)
        commands = inner.inside(Span(0, len(text)))
        if any(command.searches() or command.pipelines() for command in commands):
            raise UnsupportedError("a search in the template of foreach.", text=text, span=Span(0, len(text)))
        return commands

    def inside(self, place: Span) -> tuple[Command, ...]:
        """Parse the commands that stand at `place`, with or without a pipe before the first."""
        spans = list(split_pipeline(self._text, place.start, place.end))
        if len(spans) > 1 and not self._text[spans[0].start : spans[0].end].strip():
            spans.pop(0)
        return tuple(self._command(span) for span in spans)

    def _inside(self, place: Span) -> tuple[Command, ...]:
        return self._deeper(place).inside(place)

    def _subsearch(self, place: Span) -> Search:
        return self._deeper(place).parse(place)

    def _deeper(self, place: Span) -> _Pipeline:
        """Return the parser of what stands in a bracket, which counts as read."""
        if self._depth >= _DEEPEST:
            raise SplSyntaxError(
                f"subsearches are nested more than {_DEEPEST} deep.", text=self._text, span=place
            )
        self._opened.add(place.start - 1)
        return _Pipeline(self._text, self._whole, self._depth + 1, self._datasets, self._opened)

    def _all_read(self, span: Span, name: str) -> None:
        """Refuse a bracket that a command took for something else: a server runs the search in it all the same."""
        for start in bracket_starts(self._text, span):
            if start not in self._opened:
                place = Span(start, closing_bracket(self._text, start, span.end))
                raise SplSyntaxError(
                    f"{name} takes no [ … ] here. Expected brackets in double quotes, or no subsearch.",
                    text=self._text,
                    span=place,
                )

    def _clause(self, start: int, span: Span, *, first: bool = False) -> Clause:
        return Clause(
            self._text,
            start,
            span.end,
            _trim(self._text, span),
            self._subsearch,
            self.commands,
            self._inside,
            self._opened,
            is_first=first,
            datasets=self._datasets,
        )

    def _first(self, span: Span, *, leading: bool) -> tuple[Command, dict[str, str]]:
        """Read the first command: a condition, with or without the word `search`, or a generating command."""
        text = self._text
        match = _NAME.match(text, span.start, span.end)
        start = span.start
        name = match.group(1).lower() if match else ""
        compared = match is not None and _is_comparison(text, match.end(), span.end)
        if match and name == "search" and not compared:
            start = match.end()
        elif match and (
            leading
            or (name in GENERATING and not compared and (self._depth or self._is_command(match, span)))
        ):
            known = _check_name(text, match)
            if known not in GENERATING:
                raise _no_generator(text, span)
            command = parse_command(known, self._clause(match.end(), span, first=True))
            return command, dict(command.times()) if isinstance(command, Generator) else {}
        elif match:
            _refuse_forbidden_first(text, match, span)
        parser = TermParser(text, start, span.end, self._subsearch)
        term = parser.parse()
        if term is None and not parser.times:
            raise SplSyntaxError(
                "the search is empty. Expected search terms.",
                text=text,
                span=Span(start, max(span.end, start + 1)),
            )
        times = {name: value for name, (value, _) in parser.times.items()}
        return SearchCommand(term, _trim(text, span)), times

    def _is_command(self, match: re.Match[str], span: Span) -> bool:
        """Tell whether a generating command without a pipe in front is meant: it has arguments of its own."""
        rest = self._text[match.end() : span.end]
        return bool(re.match(r"\s+\S", rest)) and ("=" in rest or "[" in rest or ":" in rest)

    def _command(self, span: Span, times: dict[str, str] | None = None) -> Command:
        """Read a command behind a pipe, and see that it has read all of its brackets."""
        command = self._read_command(span, times)
        self._all_read(span, command.name)
        return command

    def _read_command(self, span: Span, times: dict[str, str] | None) -> Command:
        """Read a command behind a pipe.

        `| from datamodel:… | search …` is one search to Splunk, which merges the two: inline times of that `search`
        are put into `times`. In any other place they are refused.
        """
        text = self._text
        match = _NAME.match(text, span.start, span.end)
        if match is None:
            raise SplSyntaxError(
                "a command is missing between pipes.",
                text=text,
                span=Span(span.start, max(span.end, span.start + 1)),
            )
        name = _check_name(text, match)
        if name == "search":
            parser = TermParser(text, match.end(), span.end, self._subsearch)
            term = parser.parse()
            if parser.times and times is None:
                _, place = next(iter(parser.times.values()))
                raise UnsupportedError("earliest or latest after the first command.", text=text, span=place)
            if times is not None:
                times.update({name: value for name, (value, _) in parser.times.items()})
            return SearchCommand(term, _trim(text, span))
        if name in NOT_FIRST:
            place = Span(match.start(1), match.end(1))
            raise SplSyntaxError(f"command {name!r} must begin a search.", text=text, span=place)
        return parse_command(name, self._clause(match.end(), span))


def _no_generator(text: str, span: Span) -> SplError:
    return UnsupportedError(
        "a search that begins with a command that makes no rows.",
        text=text,
        span=span,
        supported=tuple(sorted({"search", *GENERATING})),
    )


def _is_comparison(text: str, position: int, end: int) -> bool:
    return text[position:end].lstrip()[:1] in {"=", "<", ">", "!"}


def _refuse_forbidden_first(text: str, match: re.Match[str], span: Span) -> None:
    """A search for the word `delete` is fine; `sendemail to=…` as a first command is not meant as a search."""
    name = match.group(1).lower()
    if name in FORBIDDEN and text[match.end() : span.end].strip():
        raise _forbidden(text, name, Span(match.start(1), match.end(1)))


def _check_name(text: str, match: re.Match[str]) -> str:
    name = match.group(1).lower()
    span = Span(match.start(1), match.end(1))
    if name in FORBIDDEN:
        raise _forbidden(text, name, span)
    if name not in SUPPORTED:
        if name in BEYOND:
            raise BeyondError(f"command {name!r}: {BEYOND[name]}.", text=text, span=span, supported=SUPPORTED)
        near = difflib.get_close_matches(name, SUPPORTED, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UnsupportedError(f"command {name!r}.{hint}", text=text, span=span, supported=SUPPORTED)
    return ALIASES.get(name, name)


def _forbidden(text: str, name: str, span: Span) -> ForbiddenError:
    return ForbiddenError(f"command {name!r} {FORBIDDEN[name]}; it is refused always.", text=text, span=span)


def _trim(text: str, span: Span) -> Span:
    inner = text[span.start : span.end]
    return Span(span.start + len(inner) - len(inner.lstrip()), span.start + len(inner.rstrip()))
