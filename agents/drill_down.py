"""The drill-down agent: the follow-up searches that the procedure asks for, worst findings first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agents.context import ItemContext
from agents.searching import Searcher
from procedures.expand import TokenError, parameter_values, tokens
from procedures.filling import drill_down_search
from procedures.model import DrillDown
from spl.errors import SplError
from tools.records.finding import DrillDownRun, Finding, Findings, Note
from tools.search.guard import MOST_CHARACTERS, ROOM, RefusedError, guard
from tools.search.result import Row, SearchResult, SearchStatus, Value

BATCH = 100
"""Most findings in one batched search; keeps the query below the 5,000 characters that servers take."""

BY_MODEL = "model:"
"""Begins the name of a search that a model asked for, and of who asked for a run."""

Due = Sequence[tuple[str, tuple[str, ...]]]
"""Drill-down ids with the findings that wait for them, worst first."""


async def drill_down_item(
    context: ItemContext,
    searcher: Searcher,
    findings: Findings,
    rows: Sequence[Row],
    due: Due,
    *,
    requested_by: str | None = None,
) -> tuple[DrillDownRun, ...]:
    """Run every due drill-down. What the budget does not reach is a run without evidence, never left out.

    Args:
        context: The item.
        searcher: Its way to the SIEM, with what is left of the budget.
        findings: The item's findings.
        rows: Rows of the item's own search, which tokens take their values from.
        due: What to run, for which findings.
        requested_by: A reviewer who asked for it beyond the procedure's own `runs`.
    """
    by_id = {finding.id: finding for finding in findings.findings}
    catalogue = {drill_down.id: drill_down for drill_down in context.item.drill_downs}
    groups = [
        (catalogue[name], group)
        for name, wanted in due
        for group in _groups(catalogue[name], [by_id[ident] for ident in wanted])
    ]
    return tuple(
        [
            run
            for drill_down, group in groups
            for run in await _runs(context, searcher, drill_down, group, rows, requested_by)
        ]
    )


async def search_extra(
    context: ItemContext,
    searcher: Searcher,
    findings: Findings,
    rows: Sequence[Row],
    *,
    name: str,
    finding: str,
    spl: str,
    requested_by: str,
) -> DrillDownRun | Note:
    """Run a search of a model's own about one finding, as if it were a written drill-down; a note when it may not run.

    Args:
        context: The item.
        searcher: Its way to the SIEM.
        findings: The item's findings.
        rows: Rows of the item's own search.
        name: `model:1`, counted from 1.
        finding: Id of the finding it is about.
        spl: The search; values of the finding stand in it as `$column$`.
        requested_by: The model.
    """
    item = context.item
    written = DrillDown(
        id=name, title=name, runs=(), window=item.window, spl=spl, place=item.place, spl_place=item.spl_place
    )
    about = next(entry for entry in findings.findings if entry.id == finding)
    if fault := _refusal(context, written, about, rows, now=searcher.clock()):
        return Note(code="extra_search_refused", values={"search": name, "reason": fault})
    (run,) = await _runs(context, searcher, written, [about], rows, requested_by)
    if run.status is not SearchStatus.OK:
        return Note(code="extra_search_failed", values={"search": name, "status": run.status.value})
    return run


def _refusal(
    context: ItemContext, drill_down: DrillDown, about: Finding, rows: Sequence[Row], *, now: float
) -> str | None:
    """Return why a search of a model may not be sent; None when it may."""
    if not set(tokens(drill_down.spl)) & set(about.key):
        return f"it names none of the finding's key fields ({', '.join(about.key) or 'none'}) as $column$."
    earliest, latest = context.window(drill_down.window, now=now)
    try:
        guard(
            _filled(context, drill_down, [about], rows, earliest, latest),
            macros=context.macros,
            allowed_indexes=frozenset(source.index for source in context.procedure.data_sources),
            lookups=context.lookup_names,
            earliest=earliest,
            latest=latest,
        )
    except (TokenError, RefusedError, SplError) as error:
        return str(error)
    return None


def _groups(drill_down: DrillDown, findings: list[Finding]) -> Iterator[list[Finding]]:
    size = BATCH if drill_down.each == "batch" else 1
    for start in range(0, len(findings), size):
        yield findings[start : start + size]


async def _runs(
    context: ItemContext,
    searcher: Searcher,
    drill_down: DrillDown,
    group: list[Finding],
    rows: Sequence[Row],
    requested_by: str | None,
) -> list[DrillDownRun]:
    """Run a drill-down for a group of findings: one search, or more where a value or the length of all asks for it.

    A finding whose values cannot be written into the search is refused alone: whoever writes a log could otherwise take
    the drill-down from all others.
    """
    now = searcher.clock()
    earliest, latest = context.window(drill_down.window, now=now)

    def fill(findings: list[Finding]) -> str | TokenError:
        try:
            return _filled(context, drill_down, findings, rows, earliest, latest)
        except TokenError as error:
            return error

    filled = fill(group)
    if len(group) == 1 and isinstance(filled, TokenError):
        return [_refused(drill_down, group[0], filled, requested_by)]
    if isinstance(filled, str) and (len(group) == 1 or len(filled) <= MOST_CHARACTERS - ROOM):
        return [await _run(searcher, drill_down, group, filled, (earliest, latest), requested_by)]
    alone = [finding for finding in group if isinstance(fill([finding]), TokenError)]
    rest = [finding for finding in group if finding not in alone]
    middle = len(rest) if alone else len(rest) // 2
    parts = [[finding] for finding in alone] + [part for part in (rest[:middle], rest[middle:]) if part]
    return [
        run for part in parts for run in await _runs(context, searcher, drill_down, part, rows, requested_by)
    ]


def _refused(
    drill_down: DrillDown, finding: Finding, error: TokenError, requested_by: str | None
) -> DrillDownRun:
    return DrillDownRun(
        drill_down=drill_down.id,
        evidence="",
        status=SearchStatus.REFUSED,
        findings=(finding.id,),
        rows={},
        requested_by=requested_by,
        unwritable=error.token,
    )


async def _run(
    searcher: Searcher,
    drill_down: DrillDown,
    group: list[Finding],
    spl: str,
    window: tuple[float, float],
    requested_by: str | None,
) -> DrillDownRun:
    earliest, latest = window
    now = searcher.clock()
    suffix = f":{group[0].id}" if drill_down.each == "finding" else ""
    head = "" if drill_down.id.startswith(BY_MODEL) else "drill_down:"
    asked = requested_by is not None and not requested_by.startswith(BY_MODEL)
    ran = await searcher.run(f"{head}{drill_down.id}{suffix}", spl, earliest, latest, fresh=asked)
    covered = tuple(finding.id for finding in group)
    if ran is None:
        return DrillDownRun(
            drill_down=drill_down.id,
            evidence="",
            status=SearchStatus.REFUSED,
            findings=covered,
            rows={},
            requested_by=requested_by,
        )
    split = split_rows(drill_down, group, ran.result)
    return DrillDownRun(
        drill_down=drill_down.id,
        evidence=ran.evidence,
        status=SearchStatus.FAILED if split is None else ran.result.status,
        partial=latest > now,
        findings=covered,
        rows=split or {},
        requested_by=requested_by,
    )


def _filled(
    context: ItemContext,
    drill_down: DrillDown,
    group: list[Finding],
    rows: Sequence[Row],
    earliest: float,
    latest: float,
) -> str:
    values = {**parameter_values(context.parameters), **_tokens(group, rows, earliest, latest)}
    return drill_down_search(drill_down, values, context.macros)


def _tokens(group: list[Finding], rows: Sequence[Row], earliest: float, latest: float) -> dict[str, Value]:
    """Return every column of the group's rows with its distinct values, and `start` and `end`."""
    mine = [rows[index] for finding in group for index in finding.rows]
    columns = dict.fromkeys(name for row in mine for name in row)
    return {"start": earliest, "end": latest, **{name: _distinct(mine, name) for name in columns}}


def _distinct(rows: Sequence[Row], name: str) -> list[str]:
    values: dict[str, None] = {}
    for row in rows:
        value = row.get(name)
        if isinstance(value, list):
            values.update(dict.fromkeys(value))
        elif value is not None:
            values[str(value)] = None
    return list(values)


def split_rows(
    drill_down: DrillDown, group: list[Finding], result: SearchResult
) -> dict[str, tuple[int, ...]] | None:
    """Give each finding the rows of a batched search that carry its key; None when no row carries any key."""
    if drill_down.each == "finding":
        return {group[0].id: tuple(range(len(result.rows)))}
    split: dict[str, list[int]] = {finding.id: [] for finding in group}
    for index, row in enumerate(result.rows):
        owners = [finding for finding in group if _carries(row, finding.key)]
        if not owners and not any(name in row for name in group[0].key):
            return None
        for finding in owners:
            split[finding.id].append(index)
    return {ident: tuple(indexes) for ident, indexes in split.items()}


def _carries(row: Row, key: Mapping[str, Value]) -> bool:
    shared = [name for name in key if name in row]
    return bool(shared) and all(str(row[name]) == str(key[name]) for name in shared)
