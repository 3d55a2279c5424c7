"""Several recounts as one search: which events are asked for together, and which rows are whose.

Recounts that begin alike are one branch, whose events come once with the columns of all; different branches stand
side by side in `multisearch`. A branch holds commands only that look at one event at a time, so the events are those
of the separate searches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from spl.commands.bins import Bin
from spl.commands.columns import Eval
from spl.plan import Command
from tools.checks.counted import EVENTS, parsed
from tools.search.result import Row

PART = "__part"
"""Column that says which branch an event is of."""
MOST_CHARACTERS = 4_500
"""Longest joint search: servers take 5,000, and a sentinel needs room."""


@dataclass(frozen=True, slots=True)
class Recount:
    """The events behind one item's figures: `before` is the search up to them, `columns` what is counted from."""

    item: str
    before: str
    columns: tuple[str, ...]
    listing: bool = False
    """Only the number of events is asked for."""


@dataclass(slots=True)
class Branch:
    """Recounts that begin alike, and what was put behind their common beginning."""

    host: str
    text: str
    readers: dict[str, dict[str, str]] = field(default_factory=dict)
    """Item to its columns, and the names that they bear in the branch."""
    added: set[str] = field(default_factory=set)
    """Fields that were put behind the host."""
    looked_at: set[str] = field(default_factory=set)
    """Fields that the commands behind the host read."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of all columns, each once."""
        return tuple(dict.fromkeys(name for named in self.readers.values() for name in named.values()))


@dataclass(frozen=True, slots=True)
class Joint:
    """One search for the events of several recounts."""

    branches: tuple[Branch, ...]

    @property
    def items(self) -> tuple[str, ...]:
        """Return whose events it asks for."""
        return tuple(item for branch in self.branches for item in branch.readers)

    @property
    def text(self) -> str:
        """Return the search."""
        if len(self.branches) == 1:
            return f"{self.branches[0].text} | table {_listed(self.branches[0].columns)}"
        parts = (
            f"[search {branch.text} | eval {PART}={number} | fields {PART}, {_listed(branch.columns)}]"
            for number, branch in enumerate(self.branches)
        )
        every = dict.fromkeys(name for branch in self.branches for name in branch.columns)
        return f"| multisearch {' '.join(parts)} | table {PART}, {_listed(tuple(every))}"

    def rows_of(self, recount: Recount, rows: Sequence[Row]) -> tuple[Row, ...]:
        """Return the rows that the recount's own search would have had, out of those of the joint one."""
        number = next(n for n, branch in enumerate(self.branches) if recount.item in branch.readers)
        names = self.branches[number].readers[recount.item]
        mine = [row for row in rows if len(self.branches) == 1 or _is_part(row, number)]
        if recount.listing:
            return ({EVENTS: len(mine)},)
        return tuple({column: row[name] for column, name in names.items() if name in row} for row in mine)


@dataclass(frozen=True, slots=True)
class JointPlan:
    """The recounts of a round over one window, and which of them are one search."""

    recounts: Mapping[str, Recount]
    """By item."""
    joints: tuple[Joint, ...]

    def of(self, item: str) -> tuple[Recount, Joint] | None:
        """Return an item's recount and the joint search that holds it; None when it asks alone."""
        joint = next((joint for joint in self.joints if item in joint.items), None)
        return None if joint is None else (self.recounts[item], joint)


def _is_part(row: Row, number: int) -> bool:
    try:
        return float(str(row.get(PART))) == number
    except ValueError:
        return False


def join(recounts: Sequence[Recount], *, alone: frozenset[str] = frozenset()) -> tuple[Joint, ...]:
    """Return the joint searches of recounts over one window, none of a single recount.

    Args:
        recounts: What is to be counted again.
        alone: Beginnings that no other is put beside, since they are all that a source has.
    """
    branches: list[Branch] = []
    for recount in sorted(recounts, key=lambda recount: (len(recount.before), recount.item)):
        if not any(_takes(branch, recount) for branch in branches):
            branches.append(Branch(recount.before, recount.before, {recount.item: _as_they_are(recount)}))
    heavy = [Joint((branch,)) for branch in branches if branch.host in alone]
    joints = [*heavy, *_packed([branch for branch in branches if branch.host not in alone])]
    return tuple(joint for joint in joints if len(joint.items) > 1)


def _packed(branches: Sequence[Branch]) -> Iterator[Joint]:
    """Yield joint searches that no server finds too long."""
    packed: tuple[Branch, ...] = ()
    for branch in branches:
        if packed and len(Joint((*packed, branch)).text) > MOST_CHARACTERS:
            yield Joint(packed)
            packed = ()
        packed = (*packed, branch)
    if packed:
        yield Joint(packed)


def _as_they_are(recount: Recount) -> dict[str, str]:
    return {column: column for column in recount.columns}


def _takes(branch: Branch, recount: Recount) -> bool:
    """Put a recount into a branch that begins as it does; False when what follows would change the others' events."""
    rest = recount.before.removeprefix(branch.host).strip()
    if not recount.before.startswith(branch.host) or (rest and not rest.startswith("|")):
        return False
    search = parsed(recount.before)
    if search is None:
        return False
    after = [command for command in search.commands if command.span.start >= len(branch.host)] if rest else []
    names, texts = _as_they_are(recount), []
    added, looked_at = set[str](), set[str]()
    for command in after:
        text = search.text[command.span.start : command.span.end].strip()
        fresh = f"__bin{len(branch.added) + len(added)}"
        if _bins_in_place(command) and not _read_later(command, after):
            text, made = f"{text} AS {fresh}", {fresh}
            names |= {column: fresh for column in recount.columns if column in command.makes()}
        elif isinstance(command, Eval):
            made = set(command.makes())
        else:
            return False
        texts.append(text)
        added |= made
        looked_at |= set(command.reads())
    if _disturbs(branch, names, added, looked_at):
        return False
    branch.text = " | ".join([branch.text, *texts])
    branch.readers[recount.item] = names
    branch.added |= added
    branch.looked_at |= looked_at
    return True


def _bins_in_place(command: Command) -> bool:
    return isinstance(command, Bin) and command.alias == command.field and command.amount is not None


def _read_later(command: Command, commands: Sequence[Command]) -> bool:
    later = commands[commands.index(command) + 1 :]
    return any(set(command.makes()) & set(other.reads()) for other in later)


def _disturbs(branch: Branch, names: Mapping[str, str], added: set[str], looked_at: set[str]) -> bool:
    """Tell whether one recount's fields would stand where another's, or those of the events, are looked for."""
    others = set(branch.columns) | branch.looked_at | branch.added
    mine = (set(names.values()) | looked_at) - added
    return bool(added & others or branch.added & mine)


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(name if name.replace("_", "").isalnum() else f'"{name}"' for name in columns)
