"""Checks of values: figures, cells, counts, times, and criteria evaluated a second way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from procedures.archive import parameters_of
from procedures.expand import expression
from procedures.model import Criterion
from procedures.schedule import item_window
from spl.errors import SplError
from spl.expr import Call, Expr, Field, field_names, walk
from spl.python_calls import Kind, PythonCalls
from spl.sql_expr import compile_expression
from spl.sql_text import install_macros
from spl.sql_values import Sql, SqlContext, as_bool
from tools.checks.derived import expected_count
from tools.checks.subject import Subject
from tools.records.fact import Fact
from tools.records.finding import Finding
from tools.records.report import ReportRow, Section
from tools.search.result import Row

_REFERENCE = re.compile(r"\{\{(f\d+)\}\}")
_CELL = re.compile(r"cell\[(\d+)\]\.(.+)", re.DOTALL)
_DIGIT = re.compile(r"[0-9０-９]+")
_NAME = re.compile(r"[A-Za-z0-9](?:[\w.@/\\-]*[A-Za-z0-9])?", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z]+(?:-[a-z]+)?")
_ARROW = {Kind.NUMBER: pa.float64(), Kind.MULTI: pa.list_(pa.string()), Kind.TEXT: pa.string()}
_CONTEXTUAL = {"seen_before", "seen_periods", "rows"}
_CONTEXTUAL_CALLS = {"before", "before_avg", "before_max", "total", "item_max", "distinct"}


def check_figures(subject: Subject) -> Iterator[str]:
    """Every reference names a fact; no figure stands in prose outside one, and no name of the evidence either."""
    known = {fact.id for fact in subject.report.facts}
    for section in subject.report.sections:
        for paragraph in section.paragraphs:
            for name in _REFERENCE.findall(paragraph):
                if name not in known:
                    yield f"{section.title}: {name}"
            bare = _REFERENCE.sub(" ", paragraph)
            for figure in _DIGIT.findall(bare):
                yield f"{section.title}: {figure}"
            if not section.author:
                for name in _NAME.findall(bare):
                    if subject.report.language == "ja" or not _PLAIN.fullmatch(name):
                        yield f"{section.title}: {name}"
        if section.author:
            yield from _named(subject, section)


def _named(subject: Subject, section: Section) -> Iterator[str]:
    """Yield the entities of findings that a model wrote out instead of referring to them."""
    prose = _REFERENCE.sub(" ", "\n".join(section.paragraphs)).casefold()
    entities = {
        str(value).casefold() for finding in subject.findings.findings for value in finding.key.values()
    }
    for entity in sorted(entities):
        if len(entity) > 1 and re.search(rf"(?<!\w){re.escape(entity)}(?!\w)", prose):
            yield f"{section.title}: {entity}"


def check_cells(subject: Subject) -> Iterator[str]:
    """Every fact that is a cell has the value of that cell; every table cell is a fact of its own finding."""
    for fact in subject.report.facts:
        match = _CELL.fullmatch(fact.derivation)
        if match and (found := _cell(subject, fact, int(match[1]), match[2])) != fact.value:
            yield f"{fact.id} {fact.label}: {fact.value!r} / {found!r}"
    written = tuple((column.label, column.source, column.format) for column in subject.report.columns)
    if written != tuple((column.label, column.source, column.format) for column in subject.item.output):
        yield ", ".join(label for label, _, _ in written)
    facts = {fact.id: fact for fact in subject.report.facts}
    for rows in (subject.report.rows, subject.report.attached):
        seen: dict[str, int] = {}
        for row in rows:
            place = seen[row.finding] = seen.get(row.finding, -1) + 1
            yield from _check_row(subject, row, place, facts)


def _check_row(subject: Subject, row: ReportRow, place: int, facts: dict[str, Fact]) -> Iterator[str]:
    """Compare one table row with the stored row of its finding that it stands for."""
    finding = next((part for part in subject.findings.findings if part.id == row.finding), None)
    if finding is None or place >= len(finding.rows):
        yield f"{row.finding}: {place}"
        return
    for column, name in zip(subject.report.columns, row.cells, strict=True):
        fact = facts.get(name or "")
        if name is not None and fact is None:
            yield f"{column.label}: {name}"
            continue
        places = _places(subject, finding, finding.rows[place], column.source)
        found = (fact.evidence, fact.derivation) if fact else None
        if found != places:
            yield f"{column.label}: {found[1] if found else None} / {places[1] if places else None}"


def _places(subject: Subject, finding: Finding, index: int, source: str) -> tuple[str, str] | None:
    """Return evidence and derivation of the one cell that a column shows; None when there is no value."""
    if source in subject.query.rows[index]:
        return subject.findings.evidence, f"cell[{index}].{source}"
    drill_down, _, column = source.partition(".")
    runs = [run for run in subject.runs if run.drill_down == drill_down and finding.id in run.findings]
    if runs and runs[-1].evidence:
        rows = subject.result(runs[-1].evidence).rows
        for at in runs[-1].rows.get(finding.id, ()):
            if column in rows[at]:
                return runs[-1].evidence, f"cell[{at}].{column}"
    judged = next((part for part in subject.judgement.findings if part.finding == finding.id), None)
    if judged is not None and source in judged.enrichment:
        return "", f"enrichment.{finding.id}.{source}"
    return None


def _cell(subject: Subject, fact: Fact, index: int, column: str) -> object:
    rows = subject.result(fact.evidence).rows
    return rows[index].get(column) if index < len(rows) else None


def check_counts(subject: Subject) -> Iterator[str]:
    """Findings are counted again from the rows; sums again from their columns."""
    inside, outside = _recount(subject)
    for fact in subject.report.facts:
        expected: object = fact.value
        if fact.derivation == "count(findings)":
            expected = len(inside)
        elif fact.derivation == "count(rows outside)":
            expected = outside
        elif fact.derivation == "count(rows)":
            expected = len(subject.result(fact.evidence).rows)
        elif match := re.fullmatch(r"count\((.+)\)", fact.derivation):
            expected = expected_count(subject, match[1])
        elif fact.derivation == "omitted(findings)":
            told = expected_count(subject, "findings above none or suppressed") or 0
            expected = max(0, told - subject.item.show)
        elif fact.derivation == "sum(events)":
            expected = sum(_number(row, "events") for row in subject.result(fact.evidence).rows)
        elif (
            match := re.fullmatch(r"sum\((.+)\)", fact.derivation)
        ) and fact.evidence == subject.findings.evidence:
            expected = sum(
                _number(subject.query.rows[index], match[1]) for rows in inside.values() for index in rows
            )
        if expected != fact.value:
            yield f"{fact.id} {fact.label}: {fact.value} / {expected}"


def _number(row: Row, name: str) -> float:
    value = row.get(name)
    return value if isinstance(value, int | float) else 0


def _recount(subject: Subject) -> tuple[dict[str, list[int]], int]:
    """Group the stored rows by key again; return the groups inside the window and the rows outside."""
    item, groups, outside = subject.item, dict[str, list[int]](), 0
    for index, row in enumerate(subject.query.rows):
        at = row.get(item.at) if item.at else None
        if isinstance(at, int | float) and not subject.report.start <= at < subject.report.end:
            outside += 1
            continue
        groups.setdefault(repr([(name, str(row[name])) for name in item.key if name in row]), []).append(
            index
        )
    return groups, outside


def check_times(subject: Subject) -> Iterator[str]:
    """Times of findings and of the timeline lie inside the window that the procedure gives."""
    earliest, latest = item_window(
        subject.item.window, start=subject.report.start, end=subject.report.end, now=subject.query.latest
    )
    for given in (
        (earliest, latest),
        (subject.report.item_earliest, subject.report.item_latest),
    ):
        if given != (subject.query.earliest, subject.query.latest):
            yield f"{given} / {(subject.query.earliest, subject.query.latest)}"
    spans = {finding.id: (finding.first, finding.last) for finding in subject.findings.findings}
    for point in subject.report.timeline:
        if spans.get(point.finding) != (point.first, point.last):
            yield f"{point.finding}: {point.first} – {point.last}"
    for finding in subject.findings.findings:
        times = [
            value
            for index in finding.rows
            for name in subject.item.times
            if isinstance(value := subject.query.rows[index].get(name), int | float)
        ]
        if times and (min(times), max(times)) != (finding.first, finding.last):
            yield f"{finding.id}: {finding.first} – {finding.last}"
        if any(not subject.query.earliest <= value < subject.query.latest for value in times):
            yield f"{finding.id}: {min(times)} – {max(times)}"


def check_criteria(subject: Subject) -> Iterator[str]:
    """Criteria over a finding's own columns give the same answer in SQL, and the report gives them as judged."""
    reasons = {
        entry.finding: tuple(result for result in entry.results if result.fired is not False)
        for entry in subject.judgement.findings
    }
    told: set[str] = set()
    for row in subject.rows:
        if row.reasons != (() if row.finding in told else reasons.get(row.finding)):
            yield row.finding
        told.add(row.finding)
    if subject.report.item_results != subject.judgement.item_results:
        yield subject.report.item
    parameters = parameters_of(subject.procedure, subject.source.environment)
    judged = {
        entry.finding: {result.id: result.fired for result in entry.results}
        for entry in subject.judgement.findings
    }
    with _database().cursor() as connection:
        for criterion in subject.item.criteria:
            expr = _plain_expression(criterion, parameters, subject.query.rows)
            if expr is None:
                continue
            truths = _evaluate(connection, expr, subject.query.rows, subject)
            for finding in subject.findings.findings:
                found = [truths[index] for index in finding.rows]
                fired = True if True in found else None if None in found else False
                if judged.get(finding.id, {}).get(criterion.id) is not fired:
                    yield f"{criterion.id} {finding.id}: {judged.get(finding.id, {}).get(criterion.id)} / {fired}"


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """Return an empty database with the engine's macros; opening one costs more than a whole check."""
    database = duckdb.connect(":memory:")
    install_macros(database)
    return database


def _plain_expression(criterion: Criterion, parameters: dict[str, str], rows: tuple[Row, ...]) -> Expr | None:
    """Return a criterion that looks at the row's own columns only; None for one that looks further."""
    if criterion.scope != "finding" or criterion.when is None:
        return None
    try:
        expr = expression(criterion.when, parameters)
    except SplError:
        return None
    known = {name for row in rows for name in row}
    for node in walk(expr):
        if isinstance(node, Call) and node.name in _CONTEXTUAL_CALLS:
            return None
        if isinstance(node, Field) and (node.name in _CONTEXTUAL or (node.name not in known and rows)):
            return None
    return expr


def _evaluate(
    connection: duckdb.DuckDBPyConnection, expr: Expr, rows: tuple[Row, ...], subject: Subject
) -> list[bool | None]:
    """Evaluate `expr` over `rows` in SQL; values go in as a table."""
    names = field_names(expr)
    columns: dict[str, Sql] = {}
    types = []
    for number, name in enumerate(names):
        kind = _kind(rows, name)
        columns[name] = Sql(f"v{number}", kind)
        types.append(_ARROW[kind])
    python = PythonCalls(connection)
    zone = ZoneInfo(subject.report.timezone)
    context = SqlContext(columns, now=subject.report.end, zone=zone, python=python)
    condition = as_bool(compile_expression(expr, context))
    arrays = {
        f"v{number}": pa.array([_bound(row.get(name), columns[name].kind) for row in rows], types[number])
        for number, name in enumerate(names)
    }
    connection.register("subject", pa.table({"n": pa.array(range(len(rows)), pa.int64()), **arrays}))
    try:
        fetched = connection.execute(f"SELECT {condition} FROM subject ORDER BY n").fetchall()
    finally:
        python.close()
    return [row[0] for row in fetched]


def _kind(rows: tuple[Row, ...], name: str) -> Kind:
    values = [row[name] for row in rows if name in row]
    if any(isinstance(value, list) for value in values):
        return Kind.MULTI
    return Kind.NUMBER if values and all(isinstance(value, int | float) for value in values) else Kind.TEXT


def _bound(value: object, kind: Kind) -> object:
    if value is None or kind is Kind.NUMBER:
        return value
    if kind is Kind.MULTI:
        return value if isinstance(value, list) else [str(value)]
    return str(value)
