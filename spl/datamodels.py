"""Virtual data models: which events belong to a dataset, and how each sourcetype gives its fields.

The models are data (`spl/models/*.toml`), named as in Splunk's Common Information Model.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from spl.errors import Span, SplError
from spl.expr import Expr, Field
from spl.parse_expr import parse_expression
from spl.parse_terms import parse_condition
from spl.terms import Combined, Term

_ASSET = ("bunit", "category", "is_expected", "priority", "requires_av", "should_timesync", "should_update")
_IDENTITY = ("bunit", "category", "priority")
"""What asset and identity correlation adds to a field such as `dest` or `user`."""


_ALIKE = 0.85
"""From this likeness on (`difflib`) a name is taken for a slip of another."""


class DataModelFileError(SplError):
    """A data model file cannot be used; the message names the file and the fault."""

    code = "DATAMODEL"


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
    """One dataset of a data model. A nested one has the fields and sources of its root, and conditions of its own."""

    model: str
    name: str
    root: str
    """Name that stands before a field, as in `Processes.user`."""
    fields: tuple[str, ...]
    sources: tuple[Source, ...]
    where: Term | None = None
    """Search terms over the dataset's fields; those of every dataset that it is nested in are part of it."""


def find_dataset(
    name: str, *, text: str = "", span: Span | None = None, datasets: Mapping[str, Dataset] | None = None
) -> Dataset:
    """Return a dataset by `Model.Dataset`, by a longer path that ends in it, or by the model for its first one.

    Args:
        name: As the search has it, quoted or not; letter case does not matter.
        text: The search, for the error's place.
        span: Where `name` stands in it.
        datasets: What `load_datasets` returned; by default the bundled ones.

    Raises:
        UnknownDatasetError: There is none of this name.
    """
    cleaned = name.strip("\"'").lower()
    known = load_datasets() if datasets is None else datasets
    found = known.get(cleaned) or known.get(".".join(cleaned.split(".")[:1] + cleaned.split(".")[-1:]))
    if found is None:
        titles = {f"{one.model}.{one.name}": one.name.lower() for one in known.values()}
        same = [title for title, last in titles.items() if last == cleaned.rsplit(".", 1)[-1]]
        folded = {title.lower(): title for title in titles}
        near = same or [folded[one] for one in difflib.get_close_matches(cleaned, folded, 1, 0.4)]
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UnknownDatasetError(
            f"dataset {name!r} is unknown.{hint}", text=text, span=span, supported=tuple(sorted(titles))
        )
    return found


class AnyDatasets(dict[str, Dataset]):
    """The datasets of a server that may have data models of its own: every name is one."""

    def get(self, name: str, default: Any = None) -> Any:
        """Return the bundled dataset, or one of which nothing is known but its name."""
        model, _, last = name.rpartition(".")
        return load_datasets().get(name) or Dataset(model or last, last, last, (), ())


def near_dataset(dataset: Dataset, known: Mapping[str, Dataset]) -> str | None:
    """Return the name of the known dataset or model that `dataset` is named almost like; None when it is known, or like none.

    Args:
        dataset: As a parser over `AnyDatasets` gave it.
        known: What `load_datasets` returned.
    """
    model, name = dataset.model.lower(), f"{dataset.model}.{dataset.name}".lower()
    alone = dataset.model == dataset.name
    if name in known or (alone and model in known):
        return None
    titles = {one.model.lower(): one.model for one in known.values()}
    if not alone:
        titles = {title.lower(): title for title in (f"{one.model}.{one.name}" for one in known.values())}
    near = difflib.get_close_matches(model if alone else name, titles, 1, _ALIKE)
    return titles[near[0]] if near else None


def load_datasets(extra_folders: Sequence[Path] = ()) -> Mapping[str, Dataset]:
    """Return every dataset by `model.dataset` in lower case, and the first one of a model by the model's name.

    Args:
        extra_folders: Folders of TOML files beside the bundled ones; a file that describes a dataset which is
            there already adds its fields and sources to it.

    Raises:
        DataModelFileError: A file cannot be read or used.
    """
    extra_folders = [folder for folder in extra_folders if folder.is_dir()]
    if not extra_folders:
        return _bundled()
    own = dict(_bundled_files())
    for folder in extra_folders:
        for path in sorted(folder.glob("*.toml")):
            _add_file(own, path)
    return _by_name(own)


_Own = dict[tuple[str, str], tuple[str | None, Dataset]]
"""Parent and dataset by model and name, each with its own fields, conditions and sources, nothing inherited."""


@cache
def _bundled() -> Mapping[str, Dataset]:
    return _by_name(_bundled_files())


@cache
def _bundled_files() -> _Own:
    own: _Own = {}
    for file in sorted((files("spl") / "models").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            _add_file(own, file)
    return own


def _by_name(own: _Own) -> Mapping[str, Dataset]:
    trees: dict[tuple[str, str], list[Dataset]] = {}
    for model, name in own:
        trees.setdefault((model, _lineage(own, model, name)[0].name), []).append(own[model, name][1])
    found: dict[str, Dataset] = {}
    for model, name in own:
        lineage = _lineage(own, model, name)
        terms = tuple(one.where for one in lineage if one.where is not None)
        tree = trees[model, lineage[0].name]
        dataset = Dataset(
            model,
            name,
            lineage[0].name,
            tuple(dict.fromkeys(field for one in tree for field in one.fields)),
            tuple(source for one in lineage for source in one.sources),
            Combined("AND", terms, Span(0, 0)) if len(terms) > 1 else terms[0] if terms else None,
        )
        found.setdefault(model.lower(), dataset)
        found[f"{model}.{name}".lower()] = dataset
    return found


def _lineage(own: _Own, model: str, name: str) -> list[Dataset]:
    """Return a dataset and those that it is nested in, the root first."""
    parent, dataset = own[model, name]
    return [dataset] if parent is None else [*_lineage(own, model, parent), dataset]


def _add_file(own: _Own, file: Traversable) -> None:
    place = f"data model file {str(file)!r}"
    try:
        entry = _ModelEntry.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataModelFileError(f"{place} cannot be read: {error}.") from None
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise DataModelFileError(f"{place} is not as expected: {faults}.") from None
    for name, described in entry.datasets.items():
        parent, there = own.get((entry.model, name), (described.parent, None))
        if parent is not None and (entry.model, parent) not in own:
            raise DataModelFileError(
                f"{place}: the parent {parent!r} of dataset {name!r} is not described before it."
            )
        try:
            added = _dataset(entry.model, name, described)
        except SplError as error:
            raise DataModelFileError(
                f"{place}: dataset {name!r} has a faulty text {error.text!r}: {error}"
            ) from None
        if there is not None:
            added = replace(there, fields=there.fields + added.fields, sources=there.sources + added.sources)
        own[entry.model, name] = (parent, added)
    listed = {field for (model, _), (_, one) in own.items() if model == entry.model for field in one.fields}
    given = {
        field for name in entry.datasets for one in own[entry.model, name][1].sources for field in one.fields
    }
    if unknown := sorted(given - listed):
        raise DataModelFileError(f"{place} gives {', '.join(unknown)}, which no dataset of the model lists.")


def _dataset(model: str, name: str, entry: _DatasetEntry) -> Dataset:
    fields = [*entry.fields]
    fields += [f"{field}_{part}" for field in entry.assets for part in _ASSET]
    fields += [f"{field}_{part}" for field in entry.identities for part in _IDENTITY]
    sources = tuple(_source(one) for one in entry.sources)
    where = parse_condition(entry.where) if entry.where else None
    return Dataset(model, name, name, tuple(fields), sources, where)


def _source(entry: _SourceEntry) -> Source:
    given: dict[str, Expr] = {name: Field(name, Span(0, 0)) for name in entry.same}
    given |= {name: parse_expression(text) for name, text in entry.fields.items()}
    return Source(entry.sourcetypes, parse_condition(entry.where) if entry.where else None, given)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _SourceEntry(_Entry):
    sourcetypes: tuple[str, ...]
    where: str = ""
    same: tuple[str, ...] = ()
    fields: dict[str, str] = {}


class _DatasetEntry(_Entry):
    parent: str | None = None
    where: str = ""
    fields: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    sources: tuple[_SourceEntry, ...] = ()


class _ModelEntry(_Entry):
    model: str
    datasets: dict[str, _DatasetEntry]
