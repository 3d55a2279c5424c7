"""Lint of one search in a procedure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from procedures.expand import TokenError, Value
from procedures.filling import fill_search
from procedures.model import Place
from procedures.reading import Faults
from procedures.servers import ROOM, Server
from spl.commands.aggregate import Stats
from spl.commands.rows import Where
from spl.datamodels import AnyDatasets, Dataset, near_dataset
from spl.errors import ForbiddenError, MacroError, SplError
from spl.expr import Compare, Literal, walk
from spl.macros import Expanded, MacroTable, expand
from spl.parse import parse_search
from spl.plan import Search, datasets, indexes, tables, walk_commands, walk_searches
from spl.reach import objections

_FULL_WIDTH = re.compile(r"[＝＞＜！（）＋－＊／％＆｜，．＂０-９]")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True)
class SearchText:
    """A search as it stands in the file."""

    spl: str
    place: Place
    values: Mapping[str, Value]
    macros: MacroTable
    indexes: frozenset[str]
    """Indexes of the procedure's data sources, lower case."""
    datasets: Mapping[str, Dataset]
    """Datasets of the known data models; a server may have others."""
    lookups: frozenset[str] = frozenset()
    """Lookups beside the procedure and those that it names on the server."""
    server: Server | None = None
    """The server whose limits are looked at."""

    def at(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset in the search."""
        before = self.spl[:offset]
        return self.place.line + before.count("\n"), offset - (before.rfind("\n") + 1) + 1


def check_width(text: str, place: Place, faults: Faults) -> bool:
    """Report full-width operators and digits outside quotes; tell whether there are any."""
    masked = _STRING.sub(lambda match: " " * len(match.group()), text)
    match = _FULL_WIDTH.search(masked)
    if match is None:
        return False
    before = text[: match.start()]
    line, column = before.count("\n"), match.start() - (before.rfind("\n") + 1)
    faults.add(
        "P024",
        f"full-width {match.group()!r}. Expected half-width characters.",
        place.line + line,
        (place.column if not line else 1) + column,
    )
    return True


def check_search(text: SearchText, faults: Faults) -> Search | None:
    """Report what is wrong with a search; return its plan when it can be understood."""
    if check_width(text.spl, text.place, faults):
        return None
    try:
        filled = _same_length(text)
        expanded = expand(filled, text.macros)
        search = parse_search(filled, macros=text.macros, datasets=AnyDatasets())
    except SplError as error:
        code = (
            "P021"
            if isinstance(error, ForbiddenError)
            else "P025"
            if isinstance(error, MacroError)
            else "P020"
        )
        line, column = text.at(error.span.start if error.span else 0)
        known = f" Supported: {', '.join(error.supported)}." if error.supported else ""
        faults.add(code, f"{error.message}{known}", line, column)
        return None
    except TokenError as error:
        faults.add("P031", str(error), text.place.line)
        return None
    _check_bounds(search, text, faults)
    _check_reach(search, expanded, text, faults)
    if _check_tokens(text, faults) and text.server is not None:
        _check_server(text.server, search, expanded, text, faults)
    _check_datasets(search, text, faults)
    _check_thresholds(search, text, faults)
    return search


_TOKEN = re.compile(r"\$\$|\$([A-Za-z_][\w.{}]*)\$")


def _same_length(text: SearchText) -> str:
    """Fill tokens so that every other character keeps its place."""

    def fill(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$ "
        if match[1] not in text.values:
            raise TokenError(f"token ${match[1]}$ is no parameter and no column.", match[1])
        value = text.values[match[1]]
        width = len(match.group())
        return "1".rjust(width, "0") if isinstance(value, int | float) else '"' + "x" * (width - 2) + '"'

    return _TOKEN.sub(fill, text.spl)


def _check_bounds(search: Search, text: SearchText, faults: Faults) -> None:
    line, column = text.at(0)
    for name in ("earliest", "latest"):
        if getattr(search, name) is not None:
            at = text.at(max(text.spl.find(name), 0))
            faults.add("P022", f"inline {name}=. The window is written once, in the item's settings.", *at)
    named = indexes(search)
    if named is None:
        faults.add("P023", "the search names no index. Expected index=… of a data source.", line, column)
    elif foreign := sorted(named - text.indexes):
        known = ", ".join(sorted(text.indexes))
        faults.add(
            "P023", f"index {foreign[0]!r} is no data source of this procedure ({known}).", line, column
        )


def _check_reach(search: Search, expanded: Expanded, text: SearchText, faults: Faults) -> None:
    """Report what the guard would refuse: times, commands without a window, rows that become text, foreign lookups."""
    told = search.earliest is not None or search.latest is not None
    for objection in objections(search):
        if objection.kind == "times" and told and objection.span == search.commands[0].span:
            continue
        at = text.at(expanded.span(objection.span).start)
        faults.add("P022" if objection.kind == "times" else "P027", objection.message, *at)
    for name in sorted(tables(search)):
        if name.removesuffix(".csv") not in text.lookups:
            message = (
                f"lookup {name!r} is not one of the procedure's. Expected a file in the folder lookups, or its name in "
                "lookups: of the front matter."
            )
            faults.add("P028", message, *text.at(max(text.spl.find(name), 0)))


def _check_tokens(text: SearchText, faults: Faults) -> bool:
    """Report a token in whose place a plain value of a log is more than a value; tell whether all are well."""
    for value in ("x", "x.y"):
        known = {name: [value] if isinstance(own, list) else own for name, own in text.values.items()}
        try:
            fill_search(text.spl, known, text.macros)
        except TokenError as error:
            faults.add("P037", str(error), *text.at(max(text.spl.find(f"${error.token}$"), 0)))
            return False
    return True


def _check_server(
    server: Server, search: Search, expanded: Expanded, text: SearchText, faults: Faults
) -> None:
    """Report what the server would refuse of the search as it is sent, macros expanded."""
    sent = fill_search(text.spl, text.values, text.macros)
    if server.longest is not None and len(sent) > server.longest - ROOM:
        message = (
            f"the search has {len(sent):,} characters with its macros. The server takes {server.longest:,}, of which "
            f"{ROOM} stay free for what the client adds."
        )
        faults.add("P058", message, *text.at(0))
    told: set[str] = set()
    for command in (command for part in walk_searches(search) for command in walk_commands(part)):
        known = server.allowed is None or command.name in server.allowed
        if (known and command.name not in server.refused) or command.name in told:
            continue
        told.add(command.name)
        verb = "refuses" if command.name in server.refused else "is not known to allow"
        message = f"the server {verb} the command {command.name!r} ({server.rests_on})."
        faults.add("P057", message, *text.at(expanded.span(command.span).start))


def _check_datasets(search: Search, text: SearchText, faults: Faults) -> None:
    """A server may have any data model; a name that is almost a known one is likely a slip, and finds nothing."""
    for dataset in datasets(search):
        near = near_dataset(dataset, text.datasets)
        if near is None:
            continue
        name = dataset.model if dataset.model == dataset.name else f"{dataset.model}.{dataset.name}"
        written = re.search(re.sub(r"\\\.", r"\\W+", re.escape(name)), text.spl, re.IGNORECASE)
        place = text.at(written.start() if written else 0)
        faults.add("P056", f"data model {name!r} is not known here. Did you mean {near!r}?", *place)


def _check_thresholds(search: Search, text: SearchText, faults: Faults) -> None:
    """A number in a `where` after `stats` decides what an analyst sees, where no reviewer looks for it."""
    aggregated = False
    for command in search.commands:
        if isinstance(command, Where) and aggregated:
            literal = any(
                isinstance(node, Compare)
                and isinstance(node.right, Literal)
                and isinstance(node.right.value, int | float)
                for node in walk(command.condition)
            )
            if literal and "$" not in text.spl:
                offset = (
                    min(command.condition.span.start, len(text.spl) - 1)
                    if text.spl == search.text
                    else text.spl.rfind("where")
                )
                faults.add(
                    "P053",
                    "a threshold stands in the search. Expected it in a criterion.",
                    *text.at(max(offset, 0)),
                )
        aggregated = aggregated or isinstance(command, Stats)
