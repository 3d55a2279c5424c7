"""Commands that make, rename or choose fields, row by row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from spl.clause import Clause, Options
from spl.errors import Span
from spl.expr import Expr, field_names, is_condition
from spl.lex import Token
from spl.plan import Command, Names
from spl.python_calls import Kind
from spl.regexes import check_regex, compile_pcre, expand_replacement, for_database, group_numbers, searching
from spl.sql_calls import as_multi, database_replacement
from spl.sql_expr import compile_expression
from spl.sql_text import number_literal, text_literal
from spl.sql_time import bin_sql
from spl.sql_values import Sql, as_number, as_text
from spl.stage import Builder, Stage
from spl.timerange import parse_span, resolve, seconds_of
from spl.values import Value, to_number, to_text
from spl.wildcards import chosen, matches, renamed

INTERNAL = ("_time", "_raw")


@dataclass(frozen=True, slots=True)
class Eval(Command):
    """assigns fields, each seeing those before it."""

    name = "eval"
    row_by_row: ClassVar[bool] = True
    assignments: tuple[tuple[str, Expr], ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Eval:
        """Read `eval name=expression, …`."""
        return cls(parse_assignments(clause, "eval"), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the fields of the expressions."""
        return tuple(name for _, expr in self.assignments for name in field_names(expr))

    def makes(self) -> tuple[str, ...]:
        """Return the assigned fields."""
        return tuple(name for name, _ in self.assignments)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Assign the fields one after another."""
        for name, expr in self.assignments:
            value = compile_expression(expr, builder.context(stage))
            stage = builder.extend(stage, [(name, stored(value))])
        return stage


def stored(value: Sql) -> Sql:
    """Return a value as a field can hold it: nothing is a missing text, a truth value is a text."""
    if value.kind is Kind.NULL:
        return Sql("NULL::VARCHAR", Kind.TEXT)
    return Sql(as_text(value), Kind.TEXT) if value.kind is Kind.BOOL else value


def parse_assignments(clause: Clause, command: str) -> tuple[tuple[str, Expr], ...]:
    """Read `name=expression, …`; refuse one that is true or false, which no field can hold."""
    parser = clause.expression()
    assignments: list[tuple[str, Expr]] = []
    while True:
        name = parser.advance()
        if name.kind not in {"word", "quoted_field", "string"}:
            raise clause.fail(f"unexpected {name.text or 'end'!r}. Expected a field name.", name.span)
        target = name.value
        while name.kind == "word" and parser.token.text == ".":
            parser.advance()
            target += f".{parser.advance().value}"
        if parser.token.text != "=":
            raise clause.fail(f"unexpected {parser.token.text or 'end'!r}. Expected =.", parser.token.span)
        parser.advance()
        expr = parser.parse_expression()
        if is_condition(expr):
            raise clause.unsupported(
                f"{command} of {target!r} to true or false; wrap it in if(…, 1, 0).", expr.span
            )
        assignments.append((target, expr))
        if parser.token.kind != "comma":
            break
        parser.advance()
    parser.expect_end()
    return tuple(assignments)


@dataclass(frozen=True, slots=True)
class Table(Command):
    """keeps exactly these fields, in this order."""

    name = "table"
    row_by_row: ClassVar[bool] = True
    fields: tuple[str, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Table:
        """Read `table fields`."""
        return cls(clause.fields(clause.arguments()), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the kept fields."""
        return self.fields

    def output(self, names: Names) -> Names:
        """Return the kept fields."""
        return kept_names(self.fields, names)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Keep the fields that are there."""
        kept = chosen(stage.columns, self.fields)
        return Stage(stage.cte, {name: stage.columns[name] for name in kept}, stage.order)


def kept_names(wildcards: Iterable[str], names: Names) -> Names:
    """Return the fields that `wildcards` keep; None when that depends on the events."""
    if names is not None:
        return set(chosen(names, wildcards))
    return None if any("*" in wildcard for wildcard in wildcards) else set(wildcards)


@dataclass(frozen=True, slots=True)
class Fields(Command):
    """keeps or, with -, removes fields; `fields +` keeps _time and _raw as well."""

    name = "fields"
    row_by_row: ClassVar[bool] = True
    mode: Literal["+", "-"]
    fields: tuple[str, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Fields:
        """Read `fields [+|-] fields`."""
        tokens = clause.arguments()
        mode = "+"
        if tokens and tokens[0].value in {"+", "-"}:
            mode = tokens.pop(0).value
        elif tokens and tokens[0].kind == "word" and tokens[0].value[0] in "+-":
            first = tokens[0]
            mode, tokens[0] = first.value[0], replace(first, value=first.value[1:])
        return cls(mode, clause.fields(tokens), clause.span)  # type: ignore[arg-type]

    def reads(self) -> tuple[str, ...]:
        """Return the kept fields; removing reads nothing."""
        return (*self.fields, *INTERNAL) if self.mode == "+" else ()

    def output(self, names: Names) -> Names:
        """Return the fields that are left."""
        if self.mode == "-":
            return None if names is None else {name for name in names if not matches_any(self.fields, name)}
        kept = kept_names(self.fields, names)
        return kept if kept is None or names is not None else kept | set(INTERNAL)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Keep or remove the fields."""
        if self.mode == "-":
            kept = [name for name in stage.columns if not matches_any(self.fields, name)]
        else:
            kept = chosen(stage.columns, self.fields)
            kept += [name for name in INTERNAL if name in stage.columns and name not in kept]
        return Stage(stage.cte, {name: stage.columns[name] for name in kept}, stage.order)


def matches_any(wildcards: Iterable[str], name: str) -> bool:
    """Tell whether one of `wildcards` speaks of the field `name`."""
    return any(matches(wildcard, name) for wildcard in wildcards)


@dataclass(frozen=True, slots=True)
class Rename(Command):
    """gives fields new names; a target that exists is replaced."""

    name = "rename"
    row_by_row: ClassVar[bool] = True
    pairs: tuple[tuple[str, str], ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Rename:
        """Read `rename old AS new, …`."""
        tokens = [token for token in clause.arguments() if token.kind != "comma"]
        pairs = []
        while tokens:
            if len(tokens) < 3 or tokens[1].value.upper() != "AS":
                raise clause.fail("rename cannot be read. Expected old AS new.", tokens[0].span)
            old, _, new = tokens[:3]
            if old.value.count("*") != new.value.count("*"):
                raise clause.fail(f"{old.value!r} and {new.value!r} have different numbers of *.", old.span)
            pairs.append((old.value, new.value))
            tokens = tokens[3:]
        if not pairs:
            raise clause.fail("rename names no field. Expected old AS new.")
        return cls(tuple(pairs), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the old names."""
        return tuple(old for old, _ in self.pairs)

    def makes(self) -> tuple[str, ...]:
        """Return the new names."""
        return tuple(new for _, new in self.pairs)

    def output(self, names: Names) -> Names:
        """Return the fields under their new names."""
        if names is None:
            return None
        for old, new in self.pairs:
            names = {renamed(old, new, name) if matches(old, name) else name for name in names}
        return names

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Rename one pair after another."""
        columns = dict(stage.columns)
        for old, new in self.pairs:
            for name in [name for name in columns if matches(old, name)]:
                value = columns.pop(name)
                columns[renamed(old, new, name)] = value
        return Stage(stage.cte, columns, stage.order)


@dataclass(frozen=True, slots=True)
class Rex(Command):
    """takes named groups of a regular expression out of a field, or rewrites it with mode=sed."""

    name = "rex"
    row_by_row: ClassVar[bool] = True
    field: str
    pattern: str
    groups: tuple[tuple[str, int], ...]
    max_match: int
    sed: Sed | None
    offset_field: str | None
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Rex:
        """Read `rex [field=f] [max_match=n] [offset_field=f] "pattern"` or `rex mode=sed "s/…/…/"`."""
        options, rest = clause.options("field", "max_match", "mode", "offset_field")
        if len(rest) != 1 or rest[0].kind != "string":
            raise clause.fail("rex needs exactly one pattern in double quotes.")
        field = options["field"].value if "field" in options else "_raw"
        if clause.choice(options, "mode", "", ("sed",)) == "sed":
            sed = read_sed(clause, rest[0])
            return cls(field, sed.pattern, (), 1, sed, None, clause.span)
        pattern = rest[0].value
        check_regex(pattern, text=clause.text, span=rest[0].span)
        groups = group_numbers(pattern)
        if not groups:
            raise clause.fail("the pattern has no named group. Expected (?<name>…).", rest[0].span)
        offset = options["offset_field"].value if "offset_field" in options else None
        limit = clause.number(options, "max_match", 1)
        return cls(field, pattern, groups, limit, None, offset, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the field, and those that keep their value where nothing is found."""
        return (self.field, *(name for name, _ in self.groups))

    def makes(self) -> tuple[str, ...]:
        """Return the groups."""
        made = tuple(name for name, _ in self.groups)
        return (*made, self.offset_field) if self.offset_field else made

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Extract the groups; without a match a field keeps its value."""
        subject = stage.columns.get(self.field)
        if subject is None or subject.kind is Kind.NULL:
            return stage
        if self.sed is not None:
            return builder.extend(stage, [(self.field, self.sed.apply(builder, subject))])
        added = []
        for name, group in self.groups:
            old = stage.columns.get(name)
            if self.max_match == 1:
                found = self._first(builder, subject, group)
                value = Sql(f"coalesce({found}, {as_text(old)})" if old else found, Kind.TEXT)
            else:
                found = self._all(builder, subject, group)
                value = Sql(f"coalesce({found}, {as_multi(old)})" if old else found, Kind.MULTI)
            added.append((name, value))
        if self.offset_field:
            call = builder.runtime.python.install(
                ("offsets", self.pattern), _offsets(self.pattern), [Kind.TEXT], Kind.TEXT
            )
            added.append((self.offset_field, Sql(f"{call}({as_text(subject)})", Kind.TEXT)))
        return builder.extend(stage, added)

    def _first(self, builder: Builder, subject: Sql, group: int) -> str:
        translated = for_database(self.pattern)
        if translated is None or subject.kind is Kind.MULTI:
            key = ("first", self.pattern, group)
            call = builder.runtime.python.install(key, _group(self.pattern, group), [subject.kind], Kind.TEXT)
            return f"{call}({subject.text})"
        return f"nullif(regexp_extract({as_text(subject)}, {text_literal(translated)}, {group}), '')"

    def _all(self, builder: Builder, subject: Sql, group: int) -> str:
        translated = for_database(self.pattern)
        if translated is None or subject.kind is Kind.MULTI:
            key = ("all", self.pattern, group, self.max_match)
            function = _groups(self.pattern, group, self.max_match)
            call = builder.runtime.python.install(key, function, [subject.kind], Kind.MULTI)
            return f"{call}({subject.text})"
        limit = f"[:{self.max_match}]" if self.max_match else ""
        found = f"regexp_extract_all({as_text(subject)}, {text_literal(translated)}, {group}){limit}"
        return f"spl_multi({found})"


def _texts(value: Value) -> list[str]:
    return value if isinstance(value, list) else [text for text in [to_text(value)] if text is not None]


def _group(pattern: str, group: int) -> Callable[[Value], Value]:
    compiled = compile_pcre(pattern)

    def find(value: Value) -> Value:
        def first(timeout: float) -> Value:
            found = (compiled.search(text, timeout=timeout) for text in _texts(value))
            return next((match[group] or None for match in found if match), None)

        return searching(pattern, first)

    return find


def _groups(pattern: str, group: int, limit: int) -> Callable[[Value], Value]:
    compiled = compile_pcre(pattern)

    def find(value: Value) -> Value:
        def every(timeout: float) -> list[str]:
            found = [
                m[group] or "" for text in _texts(value) for m in compiled.finditer(text, timeout=timeout)
            ]
            return found[:limit] if limit else found

        return searching(pattern, every) or None

    return find


def _offsets(pattern: str) -> Callable[[Value], Value]:
    compiled = compile_pcre(pattern)

    def find(value: Value) -> Value:
        text = to_text(value)
        match = searching(pattern, lambda timeout: compiled.search(text or "", timeout=timeout))
        if match is None:
            return None
        places = sorted((match.start(name), match.end(name), name) for name in compiled.groupindex)
        return "&".join(f"{name}={start}-{end - 1}" for start, end, name in places if start >= 0)

    return find


@dataclass(frozen=True, slots=True)
class Sed:
    """One sed expression: `s/pattern/replacement/flags` or `y/from/to/`."""

    kind: Literal["s", "y"]
    pattern: str
    replacement: str
    every: bool
    nth: int

    def apply(self, builder: Builder, subject: Sql) -> Sql:
        """Return the rewritten value; each of several is rewritten."""
        text = as_text(subject)
        if self.kind == "y" and subject.kind is not Kind.MULTI:
            return Sql(
                f"translate({text}, {text_literal(self.pattern)}, {text_literal(self.replacement)})",
                Kind.TEXT,
            )
        translated = for_database(self.pattern) if self.kind == "s" else None
        groups = compile_pcre(self.pattern).groups if self.kind == "s" else 0
        rewritten = database_replacement(self.replacement, groups)
        matches_nothing = self.kind == "s" and compile_pcre(self.pattern).search("") is not None
        if (
            translated is None
            or rewritten is None
            or matches_nothing
            or self.nth > 1
            or subject.kind is Kind.MULTI
        ):
            kind = Kind.MULTI if subject.kind is Kind.MULTI else Kind.TEXT
            call = builder.runtime.python.install(("sed", self), self.rewrite, [subject.kind], kind)
            return Sql(f"{call}({subject.text})", kind)
        flags = ", 'g'" if self.every else ""
        return Sql(
            f"regexp_replace({text}, {text_literal(translated)}, {text_literal(rewritten)}{flags})", Kind.TEXT
        )

    def rewrite(self, value: Value) -> Value:
        """Rewrite a value in Python."""
        if isinstance(value, list):
            return [self._one(text) for text in value]
        text = to_text(value)
        return None if text is None else self._one(text)

    def _one(self, text: str) -> str:
        if self.kind == "y":
            return text.translate(str.maketrans(self.pattern, self.replacement))
        compiled = compile_pcre(self.pattern)
        new = expand_replacement(self.replacement, compiled.groups)
        if self.nth > 1:
            found = searching(self.pattern, lambda timeout: list(compiled.finditer(text, timeout=timeout)))
            later = found[self.nth - 1 :] if self.every else found[self.nth - 1 : self.nth]
            for match in reversed(later):
                text = text[: match.start()] + match.expand(new) + text[match.end() :]
            return text
        count = 0 if self.every else 1
        rewritten: str = searching(
            self.pattern, lambda timeout: compiled.sub(new, text, count, timeout=timeout)
        )
        return rewritten


def read_sed(clause: Clause, token: Token) -> Sed:
    """Read a sed expression."""
    text = token.value
    kind, separator = text[:1], text[1:2]
    parts = (
        [
            part.replace(f"\\{separator}", separator)
            for part in re.split(rf"(?<!\\){re.escape(separator)}", text[2:])
        ]
        if separator
        else []
    )
    if kind not in {"s", "y"} or len(parts) != 3:
        raise clause.fail(
            "the sed expression cannot be read. Expected s/pattern/new/g or y/abc/xyz/.", token.span
        )
    pattern, new, flags = parts
    if kind == "y":
        if len(pattern) != len(new):
            raise clause.fail("y/…/…/ needs as many characters on both sides.", token.span)
        return Sed("y", pattern, new, every=True, nth=1)
    digits = "".join(char for char in flags if char.isdigit())
    if set(flags) - set("gi0123456789"):
        raise clause.unsupported(f"sed flags {flags!r}.", token.span, ("g", "i", "a number"))
    if "i" in flags:
        pattern = f"(?i){pattern}"
    check_regex(pattern, text=clause.text, span=token.span)
    return Sed("s", pattern, new, every="g" in flags, nth=int(digits or 1))


@dataclass(frozen=True, slots=True)
class Bin(Command):
    """rounds a field down to the start of its bin; a numeric bin becomes the text 0-100."""

    name = "bin"
    row_by_row: ClassVar[bool] = True
    field: str
    alias: str
    amount: float | None
    unit: str | None
    bins: int
    align: str | None
    span: Span
    log: tuple[float, float] | None = None
    """Coefficient and base of bins that grow, as in span=2log10."""
    least: float = 0.0
    """Least width that may be chosen (`minspan`)."""
    start: float | None = None
    end: float | None = None
    """Range that the width is chosen for; the values decide where it is None."""

    @classmethod
    def parse(cls, clause: Clause) -> Bin:
        """Read `bin field [span=…] [bins=n] [minspan=] [start=] [end=] [aligntime=…] [AS name]`."""
        options, rest = clause.options("span", "bins", "minspan", "start", "end", "aligntime")
        names = [token.value for token in rest if token.kind != "comma"]
        if len(names) not in {1, 3} or (len(names) == 3 and names[1].upper() != "AS"):
            raise clause.fail("bin cannot be read. Expected a field, span= and perhaps AS name.")
        align = options["aligntime"].value if "aligntime" in options else None
        log = _log_span(options.get("span"))
        timed = names[0] == "_time"
        amount, unit = read_span(clause, None if log else options.get("span"), timed=timed)
        least, least_unit = read_span(clause, options.get("minspan"), timed=timed)
        return cls(
            names[0],
            names[-1],
            amount,
            unit,
            clause.number(options, "bins", 100, least=2),
            align,
            clause.span,
            log,
            (least or 0.0) * (seconds_of(least_unit) if least_unit else 1.0),
            _bound(clause, options, "start"),
            _bound(clause, options, "end"),
        )

    def reads(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def makes(self) -> tuple[str, ...]:
        """Return the field that holds the bin."""
        return (self.alias,)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Replace the field, or make another one."""
        value = stage.columns.get(self.field)
        if value is None or value.kind is Kind.NULL:
            return stage
        if self.log is not None:
            return builder.extend(stage, [(self.alias, _log_binned(value, *self.log))])
        amount, unit = self.amount, self.unit
        if amount is None:
            stage, amount, unit = self._chosen(builder, stage, value)
            value = stage.columns[self.field]
        return builder.extend(stage, [(self.alias, binned(builder, value, amount, unit, self.align))])

    def _chosen(self, builder: Builder, stage: Stage, value: Sql) -> tuple[Stage, float, str | None]:
        """Choose the narrowest plain span that gives at most `bins` bins."""
        stage, _ = builder.keep(stage)
        number = as_number(stage.columns[self.field])
        low, high = builder.runtime.rows(f"SELECT min({number}), max({number}) FROM {stage.cte}")[0]
        low = self.start if self.start is not None else low
        high = self.end if self.end is not None else high
        width = 0.0 if low is None or high is None else high - low
        if self.field == "_time":
            unit, amount = next(
                (
                    (unit, amount)
                    for amount, unit, seconds in TIME_SPANS
                    if width / seconds <= self.bins and seconds >= self.least
                ),
                ("mon", 1),
            )
            return stage, amount, unit
        spans = (10.0**power for power in range(-6, 300))
        return stage, next(span for span in spans if width / span <= self.bins and span >= self.least), None


TIME_SPANS = (
    (1, "s", 1), (5, "s", 5), (10, "s", 10), (30, "s", 30), (1, "m", 60), (5, "m", 300), (10, "m", 600),
    (30, "m", 1800), (1, "h", 3600), (1, "d", 86400), (1, "mon", 2592000),
)  # fmt: skip
"""Time spans that are chosen without span=: amount, unit, seconds."""


def _bound(clause: Clause, options: Options, name: str) -> float | None:
    token = options.get(name)
    number = None if token is None else to_number(token.value)
    if token is not None and number is None:
        raise clause.fail(f"{name} {token.value!r} is no number.", token.span)
    return number


_LOG_SPAN = re.compile(r"(\d*\.?\d*)log(\d*\.?\d*)")


def _log_span(token: Token | None) -> tuple[float, float] | None:
    """Read a span whose bins grow: `2log10`, `log2`, `log`."""
    match = _LOG_SPAN.fullmatch(token.value) if token else None
    if match is None:
        return None
    coefficient, base = float(match[1] or 1), float(match[2] or 10)
    return (coefficient, base) if base > 1 and 1 <= coefficient < base else None


def _log_binned(value: Sql, coefficient: float, base: float) -> Sql:
    """Return the bin between two powers; a number that has no logarithm stays as it is."""
    number = as_number(value)
    power = f"floor(ln({number} / {coefficient!r}) / ln({base!r}) + 1e-12)"
    low, high = (f"{coefficient!r} * pow({base!r}, {power} + {step})" for step in (0, 1))
    bounds = f"spl_text({low}) || '-' || spl_text({high})"
    return Sql(f"coalesce(CASE WHEN {number} > 0 THEN {bounds} END, {as_text(value)})", Kind.TEXT)


def read_span(clause: Clause, token: Token | None, *, timed: bool) -> tuple[float | None, str | None]:
    """Read a span: a time span has a unit, a numeric one has none, no span has neither."""
    if token is None:
        return None, None
    time = parse_span(token.value)
    if time is not None and time[0] > 0:
        return time[0], time[1]
    try:
        amount = float(token.value)
    except ValueError:
        raise clause.fail(
            f"span {token.value!r} cannot be read. Expected 5m, 1d or a number.", token.span
        ) from None
    if not 0 < amount < float("inf"):
        raise clause.fail(f"span {token.value!r} is not above zero.", token.span)
    return amount, "s" if timed else None


def binned(builder: Builder, value: Sql, amount: float, unit: str | None, align: str | None = None) -> Sql:
    """Return the bin of a value; what is no number stays as it is, so that no later BY loses its row."""
    number = as_number(value)
    if unit is not None:
        start = bin_sql(number, int(amount), unit, builder.zone, align=_aligned(builder, align))
        if value.kind is Kind.NUMBER:
            return Sql(start, Kind.NUMBER)
        return Sql(f"coalesce(spl_text({start}), {as_text(value)})", Kind.TEXT)
    width = number_literal(amount)
    low = f"(floor({number} / {width}) * {width})"
    return Sql(f"coalesce(spl_text({low}) || '-' || spl_text({low} + {width}), {as_text(value)})", Kind.TEXT)


def _aligned(builder: Builder, align: str | None) -> float | None:
    match align:
        case None:
            return None
        case "earliest":
            return builder.runtime.earliest
        case "latest":
            return builder.runtime.latest
        case _:
            return resolve(align, now=builder.runtime.now, zone=builder.zone)


@dataclass(frozen=True, slots=True)
class FieldFormat(Command):
    """assigns how a field is shown; here the field keeps its value."""

    name = "fieldformat"
    row_by_row: ClassVar[bool] = True
    assignments: tuple[tuple[str, Expr], ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> FieldFormat:
        """Read `fieldformat name=expression`."""
        return cls(parse_assignments(clause, "fieldformat"), clause.span)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Change nothing: results carry values, and their user decides how they look."""
        return stage


@dataclass(frozen=True, slots=True)
class AddInfo(Command):
    """adds the window of the search as info_min_time, info_max_time, info_search_time."""

    name = "addinfo"
    row_by_row: ClassVar[bool] = True
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> AddInfo:
        """Read `addinfo`."""
        clause.nothing_left(clause.arguments())
        return cls(clause.span)

    def makes(self) -> tuple[str, ...]:
        """Return the fields of the window."""
        return ("info_min_time", "info_max_time", "info_search_time", "info_sid")

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Add the same values to every row."""
        run = builder.runtime
        times = zip(self.makes(), (run.earliest, run.latest, run.now), strict=False)
        added = [(name, Sql(number_literal(value), Kind.NUMBER)) for name, value in times]
        return builder.extend(stage, [*added, ("info_sid", Sql("'local'", Kind.TEXT))])


@dataclass(frozen=True, slots=True)
class Strcat(Command):
    """joins fields and quoted texts into a field."""

    name = "strcat"
    row_by_row: ClassVar[bool] = True
    parts: tuple[tuple[bool, str], ...]
    """Whether it is a quoted text, and the text or field name."""
    target: str
    all_required: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Strcat:
        """Read `strcat [allrequired=] parts… target`."""
        options, rest = clause.options("allrequired")
        tokens = [token for token in rest if token.kind != "comma"]
        if len(tokens) < 2:
            raise clause.fail("strcat cannot be read. Expected fields or texts and a target field.")
        parts = tuple((token.kind == "string", token.value) for token in tokens[:-1])
        return cls(parts, tokens[-1].value, clause.flag(options, "allrequired"), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the joined fields."""
        return tuple(text for quoted, text in self.parts if not quoted)

    def makes(self) -> tuple[str, ...]:
        """Return the target."""
        return (self.target,)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Join; a missing field is empty unless all are required."""
        known = [name for name in self.reads() if name in stage.columns]
        if self.all_required and len(known) < len(self.reads()):
            return stage
        texts = [
            text_literal(text) if quoted else as_text(stage.columns[text]) if text in stage.columns else "''"
            for quoted, text in self.parts
        ]
        if not self.all_required:
            texts = [f"coalesce({text}, '')" for text in texts]
        return builder.extend(stage, [(self.target, Sql(f"({' || '.join(texts)})", Kind.TEXT))])
