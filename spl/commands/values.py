"""Commands that fill, convert, map or replace the values of fields."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from spl.calls.times import strftime, strptime
from spl.clause import Clause, split_words
from spl.errors import Span
from spl.lex import Token
from spl.plan import Command
from spl.python_calls import Kind
from spl.sql_text import number_literal, text_literal
from spl.sql_time import strftime_sql
from spl.sql_values import NULL, Sql, as_number, as_text
from spl.stage import Builder, Stage
from spl.terms import parse_pattern
from spl.values import Value, to_number, to_text
from spl.wildcards import chosen


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
