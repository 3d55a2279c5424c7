"""Commands that write rows as a search condition: format, return."""

from __future__ import annotations

from dataclasses import dataclass

from spl.clause import Clause
from spl.errors import Span
from spl.plan import Command, Names
from spl.python_calls import Kind
from spl.sql_calls import as_multi
from spl.sql_values import NULL, as_text
from spl.stage import Builder, Stage


@dataclass(frozen=True, slots=True)
class Format(Command):
    """writes the rows as one search condition in the field search."""

    name = "format"
    words: tuple[str, str, str, str, str, str]
    most: int
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Format:
        """Read `format [maxresults=] ["(" "(" "AND" ")" "OR" ")"]`."""
        options, rest = clause.options("maxresults", "emptystr", "mvsep")
        words = tuple(token.value for token in rest) or ("(", "(", "AND", ")", "OR", ")")
        if len(words) != 6:
            raise clause.fail('format takes six texts. Expected "(" "(" "AND" ")" "OR" ")".')
        return cls(words, clause.number(options, "maxresults", 0), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return every field."""
        return ("*",)

    def output(self, names: Names) -> Names:
        """Return the condition."""
        return {"search"}

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Write the condition."""
        names = [name for name in stage.columns if not name.startswith("_")]
        limit = f" LIMIT {self.most}" if self.most else ""
        cells = [as_multi(stage.columns[name]) for name in names]
        rows = builder.runtime.rows(
            builder.statement(f"SELECT {', '.join(cells) or '1'} FROM {stage.cte}{stage.order_by}{limit}")
        )
        start, row_start, both, row_end, either, end = self.words
        shown = []
        for row in rows if names else []:
            pairs = [
                quoted_pair(name, value)
                for name, cell in zip(names, row, strict=True)
                for value in cell or ()
            ]
            if pairs:
                shown.append(f"{row_start} {f' {both} '.join(pairs)} {row_end}")
        text = f"{start} {f' {either} '.join(shown)} {end}" if shown else "NOT ( )"
        return builder.runtime.values_table({"search": Kind.TEXT}, [(text,)])


def quoted_pair(name: str, value: str) -> str:
    r"""Return a term of a search condition.

    >>> quoted_pair("user", 'a"b')
    'user="a\\\\"b"'
    """
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    shown = f'"{name}"' if any(char in name for char in ' ="()') else name
    return f'{shown}="{escaped}"'


@dataclass(frozen=True, slots=True)
class Return(Command):
    """gives the first row, or the first n, of a subsearch as a condition or as plain values."""

    name = "return"
    count: int
    fields: tuple[tuple[str, str, bool], ...]
    """New name, field, whether its bare value is meant."""
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Return:
        """Read `return [n] field | name=field | $field …`."""
        tokens = clause.arguments()
        count = clause.whole(tokens.pop(0), "return", least=1) if tokens and tokens[0].value.isdigit() else 1
        fields: list[tuple[str, str, bool]] = []
        index = 0
        while index < len(tokens):
            token = tokens[index]
            if token.kind == "comma":
                index += 1
            elif index + 2 < len(tokens) and tokens[index + 1].text == "=":
                fields.append((token.value, tokens[index + 2].value, False))
                index += 3
            else:
                bare = token.value.startswith("$")
                name = token.value.removeprefix("$")
                fields.append((name, name, bare))
                index += 1
        if not fields:
            raise clause.fail("return names no field. Expected field, name=field or $field.")
        return cls(count, tuple(fields), clause.span)

    def reads(self) -> tuple[str, ...]:
        """Return the fields."""
        return tuple(field for _, field, _ in self.fields)

    def output(self, names: Names) -> Names:
        """Return the condition."""
        return {"search"}

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Write the condition of the first rows."""
        cells = [as_text(stage.columns.get(field, NULL)) for _, field, _ in self.fields]
        rows = builder.runtime.rows(
            builder.statement(
                f"SELECT {', '.join(cells)} FROM {stage.cte}{stage.order_by} LIMIT {self.count}"
            )
        )
        shown = []
        for row in rows:
            parts = [
                value if bare else quoted_pair(name, value)
                for (name, _, bare), value in zip(self.fields, row, strict=True)
                if value is not None
            ]
            if parts:
                shown.append(f"({' '.join(parts)})")
        found = [(" OR ".join(shown),)] if shown else []
        return builder.runtime.values_table({"search": Kind.TEXT}, found)
