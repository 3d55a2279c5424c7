"""Lint: what a procedure says must be something that can run and that a reviewer can trust."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from procedures.archive import faults_beside, macros_of, parameters_of, tables_of
from procedures.expand import SCOPE_NAMES, TokenError, Value, expression, parameter_values, tokens
from procedures.lint_ratios import check_ratio
from procedures.lint_searches import SearchText, check_search, check_width
from procedures.model import Criterion, DrillDown, Fault, Item, KnownBenign, Place, Procedure
from procedures.parse import parse_procedure
from procedures.reading import Faults, near
from procedures.servers import Server
from procedures.source import LOOKUPS, MACROS, ProcedureSource
from spl.datamodels import Dataset, load_datasets
from spl.errors import SplError
from spl.expr import Call, Field, Literal, field_names, walk
from spl.lookups import Lookups
from spl.macros import MacroTable
from spl.plan import output_fields

_ALLOW_LIST = re.compile(r"\bNOT\b|!=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Known:
    """What the searches of a procedure may name."""

    macros: MacroTable
    datasets: Mapping[str, Dataset]
    lookups: frozenset[str]
    server: Server | None


Ran = Mapping[tuple[str, str], Collection[str]]
"""The texts (`ProcedureSource.text_digest`) of earlier rounds, by id and version of their procedure."""


def lint(
    source: ProcedureSource,
    *,
    today: dt.date,
    ran: Ran = MappingProxyType({}),
    datasets: Mapping[str, Dataset] | None = None,
    server: Server | None = None,
) -> tuple[Fault, ...]:
    """Return all faults of a procedure, errors and warnings, in the order of the file.

    Args:
        source: The procedure's files.
        today: The day on which dates are past.
        ran: What earlier rounds ran; another text needs another version.
        datasets: Datasets of the known data models; None means the bundled ones.
        server: The server whose commands and length are looked at; None looks at none.
    """
    parsed = parse_procedure(source)
    faults = Faults(source.name, list(parsed.faults))
    beside = faults_beside(source)
    faults.found += beside
    if parsed.procedure is not None and not beside:
        own = {name.removesuffix(".csv") for name in tables_of(source).tables}
        known = Known(
            macros_of(source),
            load_datasets() if datasets is None else datasets,
            frozenset(own | set(parsed.procedure.lookups)),
            server,
        )
        _check_procedure(parsed.procedure, source, known, faults, today)
        _check_version(parsed.procedure, source, faults, ran)
    return tuple(
        sorted(faults.found, key=lambda fault: (fault.place.path, fault.place.line, fault.place.column))
    )


def _check_version(procedure: Procedure, source: ProcedureSource, faults: Faults, ran: Ran) -> None:
    if other := set(ran.get((procedure.id, procedure.version), ())) - {source.text_digest}:
        digests = ", ".join(sorted(digest[:16] for digest in other))
        faults.add(
            "P054",
            f"version {procedure.version} has run with another text ({digests}). Give this one a new version.",
            1,
        )


def _check_procedure(
    procedure: Procedure, source: ProcedureSource, known: Known, faults: Faults, today: dt.date
) -> None:
    parameters = parameters_of(procedure, source.environment)
    if procedure.review_by < today:
        faults.add("P051", f"the review was due on {procedure.review_by}. Review it and set review_by.", 1)
    for macro in known.macros.values():
        if _ALLOW_LIST.search(macro.definition) and MACROS in source.files:
            place = Place(path=MACROS, line=macro.line)
            text = f"macro {macro.name!r} leaves events out. Write exceptions into 静観対象 / Known benign, where reviewers see them."
            faults.found.append(Fault(place=place, code="P052", message=text, severity="warning"))
    tables = tables_of(source)
    for item in procedure.items:
        ItemLint(procedure, item, parameters, known, faults).check()
        _check_enrichments(item, tables, faults)
    for entry in procedure.known_benign:
        _check_known_benign(procedure, entry, parameters, faults, today)


def _check_enrichments(item: Item, tables: Lookups, faults: Faults) -> None:
    """Check that a lookup that enriches stands beside the procedure, with its columns."""
    for rule in item.enrich:
        table = tables.tables.get(f"{rule.lookup}.csv")
        if table is None:
            files = [name.removesuffix(".csv") for name in tables.tables]
            text = f"enrich names the lookup {rule.lookup!r}, and there is no {LOOKUPS}/{rule.lookup}.csv.{near(rule.lookup, files)}"
            faults.add("P033", text, item.place.line, item.place.column)
            continue
        for name in (rule.on, *rule.output):
            if name not in table.fields:
                text = f"lookup {rule.lookup!r} has no column {name!r}.{near(name, table.fields)}"
                faults.add("P033", text, item.place.line, item.place.column)


class ItemLint:
    """Checks one item; fields and parameters are known here."""

    def __init__(
        self, procedure: Procedure, item: Item, parameters: dict[str, str], known: Known, faults: Faults
    ) -> None:
        self.procedure, self.item, self.parameters, self.known, self.faults = (
            procedure,
            item,
            parameters,
            known,
            faults,
        )
        self.columns: frozenset[str] | None = None

    def check(self) -> None:
        """Check everything that the item says."""
        item = self.item
        sources = {source.id for source in self.procedure.data_sources}
        for name in item.needs:
            if name not in sources:
                self._add("P033", f"needs {name!r} is no data source.{near(name, sources)}", item.place)
        self.columns = self._columns(item.spl, item.spl_place, self._values(()))
        if item.total_spl is not None:
            self._columns(item.total_spl, item.spl_place, self._values(()))
            self._check_total()
        self._check_names()
        ids = self._criterion_ids()
        for criterion in item.criteria:
            self._check_criterion(criterion, self.columns)
        for drill_down in item.drill_downs:
            self._check_drill_down(drill_down, ids)
        self._check_output()

    def _add(self, code: str, message: str, place: Place) -> None:
        self.faults.add(code, message, place.line, place.column)

    def _values(self, columns: Iterable[str]) -> dict[str, Value]:
        """Return something for every token that may stand in a search."""
        known: dict[str, Value] = {name: ["x"] for name in columns}
        return {**known, "start": 0, "end": 1, **parameter_values(self.parameters)}

    def _criterion_ids(self) -> set[str]:
        ids = {criterion.id for criterion in self.item.criteria}
        return ids | {
            f"{down.id}/{criterion.id}" for down in self.item.drill_downs for criterion in down.criteria
        }

    def _columns(self, spl: str, place: Place, values: dict[str, Value]) -> frozenset[str] | None:
        indexes = frozenset(source.index.lower() for source in self.procedure.data_sources)
        known = self.known
        text = SearchText(
            spl, place, values, known.macros, indexes, known.datasets, known.lookups, known.server
        )
        search = check_search(text, self.faults)
        return output_fields(search) if search is not None else None

    def _check_total(self) -> None:
        """A total over a window that reaches beyond the round counts what `at` keeps out of the findings."""
        early, late = self.item.window.earliest, self.item.window.latest
        beyond = early.anchor == "start" and early.offset_s < 0
        beyond = beyond or late.anchor == "now" or (late.anchor == "end" and late.offset_s > 0)
        if self.item.at and beyond:
            self._add(
                "P055",
                f"the independent total counts the whole window, and rows whose {self.item.at!r} lies outside of the round "
                "are no findings: the two cannot agree. Expected window: [start, end], no at, or no independent total.",
                self.item.place,
            )

    def _check_names(self) -> None:
        item = self.item
        named = [("key", name) for name in item.key] + [("times", name) for name in item.times]
        named += [("at", item.at)] if item.at else []
        for what, name in named:
            if self.columns is not None and name not in self.columns:
                self._add(
                    "P030",
                    f"{what} {name!r} is no column of the search.{near(name, self.columns)}",
                    item.place,
                )
        if item.at and item.at not in item.times and item.at != "_time":
            self._add("P036", f"at {item.at!r} is not declared in times.", item.place)

    def _check_criterion(self, criterion: Criterion, columns: frozenset[str] | None) -> None:
        for text in (criterion.when, criterion.if_):
            if text:
                self._check_expression(text, criterion, columns)

    def _check_expression(self, text: str, criterion: Criterion, columns: frozenset[str] | None) -> None:
        place = criterion.place
        if check_width(text, place, self.faults):
            return
        for name in tokens(text):
            if name not in self.parameters:
                self._add("P031", f"token ${name}$ is no parameter.{near(name, self.parameters)}", place)
                return
        try:
            expr = expression(text, self.parameters)
        except SplError as error:
            shifted = Place(path=place.path, line=place.line, column=place.column + error.column - 1)
            self._add("P032", f"{error.message}", shifted)
            return
        except TokenError as error:
            self._add("P031", str(error), place)
            return
        check_ratio(expr, criterion, self.faults)
        if columns is None:
            return
        allowed = set(columns) if criterion.scope == "finding" else set()
        allowed |= (
            {name for rule in self.item.enrich for name in rule.output}
            if criterion.scope == "finding"
            else set()
        )
        names = set(SCOPE_NAMES[criterion.scope])
        inside = {
            name
            for node in walk(expr)
            if isinstance(node, Call) and node.name in {"total", "item_max", "distinct", "before"}
            for name in (
                [str(node.args[0].value)]
                if node.args and isinstance(node.args[0], Literal)
                else field_names(node)
            )
        }
        for node in walk(expr):
            if isinstance(node, Field) and node.name not in allowed | names | inside:
                self._unknown(node.name, sorted(allowed | names), place, node.span.start)
        for name in sorted(inside - set(columns)):
            self._unknown(name, sorted(columns), place, 0)

    def _unknown(self, name: str, known: Iterable[str], place: Place, offset: int) -> None:
        shifted = Place(path=place.path, line=place.line, column=place.column + offset)
        self._add("P030", f"field {name!r} does not exist here.{near(name, list(known))}", shifted)

    def _check_drill_down(self, drill_down: DrillDown, ids: set[str]) -> None:
        for name in drill_down.runs:
            if name not in ids | {"always"}:
                self._add(
                    "P033",
                    f"runs {name!r} is no criterion of this item.{near(name, ids)}",
                    drill_down.runs_place or drill_down.place,
                )
        if not drill_down.runs:
            self._add(
                "P033",
                f"drill-down {drill_down.id!r} never runs. Expected runs: [criterion ids] or always.",
                drill_down.place,
            )
        known = set(self.columns or ()) | set(self.parameters) | {"start", "end"}
        missing = [name for name in tokens(drill_down.spl) if name not in known]
        for name in missing if self.columns is not None else ():
            line = drill_down.spl_place.line + drill_down.spl[: drill_down.spl.index(f"${name}$")].count("\n")
            place = Place(path=drill_down.spl_place.path, line=line)
            self._add(
                "P031",
                f"token ${name}$ is no column of the item's search and no parameter.{near(name, known)}",
                place,
            )
        if missing:
            return
        columns = self._columns(drill_down.spl, drill_down.spl_place, self._values(self.columns or ()))
        if (
            drill_down.each == "batch"
            and columns is not None
            and self.item.key
            and not columns & set(self.item.key)
        ):
            self._add(
                "P034",
                f"drill-down {drill_down.id!r} returns none of the key fields {', '.join(self.item.key)}.",
                drill_down.place,
            )
        both = None if columns is None or self.columns is None else columns | self.columns
        for criterion in drill_down.criteria:
            self._check_criterion(criterion, both)

    def _check_output(self) -> None:
        drill_downs = {down.id: down for down in self.item.drill_downs}
        enriched = {name for rule in self.item.enrich for name in rule.output}
        for column in self.item.output:
            head = column.source.partition(".")[0]
            if (
                self.columns is None
                or column.source in self.columns
                or column.source in enriched
                or head in drill_downs
            ):
                continue
            self._add(
                "P030",
                f"column {column.source!r} does not exist.{near(column.source, self.columns)}",
                column.place,
            )


def _check_known_benign(
    procedure: Procedure, entry: KnownBenign, parameters: dict[str, str], faults: Faults, today: dt.date
) -> None:
    if entry.expires < today:
        faults.add(
            "P050",
            f"known-benign {entry.id!r} expired on {entry.expires}.",
            entry.place.line,
            entry.place.column,
        )
    keys: set[str] = set()
    for name in entry.covers:
        item_id, _, criterion = name.partition("/")
        item = next((item for item in procedure.items if item.id == item_id), None)
        known = {f"{item.id}/{part.id}" for item in procedure.items for part in item.criteria}
        known |= {
            f"{item.id}/{down.id}/{part.id}"
            for item in procedure.items
            for down in item.drill_downs
            for part in down.criteria
        }
        if item is None or name not in known:
            code = "P035" if not criterion else "P033"
            faults.add(
                code,
                f"covers {name!r} is no item/criterion.{near(name, known)}",
                entry.place.line,
                entry.place.column,
            )
            continue
        keys |= set(item.key)
    try:
        expr = expression(entry.match, parameters)
    except (SplError, TokenError) as error:
        faults.add("P032", f"match of {entry.id!r}: {error}", entry.place.line, entry.place.column)
        return
    for name in sorted(set(field_names(expr)) - keys) if keys else ():
        faults.add(
            "P035",
            f"match of {entry.id!r} looks at {name!r}, which is no key field.",
            entry.place.line,
            entry.place.column,
        )
