"""Lint of one search in a procedure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from procedures.expand import TokenError, Value
from procedures.model import Place
from procedures.reading import Faults
from spl.commands.aggregate import Stats
from spl.commands.rows import Where
from spl.datamodels import AnyDatasets, Dataset, near_dataset
from spl.errors import ForbiddenError, MacroError, SplError
from spl.expr import Compare, Literal, walk
from spl.macros import MacroTable
from spl.parse import parse_search
from spl.plan import Search, datasets, indexes

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
        search = parse_search(_same_length(text), macros=text.macros, datasets=AnyDatasets())
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
