"""From the text of a procedure to its parsed form, with every fault at its place."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from procedures.document import Section, read_document
from procedures.ids import check_ids
from procedures.model import (
    DECIDING,
    Budget,
    DataSource,
    Fault,
    KnownBenign,
    Parameter,
    Place,
    Procedure,
    Status,
)
from procedures.parse_item import parse_drill_downs, parse_item
from procedures.reading import Faults, Settings, near, read_settings, read_table
from procedures.source import ProcedureSource
from procedures.verdict import Verdict
from procedures.words import CHAPTER_OF, CHAPTERS

FRONT_KEYS = (
    "id", "title", "version", "status", "superseded_by", "language", "owner", "approver", "updated", "review_by",
    "timezone", "period", "tlp", "data_sources", "budget", "review", "recheck", "lookups",
)  # fmt: skip
_SOURCE_KEYS = (
    "id", "index", "sourcetype", "where", "by", "max_silence", "settle", "seen_within", "optional_fields",
)  # fmt: skip
_ID = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Parsed:
    """The procedure, when it could be read far enough, and all faults of its form."""

    procedure: Procedure | None
    faults: tuple[Fault, ...]


def parse_procedure(source: ProcedureSource) -> Parsed:
    """Parse a procedure. Never raises for what the text says: everything wrong is a fault."""
    faults = Faults(source.name)
    document = read_document(source.document)
    if document.front is None:
        faults.add(
            "P001", "the document does not begin with front matter. Expected --- and key: value lines.", 1
        )
        return Parsed(None, tuple(faults.found))
    front = read_settings(document.front, document.front_line, faults)
    if front is None:
        return Parsed(None, tuple(faults.found))
    chapters = _chapters(document.sections, faults)
    procedure = _build(front, chapters, source, faults)
    return Parsed(
        procedure, tuple(sorted(faults.found, key=lambda fault: (fault.place.line, fault.place.column)))
    )


def _chapters(sections: list[Section], faults: Faults) -> dict[str, Section]:
    """Find the chapters by their names, at any level above the items."""
    found: dict[str, Section] = {}
    for section in sections:
        key = CHAPTER_OF.get(section.title.casefold())
        if key is None:
            names = [name for names in CHAPTERS.values() for name in names]
            faults.add(
                "P006", f"heading {section.title!r} is unknown.{near(section.title, names)}", section.line
            )
            continue
        if key in found:
            faults.add("P009", f"heading {section.title!r} stands twice.", section.line)
        found[key] = section
        if key != "items":
            found |= {
                inner: child
                for child in section.children
                if (inner := CHAPTER_OF.get(child.title.casefold(), ""))
            }
    if "items" not in found:
        faults.add("P005", f"section {CHAPTERS['items'][0]!r} ({CHAPTERS['items'][1]}) is missing.", 1)
    return found


def _build(
    front: Settings, chapters: dict[str, Section], source: ProcedureSource, faults: Faults
) -> Procedure | None:
    front.only(FRONT_KEYS)
    shared = (
        parse_drill_downs(chapters["shared_drill_downs"], faults) if "shared_drill_downs" in chapters else ()
    )
    items = [
        item
        for section in (chapters["items"].children if "items" in chapters else ())
        if (item := parse_item(section, shared, faults)) is not None
    ]
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            faults.add("P009", f"item id {item.id!r} is used twice.", item.place.line)
        seen.add(item.id)
    ident = front.text("id")
    if ident and not _ID.fullmatch(ident):
        faults.add(
            "P003",
            f"id {ident!r} is no id. Expected lower-case letters, digits and dashes.",
            front.place("id"),
        )
    values = {
        "id": ident,
        "title": front.text("title"),
        "version": front.text("version"),
        "status": front.choice("status", [status.value for status in Status]),
        "superseded_by": front.text("superseded_by", "") or None,
        "language": front.choice("language", ["ja", "en"]),
        "owner": front.text("owner"),
        "approver": front.text("approver"),
        "updated": front.date("updated"),
        "review_by": front.date("review_by"),
        "timezone": _zone(front),
        "period_s": front.duration("period"),
        "tlp": front.text("tlp"),
        "data_sources": _data_sources(front, faults),
        "lookups": front.names("lookups"),
        "budget": _budget(front, faults),
        "review": front.choice("review", ["findings", "always"], "findings"),
        "recheck": _recheck(front),
        "parameters": _parameters(chapters.get("parameters"), faults),
        "known_benign": _known_benign(chapters.get("known_benign"), faults),
        "items": tuple(items),
        "digest": source.digest,
    }
    for chapter in ("role", "prerequisites", "notes"):
        values[chapter] = chapters[chapter].prose if chapter in chapters else ""
    values["report_order"] = chapters["report_format"].prose if "report_format" in chapters else ""
    try:
        procedure = Procedure.model_validate(values)
    except ValidationError as error:
        if not any(fault.severity == "error" for fault in faults.found):
            faults.add("P003", f"the procedure cannot be read: {error.errors()[0]['msg']}.", 1)
        return None
    check_ids(procedure, faults)
    return procedure


def _recheck(front: Settings) -> str | None:
    """Return which searches run again: `deciding`, or a verdict from which on all do; None when none does."""
    chosen = front.choice("recheck", ["never", DECIDING, *(verdict.value for verdict in Verdict)], DECIDING)
    return None if chosen == "never" else chosen


def _zone(front: Settings) -> str:
    name = front.text("timezone")
    try:
        ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        faults = front.faults
        faults.add(
            "P003",
            f"timezone {name!r} is unknown. Expected a name such as Asia/Tokyo.",
            front.place("timezone"),
        )
        return "UTC"
    return name or "UTC"


def _data_sources(front: Settings, faults: Faults) -> tuple[DataSource, ...]:
    entries = front.values.get("data_sources") or []
    line = front.place("data_sources")
    if not isinstance(entries, list) or not entries:
        faults.add("P002", "'data_sources' names no data source.", line)
        return ()
    sources = []
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            faults.add("P003", f"data source {entry!r} is no mapping.", line)
            continue
        settings = Settings({str(key): value for key, value in entry.items()}, {}, line + number + 1, faults)
        settings.only(_SOURCE_KEYS)
        sources.append(
            DataSource(
                id=settings.text("id"),
                index=settings.text("index"),
                sourcetype=settings.text("sourcetype"),
                where=settings.text("where", ""),
                by=settings.text("by", "") or None,
                max_silence_s=settings.duration("max_silence"),
                settle_s=settings.duration("settle", "0s"),
                seen_within_s=settings.duration("seen_within") if "seen_within" in settings.values else None,
                optional_fields=_optional_fields(settings),
                place=Place(path=faults.path, line=settings.line),
            )
        )
    return tuple(sources)


def _optional_fields(settings: Settings) -> dict[str, str]:
    """Return fields with the reason why events may lack them; one without a reason is a fault."""
    value = settings.values.get("optional_fields") or {}
    if isinstance(value, dict) and all(isinstance(why, str) and why.strip() for why in value.values()):
        return {str(name): str(why).strip() for name, why in value.items()}
    settings.faults.add(
        "P003",
        f"optional_fields {value!r} gives no reasons. Expected a reason for each field, such as "
        "{errorCode: only refused calls have one}.",
        settings.line,
    )
    return {}


def _budget(front: Settings, faults: Faults) -> Budget:
    value = front.values.get("budget") or {}
    if not isinstance(value, dict):
        faults.add("P003", f"budget {value!r} is no mapping.", front.place("budget"))
        return Budget()
    settings = Settings({str(key): inner for key, inner in value.items()}, {}, front.place("budget"), faults)
    settings.only(("searches", "rows", "seconds", "tokens", "model_seconds", "review_seconds"))
    default = Budget()
    return Budget(
        searches=int(settings.number("searches", default.searches)),
        rows=int(settings.number("rows", default.rows)),
        seconds=settings.number("seconds", default.seconds),
        tokens=int(settings.number("tokens", default.tokens)),
        model_seconds=settings.number("model_seconds", default.model_seconds),
        review_seconds=settings.number("review_seconds", default.review_seconds),
    )


def _parameters(section: Section | None, faults: Faults) -> tuple[Parameter, ...]:
    if section is None or section.table is None:
        return ()
    return tuple(
        Parameter(
            name=record["name"].text,
            values={
                name: cell.text for name, cell in record.items() if name not in {"name", "why"} and cell.text
            },
            why=record["why"].text if "why" in record else "",
            place=Place(path=faults.path, line=record["name"].line, column=record["name"].column),
        )
        for record in read_table(section.table, ("name", "default", "why"), faults, others=True)
        if "name" in record
    )


def _known_benign(section: Section | None, faults: Faults) -> tuple[KnownBenign, ...]:
    if section is None or section.table is None:
        return ()
    columns = ("id", "covers", "match", "reason", "owner", "approver", "starts", "expires")
    entries = []
    for record in read_table(section.table, columns, faults):
        if any(name not in record for name in columns):
            continue
        dates = [
            _date(record[name].text, record[name].line, record[name].column, faults)
            for name in ("starts", "expires")
        ]
        entries.append(
            KnownBenign(
                **{name: record[name].text for name in ("id", "match", "reason", "owner", "approver")},
                covers=tuple(part.strip() for part in record["covers"].text.split(",") if part.strip()),
                starts=dates[0],
                expires=dates[1],
                place=Place(path=faults.path, line=record["id"].line, column=record["id"].column),
            )
        )
    return tuple(entries)


def _date(text: str, line: int, column: int, faults: Faults) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        faults.add("P003", f"date {text!r} cannot be read. Expected 2026-11-20.", line, column)
        return dt.date(1970, 1, 1)
