"""The foreach command: a template filled for one field after another."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from spl.clause import Clause
from spl.errors import Span
from spl.plan import Command
from spl.stage import Builder, Stage
from spl.wildcards import chosen

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
