"""Seeded defects: every way in which a finished report can be wrong, applied to real ones.

A mutation takes a finished report with its text and returns copies with one defect each.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from agents.render.markdown import render_item
from procedures.source import ProcedureSource
from procedures.verdict import Verdict
from tools.checks.again import Again
from tools.checks.run import check_report
from tools.records.evidence import EvidenceStore
from tools.records.fact import Fact
from tools.records.finding import DrillDownRun
from tools.records.report import Checks, ItemReport
from tools.search.result import SearchResult, SearchStatus

EACH = 6
"""Most defects of one kind in one report."""

_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)((?:\.\d+)?) (JST|UTC)")
_CELL = re.compile(r"cell\[(\d+)\]\.(.+)")
HOSTS = ("db-backup-07", "198.51.100.77", "finance-laptop9", "host.invalid", "svc_backup2")


@dataclass(frozen=True)
class Finished:
    """A report as a round left it, with everything that its checks look at."""

    source: ProcedureSource
    report: ItemReport
    runs: tuple[DrillDownRun, ...]
    evidence: EvidenceStore
    again: Again | None
    text: str = ""

    def rendered(self) -> Finished:
        """Return it with its text as the renderer writes it."""
        text = render_item(
            self.report, checks=None, spl_of=lambda digest: self.evidence.get(digest, SearchResult).spl
        )
        return replace(self, text=text)

    def changed(self, **changes: Any) -> Finished:
        """Return a copy with other values in the report, rendered anew."""
        return replace(self, report=self.report.model_copy(update=changes)).rendered()

    def checks(self) -> Checks:
        """Run every check."""
        return check_report(
            self.source,
            self.report,
            self.text,
            self.runs,
            self.evidence,
            report_digest="0" * 64,
            again=self.again,
        )


Mutation = Callable[[Finished, random.Random], Iterator[Finished]]


def _with_fact(finished: Finished, fact: Fact, value: object) -> Finished:
    facts = tuple(
        part.model_copy(update={"value": value}) if part.id == fact.id else part
        for part in finished.report.facts
    )
    return finished.changed(facts=facts)


def _pick(rng: random.Random, things: list[Any]) -> list[Any]:
    return rng.sample(things, min(EACH, len(things)))


def count_off_by_one(finished: Finished, rng: random.Random) -> Iterator[Finished]:
    """A number in a fact, or in the finished text, is one too high or too low."""
    facts = [fact for fact in finished.report.facts if fact.kind in {"integer", "decimal"}]
    facts = [fact for fact in facts if isinstance(fact.value, int | float)]
    for fact in _pick(rng, facts):
        yield _with_fact(finished, fact, fact.value + rng.choice((-1, 1)))  # type: ignore[operator]
    body = finished.text[: finished.text.rindex("\n## ")]
    numbers = list(re.finditer(r"(?<=[:、 は|])(\d{1,6})(?= [件|rfo])", body))
    for match in _pick(rng, numbers):
        wrong = str(int(match[1]) + 1)
        yield replace(finished, text=finished.text[: match.start()] + wrong + finished.text[match.end() :])


def times_swapped(finished: Finished, rng: random.Random) -> Iterator[Finished]:
    """First and last change places: in a table row, in the timeline, or in the text."""
    report = finished.report
    columns = [at for at, column in enumerate(report.columns) if column.format == "time"]
    rows = [
        at
        for at, row in enumerate(report.rows)
        if len(columns) >= 2 and len({_value(report, row.cells[column]) for column in columns[:2]}) == 2
    ]
    for at in _pick(rng, rows):
        cells = list(report.rows[at].cells)
        one, two = columns[:2]
        cells[one], cells[two] = cells[two], cells[one]
        yield _with_row(finished, at, cells=tuple(cells))
    for at in _pick(rng, [at for at, point in enumerate(report.timeline) if point.first != point.last]):
        point = report.timeline[at]
        swapped = point.model_copy(update={"first": point.last, "last": point.first})
        yield finished.changed(timeline=(*report.timeline[:at], swapped, *report.timeline[at + 1 :]))
    lines = finished.text.split("\n")
    told = [at for at, line in enumerate(lines) if len({match[0] for match in _TIME.finditer(line)}) >= 2]
    for at in _pick(rng, told):
        one, two = list(_TIME.finditer(lines[at]))[:2]
        if one[0] != two[0]:
            line = (
                lines[at][: one.start()]
                + two[0]
                + lines[at][one.end() : two.start()]
                + one[0]
                + lines[at][two.end() :]
            )
            yield replace(finished, text="\n".join([*lines[:at], line, *lines[at + 1 :]]))


def _value(report: ItemReport, name: str | None) -> object:
    return report.fact(name).value if name else None


def _with_row(finished: Finished, at: int, **changes: Any) -> Finished:
    rows = finished.report.rows
    row = rows[at].model_copy(update=changes)
    return finished.changed(rows=(*rows[:at], row, *rows[at + 1 :]))


def time_in_wrong_zone(finished: Finished, rng: random.Random) -> Iterator[Finished]:
    """The whole report, or one time of it, is told in another zone than the procedure's."""
    other = "America/New_York"
    yield finished.changed(timezone=other)
    for match in _pick(rng, list(_TIME.finditer(finished.text))):
        zone = ZoneInfo(finished.report.timezone)
        moment = dt.datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)
        elsewhere = moment.astimezone(ZoneInfo(other))
        for label in (match[3], f"{elsewhere:%Z}"):
            text = f"{elsewhere:%Y-%m-%d %H:%M:%S}{match[2]} {label}"
            yield replace(finished, text=finished.text[: match.start()] + text + finished.text[match.end() :])
    for fact in _pick(rng, [fact for fact in finished.report.facts if fact.kind == "time"]):
        if isinstance(fact.value, int | float):
            yield _with_fact(finished, fact, fact.value - 9 * 3600)


def invented_host(finished: Finished, rng: random.Random) -> Iterator[Finished]:
    """A name or address that no log holds: as a fact, in the prose, or in the text."""
    entities = [fact for fact in finished.report.facts if fact.kind == "entity"]
    for fact in _pick(rng, entities):
        yield _with_fact(finished, fact, rng.choice(HOSTS))
    for at, section in enumerate(finished.report.sections):
        if section.paragraphs:
            host = rng.choice(HOSTS)
            paragraphs = (*section.paragraphs[:-1], f"{section.paragraphs[-1]} {host}")
            told = section.model_copy(update={"paragraphs": paragraphs})
            sections = (*finished.report.sections[:at], told, *finished.report.sections[at + 1 :])
            yield finished.changed(sections=sections)
    shown = [fact for fact in entities if isinstance(fact.value, str)]
    for fact in _pick(rng, shown):
        name = str(fact.value).replace(".", "[.]")
        if name in finished.text:
            yield replace(finished, text=finished.text.replace(name, "db-backup-07", 1))


def dropped_search(finished: Finished, rng: random.Random) -> Iterator[Finished]:
    """A search is missing from the search log."""
    log = finished.report.search_log
    for at in _pick(rng, list(range(len(log)))):
        yield finished.changed(search_log=(*log[:at], *log[at + 1 :]))
    lines = finished.text.split("\n")
    for at in _pick(rng, [at for at, line in enumerate(lines) if re.search(r"\| `[0-9a-f]{12}` \|$", line)]):
        yield replace(finished, text="\n".join([*lines[:at], *lines[at + 1 :]]))


def column_from_wrong_row(finished: Finished, rng: random.Random) -> Iterator[Finished]:
    """A cell shows the value of another finding's row, or of another column."""
    report = finished.report
    pairs = [
        (at, other, column)
        for column in range(len(report.columns))
        for at in range(len(report.rows))
        for other in range(len(report.rows))
        if _value(report, report.rows[at].cells[column]) != _value(report, report.rows[other].cells[column])
    ]
    for at, other, column in _pick(rng, pairs):
        cells = list(report.rows[at].cells)
        cells[column] = report.rows[other].cells[column]
        yield _with_row(finished, at, cells=tuple(cells))
        wrong = _value(report, report.rows[other].cells[column])
        name = report.rows[at].cells[column]
        if name is not None:
            yield _with_fact(finished, report.fact(name), wrong)


def live_url(finished: Finished, rng: random.Random) -> Iterator[Finished]:
    """Something that can be clicked or resolved stands in the text."""
    live = ("http://evil.example/x", "203.0.113.9", "evil.example", "mailto@evil.example")
    blocks = finished.text.split("\n\n")
    outside = [at for at, block in enumerate(blocks) if block and "`" not in block and block[0] not in "#|"]
    for at in _pick(rng, outside):
        text = "\n\n".join([*blocks[:at], f"{blocks[at]} {rng.choice(live)}", *blocks[at + 1 :]])
        yield replace(finished, text=text)
    for match in _pick(rng, list(re.finditer(r"(\w)\[\.\](?=\w)", finished.text))):
        start = finished.text.rfind("\n", 0, match.start())
        end = finished.text.find("\n", match.end())
        line = finished.text[start:end].replace("[.]", ".")
        yield replace(finished, text=finished.text[:start] + line + finished.text[end:])


def incomplete_called_complete(finished: Finished, rng: random.Random) -> Iterator[Finished]:
    """A truncated, failed or partial search, or a gap, is not told, or the report is called complete all the same."""
    report = finished.report
    if not report.complete:
        yield finished.changed(complete=True)
        words = ("不完全", "完全") if report.language == "ja" else ("incomplete", "complete")
        yield replace(finished, text=finished.text.replace(*words, 1))
        for at in range(len(report.incomplete)):
            yield finished.changed(incomplete=(*report.incomplete[:at], *report.incomplete[at + 1 :]))
        for at, row in enumerate(report.rows):
            if row.notes:
                yield _with_row(finished, at, notes=())
    for at, entry in enumerate(report.search_log):
        if entry.status is not SearchStatus.OK:
            told = entry.model_copy(update={"status": SearchStatus.OK})
            yield finished.changed(search_log=(*report.search_log[:at], told, *report.search_log[at + 1 :]))


def lowered_verdict(finished: Finished, rng: random.Random) -> Iterator[Finished]:
    """The verdict of the item, of a finding, or of its place in the timeline is lower than it was judged."""
    report = finished.report
    for verdict in Verdict:
        if verdict.severity < report.verdict.severity:
            yield finished.changed(verdict=verdict)
    rows = [at for at, row in enumerate(report.rows) if row.verdict is not Verdict.NONE]
    for at in _pick(rng, rows):
        yield _with_row(finished, at, verdict=Verdict.NONE)
        yield _with_row(finished, at, verdict=Verdict.NONE, unsuppressed=Verdict.NONE)
        yield _with_row(finished, at, reasons=())
    words = {
        "調査必須": "観察",
        "判定不能": "不要",
        "観察": "不要",
        "Investigate": "Observe",
        "Observe": "None",
    }
    told = [
        match
        for match in re.finditer("|".join(words), finished.text)
        if match.start() < finished.text.rindex("\n## ")
    ]
    for match in _pick(rng, told):
        text = finished.text[: match.start()] + words[match[0]] + finished.text[match.end() :]
        yield replace(finished, text=text)
    for fact in [fact for fact in report.facts if fact.kind == "verdict" and fact.value != "none"]:
        yield _with_fact(finished, fact, "none")


def suppression_unmentioned(finished: Finished, rng: random.Random) -> Iterator[Finished]:
    """A finding that an exception took out, or an exception that has lapsed, is not spoken of."""
    report = finished.report
    at = next(at for at, section in enumerate(report.sections) if section.id == "exceptions")
    if not any("{{" in text for text in report.sections[at].paragraphs):
        return
    for kept in ((), report.sections[at].paragraphs[1:], ("静観対象による除外はない。",)):
        section = report.sections[at].model_copy(update={"paragraphs": kept})
        yield finished.changed(sections=(*report.sections[:at], section, *report.sections[at + 1 :]))
    for place, row in enumerate(report.rows):
        if row.verdict is not row.unsuppressed:
            yield finished.changed(rows=(*report.rows[:place], *report.rows[place + 1 :]))
            yield _with_row(finished, place, unsuppressed=row.verdict)
            bare = tuple(part.model_copy(update={"suppressed_by": None}) for part in row.reasons)
            yield _with_row(finished, place, reasons=bare)


def wrong_order(finished: Finished, rng: random.Random) -> Iterator[Finished]:
    """Findings stand in another order than they were judged in, or the timeline tells another verdict."""
    report = finished.report
    places = [at for at, row in enumerate(report.rows[1:], 1) if row.finding != report.rows[at - 1].finding]
    for at in _pick(rng, places):
        swapped = (*report.rows[: at - 1], report.rows[at], report.rows[at - 1], *report.rows[at + 1 :])
        yield finished.changed(rows=swapped)
    for at in _pick(rng, list(range(len(report.timeline)))):
        point = report.timeline[at]
        other = Verdict.OBSERVE if point.verdict is Verdict.NONE else Verdict.NONE
        told = point.model_copy(update={"verdict": other})
        yield finished.changed(timeline=(*report.timeline[:at], told, *report.timeline[at + 1 :]))
    if len(report.timeline) > 1:
        yield finished.changed(timeline=report.timeline[::-1])


def finding_missing(finished: Finished, rng: random.Random) -> Iterator[Finished]:
    """A finding is missing from the table, or stands there twice."""
    rows = finished.report.rows
    for at in _pick(rng, list(range(len(rows)))):
        yield finished.changed(rows=(*rows[:at], *rows[at + 1 :]))
        yield finished.changed(rows=(*rows, rows[at]))
    lines = finished.text.split("\n")
    for row in _pick(rng, list(rows)):
        shown = [part for part in row.cells if part]
        name = str(_value(finished.report, shown[0])).replace(".", "[.]") if shown else "\0"
        told = [at for at, line in enumerate(lines) if line.startswith(f"| {name} |")]
        if told:
            yield replace(finished, text="\n".join([*lines[: told[0]], *lines[told[0] + 1 :]]))


def section_missing(finished: Finished, rng: random.Random) -> Iterator[Finished]:
    """A mandatory section is missing, or two have changed places."""
    sections = finished.report.sections
    for at in _pick(rng, list(range(len(sections) - 1))):
        yield finished.changed(sections=(*sections[:at], *sections[at + 1 :]))
        yield finished.changed(sections=(*sections[:at], sections[at + 1], sections[at], *sections[at + 2 :]))


MUTATIONS: tuple[Mutation, ...] = (
    count_off_by_one,
    times_swapped,
    time_in_wrong_zone,
    invented_host,
    dropped_search,
    column_from_wrong_row,
    live_url,
    incomplete_called_complete,
    lowered_verdict,
    suppression_unmentioned,
    wrong_order,
    finding_missing,
    section_missing,
)
