"""Virtual data models: which events belong to a dataset, and how each sourcetype gives its fields.

The models are data (`spl/models/*.toml`), named as in Splunk's Common Information Model.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from spl.errors import Span, SplError
from spl.expr import Expr, Field
from spl.parse_expr import parse_expression
from spl.parse_terms import parse_condition
from spl.terms import Term


class UnknownDatasetError(SplError):
    """A data model or dataset is unknown."""

    code = "DATAMODEL"


@dataclass(frozen=True, slots=True)
class Source:
    """Events of some sourcetypes as rows of a dataset."""

    sourcetypes: tuple[str, ...]
    """Globs, compared without regard to case."""
    where: Term | None
    fields: Mapping[str, Expr]

    def matching(self, known: Collection[str]) -> tuple[str, ...]:
        """Return the sourcetypes of `known` that this source speaks of."""
        globs = [glob.lower() for glob in self.sourcetypes]
        return tuple(sorted(name for name in known if any(fnmatchcase(name.lower(), glob) for glob in globs)))


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset of a data model. A child has the fields and sources of its root, and a condition of its own."""

    model: str
    name: str
    root: str
    """Name that stands before a field, as in `Processes.user`."""
    fields: tuple[str, ...]
    sources: tuple[Source, ...]
    where: Term | None = None


def find_dataset(name: str, *, text: str = "", span: Span | None = None) -> Dataset:
    """Return a dataset by `Model.Dataset`, or by the model alone for its first one.

    Raises:
        UnknownDatasetError: There is none of this name.
    """
    cleaned = name.strip("\"'").lower()
    datasets = load_datasets()
    found = datasets.get(cleaned) or datasets.get(".".join(cleaned.split(".")[:1] + cleaned.split(".")[-1:]))
    if found is None:
        known = sorted({f"{one.model}.{one.name}" for one in datasets.values()})
        near = difflib.get_close_matches(name, known, 1, 0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UnknownDatasetError(
            f"dataset {name!r} is unknown.{hint}", text=text, span=span, supported=tuple(known)
        )
    return found


@cache
def load_datasets() -> Mapping[str, Dataset]:
    """Return every dataset by its name in lower case, and the first one of a model by the model's name."""
    found: dict[str, Dataset] = {}
    for dataset in _read():
        found.setdefault(dataset.model.lower(), dataset)
        found[f"{dataset.model}.{dataset.name}".lower()] = dataset
    return found


def _read() -> Iterator[Dataset]:
    folder = files("spl") / "models"
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.endswith(".toml"):
            content = tomllib.loads(path.read_text("utf-8"))
            for model in content.get("models") or [content]:
                yield from _datasets(model)


def _datasets(model: Mapping[str, Any]) -> Iterator[Dataset]:
    made: dict[str, Dataset] = {}
    for name, entry in model["datasets"].items():
        where = parse_condition(entry["where"]) if "where" in entry else None
        if "parent" in entry:
            made[name] = replace(made[entry["parent"]], name=name, where=where)
        else:
            fields = tuple(entry["fields"])
            sources = tuple(_source(source, fields) for source in entry.get("sources", ()))
            made[name] = Dataset(model["model"], name, name, fields, sources, where)
        yield made[name]


def _source(entry: Mapping[str, Any], fields: tuple[str, ...]) -> Source:
    given = {name: parse_expression(text) for name, text in entry.get("fields", {}).items()}
    if entry.get("same"):
        given = {name: Field(name, Span(0, 0)) for name in fields}
    where = parse_condition(entry["where"]) if "where" in entry else None
    return Source(tuple(entry["sourcetypes"]), where, given)
