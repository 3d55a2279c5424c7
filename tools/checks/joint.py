"""Check of events that were asked for together with those of other items: each stands in the joint answer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from tools.checks.counted import EVENTS
from tools.checks.subject import Subject
from tools.search.result import Row, SearchResult

_JOINT = re.compile(r"part of the joint search with evidence ([0-9a-f]{64})")


def false_parts(subject: Subject, part: SearchResult) -> Iterator[str]:
    """Yield what the events of an item hold and the joint answer that they are a part of does not."""
    match = next((found for text in part.messages if (found := _JOINT.fullmatch(text))), None)
    if match is None:
        return
    whole = subject.result(match[1])
    if (part.status, part.earliest, part.latest) != (whole.status, whole.earliest, whole.latest):
        yield f"{match[1][:12]}: {part.status.value} / {whole.status.value}"
    if part.fields == ("_time",) and part.rows and set(part.rows[0]) == {EVENTS}:
        if float(str(part.rows[0][EVENTS])) > len(whole.rows):
            yield f"{EVENTS}: {part.rows[0][EVENTS]} / {len(whole.rows)}"
        return
    yield from (f"{row}"[:200] for row in _without_source(part, whole))


def _without_source(part: SearchResult, whole: SearchResult) -> Iterator[Row]:
    """Yield the rows of a part whose values stand together in no row of the whole that is left."""
    rows: dict[str, list[set[str]]] = defaultdict(list)
    for row in whole.rows:
        values = set(map(str, row.values()))
        for value in values:
            rows[value].append(values)
    for row in part.rows:
        wanted = set(map(str, row.values()))
        rarest = min((rows[value] for value in wanted), key=len, default=None)
        if rarest is not None and not any(wanted <= values for values in rarest):
            yield row
