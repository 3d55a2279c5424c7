"""Commands that make, rename or choose fields, row by row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from spl.clause import Clause
from spl.commands.naming import assigned_by_value, naming_fields
from spl.errors import Span
from spl.expr import Expr, field_names, is_condition
from spl.plan import Command, Names
from spl.python_calls import Kind
from spl.sql_expr import compile_expression
from spl.sql_text import number_literal, text_literal
from spl.sql_values import NULL, Sql, as_text
from spl.stage import Builder, Stage
from spl.subsearch import resolve_expression
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
        """Return the fields of the expressions, and those whose values name a field."""
        read = (name for _, expr in self.assignments for name in field_names(expr))
        return (*read, *(name for target in self.makes() for name in naming_fields(target)))

    def makes(self) -> tuple[str, ...]:
        """Return the assigned fields, as they are written."""
        return tuple(name for name, _ in self.assignments)

    def output(self, names: Names) -> Names:
        """Return nothing known when the values of a field name one."""
        return None if any(map(naming_fields, self.makes())) else Command.output(self, names)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Assign the fields one after another."""
        for name, expr in self.assignments:
            value = stored(compile_expression(resolve_expression(builder, expr), builder.context(stage)))
            named = naming_fields(name)
            stage = (
                assigned_by_value(builder, stage, name, value)
                if named
                else builder.extend(stage, [(name, value)])
            )
        return stage


def stored(value: Sql) -> Sql:
    """Return a value as a field can hold it: nothing is a missing text, a truth value is a text."""
    if value.kind is Kind.NULL:
        return Sql("NULL::VARCHAR", Kind.TEXT)
    return Sql(as_text(value), Kind.TEXT) if value.kind is Kind.BOOL else value


def parse_assignments(clause: Clause, command: str) -> tuple[tuple[str, Expr], ...]:
    """Read `name=expression, …`; refuse one that is true or false, which no field can hold."""
    parser = clause.expression(subsearches=command == "eval")
    assignments: list[tuple[str, Expr]] = []
    while True:
        name = parser.advance()
        if name.kind not in {"word", "quoted_field", "string"}:
            raise clause.fail(f"unexpected {name.text or 'end'!r}. Expected a field name.", name.span)
        target, end = name.value, name.span.end
        while name.kind == "word" and parser.token.text not in {"", "="} and parser.token.span.start == end:
            part = parser.advance()
            target, end = target + part.text, part.span.end
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
        tokens = [token for token in clause.names(clause.arguments()) if token.kind != "comma"]
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
        """Return the joined fields, and the target where it may keep its value."""
        return (*self._fields(), *((self.target,) if self.all_required else ()))

    def _fields(self) -> tuple[str, ...]:
        return tuple(text for quoted, text in self.parts if not quoted)

    def makes(self) -> tuple[str, ...]:
        """Return the target."""
        return (self.target,)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Join; a missing field is empty, or leaves the target as it is when all are required."""
        if self.all_required and any(name not in stage.columns for name in self._fields()):
            return stage
        texts = [
            text_literal(text) if quoted else as_text(stage.columns[text]) if text in stage.columns else "''"
            for quoted, text in self.parts
        ]
        if not self.all_required:
            texts = [f"coalesce({text}, '')" for text in texts]
        joined = f"({' || '.join(texts)})"
        if self.all_required:
            joined = f"coalesce({joined}, {as_text(stage.columns.get(self.target, NULL))})"
        return builder.extend(stage, [(self.target, Sql(joined, Kind.TEXT))])
