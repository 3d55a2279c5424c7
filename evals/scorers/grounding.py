"""Does the evidence say what the claims that name it say?"""

from __future__ import annotations

import re

from evals.counting import Value
from evals.output import Claim, Output, Search
from evals.scoring import Score, Subject, Tally

_CELL = re.compile(r"cell\[(\d+)\]\.(.+)")


def grounded(subject: Subject) -> Score | None:
    """Return the share of claims about the data whose evidence was really searched and says so.

    A report with findings and without any claim has none that is bound to evidence.
    """
    tally = Tally()
    for claim in subject.output.claims:
        if claim.evidence:
            tally.check(
                _says_so(claim, subject.output),
                f"{claim.item}: {claim.text} {claim.value!r} at {claim.place}",
            )
    for name, sheet in subject.sheet.items.items():
        for finding in sheet.findings:
            mine = [one for one in subject.output.claims if one.item == name and one.evidence]
            bound = any(_same(one.value, value) for one in mine for value in finding.row.values())
            label = " ".join(map(str, finding.key.values()))
            tally.check(bound, f"{name}: nothing about {label} is bound to evidence")
    return tally.score()


def _says_so(claim: Claim, output: Output) -> bool:
    search = output.searches.get(claim.evidence)
    if search is None:
        return False
    if place := _CELL.fullmatch(claim.place):
        return _same(_cell(search, int(place[1]), place[2]), claim.value)
    if claim.place == "sum(events)":
        return True if claim.value is None else _events(search, claim.value)
    return True


def _events(search: Search, value: Value) -> bool:
    return sum(int(str(row.get("events", 0))) for row in search.rows) == value


def _cell(search: Search, row: int, column: str) -> Value | None:
    return search.rows[row].get(column) if row < len(search.rows) else None


def _same(one: Value | None, other: Value | None) -> bool:
    if isinstance(one, list) or isinstance(other, list):
        return _listed(one) == _listed(other)
    return one is not None and other is not None and str(one) == str(other)


def _listed(value: Value | None) -> list[str]:
    return sorted(map(str, value)) if isinstance(value, list) else [str(value)]
