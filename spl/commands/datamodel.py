"""Commands over virtual data models: tstats, from, datamodel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from spl.clause import Clause, Options, split_words
from spl.commands.aggregate import group, leading_options
from spl.commands.bins import binned, read_span
from spl.commands.lookup import InputLookup
from spl.commands.stacking import stacked
from spl.commands.values import FillNull
from spl.datamodels import Dataset, Source, find_dataset
from spl.errors import Span, UnsupportedError
from spl.events import event_stage
from spl.expr import field_names
from spl.lex import Token
from spl.parse_terms import TermParser
from spl.plan import Generator, Names, term_fields
from spl.python_calls import Kind
from spl.sql_expr import compile_expression
from spl.sql_terms import compile_term
from spl.sql_values import NULL, Sql, as_number, cast, unify
from spl.stage import Builder, Stage
from spl.stat_functions import Aggregate, parse_aggregates
from spl.subsearch import any_of, resolve_term
from spl.terms import Combined, FieldIn, FieldTerm, NotTerm, Pattern, Term, exact_values, walk_terms

_EVENT_FIELDS = ("_time", "_raw", "index", "sourcetype", "host", "source")
_KINDS = ("datamodel", "inputlookup", "lookup")
_AGGREGATING = ("chart", "eventstats", "rare", "stats", "timechart", "top")
_TSTATS_OPTIONS = (
    "prestats", "local", "append", "summariesonly", "include_reduced_buckets", "allow_old_summaries",
    "chunk_size", "fillnull_value", "use_summary_index_values",
)  # fmt: skip


def _find(clause: Clause, name: str, span: Span) -> Dataset:
    return find_dataset(name, text=clause.text, span=span, datasets=clause.datasets)


def own_name(dataset: Dataset, field: str) -> str:
    """Return a field of a dataset without the names of models and datasets in front."""
    if field in _EVENT_FIELDS:
        return field
    parts = field.split(".")
    for place in range(len(parts)):
        rest = ".".join(parts[place:])
        if rest in dataset.fields:
            return rest
    return parts[-1] if len(parts) > 1 and parts[0][:1].isupper() else field


def dataset_stage(
    builder: Builder, dataset: Dataset, wanted: Iterable[str], indexes: frozenset[str] | None
) -> Stage:
    """Return the events of a dataset with the wanted fields, under their own names."""
    run = builder.runtime
    known = run.catalog.sourcetypes()
    parts = [(source, kinds) for source in dataset.sources if (kinds := source.matching(known))]
    asked = sorted(set(wanted) - set(_EVENT_FIELDS) | set(term_fields(dataset.where)))
    if lacking := [name for name in asked if name not in dataset.fields]:
        names = ", ".join(lacking)
        run.messages.append(f"dataset {dataset.model}.{dataset.name} has no field {names}.")
    if not parts:
        run.messages.append(f"no stored sourcetype belongs to the dataset {dataset.model}.{dataset.name}.")
        fields = dict.fromkeys((*asked, "index", "sourcetype", "host", "source", "_raw"), Kind.TEXT)
        return run.values_table({"_time": Kind.NUMBER} | fields, [])
    conditions = [_belongs(source, kinds) for source, kinds in parts]
    read = {name for source, _ in parts for expr in source.fields.values() for name in field_names(expr)}
    read |= {name for condition in conditions for name in term_fields(condition)} | set(_EVENT_FIELDS)
    every = frozenset(kind.lower() for _, kinds in parts for kind in kinds)
    term = any_of(conditions, Span(0, 0))
    stage = event_stage(builder, frozenset(read), indexes, every, term=term, made=frozenset(read))
    context = builder.context(stage)
    tests = [compile_term(condition, context) for condition in conditions]
    made = []
    for name in asked:
        values = [
            (test, compile_expression(source.fields[name], context))
            for test, (source, _) in zip(tests, parts, strict=True)
            if name in source.fields
        ]
        made.append((name, _first_that_belongs(values)))
    events = {name: stage.columns[name] for name in _EVENT_FIELDS if name in stage.columns}
    stage = builder.extend(Stage(stage.cte, events, stage.order), made)
    if dataset.where is not None:
        stage = builder.filter(stage, compile_term(dataset.where, builder.context(stage)))
    return stage


def _belongs(source: Source, kinds: Iterable[str]) -> Term:
    """Return the condition that an event is one of a source."""
    place = Span(0, 0)
    kind = FieldIn("sourcetype", tuple(Pattern((name,)) for name in kinds), place)
    return kind if source.where is None else Combined("AND", (kind, source.where), place)


def _first_that_belongs(values: list[tuple[str, Sql]]) -> Sql:
    kind = unify([value for _, value in values])
    if kind is Kind.BOOL:
        kind = Kind.TEXT
    arms = " ".join(f"WHEN {test} THEN {cast(value, kind)}" for test, value in values)
    return Sql(f"(CASE {arms} END)" if arms else "NULL::VARCHAR", kind if arms else Kind.TEXT)


@dataclass(frozen=True, slots=True)
class Tstats(Generator):
    """aggregates the events of a virtual data model, or of indexes."""

    name = "tstats"
    bounded: ClassVar[bool] = True
    aggregates: tuple[Aggregate, ...]
    dataset: Dataset | None
    condition: Term | None
    by: tuple[str, ...]
    amount: float | None
    unit: str | None
    fill: str | None
    window: tuple[tuple[str, str], ...]
    """Inline times of the condition, as written."""
    before_stats: bool
    """Whether a command after this one aggregates (`prestats=t`)."""
    first: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Tstats:
        """Read `tstats [options] statistics [FROM datamodel=…] [WHERE condition] [BY fields [span=]]`."""
        tokens = clause.arguments()
        for token, after in pairwise(tokens):
            if token.value.upper() == "PREFIX" and after.kind == "lparen":
                raise clause.unsupported("PREFIX(): there is no index of words.", token.span, ("fields",))
        options, tokens = leading_options(clause, tokens, *_TSTATS_OPTIONS)
        parts = split_words(tokens, "from", "where", "by", "groupby")
        grouped = parts.get("by") or parts.get("groupby") or []
        trailing, fields = leading_options(clause, grouped, "span", *_TSTATS_OPTIONS, anywhere=True)
        options.add(trailing)
        dataset, left = _dataset(clause, parts.get("from"))
        condition, window = _condition(clause, parts.get("where"))
        _check_place(clause, options, window)
        dataset = _child(clause, dataset, condition)
        amount, unit = read_span(clause, trailing.get("span"), timed=True)
        fill = options.get("fillnull_value")
        if left:
            raise clause.fail(f"unexpected {left[0].text[:20]!r}. Expected WHERE or BY.", left[0].span)
        return cls(
            parse_aggregates(clause, _without_options(clause, parts[""]), "tstats"),
            dataset,
            condition,
            clause.fields(fields) if fields else (),
            amount,
            unit,
            fill.value if fill else None,
            window,
            clause.flag(options, "prestats"),
            clause.is_first,
            clause.span,
        )

    def times(self) -> dict[str, str]:
        """Return the inline times."""
        return dict(self.window)

    def indexes(self) -> frozenset[str] | None:
        """Return the indexes that the condition is bounded to."""
        return exact_values(self.condition, "index")

    def reads(self) -> tuple[str, ...]:
        """Return the fields, as they are written."""
        own = [name for aggregate in self.aggregates for name in aggregate.reads()]
        return (*own, *term_fields(self.condition), *self.by)

    def output(self, names: Names) -> Names:
        """Return the statistics and the BY fields."""
        if self.before_stats:
            return {*self.reads(), "_time"}
        return {*(aggregate.name for aggregate in self.aggregates), *self.by}

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Put the rows behind those of the `tstats` before."""
        return stacked(builder, [stage, self.generate(builder)])

    def generate(self, builder: Builder) -> Stage:
        """Search the dataset, keep what the condition asks for, and aggregate.

        With `prestats=t` the command after it aggregates: it gets the rows themselves, which give the same answer as
        Splunk's partial statistics.
        """
        names = [name for name in self.reads() if name != "nodename"]
        if self.dataset is None:
            stage = _plain_events(builder, names, self.indexes())
            own = {name: name for name in names}
        else:
            own = {name: own_name(self.dataset, name) for name in names}
            stage = dataset_stage(builder, self.dataset, own.values(), self.indexes())
        columns = {name: stage.columns[field] for name, field in own.items() if field in stage.columns}
        columns.setdefault("_time", stage.columns["_time"])
        stage = Stage(stage.cte, columns, stage.order)
        term = resolve_term(builder, _without_nodes(self.condition))
        if term is not None:
            stage = builder.filter(stage, compile_term(term, builder.context(stage)))
        if "_time" in self.by and self.amount is not None:
            time = Sql(as_number(stage.columns["_time"]), Kind.NUMBER)
            stage = builder.extend(stage, [("_time", binned(builder, time, self.amount, self.unit))])
        if self.fill is not None:
            missing = tuple(name for name in self.by if name != "_time")
            stage = FillNull(self.fill, missing, self.span).apply(builder, stage)
        return (
            self._ungrouped(builder, stage)
            if self.before_stats
            else group(builder, stage, self.aggregates, self.by)
        )

    def _ungrouped(self, builder: Builder, stage: Stage) -> Stage:
        """Return the rows that have every BY field.

        Raises:
            UnsupportedError: No command after this one aggregates them.
        """
        later = (command for command in builder.rest if not isinstance(command, Tstats))
        if not any(command.name in _AGGREGATING for command in later):
            raise UnsupportedError(
                "tstats prestats=t without a command that aggregates.",
                text=builder.source, span=self.span, supported=_AGGREGATING,
            )  # fmt: skip
        values = [stage.columns.get(name, NULL) for name in self.by]
        present = " AND ".join(f"{value.text} IS NOT NULL" for value in values)
        return builder.filter(stage, present) if present else stage


def _child(clause: Clause, dataset: Dataset | None, condition: Term | None) -> Dataset | None:
    """Return the dataset that `nodename=` narrows to."""
    nodes = [
        part
        for part in walk_terms(condition)
        if isinstance(part, FieldTerm | FieldIn) and part.field == "nodename"
    ]
    if not nodes or dataset is None:
        return dataset
    values = exact_values(condition, "nodename")
    if values is None or len(values) > 1:
        raise clause.unsupported("nodename with anything but one dataset.", nodes[0].span)
    (value,) = values
    return _find(clause, f"{dataset.model}.{value.split('.')[-1]}", nodes[0].span)


def _condition(clause: Clause, tokens: list[Token] | None) -> tuple[Term | None, tuple[tuple[str, str], ...]]:
    """Return the condition after WHERE and its inline times."""
    if not tokens:
        return None, ()
    parser = TermParser(clause.text, tokens[0].span.start, tokens[-1].span.end, clause.parse_pipeline)
    term = parser.parse()
    return term, tuple((name, value) for name, (value, _) in parser.times.items())


def _check_place(clause: Clause, options: Options, window: tuple[tuple[str, str], ...]) -> None:
    """Refuse a `tstats` that stands later in a search unless it appends, and options that do not belong together."""
    appends = clause.flag(options, "append")
    if appends and not clause.flag(options, "prestats"):
        raise clause.fail("tstats append=t needs prestats=t.", options["append"].span)
    if not clause.is_first and not appends:
        raise clause.fail("tstats must begin a search, or be written with prestats=t append=t.")
    if not clause.is_first and window:
        raise clause.unsupported("earliest or latest after the first command.", clause.span)


def _without_options(clause: Clause, tokens: list[Token]) -> list[Token]:
    """Drop options that stand between the statistics."""
    return leading_options(clause, tokens, *_TSTATS_OPTIONS, anywhere=True)[1]


def _dataset(clause: Clause, tokens: list[Token] | None) -> tuple[Dataset | None, list[Token]]:
    if tokens is None:
        return None, []
    if len(tokens) >= 3 and tokens[0].value.lower() == "datamodel" and tokens[1].text == "=":
        name, left = _touching(tokens[2:])
        return _find(clause, name, tokens[2].span), left
    place = tokens[0].span if tokens else clause.span
    raise clause.unsupported(
        "tstats FROM anything but a data model.", place, ("FROM datamodel=Model.Dataset",)
    )


def _touching(tokens: list[Token]) -> tuple[str, list[Token]]:
    """Return the text of the tokens that stand together, as `"Endpoint"."Processes"`, and the tokens after them."""
    end = 1
    while end < len(tokens) and tokens[end].span.start == tokens[end - 1].span.end:
        end += 1
    return "".join(token.value for token in tokens[:end]), tokens[end:]


def _plain_events(builder: Builder, names: list[str], indexes: frozenset[str] | None) -> Stage:
    """Return events with the wanted fields, for `tstats` without a data model."""
    return event_stage(builder, frozenset({*names, "_time"}), indexes, None)


def _without_nodes(term: Term | None) -> Term | None:
    """Drop `nodename=…`, which names the dataset once more."""
    match term:
        case FieldTerm("nodename") | FieldIn("nodename"):
            return None
        case NotTerm(operand, span):
            inner = _without_nodes(operand)
            return None if inner is None else NotTerm(inner, span)
        case Combined(op, operands, span):
            kept = tuple(part for operand in operands if (part := _without_nodes(operand)) is not None)
            return None if not kept else kept[0] if len(kept) == 1 else Combined(op, kept, span)
    return term


@dataclass(frozen=True, slots=True)
class FromDataset(Generator):
    """gives the events of a virtual data model with its fields."""

    name = "from"
    bounded: ClassVar[bool] = True
    dataset: Dataset
    prefixed: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Generator:
        """Read `from datamodel:Model.Dataset`, `from lookup:table`; a blank may stand for the colon."""
        tokens = clause.arguments()
        parts = [token.value for token in tokens]
        text = ":".join(parts) if parts[:1] and parts[0].lower() in _KINDS else "".join(parts)
        kind, _, name = text.partition(":")
        place = tokens[0].span if tokens else clause.span
        if kind.lower() in {"lookup", "inputlookup"} and name:
            return InputLookup(name, None, 0, 1_000_000_000, clause.is_first, clause.span, place)
        if kind.lower() != "datamodel" or not name:
            raise clause.unsupported(
                f"from {text[:40]!r}.", place, ("datamodel:Model.Dataset", "lookup:table")
            )
        return cls(_find(clause, name, place), prefixed=False, span=clause.span)

    def indexes(self) -> frozenset[str] | None:
        """Return that every index is searched."""
        return None

    def generate(self, builder: Builder) -> Stage:
        """Search the dataset for all its fields."""
        stage = dataset_stage(builder, self.dataset, self.dataset.fields, None)
        if not self.prefixed:
            return stage
        prefix = self.dataset.root
        columns = {
            name if name in _EVENT_FIELDS else f"{prefix}.{name}": value
            for name, value in stage.columns.items()
        }
        return Stage(stage.cte, columns, stage.order)


@dataclass(frozen=True, slots=True)
class DatamodelCommand(FromDataset):
    """gives the events of a virtual data model, fields with the name of the dataset in front."""

    name = "datamodel"

    @classmethod
    def parse(cls, clause: Clause) -> Generator:
        """Read `datamodel Model Dataset search|flat`."""
        _, tokens = clause.options("summariesonly", "strict_fields", "allow_old_summaries")
        words = [token.value for token in tokens if token.kind != "comma"]
        if len(words) < 3 or words[2].lower() not in {"search", "flat"}:
            raise clause.unsupported(
                "datamodel without search or flat.", clause.span, ("datamodel Model Dataset search",)
            )
        dataset = _find(clause, f"{words[0]}.{words[1]}", tokens[0].span)
        return cls(dataset, prefixed=words[2].lower() == "search", span=clause.span)
