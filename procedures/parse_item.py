"""One monitoring item and its drill-downs, from sections to the model."""

from __future__ import annotations

import re
from typing import cast

from pydantic import ValidationError

from procedures.document import Block, Section
from procedures.model import (
    Baseline,
    Bound,
    Criterion,
    DrillDown,
    Enrichment,
    Item,
    OutputColumn,
    Place,
    Window,
)
from procedures.reading import Faults, Record, Settings, near, read_settings, read_table
from procedures.verdict import Verdict
from procedures.words import ITEM_PART_OF, ITEM_PARTS, VERDICT_OF
from spl.errors import TimeError
from spl.timerange import parse_duration

ITEM_KEYS = (
    "key", "entity", "times", "needs", "window", "at", "attack", "baseline", "show", "review", "on_no_data",
    "on_partial", "on_truncated", "enrich", "extra_searches",
)  # fmt: skip
DRILL_DOWN_KEYS = ("runs", "each", "window", "optional")
FORMATS = ("text", "integer", "decimal", "time", "duration", "defang", "list", "percent")
_TITLE = re.compile(r"(?P<id>[A-Za-z0-9_.-]+)\s*[:：]\s*(?P<title>.+)")
_BOUND = re.compile(r"(start|end|now)\s*(?:([+-])\s*(\S+))?")


def parse_item(section: Section, shared: tuple[DrillDown, ...], faults: Faults) -> Item | None:
    """Parse a level-2 section below the items; None when it cannot be read, which is reported."""
    ident, title = _title(section, faults)
    settings = _settings(section, ITEM_KEYS, faults)
    parts = _parts(section, faults)
    for required in ("purpose", "query", "criteria", "output"):
        if required not in parts:
            names = " / ".join(ITEM_PARTS[required])
            faults.add("P005", f"item {ident!r} has no section {names}.", section.line)
    search = _search(parts.get("query"), ident, faults)
    total = parts["total"].fences("spl") if "total" in parts else []
    drill_downs = parse_drill_downs(parts["drill_downs"], faults) if "drill_downs" in parts else ()
    criteria = _criteria(parts.get("criteria"), faults)
    drill_downs += _called(shared, criteria, drill_downs)
    if search is None:
        return None
    return _item(ident, title, section, settings, parts, search, total, criteria, drill_downs, faults)


def _called(
    shared: tuple[DrillDown, ...], criteria: tuple[Criterion, ...], own: tuple[DrillDown, ...]
) -> tuple[DrillDown, ...]:
    """Return the shared drill-downs whose `runs` name a criterion of this item."""
    ids = {criterion.id for criterion in criteria} | {"always"}
    taken = {drill_down.id for drill_down in own}
    return tuple(down for down in shared if ids & set(down.runs) and down.id not in taken)


def _item(
    ident: str,
    title: str,
    section: Section,
    settings: Settings,
    parts: dict[str, Section],
    search: Block,
    total: list[Block],
    criteria: tuple[Criterion, ...],
    drill_downs: tuple[DrillDown, ...],
    faults: Faults,
) -> Item | None:
    try:
        return Item(
            id=ident,
            title=title,
            key=settings.names("key"),
            entity={str(name): str(kind) for name, kind in _mapping(settings, "entity").items()},
            times=settings.names("times"),
            needs=settings.names("needs"),
            window=_window(settings),
            at=settings.text("at", "") or None,
            attack=settings.names("attack"),
            baseline=_baseline(settings, faults),
            show=int(settings.number("show", 20)),
            extra_searches=int(settings.number("extra_searches", 1))
            if "extra_searches" in settings.values
            else 0,
            review=settings.text("review", "") or None,
            on_no_data=_on(settings, "on_no_data"),
            on_partial=_on(settings, "on_partial"),
            on_truncated=_on(settings, "on_truncated"),
            enrich=_enrichments(settings, faults),
            purpose=parts["purpose"].prose if "purpose" in parts else "",
            spl=search.text.rstrip(),
            criteria=criteria,
            drill_downs=drill_downs,
            output=_output(parts.get("output"), faults),
            handover=parts["handover"].prose if "handover" in parts else "",
            total_spl=total[0].text.rstrip() if total else None,
            not_covered=parts["not_covered"].prose if "not_covered" in parts else "",
            place=Place(path=faults.path, line=section.line),
            spl_place=Place(path=faults.path, line=search.line),
        )
    except ValidationError as error:
        first = error.errors()[0]
        faults.add("P003", f"{'.'.join(map(str, first['loc']))}: {first['msg']}.", section.line)
        return None


def _title(section: Section, faults: Faults) -> tuple[str, str]:
    match = _TITLE.fullmatch(section.title)
    if match is None:
        faults.add("P003", f"heading {section.title!r} has no id. Expected `id: title`.", section.line)
        return section.title, section.title
    return match["id"], match["title"]


def _settings(section: Section, known: tuple[str, ...], faults: Faults) -> Settings:
    blocks = section.fences("yaml")
    if not blocks:
        return Settings({}, {}, section.line, faults)
    settings = read_settings(blocks[0].text, blocks[0].line, faults) or Settings(
        {}, {}, blocks[0].line, faults
    )
    settings.only(known)
    return settings


def _parts(section: Section, faults: Faults) -> dict[str, Section]:
    parts: dict[str, Section] = {}
    for child in section.children:
        key = ITEM_PART_OF.get(child.title.casefold())
        if key is None:
            names = [name for names in ITEM_PARTS.values() for name in names]
            faults.add("P006", f"heading {child.title!r} is unknown.{near(child.title, names)}", child.line)
        else:
            parts[key] = child
    return parts


def _search(section: Section | None, ident: str, faults: Faults) -> Block | None:
    if section is None:
        return None
    blocks = section.fences("spl")
    if len(blocks) != 1:
        faults.add(
            "P010", f"{ident!r} has {len(blocks)} ```spl blocks here. Expected exactly one.", section.line
        )
    return blocks[0] if blocks else None


def _mapping(settings: Settings, key: str) -> dict[object, object]:
    value = settings.values.get(key) or {}
    if not isinstance(value, dict):
        settings.faults.add("P003", f"{key} {value!r} is no mapping.", settings.place(key))
        return {}
    return value


def _window(settings: Settings) -> Window:
    value = settings.values.get("window")
    if value is None:
        return Window()
    if not isinstance(value, list) or len(value) != 2:
        settings.faults.add(
            "P003", f"window {value!r} cannot be read. Expected [start - 1h, end].", settings.place("window")
        )
        return Window()
    earliest, latest = (_bound(str(part), settings) for part in value)
    return Window(earliest=earliest, latest=latest)


def _bound(text: str, settings: Settings) -> Bound:
    match = _BOUND.fullmatch(text.strip())
    if match is None:
        _bad_bound(f"{text!r} cannot be read.", settings)
        return Bound(anchor="start")
    try:
        offset = parse_duration(match[3]) if match[3] else 0.0
    except TimeError as error:
        _bad_bound(error.message, settings)
        return Bound(anchor="start")
    return Bound(anchor=match[1], offset_s=-offset if match[2] == "-" else offset)


def _bad_bound(what: str, settings: Settings) -> None:
    text = f"window: {what} Expected start, end or now, and + or - a duration."
    settings.faults.add("P003", text, settings.place("window"))


def _baseline(settings: Settings, faults: Faults) -> Baseline | None:
    value = _mapping(settings, "baseline")
    if not value:
        return None
    inner = Settings({str(key): part for key, part in value.items()}, {}, settings.place("baseline"), faults)
    inner.only(("periods", "step"))
    return Baseline(periods=int(inner.number("periods", 4)), step_s=inner.duration("step"))


def _on(settings: Settings, key: str) -> Verdict:
    word = settings.text(key, Verdict.UNDETERMINED.value)
    verdict = VERDICT_OF.get(word.casefold())
    if verdict is None:
        settings.faults.add(
            "P008", f"{key} {word!r} is no verdict.{near(word, VERDICT_OF)}", settings.place(key)
        )
    return verdict or Verdict.UNDETERMINED


def _enrichments(settings: Settings, faults: Faults) -> tuple[Enrichment, ...]:
    entries = settings.values.get("enrich") or []
    found = []
    for entry in entries if isinstance(entries, list) else []:
        inner = Settings(cast("dict[str, object]", entry), {}, settings.place("enrich"), faults)
        inner.only(("lookup", "on", "output"))
        found.append(
            Enrichment(lookup=inner.text("lookup"), on=inner.text("on"), output=inner.names("output"))
        )
    return tuple(found)


def _criteria(section: Section | None, faults: Faults) -> tuple[Criterion, ...]:
    table = section.table if section else None
    if section is not None and table is None:
        faults.add("P007", "there is no table of criteria here.", section.line)
    if table is None:
        return ()
    records = read_table(table, ("id", "scope", "verdict", "when", "why"), faults)
    criteria = [criterion for record in records if (criterion := _criterion(record, faults))]
    seen: set[str] = set()
    for criterion in criteria:
        if criterion.id in seen:
            faults.add(
                "P009",
                f"criterion id {criterion.id!r} is used twice.",
                criterion.place.line,
                criterion.place.column,
            )
        seen.add(criterion.id)
    return tuple(criteria)


def _criterion(record: Record, faults: Faults) -> Criterion | None:
    if any(name not in record for name in ("id", "scope", "verdict", "when")):
        return None
    verdict_cell, scope, when = record["verdict"], record["scope"], record["when"]
    verdict = VERDICT_OF.get(verdict_cell.text.casefold())
    if verdict is None:
        faults.add(
            "P008",
            f"verdict {verdict_cell.text!r} is unknown.{near(verdict_cell.text, VERDICT_OF)}",
            verdict_cell.line,
            verdict_cell.column,
        )
    if scope.text not in {"finding", "item"}:
        faults.add(
            "P008", f"scope {scope.text!r} is unknown. Expected finding or item.", scope.line, scope.column
        )
    question = when.text.removeprefix("judge:").strip() if when.text.startswith("judge:") else None
    if not when.text:
        faults.add("P032", f"criterion {record['id'].text!r} has no condition.", when.line, when.column)
    return Criterion(
        id=record["id"].text,
        scope="item" if scope.text == "item" else "finding",
        verdict=verdict or Verdict.UNDETERMINED,
        when=None if question is not None else when.text,
        question=question,
        if_=record["if"].text or None if "if" in record else None,
        why=record["why"].text if "why" in record else "",
        place=Place(path=faults.path, line=when.line, column=when.column),
    )


def parse_drill_downs(section: Section, faults: Faults) -> tuple[DrillDown, ...]:
    """Parse the drill-downs below a section."""
    found = []
    seen: set[str] = set()
    for child in section.children:
        ident, title = _title(child, faults)
        if ident in seen:
            faults.add("P009", f"drill-down id {ident!r} is used twice.", child.line)
        seen.add(ident)
        settings = _settings(child, DRILL_DOWN_KEYS, faults)
        search = _search(child, ident, faults)
        if search is None:
            continue
        found.append(
            DrillDown(
                id=ident,
                title=title,
                runs=settings.names("runs"),
                each=settings.choice("each", ("finding", "batch"), "finding"),
                optional=bool(settings.values.get("optional", False)),
                window=_window(settings),
                spl=search.text.rstrip(),
                criteria=_criteria(child, faults) if child.table else (),
                place=Place(path=faults.path, line=child.line),
                spl_place=Place(path=faults.path, line=search.line),
                runs_place=Place(path=faults.path, line=settings.place("runs")),
            )
        )
    return tuple(found)


def _output(section: Section | None, faults: Faults) -> tuple[OutputColumn, ...]:
    if section is None:
        return ()
    if section.table is None:
        faults.add("P007", "there is no table of output columns here.", section.line)
        return ()
    columns = []
    for record in read_table(section.table, ("column", "from", "format"), faults):
        if any(name not in record for name in ("column", "from", "format")):
            continue
        fmt = record["format"]
        if fmt.text not in FORMATS:
            faults.add(
                "P008", f"format {fmt.text!r} is unknown.{near(fmt.text, FORMATS)}", fmt.line, fmt.column
            )
            continue
        place = Place(path=faults.path, line=record["from"].line, column=record["from"].column)
        columns.append(
            OutputColumn(
                label=record["column"].text, source=record["from"].text, format=fmt.text, place=place
            )
        )
    return tuple(columns)
