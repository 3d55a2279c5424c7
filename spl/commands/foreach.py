"""The foreach command: a template filled for one field after another, or for one value of a field after another."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from spl.clause import Clause
from spl.commands.columns import Eval
from spl.errors import Span
from spl.expr import Call, Expr, Field, Literal, field_names
from spl.lex import Token
from spl.plan import Command
from spl.python_calls import Kind
from spl.sql_calls import as_multi
from spl.sql_expr import compile_expression
from spl.sql_values import NULL, Sql, cast, unify
from spl.stage import Builder, Stage
from spl.wildcards import chosen

_SAMPLE = "spl_each_field"
"""Stands for the field when a template is looked at before any field is known."""


MOST_ITEMS = 100
"""Values of a field that are run over at most."""
_ITEM, _ITEMS = "spl_each_item", "spl_each_items"
_MODES = ("multifield", "multivalue", "json_array")
_OWN_WORDS = {"fieldstr": "<<FIELD>>", "matchstr": "<<MATCHSTR>>"} | {
    f"matchseg{number}": f"<<MATCHSEG{number}>>" for number in (1, 2, 3)
}
"""Option that gives a placeholder a word of the search's own -> the placeholder."""
_PLACEHOLDER = re.compile(r"<<(FIELD|MATCHSTR|MATCHSEG([123])|ITEM|ITER)>>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ForEach(Command):
    """runs a pipeline of eval once for every field that a wildcard means, as <<FIELD>>, or every value, as <<ITEM>>."""

    name = "foreach"
    row_by_row: ClassVar[bool] = True
    fields: tuple[str, ...]
    template: str
    parse_template: Callable[[str], tuple[Command, ...]]
    plain: tuple[Command, ...]
    """The template over a name that stands for any field."""
    made: tuple[str, ...]
    read: tuple[str, ...]
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Command:
        """Read `foreach fields [ eval … <<FIELD>> … ]`, `foreach mode=multivalue field [ eval … <<ITEM>> … ]`."""
        options, rest = clause.options("mode", *_OWN_WORDS)
        mode = clause.choice(options, "mode", "multifield", _MODES)
        templates = [token for token in rest if token.kind == "subsearch"]
        fields = clause.fields([token for token in rest if token.kind != "subsearch"])
        if len(templates) != 1:
            raise clause.fail("foreach needs one template. Expected [ eval … <<FIELD>> … ].")
        template = clause.template(templates[0])
        for option, placeholder in _OWN_WORDS.items():
            if option in options:
                template = template.replace(options[option].value, placeholder)
        if mode != "multifield":
            return EachValue.of(clause, mode, rest, template)
        sample = clause.parse_commands(_filled(template, "field", "field", "field"))
        if not all(command.row_by_row for command in sample):
            raise clause.unsupported("foreach over anything but eval and its kin.", templates[0].span)
        plain = clause.parse_commands(_filled(template, _SAMPLE, _SAMPLE, _SAMPLE))
        read = {name for command in plain for name in command.reads() if _SAMPLE not in name}
        made = {name for command in plain for name in command.makes() if _SAMPLE not in name}
        return cls(
            fields,
            template,
            clause.parse_commands,
            plain,
            tuple(sorted(made)),
            tuple(sorted(read)),
            clause.span,
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


@dataclass(frozen=True, slots=True)
class EachValue(Command):
    """runs eval once for every value of a field."""

    name = "foreach"
    row_by_row: ClassVar[bool] = True
    many: Expr
    """The values, as a multivalue."""
    template: str
    parse_template: Callable[[str], tuple[Command, ...]]
    plain: tuple[Command, ...]
    """The template over the first value."""
    span: Span

    @classmethod
    def of(cls, clause: Clause, mode: str, rest: list[Token], template: str) -> EachValue:
        """Return the command over the one field, or the JSON text, that stands before the template."""
        given = [token for token in rest if token.kind != "subsearch"]
        if len(given) != 1:
            raise clause.fail(
                f"foreach mode={mode} takes one field. Expected foreach mode={mode} field [ eval … ]."
            )
        (token,) = given
        value: Expr = (
            Literal(token.value, token.span) if token.kind == "string" else Field(token.value, token.span)
        )
        many = value if mode == "multivalue" else Call("json_array_to_mv", (value,), token.span)
        plain = clause.parse_commands(_with_item(template, 0))
        if not all(isinstance(command, Eval) for command in plain):
            raise clause.unsupported(f"foreach mode={mode} over anything but eval.", clause.span)
        return cls(many, template, clause.parse_commands, plain, clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the field and those that the template reads."""
        named = {name for command in self.plain for name in command.reads()}
        return (*field_names(self.many), *sorted(named - {_ITEM}))

    def makes(self) -> tuple[str, ...]:
        """Return the fields that the template assigns."""
        return tuple(dict.fromkeys(name for command in self.plain for name in command.makes()))

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Run the template over the first value of every row, then over the second, as far as one has them."""
        many = Sql(as_multi(compile_expression(self.many, builder.context(stage))), Kind.MULTI)
        stage, _ = builder.keep(builder.extend(stage, [(_ITEMS, many)]))
        items = stage.columns[_ITEMS].text
        longest = builder.runtime.rows(f"SELECT coalesce(max(len({items})), 0) FROM {stage.cte}")[0][0]
        if longest > MOST_ITEMS:
            builder.runtime.messages.append(
                f"limit: foreach ran over the first {MOST_ITEMS:,} of up to {longest:,} values."
            )
        for place in range(min(longest, MOST_ITEMS)):
            stage = builder.extend(stage, [(_ITEM, Sql(f"{items}[{place + 1}]", Kind.TEXT))])
            for command in self.parse_template(_with_item(self.template, place)):
                stage = _where_present(builder, stage, command)
        kept = {name: value for name, value in stage.columns.items() if name not in {_ITEM, _ITEMS}}
        return Stage(stage.cte, kept, stage.order)


def _where_present(builder: Builder, stage: Stage, command: Command) -> Stage:
    """Apply a command; a row without the value keeps what it has."""
    present = f"{stage.columns[_ITEM].text} IS NOT NULL"
    after = command.apply(builder, stage)
    merged = []
    for name in command.makes():
        old, new = stage.columns.get(name, NULL), after.columns[name]
        kind = unify([old, new])
        merged.append(
            (name, Sql(f"CASE WHEN {present} THEN {cast(new, kind)} ELSE {cast(old, kind)} END", kind))
        )
    return builder.extend(after, merged)


def _with_item(template: str, place: int) -> str:
    """Fill the placeholders of a value; in quotes or not, <<ITEM>> is the value."""
    filled = re.sub(r"""(["']?)<<ITEM>>\1""", _ITEM, template, flags=re.IGNORECASE)
    return re.sub("<<ITER>>", str(place), filled, flags=re.IGNORECASE)


def _filled(template: str, name: str, text: str, *segments: str) -> str:
    def one(match: re.Match[str]) -> str:
        word = match[1].upper()
        if word.startswith("MATCHSEG"):
            place = int(match[2]) - 1
            return segments[place] if place < len(segments) else ""
        return name if word == "FIELD" else text if word == "MATCHSTR" else match.group()

    return _PLACEHOLDER.sub(one, template)
