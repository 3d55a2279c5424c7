"""Commands that put rows beside rows: join, appendcols."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from spl.clause import Clause
from spl.commands.combine import _SUB_OPTIONS, APPEND_LIMIT, _both
from spl.errors import Span
from spl.plan import Command, Names, Search
from spl.sql_values import Sql, as_text, cast, unify
from spl.stage import Builder, OrderKey, Stage


@dataclass(frozen=True, slots=True)
class AppendCols(Command):
    """adds the fields of a subsearch, row beside row."""

    name = "appendcols"
    search: Search
    override: bool
    limit: int
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> AppendCols:
        """Read `appendcols [override=] [ search … ]`."""
        options, rest = clause.options("override", *_SUB_OPTIONS)
        search = clause.subsearch(rest, "appendcols")
        clause.nothing_left(rest)
        limit = clause.number(options, "maxout", APPEND_LIMIT, least=1)
        return cls(search, clause.flag(options, "override"), limit, clause.span)

    def output(self, names: Names) -> Names:
        """Return the fields of both."""
        return _both(names, self.search)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Run the subsearch and join by the place of the row."""
        added, _ = builder.subsearch(self.search, self.limit, "appendcols")
        left, right = builder.numbered(stage), builder.numbered(added)
        items: list[str] = []
        columns: dict[str, Sql] = {}
        for name in dict.fromkeys([*left.columns, *right.columns]):
            values = [
                Sql(f"{side}.{own.columns[name].text}", own.columns[name].kind)
                for side, own in (("l", left), ("r", right))
                if name in own.columns
            ]
            first = values[-1:] if self.override else values[:1]
            chosen = [*first, *(value for value in values if value not in first)]
            items.append(_merged(builder, columns, name, chosen))
        place = builder.column()
        select = (
            f"SELECT {', '.join(items)}, coalesce(l.o_n, r.o_n) AS {place} "
            f"FROM {left.cte} l FULL JOIN {right.cte} r ON l.o_n = r.o_n"
        )
        return Stage(builder.add(select), columns, (OrderKey(place),))


def _merged(builder: Builder, columns: dict[str, Sql], name: str, values: list[Sql]) -> str:
    """Add a column that holds the first value that is present."""
    kind = unify(values)
    column = builder.column()
    columns[name] = Sql(column, kind)
    texts = [cast(value, kind) for value in values]
    return f"{texts[0] if len(texts) == 1 else f'coalesce({chr(44).join(texts)})'} AS {column}"


@dataclass(frozen=True, slots=True)
class Join(Command):
    """adds the fields of the rows of a subsearch that have the same values."""

    name = "join"
    keys: tuple[str, ...]
    search: Search
    kind: Literal["inner", "left"]
    most: int
    overwrite: bool
    span: Span

    @classmethod
    def parse(cls, clause: Clause) -> Join:
        """Read `join [type=] [max=] [overwrite=] [fields] [ search … ]`."""
        tokens = clause.arguments()
        for token, after in pairwise(tokens):
            if token.value.lower() in {"left", "right"} and after.text == "=":
                raise clause.unsupported(
                    "join with left=, right= and where.", token.span,
                    ("rename the fields of the subsearch to the same names, then: join fields [ search … ]",),
                )  # fmt: skip
        options, rest = clause.options("type", "max", "overwrite", "usetime", "earlier", "keepsingle")
        for name in ("usetime", "earlier"):
            if name in options and (name != "usetime" or clause.flag(options, name)):
                raise clause.unsupported(f"join {name}=.", options[name].span, ("type", "max", "overwrite"))
        search = clause.subsearch(rest, "join")
        kind = clause.choice(options, "type", "inner", ("inner", "left", "outer"))
        return cls(
            clause.fields(rest) if rest else (),
            search,
            "inner" if kind == "inner" else "left",
            clause.number(options, "max", 1),
            clause.flag(options, "overwrite", default=True),
            clause.span,
        )

    def reads(self) -> tuple[str, ...]:
        """Return the keys; without any, all fields can be keys."""
        return self.keys or ("*",)

    def output(self, names: Names) -> Names:
        """Return the fields of both."""
        return _both(names, self.search)

    def apply(self, builder: Builder, stage: Stage) -> Stage:
        """Run the subsearch and join; with max=1 the first of its rows for a key counts."""
        added, _ = builder.subsearch(self.search, APPEND_LIMIT, "join")
        common = [name for name in stage.columns if name in added.columns and not name.startswith("_")]
        keys = list(self.keys) or common
        if not keys or any(name not in stage.columns or name not in added.columns for name in keys):
            return stage if self.kind == "left" else builder.filter(stage, "FALSE")
        left, right = builder.numbered(stage), builder.numbered(added)
        partition = ", ".join(as_text(right.columns[name]) for name in keys)
        right_cte = right.cte
        if self.most:
            ranked = f"row_number() OVER (PARTITION BY {partition} ORDER BY o_n) <= {self.most}"
            right_cte = builder.add(f"SELECT * FROM {right.cte} QUALIFY {ranked}")
        same = " AND ".join(
            f"{as_text(_of('l', left.columns[name]))} = {as_text(_of('r', right.columns[name]))}"
            for name in keys
        )
        items: list[str] = []
        columns: dict[str, Sql] = {}
        for name in dict.fromkeys([*left.columns, *right.columns]):
            mine = [_of("l", left.columns[name])] if name in left.columns else []
            other = [_of("r", right.columns[name])] if name in right.columns and name not in keys else []
            values = [*other, *mine] if self.overwrite and not name.startswith("_") else [*mine, *other]
            items.append(_merged(builder, columns, name, values))
        first, second = builder.column(), builder.column()
        how = "JOIN" if self.kind == "inner" else "LEFT JOIN"
        select = (
            f"SELECT {', '.join(items)}, l.o_n AS {first}, r.o_n AS {second} "
            f"FROM {left.cte} l {how} {right_cte} r ON {same}"
        )
        return Stage(builder.add(select), columns, (OrderKey(first), OrderKey(second)))


def _of(side: str, value: Sql) -> Sql:
    return Sql(f"{side}.{value.text}", value.kind)
