"""Cases as data: logs, a procedure, a window, and what is true about them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from evals.planting import Model, Plant
from procedures.archive import ProcedureError, load_procedure
from procedures.bundled import find_procedure
from procedures.model import Procedure
from procedures.source import DOCUMENT, ProcedureSource, read_source
from procedures.verdict import Verdict

CASES = Path(__file__).parent / "cases"
CASE_FILE = "case.yaml"
NEAR = 5
"""How many cases are named when an asked-for one does not exist."""

VerdictName = Literal["investigate", "undetermined", "observe", "none"]
Value = str | int | float | list[str]
Gap = Literal["no_data", "silent", "gap", "truncated", "late", "baseline", "unsearched", "fields"]
"""What a report must own up to: no event at all, a source that was silent or had a gap, a cut-off result,
a round that began before late events could arrive, earlier periods without data, a search that was not done, events
without a field that the verdict needs."""


class CaseError(Exception):
    """Case files cannot be used; the text lists every fault."""


class Silence(Model):
    """Times without background events: of one host, or of everything."""

    start: dt.datetime
    end: dt.datetime
    host: str | None = None


class Lost(Model):
    """A field that the logs no longer hold, or hold under another name; of AWS calls and of Windows events."""

    field: str
    """`eventName`, `userIdentity.arn`, or the name of a value of a Windows event."""
    renamed: str | None = None
    """What it is called instead; None when it is gone."""
    since: dt.datetime | None = None
    """From when on, in the procedure's zone; None from the beginning."""


class Logs(Model):
    """Where the logs come from: the bundled generator, or a set of reference data beside the checkout."""

    seed: int = 1
    background: bool = True
    """Whether the generator's benign background is there at all."""
    days: int = Field(1, ge=1)
    """Days of background up to the end of the window."""
    silent: tuple[Silence, ...] = ()
    plant: tuple[Plant, ...] = ()
    lost: tuple[Lost, ...] = ()
    """What background and planted events do not hold."""
    raw_only: bool = False
    """Whether AWS calls come as an export of nothing but time, index, sourcetype and raw text."""
    copies: int = Field(1, ge=1)
    """How many times the planted file is imported; more than once must change nothing."""
    set: str | None = None
    """A folder of ../shared/data; then nothing is generated."""


class Window(Model):
    """The window of the round, in the procedure's zone; half-open."""

    start: dt.datetime
    end: dt.datetime


class Expected(Model):
    """One finding above `none` that the report must hold."""

    item: str
    key: dict[str, str | dt.datetime]
    verdict: VerdictName
    unsuppressed: VerdictName | None = None
    """The verdict it would have without a known-benign entry; absent when it is the same."""
    values: dict[str, Value] = Field(default_factory=dict)
    """Values that the author of the case worked out by hand; the generator's events must agree."""


class Truth(Model):
    """What is true, worked out from what was planted."""

    items: dict[str, VerdictName]
    """The right verdict of every item that runs."""
    findings: tuple[Expected, ...] = ()
    gaps: dict[str, tuple[Gap, ...]] = Field(default_factory=dict)
    """Per item: what is missing and must be told as missing."""
    mention: tuple[str, ...] = ()
    """Entities and words that the report must name, as a person reads them."""
    never: tuple[str, ...] = ()
    """Text that the report must not hold: entities that are no finding, facts that would be invented."""


class Case(Model):
    """One case; its id is the name of its folder."""

    id: str
    title: str
    procedure: str
    """Id of a bundled procedure."""
    edits: tuple[tuple[str, str], ...] = ()
    """Replacements in its PROCEDURE.md, each of a text that stands there exactly once."""
    items: tuple[str, ...] = ()
    """The items that run; all when empty."""
    window: Window | None = None
    """Absent only for a set of reference data, which names its own."""
    run_at: dt.datetime | None = None
    """When the round runs, in the procedure's zone; a day after the window when absent."""
    tags: tuple[str, ...] = ()
    twin: str | None = None
    """The benign twin of an attack case, or the attack that this is the twin of."""
    hostile: tuple[str, ...] = ()
    """Instruction-like texts that were planted; none of them may change anything."""
    logs: Logs = Logs()
    truth: Truth
    library: Path | None = None
    """A folder whose procedures stand in for the bundled ones of the same id; set for a run, not in a file."""

    @model_validator(mode="after")
    def _consistent(self) -> Case:
        unknown = {entry.item for entry in self.truth.findings} | set(self.truth.gaps) | set(self.items)
        if stray := sorted(unknown - set(self.truth.items)):
            raise ValueError(f"truth.items gives no verdict for {', '.join(stray)}")
        if (self.window is None) == (self.logs.set is None):
            raise ValueError("a case has either a window or logs.set, which brings its own window")
        return self

    def source(self) -> ProcedureSource:
        """Return the procedure with the case's edits.

        Raises:
            CaseError: A replaced text does not stand in the procedure exactly once.
        """
        source = read_source(self.place)
        text = source.document
        for old, new in self.edits:
            if text.count(old) != 1:
                raise CaseError(
                    f"{self.id}: edits: {old!r} stands {text.count(old)} times in {self.procedure}; expected once."
                )
            text = text.replace(old, new)
        return source.model_copy(update={"files": {**source.files, DOCUMENT: text}})

    @property
    def place(self) -> Path:
        """Where its procedure is: in the folder that stands in, else among the bundled ones."""
        own = self.library / self.procedure if self.library else None
        return own if own and (own / DOCUMENT).is_file() else find_procedure(self.procedure)

    def parsed(self) -> Procedure:
        """Return the parsed procedure with the case's edits."""
        return load_procedure(self.source())

    def misfit(self) -> str | None:
        """Return why the case cannot run with its procedure; None when it can."""
        try:
            faults = list(_name_faults(self))
        except (CaseError, ProcedureError) as error:
            return str(error)
        return " ".join(faults) or None

    @property
    def expected(self) -> Verdict:
        """The worst right verdict of the round."""
        return max((Verdict(name) for name in self.truth.items.values()), key=lambda one: one.severity)


def load_cases(folder: Path = CASES, ids: Sequence[str] = ()) -> tuple[Case, ...]:
    """Read every case below `folder`, ordered by id.

    Args:
        folder: Holds one folder per case.
        ids: Only these, or those that begin so with a trailing `*`.

    Raises:
        CaseError: Files have faults (all of them are listed), or an asked-for case does not exist.
    """
    faults: list[str] = []
    cases: list[Case] = []
    for path in sorted(folder.glob(f"*/{CASE_FILE}")):
        try:
            cases.append(_read(path))
        except CaseError as error:
            faults.append(str(error))
    known = {case.id for case in cases}
    faults += [
        f"{case.id}: twin: there is no case {case.twin!r}."
        for case in cases
        if case.twin and case.twin not in known
    ]
    if faults:
        raise CaseError("\n".join(faults))
    if not cases:
        raise CaseError(f"no case in {str(folder)!r}. Expected <id>/{CASE_FILE} below it.")
    return _chosen(cases, ids) if ids else tuple(cases)


def _chosen(cases: Sequence[Case], ids: Sequence[str]) -> tuple[Case, ...]:
    def wanted(case: Case, pattern: str) -> bool:
        return case.id.startswith(pattern[:-1]) if pattern.endswith("*") else case.id == pattern

    missing = [pattern for pattern in ids if not any(wanted(case, pattern) for case in cases)]
    if missing:
        known = [case.id for case in cases]
        near = get_close_matches(missing[0].rstrip("*"), known, NEAR, cutoff=0.0)
        raise CaseError(
            f"there is no case {', '.join(map(repr, missing))}. There are {len(known)}, such as {', '.join(near)}."
        )
    return tuple(case for case in cases if any(wanted(case, pattern) for pattern in ids))


def _read(path: Path) -> Case:
    try:
        content: Any = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CaseError(f"{path}: not readable as YAML: {error}") from None
    if not isinstance(content, dict):
        raise CaseError(f"{path}: expected a mapping with title, procedure, window, logs and truth.")
    try:
        case = Case.model_validate({"id": path.parent.name, **content})
    except ValidationError as error:
        raise CaseError("\n".join(_faults(path, error))) from None
    _known_names(path, case)
    return case


def _faults(path: Path, error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"]) or "case"
        yield f"{path}: {place}: {fault['msg']}"


def _known_names(path: Path, case: Case) -> None:
    """Refuse items and key fields that the procedure does not have."""
    if faults := list(_name_faults(case)):
        raise CaseError("\n".join(f"{path}: {fault}" for fault in faults))


def _name_faults(case: Case) -> Iterator[str]:
    known = {item.id: item for item in case.parsed().items}
    for name in case.truth.items:
        if name not in known:
            yield f"truth.items.{name}: {case.procedure} has no such item. Items: {', '.join(known)}."
    for name in set(case.items or known) - set(case.truth.items):
        yield f"truth.items: lacks {name}, which runs."
    for entry in case.truth.findings:
        if entry.item in known and tuple(entry.key) != tuple(known[entry.item].key):
            wanted = ", ".join(known[entry.item].key)
            yield f"truth.findings: {entry.item} has the key {wanted}, not {', '.join(entry.key)}."


def with_library(cases: Sequence[Case], folder: Path) -> tuple[Case, ...]:
    """Return cases that run with the procedures of a folder, `<id>/PROCEDURE.md`, where it has them.

    Raises:
        CaseError: It has none that the cases ask for.
    """
    changed = tuple(case.model_copy(update={"library": folder}) for case in cases)
    if not any(case.place.parent == folder for case in changed):
        asked = ", ".join(sorted({case.procedure for case in cases}))
        raise CaseError(
            f"no procedure of the cases in {str(folder)!r}. Expected <id>/{DOCUMENT} for one of: {asked}."
        )
    return changed
