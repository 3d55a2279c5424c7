"""Which fields the events of a data source lack, read a second time from the stored searches and their text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from procedures.field_reads import field_reads
from procedures.model import DataSource
from tools.checks.subject import Subject
from tools.records.finding import LoggedSearch
from tools.search.result import Row, SearchResult

_TEXT = r'"((?:[^"\\]|\\.)*)"'
_SCOPE = re.compile(rf"(zs\d+)=if\(searchmatch\({_TEXT}\),1,null\(\)\)")
_QUOTED = r"'(?:[^'\\]|\\.)*'"
_FIELD = re.compile(rf"zf(\d+)=if\(isnull\((?:coalesce\()?({_QUOTED}(?:,{_QUOTED})*)\)+,null\(\),(zs\d+|1)\)")
_FEW = 0.0001

Pair = tuple[tuple[str, ...], str]
"""Fields of which one must be there, and the condition of the events."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A field that no event of the window holds."""

    state: str
    last: float | None


def counted(result: SearchResult) -> dict[Pair, tuple[float, float, float | None]]:
    """Return what a stored search counted: events, events with the field, and when the last of them was."""
    scopes = {name: re.sub(r"\\(.)", r"\1", text) for name, text in _SCOPE.findall(result.spl)}
    found: dict[Pair, tuple[float, float, float | None]] = {}
    for number, fields, scope in _FIELD.findall(result.spl):
        names = tuple(re.sub(r"\\(.)", r"\1", name[1:-1]) for name in re.findall(_QUOTED, fields))
        last = [value for row in result.rows if (value := _number(row, f"zt{number}"))]
        found[names, scopes.get(scope, "")] = (
            sum(_number(row, "events" if scope == "1" else scope) for row in result.rows),
            sum(_number(row, f"zf{number}") for row in result.rows),
            max(last, default=None),
        )
    return found


def _number(row: Row, name: str) -> float:
    return float(str(row.get(name) or 0))


def _entries(subject: Subject, source: str, *heads: str) -> Iterator[LoggedSearch]:
    for entry in subject.report.search_log:
        head, _, rest = entry.purpose.partition(":")
        if head in heads and rest.partition(":")[0] == source:
            yield entry


def _counts(subject: Subject, source: str, *heads: str) -> dict[Pair, tuple[float, float, float | None]]:
    found: dict[Pair, tuple[float, float, float | None]] = {}
    for entry in _entries(subject, source, *heads):
        found |= counted(subject.result(entry.evidence))
    return found


def _unknown(subject: Subject) -> set[object]:
    return {note.values.get("source") for note in subject.report.incomplete if note.code == "source_unknown"}


def missing_fields(subject: Subject) -> dict[str, dict[str, Missing]]:
    """Return by source what the item reads and no event of the window holds, the worst reading of each field."""
    found: dict[str, dict[str, Missing]] = {}
    for source in subject.procedure.data_sources:
        if source.id not in _unknown(subject) and (missing := dict(_of_source(subject, source))):
            found[source.id] = missing
    return found


def _of_source(subject: Subject, source: DataSource) -> Iterator[tuple[str, Missing]]:
    now = _counts(subject, source.id, "completeness", "fields")
    before = _counts(subject, source.id, "seen_before", "fields_before")
    by_item = field_reads(subject.source).get(source.id, {})
    needs = {(read.fields, read.scope) for reads in by_item.values() for read in reads if read.needed}
    whole = [pair for pair in now if not pair[1]]
    nothing = bool(whole) and all(now[pair][0] and not now[pair][1] for pair in whole)
    blind = nothing and any(
        _reading(source, now[pair][0], before.get(pair), pair, needed=True) == "lost"
        for pair in whole
        if pair in needs
    )
    order = {"lost": 0, "absent": 1, "unseen": 2}
    own: dict[str, Missing] = {}
    for pair in {(read.fields, read.scope) for read in by_item.get(subject.item.id, ())}:
        events, held, _ = now.get(pair, (0, 0, None))
        if held or not events:
            continue
        needed = any(read.needed for read in by_item[subject.item.id] if (read.fields, read.scope) == pair)
        state = "lost" if blind else _reading(source, events, before.get(pair), pair, needed=needed)
        name = " / ".join(pair[0])
        found = Missing(state, before[pair][2] if pair in before else None)
        if name not in own or order[state] < order[own[name].state]:
            own[name] = found
    yield from own.items()


def _reading(
    source: DataSource,
    events: float,
    before: tuple[float, float, float | None] | None,
    pair: Pair,
    *,
    needed: bool,
) -> str:
    """Lost, absent or never seen: what the events before the window say about those without the field."""
    earlier, held, _ = before or (0.0, 0.0, None)
    if held:
        without = 1 - held / (earlier + 1)
        return "lost" if without <= 0.5 and without**events < _FEW else "absent"
    return "lost" if needed and not any(name in source.optional_fields for name in pair[0]) else "unseen"


def untold_fields(subject: Subject) -> Iterator[str]:
    """Yield the fields that the stored searches show missing and the findings or notes tell otherwise, and the reverse."""
    shown = missing_fields(subject)
    derived = {
        (source, name, found.state, found.last)
        for source, fields in shown.items()
        for name, found in fields.items()
    }
    stored = {(state.source, state.name, state.state, state.last) for state in subject.findings.fields}
    yield from sorted(f"{source} {name}: {state}" for source, name, state, _ in derived ^ stored)
    lost = {(source, name) for source, name, state, _ in derived if state == "lost"}
    told = {
        (str(note.values["source"]), str(name))
        for note in subject.report.incomplete
        if note.code == "source_fields"
        for name in _list(note.values["fields"])
    }
    yield from sorted(f"{source} {name}" for source, name in lost ^ told)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def untold_set_aside(subject: Subject) -> Iterator[str]:
    """Yield the sources of which the import set lines aside and the notes say otherwise."""
    shown = {
        (source.id, result.set_aside)
        for source in subject.procedure.data_sources
        if source.id not in _unknown(subject)
        for entry in _entries(subject, source.id, "completeness")
        if (result := subject.result(entry.evidence)).set_aside
    }
    told = {
        (note.values["source"], note.values["lines"])
        for note in subject.report.incomplete
        if note.code == "source_set_aside"
    }
    yield from sorted(f"{source}: {lines}" for source, lines in shown ^ told)


def uncounted_fields(subject: Subject) -> Iterator[str]:
    """Yield what the item reads of a watched source and no stored search counted."""
    watched = {state.source for state in subject.findings.sources if state.state != "unknown"}
    for source, by_item in field_reads(subject.source).items():
        if source not in watched - _unknown(subject):
            continue
        counted_here = _counts(subject, source, "completeness", "fields")
        for read in by_item.get(subject.item.id, ()):
            if (read.fields, read.scope) not in counted_here:
                yield f"{source} {' / '.join(read.fields)}"


def fields_searches(subject: Subject) -> Iterator[str]:
    """Yield the purposes of the searches that fields ask for beyond the one for completeness."""
    for source in subject.procedure.data_sources:
        for entry in _entries(subject, source.id, "fields", "fields_before", "seen_before"):
            asked_anyway = entry.purpose == f"seen_before:{source.id}" and source.by
            if not asked_anyway and counted(subject.result(entry.evidence)):
                yield entry.purpose
