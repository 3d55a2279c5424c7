"""The rex command: named groups of a regular expression, and sed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from spl.clause import Clause
from spl.errors import Span
from spl.lex import Token
from spl.plan import Command
from spl.python_calls import Kind
from spl.regexes import check_regex, compile_pcre, expand_replacement, for_database, group_numbers, searching
from spl.sql_calls import as_multi, database_replacement
from spl.sql_text import text_literal
from spl.sql_values import Sql, as_text
from spl.stage import Builder, Stage
from spl.values import Value, to_text


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

    def _in_database(self, subject: Sql, group: int) -> str | None:
        """Return the pattern as the database reads it; None where it cannot give this group of this value."""
        return None if subject.kind is Kind.MULTI or group > _DATABASE_GROUPS else for_database(self.pattern)

    def _first(self, builder: Builder, subject: Sql, group: int) -> str:
        translated = self._in_database(subject, group)
        if translated is None:
            key = ("first", self.pattern, group)
            call = builder.runtime.python.install(key, _group(self.pattern, group), [subject.kind], Kind.TEXT)
            return f"{call}({subject.text})"
        return f"nullif(regexp_extract({as_text(subject)}, {text_literal(translated)}, {group}), '')"

    def _all(self, builder: Builder, subject: Sql, group: int) -> str:
        translated = self._in_database(subject, group)
        if translated is None:
            key = ("all", self.pattern, group, self.max_match)
            function = _groups(self.pattern, group, self.max_match)
            call = builder.runtime.python.install(key, function, [subject.kind], Kind.MULTI)
            return f"{call}({subject.text})"
        limit = f"[:{self.max_match}]" if self.max_match else ""
        found = f"regexp_extract_all({as_text(subject)}, {text_literal(translated)}, {group}){limit}"
        return f"spl_multi({found})"


_DATABASE_GROUPS = 9
"""Most groups of which the database gives one by its number."""


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
