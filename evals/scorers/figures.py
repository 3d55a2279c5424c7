"""Are the numbers, times and entities of the report those that are true?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evals.reading import Figure, Section, figures, plain
from evals.scoring import Score, Subject, Tally
from evals.sheet import Finding, ItemSheet, figure


def told(subject: Subject) -> Score | None:
    """Return the share of the true figures that stand beside their entity."""
    tally = Tally()
    head = set(figures(plain(subject.output.markdown), subject.sheet.zone))
    for moment in (subject.sheet.start, subject.sheet.end):
        tally.check(Figure("time", moment) in head, f"the window's edge {moment:.0f} is not told")
    for name, sheet in subject.sheet.items.items():
        section = subject.sections.get(name)
        blocks = list(_read(section, sheet, subject)) if section else []
        for finding in sheet.findings:
            _look_up(finding, sheet, [block for block in blocks if _names(block, finding)], tally)
    return tally.score()


Block = tuple[str, set[Figure]]
"""Plain text and its figures."""


def _read(section: Section, sheet: ItemSheet, subject: Subject) -> Iterator[Block]:
    for text in section.blocks():
        yield text, {_rounded(shown) for shown in figures(text, subject.sheet.zone, _near(text, sheet))}


def _near(text: str, sheet: ItemSheet) -> Iterator[str]:
    return (known for known in sheet.known if known in text)


def _rounded(shown: Figure) -> Figure:
    return Figure(shown.kind, round(shown.value, 4)) if isinstance(shown.value, float) else shown


def _names(block: Block, finding: Finding) -> bool:
    text, shown = block
    times = (float(str(value)) for name, value in finding.key.items() if name == "_time")
    return all(_holds(text, name) for name in finding.names) and all(
        Figure("time", at) in shown for at in times
    )


def _holds(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\d)", text) is not None


def _look_up(finding: Finding, sheet: ItemSheet, blocks: list[Block], tally: Tally) -> None:
    """Check every output column of a finding in the blocks that name it."""
    label = " ".join(map(str, finding.key.values()))
    for column in sheet.columns:
        if (value := finding.row.get(column)) is None:
            continue
        if shown := figure(column, value):
            tally.check(
                any(shown in block for _, block in blocks),
                f"{sheet.item}: {label}: {column} {shown} is not told",
            )
            continue
        for text in value if isinstance(value, list) else [str(value)]:
            tally.check(
                any(text in block for block, _ in blocks),
                f"{sheet.item}: {label}: {column} {text!r} is not told",
            )


def true(subject: Subject) -> Score | None:
    """Return the share of the figures in the report that are true where they stand.

    Where a result was cut off, which rows are left is the search's affair: such an item is not looked at.
    """
    tally = Tally()
    for name, sheet in subject.sheet.items.items():
        if (section := subject.sections.get(name)) and "truncated" not in sheet.gaps:
            for text, shown in _read(section, sheet, subject):
                allowed = sheet.allowed.union(*_beside(text, shown, sheet))
                for one in shown:
                    known = one in allowed or (one.kind == "entity" and one.value in sheet.known)
                    tally.check(known, f"{name}: {one} is not true in {text[:120]!r}")
    return tally.score()


def _beside(text: str, shown: set[Figure], sheet: ItemSheet) -> Iterator[frozenset[Figure]]:
    """Yield the figures that may stand beside the entities which a block names."""
    for name, allowed in sheet.of_entity.items():
        timed = name.startswith("time ") and Figure("time", float(name[5:])) in shown
        if timed or (name in text and _holds(text, name)):
            yield allowed
