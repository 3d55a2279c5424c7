"""Commands that fill, split, join, convert or carry on the values of fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from spl.calls.times import strftime, strptime
from spl.clause import Clause, split_words
from spl.errors import Span
from spl.lex import Token
from spl.plan import Command
from spl.python_calls import Kind
from spl.regexes import check_regex, compile_pcre, for_database, searching
from spl.sql_calls import as_multi
from spl.sql_text import number_literal, text_literal
from spl.sql_time import strftime_sql
from spl.sql_values import NULL, Sql, as_number, as_text, cast, unify
from spl.stage import Builder, OrderKey, Stage
from spl.terms import parse_pattern
from spl.values import Value, to_number, to_text
from spl.wildcards import chosen

EXPAND_LIMIT = 1_000_000
"""Rows that mvexpand makes at most."""


@dataclass(frozen=True, slots=True)
class FillNull(Command):
    """gives missing values a value, 0 unless told."""

    name = "fillnull"
    row_by_row: ClassVar[bool] = True
    value: str
    fields: tuple[str, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> FillNull:
        """Read `fillnull [value=] [fields]`."""
        options, rest = clause.options("value")
        value = options["value"].value if "value" in options else "0"
        return cls(value, clause.fields(rest) if rest else (), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the named fields."""
        return self.fields

    def makes(self) -> tuple[str, ...]:
        """Return the named fields: one that no row has is made."""
        return tuple(name for name in self.fields if "*" not in name)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Fill the named fields, or all of them."""
        named = [name for name in self.fields if "*" not in name]
        wild = chosen(stage.columns, [name for name in self.fields if "*" in name])
        names = [*named, *wild] if self.fields else [n for n in stage.columns if not n.startswith("_")]
        return builder.extend(stage, [(name, self._filled(stage.columns.get(name, NULL))) for name in names])

    def _filled(self, value: Sql) -> Sql:
        number = to_number(self.value)
        if value.kind is Kind.NUMBER and number is not None:
            return Sql(f"coalesce({value.text}, {number_literal(number)})", Kind.NUMBER)
        if value.kind is Kind.MULTI:
            return Sql(f"coalesce({value.text}, [{text_literal(self.value)}])", Kind.MULTI)
        return Sql(f"coalesce({as_text(value)}, {text_literal(self.value)})", Kind.TEXT)


@dataclass(frozen=True, slots=True)
class FillDown(Command):
    """gives missing values the last one before."""

    name = "filldown"
    row_by_row: ClassVar[bool] = True
    fields: tuple[str, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> FillDown:
        """Read `filldown [fields]`."""
        tokens = clause.arguments()
        return cls(clause.fields(tokens) if tokens else ("*",), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the named fields."""
        return self.fields

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Fill each field from the rows before."""
        stage = builder.numbered(stage)
        over = "OVER (ORDER BY o_n ROWS UNBOUNDED PRECEDING)"
        return builder.extend(
            stage,
            [
                (
                    name,
                    Sql(
                        f"last_value({stage.columns[name].text} IGNORE NULLS) {over}",
                        stage.columns[name].kind,
                    ),
                )
                for name in chosen(stage.columns, self.fields)
            ],
        )


@dataclass(frozen=True, slots=True)
class MakeMv(Command):
    """splits a field into several values."""

    name = "makemv"
    row_by_row: ClassVar[bool] = True
    field: str
    delim: str
    tokenizer: str | None
    allow_empty: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> MakeMv:
        """Read `makemv [delim=] [tokenizer=] [allowempty=] field`."""
        options, rest = clause.options("delim", "tokenizer", "allowempty", "setsv")
        tokenizer = options.get("tokenizer")
        if tokenizer is not None:
            check_regex(tokenizer.value, text=clause.text, span=tokenizer.span)
            if compile_pcre(tokenizer.value).groups < 1:
                raise clause.fail("the tokenizer has no group. Expected (…).", tokenizer.span)
        names = clause.fields(rest)
        if len(names) != 1:
            raise clause.fail("makemv takes one field.")
        return cls(
            names[0],
            options["delim"].value if "delim" in options else " ",
            tokenizer.value if tokenizer else None,
            clause.flag(options, "allowempty"),
            clause.span,
        )

    def reads(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Split the field; one without any value is missing."""
        value = stage.columns.get(self.field)
        if value is None or value.kind is Kind.NULL:
            return stage
        text = as_text(value)
        if self.tokenizer is not None:
            translated = for_database(self.tokenizer)
            if translated is None:
                install = builder.runtime.python.install
                call = install(("tokens", self.tokenizer), _tokens(self.tokenizer), [Kind.TEXT], Kind.MULTI)
                parts = f"{call}({text})"
            else:
                parts = f"regexp_extract_all({text}, {text_literal(translated)}, 1)"
        else:
            parts = f"string_split({text}, {text_literal(self.delim)})"
            if not self.allow_empty:
                parts = f"list_filter({parts}, lambda spl_e: spl_e <> '')"
        return builder.extend(stage, [(self.field, Sql(f"spl_multi({parts})", Kind.MULTI))])


def _tokens(pattern: str) -> Callable[[Value], Value]:
    compiled = compile_pcre(pattern)

    def find(value: Value) -> Value:
        text = to_text(value) or ""
        return searching(
            pattern, lambda timeout: [match[1] or "" for match in compiled.finditer(text, timeout=timeout)]
        )

    return find


@dataclass(frozen=True, slots=True)
class MvExpand(Command):
    """gives every value of a field a row of its own."""

    name = "mvexpand"
    field: str
    limit: int
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> MvExpand:
        """Read `mvexpand field [limit=]`."""
        options, rest = clause.options("limit")
        names = clause.fields(rest)
        if len(names) != 1:
            raise clause.fail("mvexpand takes one field.")
        return cls(names[0], clause.number(options, "limit", 0), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Expand; a row without the field stays one row."""
        value = stage.columns.get(self.field)
        if value is None or value.kind is not Kind.MULTI:
            return stage
        stage = builder.numbered(stage)
        limit = f"[:{self.limit}]" if self.limit else ""
        parts = f"coalesce({value.text}, [NULL::VARCHAR]){limit}"
        column, place = builder.column(), builder.column()
        select = f"SELECT *, unnest({parts}) AS {column}, generate_subscripts({parts}, 1) AS {place} FROM {stage.cte}"
        columns = {**stage.columns, self.field: Sql(column, Kind.TEXT)}
        return Stage(builder.add(select), columns, (*stage.order, OrderKey(place)))


@dataclass(frozen=True, slots=True)
class MvCombine(Command):
    """joins rows that differ in one field only; the field then has several values."""

    name = "mvcombine"
    field: str
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> MvCombine:
        """Read `mvcombine [delim=] field`."""
        _, rest = clause.options("delim")
        names = clause.fields(rest)
        if len(names) != 1:
            raise clause.fail("mvcombine takes one field.")
        return cls(names[0], clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return every field."""
        return (self.field, "*")

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Group by all other fields."""
        value = stage.columns.get(self.field)
        if value is None:
            return stage
        stage = builder.numbered(stage)
        others = [name for name in stage.columns if name != self.field]
        keys = ", ".join(stage.columns[name].text for name in others)
        column, first = builder.column(), builder.column()
        every = f"list({as_multi(value)} ORDER BY o_n) FILTER (WHERE {value.text} IS NOT NULL)"
        select = f"SELECT {f'{keys}, ' if keys else ''}flatten({every}) AS {column}, min(o_n) AS {first} FROM {stage.cte}"
        select += f" GROUP BY {keys}" if keys else ""
        columns = {**{name: stage.columns[name] for name in others}, self.field: Sql(column, Kind.MULTI)}
        return Stage(builder.add(select), columns, (OrderKey(first),))


@dataclass(frozen=True, slots=True)
class NoMv(Command):
    """joins the values of a field into one, by line ends."""

    name = "nomv"
    row_by_row: ClassVar[bool] = True
    field: str
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> NoMv:
        """Read `nomv field`."""
        names = clause.fields(clause.arguments())
        if len(names) != 1:
            raise clause.fail("nomv takes one field.")
        return cls(names[0], clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Join the values."""
        value = stage.columns.get(self.field, NULL)
        if value.kind is not Kind.MULTI:
            return stage
        return builder.extend(stage, [(self.field, Sql(as_text(value), Kind.TEXT))])


_CTIME = "%m/%d/%Y %H:%M:%S"
_UNITS_K = {"k": 1.0, "m": 1024.0, "g": 1024.0 * 1024.0}


def _mem_kilobytes(value: Value) -> Value:
    match = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*([kKmMgG])?[bB]?\s*", to_text(value) or "")
    return None if match is None else float(match[1]) * _UNITS_K[(match[2] or "k").lower()]


def _duration_seconds(value: Value) -> Value:
    match = re.fullmatch(r"\s*(?:(\d+)\+)?(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)\s*", to_text(value) or "")
    if match is None:
        return to_number(value)
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds


def _minutes_seconds(value: Value) -> Value:
    match = re.fullmatch(r"\s*(?:(\d+):)?(\d{1,2})(?:\.(\d{1,3}))?\s*", to_text(value) or "")
    if match is None:
        return None
    return float(match[1] or 0) * 60 + float(match[2]) + float(f"0.{match[3] or 0}")


def _without_unit(value: Value) -> Value:
    match = re.match(r"\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)", to_text(value) or "")
    return float(match[1]) if match else None


CONVERSIONS: dict[str, tuple[Kind, Callable[[Value], Value] | None]] = {
    "auto": (Kind.TEXT, None),
    "ctime": (Kind.TEXT, None),
    "dur2sec": (Kind.NUMBER, _duration_seconds),
    "memk": (Kind.NUMBER, _mem_kilobytes),
    "mktime": (Kind.NUMBER, None),
    "mstime": (Kind.NUMBER, _minutes_seconds),
    "none": (Kind.TEXT, None),
    "num": (Kind.NUMBER, lambda value: to_number((to_text(value) or "").replace(",", ""))),
    "rmcomma": (Kind.NUMBER, lambda value: to_number((to_text(value) or "").replace(",", ""))),
    "rmunit": (Kind.NUMBER, _without_unit),
}
"""Functions of `convert`: kind of the result, and the function where one value is enough."""


@dataclass(frozen=True, slots=True)
class Convert(Command):
    """converts times, durations and numbers with units."""

    name = "convert"
    row_by_row: ClassVar[bool] = True
    conversions: tuple[tuple[str, str, str], ...]
    """Function, field, new name (the field itself where none is given)."""
    timeformat: str
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Convert:
        """Read `convert [timeformat=] function(field) [AS name] …`."""
        options, tokens = clause.options("timeformat")
        found: list[tuple[str, str, str]] = []
        tokens = [token for token in tokens if token.kind != "comma"]
        while tokens:
            found.append(_conversion(clause, tokens))
        if not found:
            raise clause.fail("convert names no function. Expected ctime(field), num(field), ….")
        return cls(
            tuple(found), options["timeformat"].value if "timeformat" in options else _CTIME, clause.span
        )

    def reads(self) -> tuple[str, ...]:
        """Return the converted fields."""
        return tuple(field for _, field, _ in self.conversions)

    def makes(self) -> tuple[str, ...]:
        """Return the new names."""
        return tuple(name for _, _, name in self.conversions if "*" not in name)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Convert one after another."""
        kept: set[str] = set()
        for function, field, name in self.conversions:
            for own in chosen(stage.columns, [field]) if "*" in field else [field]:
                value = stage.columns.get(own)
                if value is None or value.kind is Kind.NULL or own in kept:
                    continue
                if function == "none":
                    kept.add(own)
                    if name != field:
                        stage = builder.extend(stage, [(name, value)])
                    continue
                target = own if "*" in name or name == field else name
                stage = builder.extend(stage, [(target, self._converted(builder, function, value))])
        return stage

    def _converted(self, builder: Builder, function: str, value: Sql) -> Sql:
        python, zone, form = builder.runtime.python, builder.zone, self.timeformat
        kind, one = CONVERSIONS[function]
        if function == "ctime" and form == _CTIME:
            shown = strftime_sql(as_number(value), form, zone)
            return Sql(f"coalesce({shown}, {as_text(value)})", Kind.TEXT)
        if function == "ctime":
            call = python.install(
                ("ctime", form, zone.key), lambda v: strftime(v, form, zone), [value.kind], kind
            )
            return Sql(f"coalesce({call}({value.text}), {as_text(value)})", kind)
        if function == "mktime":
            call = python.install(
                ("mktime", form, zone.key), lambda v: strptime(v, form, zone), [value.kind], kind
            )
            return Sql(f"{call}({value.text})", kind)
        if function == "auto" or one is None:
            number = as_number(value)
            return Sql(f"coalesce(spl_text({number}), {as_text(value)})", Kind.TEXT)
        return Sql(f"{python.install(function, one, [value.kind], kind)}({value.text})", kind)


def _conversion(clause: Clause, tokens: list[Token]) -> tuple[str, str, str]:
    if len(tokens) < 4 or tokens[1].kind != "lparen" or tokens[3].kind != "rparen":
        raise clause.fail("convert cannot be read. Expected function(field).", tokens[0].span)
    function, field = tokens[0].value.lower(), tokens[2].value
    if function not in CONVERSIONS:
        raise clause.unsupported(
            f"convert function {tokens[0].value!r}.", tokens[0].span, tuple(sorted(CONVERSIONS))
        )
    del tokens[:4]
    name = field
    if len(tokens) > 1 and tokens[0].value.upper() == "AS":
        name = tokens[1].value
        del tokens[:2]
    return function, field, name


@dataclass(frozen=True, slots=True)
class RangeMap(Command):
    """names the range that a number lies in."""

    name = "rangemap"
    row_by_row: ClassVar[bool] = True
    field: str
    ranges: tuple[tuple[str, float, float], ...]
    default: str
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> RangeMap:
        """Read `rangemap field=f name=low-high … [default=name]`."""
        tokens = [token for token in clause.arguments() if token.kind != "comma"]
        pairs = list(zip(tokens[::3], tokens[1::3], tokens[2::3], strict=False))
        if len(tokens) % 3 or any(equals.text != "=" for _, equals, _ in pairs):
            raise clause.fail("rangemap cannot be read. Expected field=f name=low-high default=name.")
        field, default = "", "None"
        ranges: list[tuple[str, float, float]] = []
        for name, _, value in pairs:
            if name.value.lower() == "field":
                field = value.value
            elif name.value.lower() == "default":
                default = value.value
            else:
                match = re.fullmatch(r"(-?\d+(?:\.\d+)?)-(-?\d+(?:\.\d+)?)", value.value)
                if match is None:
                    raise clause.fail(f"range {value.value!r} cannot be read. Expected 0-30.", value.span)
                ranges.append((name.value, float(match[1]), float(match[2])))
        if not field:
            raise clause.fail("rangemap names no field. Expected field=f.")
        return cls(field, tuple(ranges), default, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def makes(self) -> tuple[str, ...]:
        """Return the name of the range."""
        return ("range",)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Look the number up; one outside every range gets the default."""
        number = as_number(stage.columns.get(self.field, NULL))
        arms = " ".join(
            f"WHEN {number} BETWEEN {number_literal(low)} AND {number_literal(high)} THEN {text_literal(name)}"
            for name, low, high in self.ranges
        )
        text = f"(CASE {arms} ELSE {text_literal(self.default)} END)" if arms else text_literal(self.default)
        return builder.extend(stage, [("range", Sql(text, Kind.TEXT))])


@dataclass(frozen=True, slots=True)
class Replace(Command):
    """replaces whole values, with wildcards, in all fields or in those named."""

    name = "replace"
    row_by_row: ClassVar[bool] = True
    pairs: tuple[tuple[str, str], ...]
    fields: tuple[str, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Replace:
        """Read `replace "old" WITH "new", … [IN fields]`."""
        parts = split_words(clause.arguments(), "in")
        tokens = [token for token in parts[""] if token.kind != "comma"]
        triples = list(zip(tokens[::3], tokens[1::3], tokens[2::3], strict=False))
        if not triples or len(tokens) % 3 or any(word.value.upper() != "WITH" for _, word, _ in triples):
            raise clause.fail('replace cannot be read. Expected "old" WITH "new" IN fields.')
        pairs = tuple((old.value, new.value) for old, _, new in triples)
        for old, new in pairs:
            if len(parse_pattern(new).parts) not in {1, len(parse_pattern(old).parts)}:
                raise clause.fail(f"{old!r} and {new!r} have different numbers of *.")
        return cls(pairs, clause.fields(parts["in"]) if "in" in parts else ("*",), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the fields."""
        return self.fields

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Replace in every field; the first fitting pair decides."""
        added = []
        for name in chosen(stage.columns, self.fields):
            value = stage.columns[name]
            if value.kind is Kind.MULTI:
                each = self._replaced("spl_e")
                added.append((name, Sql(f"list_transform({value.text}, lambda spl_e: {each})", Kind.MULTI)))
            else:
                added.append((name, Sql(self._replaced(as_text(value)), Kind.TEXT)))
        return builder.extend(stage, added)

    def _replaced(self, text: str) -> str:
        r"""Return the value after the first pair that fits; `\*` is a star, and each wildcard takes the least."""
        arms = []
        for old, new in self.pairs:
            pattern = "(?s)^" + "(.*?)".join(re.escape(part) for part in parse_pattern(old).parts) + "$"
            literal = [part.replace("\\", "\\\\") for part in parse_pattern(new).parts]
            target = literal[0] + "".join(f"\\{place}{part}" for place, part in enumerate(literal[1:], 1))
            regex = text_literal(pattern)
            arms.append(
                f"WHEN regexp_matches({text}, {regex}) THEN regexp_replace({text}, {regex}, {text_literal(target)})"
            )
        return f"(CASE {' '.join(arms)} ELSE {text} END)"


@dataclass(frozen=True, slots=True)
class Running(Command):
    """carries a value on from row to row: accum adds up, delta subtracts, autoregress copies."""

    name = "accum"
    row_by_row: ClassVar[bool] = True
    command: str
    field: str
    target: str
    steps: tuple[int, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Running:
        """Read `accum field [AS name]`, `delta field [AS name] [p=n]`, `autoregress field [AS name] [p=a-b]`."""
        word = clause.text[clause.span.start : clause.span.end].split(None, 1)[0].lower()
        options, rest = clause.options("p")
        names = [token.value for token in rest if token.kind != "comma"]
        if len(names) not in {1, 3} or (len(names) == 3 and names[1].upper() != "AS"):
            raise clause.fail(f"{word} cannot be read. Expected a field and perhaps AS name.")
        steps = _steps(clause, options.get("p"))
        defaults = {"accum": names[0], "delta": f"delta({names[0]})", "autoregress": ""}
        target = names[2] if len(names) == 3 else defaults[word]
        return cls(word, names[0], target, steps, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def makes(self) -> tuple[str, ...]:
        """Return the target."""
        if self.command == "autoregress":
            return tuple(self._copied(step) for step in self.steps)
        return (self.target,)

    def _copied(self, step: int) -> str:
        if self.target and len(self.steps) == 1:
            return self.target
        return f"{self.target or self.field}_p{step}"

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Look at the rows before."""
        stage = builder.numbered(stage)
        value = stage.columns.get(self.field, NULL)
        number = as_number(value)
        if self.command == "accum":
            total = f"sum({number}) OVER (ORDER BY o_n ROWS UNBOUNDED PRECEDING)"
            return builder.extend(
                stage, [(self.target, Sql(f"CASE WHEN {number} IS NOT NULL THEN {total} END", Kind.NUMBER))]
            )
        if self.command == "delta":
            back = f"lag({number}, {self.steps[0]}) OVER (ORDER BY o_n)"
            return builder.extend(stage, [(self.target, Sql(f"({number} - {back})", Kind.NUMBER))])
        if value.kind is Kind.NULL:
            return stage
        copies = [
            (self._copied(step), Sql(f"lag({value.text}, {step}) OVER (ORDER BY o_n)", value.kind))
            for step in self.steps
        ]
        return builder.extend(stage, copies)


def _steps(clause: Clause, token: Token | None) -> tuple[int, ...]:
    match = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", token.value if token else "1")
    if match is None or int(match[1]) < 1:
        raise clause.fail("p cannot be read. Expected 1 or 1-3.", token.span if token else None)
    return tuple(range(int(match[1]), int(match[2] or match[1]) + 1))


@dataclass(frozen=True, slots=True)
class Trendline(Command):
    """adds moving averages: sma5(x), wma5(x), ema5(x)."""

    name = "trendline"
    row_by_row: ClassVar[bool] = True
    lines: tuple[tuple[str, int, str, str], ...]
    """Kind, period, field, name."""
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Trendline:
        """Read `trendline sma5(field) [AS name] …`."""
        tokens = [token for token in clause.arguments() if token.kind != "comma"]
        lines: list[tuple[str, int, str, str]] = []
        while tokens:
            match = re.fullmatch(r"(sma|wma|ema)(\d{1,4})", tokens[0].value.lower())
            if match is None or int(match[2]) < 2 or len(tokens) < 4 or tokens[1].kind != "lparen":
                raise clause.fail("trendline cannot be read. Expected sma5(field).", tokens[0].span)
            if match[1] == "ema":
                raise clause.unsupported("trendline ema.", tokens[0].span, ("sma", "wma"))
            field, shown = tokens[2].value, f"{tokens[0].value}({tokens[2].value})"
            del tokens[:4]
            if len(tokens) > 1 and tokens[0].value.upper() == "AS":
                shown = tokens[1].value
                del tokens[:2]
            lines.append((match[1], int(match[2]), field, shown))
        if not lines:
            raise clause.fail("trendline names no average. Expected sma5(field).")
        return cls(tuple(lines), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the averaged fields."""
        return tuple(field for _, _, field, _ in self.lines)

    def makes(self) -> tuple[str, ...]:
        """Return the averages."""
        return tuple(name for _, _, _, name in self.lines)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Average over the last rows; the first ones have none."""
        stage = builder.numbered(stage)
        added = []
        for kind, period, field, name in self.lines:
            number = as_number(stage.columns.get(field, NULL))
            over = f"OVER (ORDER BY o_n ROWS BETWEEN {period - 1} PRECEDING AND CURRENT ROW)"
            if kind == "sma":
                average = f"avg({number}) {over}"
            else:
                terms = " + ".join(
                    f"{period - back} * {f'lag({number}, {back}) OVER (ORDER BY o_n)' if back else number}"
                    for back in range(period)
                )
                average = f"(({terms}) / {period * (period + 1) / 2!r})"
            added.append((name, Sql(f"CASE WHEN o_n >= {period} THEN {average} END", Kind.NUMBER)))
        return builder.extend(stage, added)


_SAMPLE = "spl_each_field"
"""Stands for the field when a template is looked at before any field is known."""
_PLACEHOLDER = re.compile(r"<<(FIELD|MATCHSTR|MATCHSEG([123])|ITEM|ITER)>>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ForEach(Command):
    """runs a pipeline of eval once for every field that a wildcard means, as <<FIELD>>."""

    name = "foreach"
    row_by_row: ClassVar[bool] = True
    fields: tuple[str, ...]
    template: str
    parse_template: Callable[[str], tuple[Command, ...]]
    made: tuple[str, ...]
    read: tuple[str, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> ForEach:
        """Read `foreach fields [ eval … <<FIELD>> … ]`."""
        options, rest = clause.options("fieldstr", "matchstr", "matchseg1", "matchseg2", "matchseg3", "mode")
        mode = clause.choice(options, "mode", "multifield", ("multifield",))
        for name in options.keys() - {"mode"}:
            raise clause.unsupported(f"foreach {name}=.", options[name].span, ("mode",))
        templates = [token for token in rest if token.kind == "subsearch"]
        fields = clause.fields([token for token in rest if token.kind != "subsearch"])
        if len(templates) != 1 or mode != "multifield":
            raise clause.fail("foreach needs one template. Expected [ eval … <<FIELD>> … ].")
        template = templates[0].value
        sample = clause.parse_commands(_filled(template, "field", "field", "field"))
        if not all(command.row_by_row for command in sample):
            raise clause.unsupported("foreach over anything but eval and its kin.", templates[0].span)
        plain = clause.parse_commands(_filled(template, _SAMPLE, _SAMPLE, _SAMPLE))
        read = {name for command in plain for name in command.reads() if _SAMPLE not in name}
        made = {name for command in plain for name in command.makes() if _SAMPLE not in name}
        return cls(
            fields, template, clause.parse_commands, tuple(sorted(made)), tuple(sorted(read)), clause.span
        )

    def reads(self) -> tuple[str, ...]:
        """Return the fields that are run over and those that the template names."""
        return (*self.fields, *self.read)

    def makes(self) -> tuple[str, ...]:
        """Return the fields that the template names as its own."""
        return self.made

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Fill the template for one field after another."""
        for wildcard in self.fields:
            for name in chosen(stage.columns, [wildcard]):
                segments = re.fullmatch("(.*)".join(map(re.escape, wildcard.split("*"))), name, re.DOTALL)
                parts = segments.groups() if segments else ()
                filled = _filled(self.template, name, "".join(parts), *(parts or (name,)))
                for command in self.parse_template(filled):
                    stage = command.apply(builder, stage)
        return stage


def _filled(template: str, name: str, text: str, *segments: str) -> str:
    def one(match: re.Match[str]) -> str:
        word = match[1].upper()
        if word.startswith("MATCHSEG"):
            place = int(match[2]) - 1
            return segments[place] if place < len(segments) else ""
        return name if word == "FIELD" else text if word == "MATCHSTR" else match.group()

    return _PLACEHOLDER.sub(one, template)


def union_columns(builder: Builder, stages: Iterable[Stage]) -> tuple[list[str], dict[str, Sql]]:
    """Return the SELECT list of each stage for a UNION ALL by field name, and the fields of the result."""
    stages = list(stages)
    names = list(dict.fromkeys(name for stage in stages for name in stage.columns))
    columns: dict[str, Sql] = {}
    lists: list[list[str]] = [[] for _ in stages]
    for name in names:
        values = [stage.columns.get(name, NULL) for stage in stages]
        kind = unify(values)
        column = builder.column()
        columns[name] = Sql(column, kind)
        for items, value in zip(lists, values, strict=True):
            items.append(f"{cast(value, kind)} AS {column}")
    return [", ".join(items) for items in lists], columns
