"""The frozen plan of a search: what the parser hands to the compiler, the guard and lint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, ClassVar

from spl.errors import Span
from spl.terms import FieldIn, FieldTerm, Keyword, Pattern, Subsearch, Term, exact_values, walk_terms

if TYPE_CHECKING:
    from spl.datamodels import Dataset
    from spl.stage import Builder, Stage

Names = set[str] | None
"""Field names; None when raw events leave the set open."""


class Command(ABC):
    """One command of a pipeline: what it reads and makes, and how it turns rows into rows."""

    __slots__ = ()
    name: ClassVar[str]
    row_by_row: ClassVar[bool] = False
    """Whether it gives one row for each, in the same order."""
    span: Span

    @abstractmethod
    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Return the rows after the command."""

    def reads(self) -> tuple[str, ...]:
        """Return the fields that the command reads, wildcards as written."""
        return ()

    def makes(self) -> tuple[str, ...]:
        """Return the fields that the command creates."""
        return ()

    def output(self, names: Names) -> Names:
        """Return the fields after the command, given those before it."""
        return None if names is None else names | set(self.makes())

    def tables(self) -> tuple[str, ...]:
        """Return the lookup tables that the command itself reads."""
        return ()

    def searches(self) -> tuple[Search, ...]:
        """Return the searches in its arguments, wherever they are held: in a list, a condition or an expression."""
        return tuple(part for part in _held(self) if isinstance(part, Search))

    def pipelines(self) -> tuple[Command, ...]:
        """Return the commands in its arguments that stand in no search of their own, as those of `appendpipe`."""
        return tuple(part for part in _held(self) if isinstance(part, Command))


class Generator(Command):
    """A command that stands first and makes rows instead of changing some."""

    __slots__ = ()
    bounded: ClassVar[bool] = False
    """Whether it reads no event outside of the window; where a command does not say so, the guard refuses it."""

    @abstractmethod
    def generate(self, builder: Builder) -> Stage:
        """Return the rows."""

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Return the rows; those before it are none."""
        return self.generate(builder)

    def indexes(self) -> frozenset[str] | None:
        """Return the indexes that are searched; None when they are not bounded, as for a command that does not say."""
        return None

    def times(self) -> Mapping[str, str]:
        """Return the inline times, `earliest` and `latest`, as written."""
        return {}


@dataclass(frozen=True, slots=True)
class SearchCommand(Command):
    """Keep the events or rows that meet a condition."""

    name = "search"
    term: Term | None
    span: Span

    def reads(self) -> tuple[str, ...]:
        """Return the fields of the condition."""
        return tuple(term_fields(self.term))

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Keep the rows that meet the condition."""
        from spl.sql_terms import compile_term
        from spl.subsearch import resolve_term

        term = resolve_term(builder, self.term)
        return stage if term is None else builder.filter(stage, compile_term(term, builder.context(stage)))


@dataclass(frozen=True, slots=True)
class Search:
    """A whole search; `earliest` and `latest` are inline times as written."""

    commands: tuple[Command, ...]
    text: str
    earliest: str | None = None
    latest: str | None = None

    @property
    def base(self) -> Term | None:
        """The condition of the first command."""
        first = self.commands[0]
        return first.term if isinstance(first, SearchCommand) else None


def _held(command: Command) -> Iterator[Search | Command]:
    """Yield the searches and commands that stand in the arguments of a command, not those inside of them.

    It looks at the values themselves, so that no command can hold a search that the guard does not see.
    """
    for part in fields(command):  # type: ignore[arg-type]
        yield from _within(getattr(command, part.name))


_LEAVES = (str, int, float, Span, Pattern, type(None))
"""What holds no search, and stands in a plan by the thousand."""


def _within(value: object) -> Iterator[Search | Command]:
    if isinstance(value, _LEAVES) or type(value).__name__ == "Dataset":
        return
    if isinstance(value, Search | Command):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _within(part)
    elif isinstance(value, tuple | list | frozenset | set):
        for part in value:
            yield from _within(part)
    elif is_dataclass(value):
        for one in fields(value):
            yield from _within(getattr(value, one.name))


def command_names(search: Search) -> tuple[str, ...]:
    """Return the names of the commands, those of subsearches included, in order."""
    return tuple(command.name for part in walk_searches(search) for command in walk_commands(part))


def walk_commands(search: Search) -> Iterator[Command]:
    """Yield the commands of a search and those in their pipelines, without those of its subsearches."""
    for command in search.commands:
        yield from _with_pipelines(command)


def _with_pipelines(command: Command) -> Iterator[Command]:
    yield command
    for inner in command.pipelines():
        yield from _with_pipelines(inner)


def walk_searches(search: Search) -> Iterator[Search]:
    """Yield `search` and every search in it, whichever command holds it."""
    yield search
    for command in walk_commands(search):
        for inner in command.searches():
            yield from walk_searches(inner)


def indexes(search: Search) -> frozenset[str] | None:
    """Return the indexes that the search and its subsearches are bounded to; None when one is not."""
    found: frozenset[str] = frozenset()
    for part in walk_searches(search):
        inner = (command for command in walk_commands(part) if command is not part.commands[0])
        later = (command.indexes() for command in inner if isinstance(command, Generator))
        for own in (own_indexes(part), *later):
            if own is None:
                return None
            found |= own
    return found


def tables(search: Search) -> frozenset[str]:
    """Return the lookup tables that the search and its subsearches read."""
    commands = (command for part in walk_searches(search) for command in walk_commands(part))
    return frozenset(name for command in commands for name in command.tables())


def own_indexes(search: Search) -> frozenset[str] | None:
    """Return the indexes that the search itself is bounded to, without its subsearches."""
    first = search.commands[0]
    return first.indexes() if isinstance(first, Generator) else exact_values(search.base, "index")


def sourcetypes(search: Search) -> frozenset[str] | None:
    """Return the sourcetypes that the search is bounded to; None when it is not."""
    return exact_values(search.base, "sourcetype")


def datasets(search: Search) -> tuple[Dataset, ...]:
    """Return the datasets of data models that a search and its subsearches read, each once."""
    commands = (command for part in walk_searches(search) for command in walk_commands(part))
    found = (getattr(command, "dataset", None) for command in commands)
    return tuple({(one.model, one.name): one for one in found if one is not None}.values())


def term_fields(term: Term | None) -> Iterator[str]:
    """Yield the fields that a `search` condition reads; a keyword reads `_raw`."""
    for part in walk_terms(term):
        match part:
            case FieldTerm(field) | FieldIn(field):
                yield field
            case Keyword():
                yield "_raw"
            case Subsearch(search):
                yield from output_fields(search) or ("*",)


def output_fields(search: Search) -> frozenset[str] | None:
    """Return the fields of the result; None when raw events leave the set open."""
    names: Names = None
    for command in search.commands:
        names = command.output(names)
    return None if names is None else frozenset(names)


def source_fields(search: Search) -> frozenset[str] | None:
    """Return the event fields, wildcards as written, that can matter to the result; None when all of them can."""
    wanted: set[str] = set()
    names: Names = None
    for command in search.commands:
        wanted.update(command.reads())
        names = command.output(names)
        if names is not None:
            return frozenset(wanted)
    return None
