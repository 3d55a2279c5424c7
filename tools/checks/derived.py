"""The check of derivations: every fact is derived again from the procedure, the judgement and stored rows."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

from procedures.verdict import Verdict
from tools.checks.fields import missing_fields
from tools.checks.silence import silence_s
from tools.checks.subject import Subject
from tools.records.fact import Fact
from tools.records.finding import CriterionResult, FindingJudgement
from tools.search.result import Value


class _UnknownError(Exception):
    """No way to derive a fact again."""


def check_derivations(subject: Subject) -> Iterator[str]:
    """Every fact, derived a second time from its derivation, has the value that it is given."""
    for fact in subject.report.facts:
        try:
            expected = _derive(subject, fact)
        except (_UnknownError, KeyError, IndexError, StopIteration):
            yield f"{fact.id} {fact.label}: {fact.derivation[:80]}"
            continue
        if expected != fact.value:
            yield f"{fact.id} {fact.label}: {fact.value!r} / {expected!r}"


def _derive(subject: Subject, fact: Fact) -> Value | None:
    for pattern, derive in _DERIVATIONS.items():
        if match := re.fullmatch(pattern, fact.derivation, re.DOTALL):
            return derive(subject, fact, *match.groups())
    raise _UnknownError(fact.derivation)


def _recounted_elsewhere(subject: Subject, fact: Fact, *_: str) -> Value | None:
    return fact.value


def _of_round(subject: Subject, fact: Fact, name: str) -> Value:
    places = {
        "start": subject.report.start,
        "end": subject.report.end,
        "earliest": subject.query.earliest,
        "latest": subject.query.latest,
    }
    return places[name]


def _entry(subject: Subject, finding: str) -> FindingJudgement:
    return next(entry for entry in subject.judgement.findings if entry.finding == finding)


def _results(subject: Subject) -> Iterator[CriterionResult]:
    yield from subject.judgement.item_results
    for entry in subject.judgement.findings:
        yield from entry.results


def _text_of_item(subject: Subject, fact: Fact, item: str, name: str) -> Value:
    if item != subject.item.id:
        raise _UnknownError(item)
    return {
        "purpose": subject.item.purpose,
        "handover": subject.item.handover,
        "not_covered": subject.item.not_covered,
    }[name]


def _source(subject: Subject, fact: Fact, ident: str, name: str) -> Value:
    source = next(source for source in subject.procedure.data_sources if source.id == ident)
    return source.id if name == "id" else source.max_silence_s


def _criterion(subject: Subject, fact: Fact, ident: str, name: str) -> Value:
    if name == "threshold":
        miss = subject.judgement.nearest_miss
        if miss is None or miss.criterion != ident:
            raise _UnknownError(ident)
        return miss.threshold
    drill_down, _, own = ident.rpartition("/")
    criteria = (
        next(part.criteria for part in subject.item.drill_downs if part.id == drill_down)
        if drill_down
        else subject.item.criteria
    )
    criterion = next(part for part in criteria if part.id == own)
    if name == "id":
        return ident
    if name == "question":
        return criterion.question or ""
    result = next(result for result in _results(subject) if result.id == ident)
    return criterion.why or result.expression


def _margin(subject: Subject, fact: Fact, finding: str, ident: str, name: str) -> Value:
    result = next(result for result in _entry(subject, finding).results if result.id == ident)
    threshold = float(str(result.threshold))
    if name == "threshold":
        return threshold
    seen = [part.value for part in result.observed if isinstance(part.value, int | float)]
    return float(seen[0]) if len(result.observed) == 1 and seen else threshold + (result.margin or 0.0)


def _exception(subject: Subject, fact: Fact, ident: str) -> Value:
    return next(entry.id for entry in subject.procedure.known_benign if entry.id == ident)


def _column_of_total(subject: Subject, fact: Fact, column: str) -> Value:
    return next(total.column for total in subject.judgement.totals if total.column == column)


def _nearest(subject: Subject, fact: Fact, ident: str) -> Value:
    miss = subject.judgement.nearest_miss
    if miss is None or miss.criterion != ident:
        raise _UnknownError(ident)
    return miss.observed


def _verdict(subject: Subject, fact: Fact) -> Value:
    return subject.judgement.verdict.value


def _key(subject: Subject, fact: Fact, finding: str) -> Value:
    rows = next(part.rows for part in subject.findings.findings if part.id == finding)
    row = subject.query.rows[rows[0]]
    named = [name for name in sorted(subject.item.key) if name in row]
    return " ".join(_called(subject, name, row[name]) for name in named) or subject.item.title


def _called(subject: Subject, name: str, value: Value) -> str:
    """Return a key value as text; a time as a clock time of the procedure's zone."""
    if name != "_time" and name not in subject.item.times:
        return str(value)
    moment = dt.datetime.fromtimestamp(float(str(value)), ZoneInfo(subject.procedure.timezone))
    fraction = f"{moment:.%f}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} {moment:%Z}"


def _label(subject: Subject, fact: Fact, name: str) -> Value | None:
    """A model's figure bears the label of the fact that it is; the wording is the renderer's."""
    if not any(name in {other.id, other.label} for other in subject.report.facts if other is not fact):
        raise _UnknownError(name)
    return fact.value


def _of_own_search(subject: Subject, fact: Fact, name: str, what: str) -> Value:
    """A search of a model's own: its name, or a column of its rows."""
    run = next(run for run in subject.runs if run.drill_down == name)
    if what == "id":
        return run.drill_down
    return next(what for row in subject.result(run.evidence).rows if what in row)


def _concern(subject: Subject, fact: Fact, finding: str, verdict: str) -> Value:
    return next(
        part.verdict.value for part in _entry(subject, finding).concerns if part.verdict.value == verdict
    )


def _finding_verdict(subject: Subject, fact: Fact, finding: str) -> Value:
    return _entry(subject, finding).verdict.value


def _source_name(subject: Subject, fact: Fact, name: str) -> Value:
    known = {
        part.source if part.value is None else f"{part.source} {part.value}"
        for part in subject.findings.sources
    }
    if name not in known:
        raise _UnknownError(name)
    return name


def _gap(subject: Subject, fact: Fact, name: str) -> Value:
    ident, _, value = name.partition(" ")
    by = next(source.by for source in subject.procedure.data_sources if source.id == ident)
    stored = subject.result(fact.evidence)
    row = next(row for row in stored.rows if not value or by is None or str(row.get(by, "")) == value)
    return round(silence_s(row, stored), 6)


def _field_names(subject: Subject, fact: Fact, source: str, state: str) -> Value:
    missing = missing_fields(subject).get(source, {})
    names = sorted(name for name, found in missing.items() if found.state == state)
    return (", " if subject.report.language == "en" else "、").join(names)


def _absent_field(subject: Subject, fact: Fact, source: str, name: str, what: str) -> Value | None:
    found = missing_fields(subject)[source][name]
    if found.state != "absent":
        raise _UnknownError(name)
    return name if what == "absent" else found.last


def _enrichment(subject: Subject, fact: Fact, finding: str, name: str) -> Value:
    return _entry(subject, finding).enrichment[name]


def _gone(subject: Subject, fact: Fact, text: str) -> Value:
    return next(
        shown
        for key in subject.judgement.gone
        if (shown := " ".join(_called(subject, name, value) for name, value in key.items())) == text
    )


_DERIVATIONS: dict[str, Callable[..., Value | None]] = {
    r"cell\[\d+\]\..+|count\(.+\)|omitted\(.+\)|sum\(.+\)": _recounted_elsewhere,
    r"round\.(start|end|earliest|latest)": _of_round,
    r"procedure\.(.+)\.(purpose|handover|not_covered)": _text_of_item,
    r"procedure\.data_sources\.(.+)\.(id|max_silence)": _source,
    r"procedure\.criterion\.([0-9a-f]+)\.(.+)\.(threshold)": _margin,
    r"procedure\.criteria\.(.+)\.(id|why|threshold|question)": _criterion,
    r"procedure\.label\.(.+)": _label,
    r"procedure\.(model:\d+)\.(.+)": _of_own_search,
    r"concern\.([0-9a-f]+)\.verdict\.(\w+)": _concern,
    r"procedure\.known_benign\.(.+)\.id": _exception,
    r"procedure\.total\.(.+)": _column_of_total,
    r"criterion\.([0-9a-f]+)\.(.+)\.(observed)": _margin,
    r"nearest_miss\.(.+)\.observed": _nearest,
    r"judgement\.verdict": _verdict,
    r"finding\.([0-9a-f]+)\.key": _key,
    r"finding\.([0-9a-f]+)\.verdict": _finding_verdict,
    r"procedure\.fields\.([^.]+)\.(lost|unseen)": _field_names,
    r"(?:procedure\.)?field\.([^.]+)\.(.+)\.(absent|last)": _absent_field,
    r"source\.(.+)": _source_name,
    r"gap\.(.+)": _gap,
    r"enrichment\.([0-9a-f]+)\.(.+)": _enrichment,
    r"previous_round\.(.*)": _gone,
}
"""Pattern of a derivation to the function that derives it again; counts and cells have checks of their own."""

ABOVE = {Verdict.OBSERVE, Verdict.UNDETERMINED, Verdict.INVESTIGATE}


def expected_count(subject: Subject, what: str) -> int | None:
    """Return a number that is counted over the judgement; None when `what` is counted over rows."""
    above = [entry for entry in subject.judgement.findings if entry.verdict in ABOVE]
    if what == "findings above none":
        return len(above)
    if what == "findings above none or suppressed":
        return sum(entry.unsuppressed in ABOVE for entry in subject.judgement.findings)
    if what in {"findings new", "findings recurring"}:
        return sum(f"findings {entry.recurrence}" == what for entry in above)
    if what.startswith("findings suppressed by "):
        name = what.removeprefix("findings suppressed by ")
        return sum(
            any(result.suppressed_by == name for result in entry.results)
            for entry in subject.judgement.findings
        )
    return None
