"""What commands are compiled into: a chain of CTEs, the fields after each, and the order of the rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from spl.plan import Command
from spl.sql_expr import Sql, SqlContext


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One key of the current row order: a column of the stage, and its direction."""

    column: str
    direction: str = "ASC NULLS LAST"


@dataclass(frozen=True, slots=True)
class Stage:
    """The rows after a command: a CTE, its fields, and the order of its rows."""

    cte: str
    columns: dict[str, Sql]
    order: tuple[OrderKey, ...]

    @property
    def order_by(self) -> str:
        """The ORDER BY clause that gives the rows their order; empty when there is none."""
        keys = ", ".join(f"{key.column} {key.direction}" for key in self.order)
        return f" ORDER BY {keys}" if keys else ""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that a command sets without having been told to."""

    count_sql: str
    """Counts the rows before the limit."""
    rows: int
    command: str
    in_total: bool
    """Whether every row that is kept reaches the result: then a total below the limit proves that none was cut."""


@dataclass(slots=True)
class Builder:
    """Collects CTEs and hands out names."""

    zone: ZoneInfo
    now: float
    source: str
    ctes: list[str] = field(default_factory=list)
    rest: tuple[Command, ...] = ()
    """The commands after the one that is being compiled."""
    limited: list[Limit] = field(default_factory=list)
    computed: set[str] = field(default_factory=set)
    """Columns that hold an expression, which the database would compute again for a filter."""
    _columns: int = 0

    def column(self) -> str:
        """Return a fresh column name."""
        self._columns += 1
        return f"c{self._columns}"

    def add(self, select: str) -> str:
        """Add a CTE and return its name."""
        name = f"s{len(self.ctes)}"
        self.ctes.append(f"{name} AS NOT MATERIALIZED ({select})")
        return name

    def context(self, stage: Stage) -> SqlContext:
        """Return what expressions of the next command may refer to."""
        return SqlContext(stage.columns, self.now, self.zone, self.source)

    def extend(self, stage: Stage, added: Iterable[tuple[str, Sql]]) -> Stage:
        """Return `stage` with new or replaced fields."""
        items, columns = [], dict(stage.columns)
        for name, value in added:
            column = self.column()
            items.append(f"{value.text} AS {column}")
            columns[name] = Sql(column, value.kind)
            self.computed.add(column)
        return Stage(self.add(f"SELECT *, {', '.join(items)} FROM {stage.cte}"), columns, stage.order)

    def filter(self, stage: Stage, condition: str) -> Stage:
        """Return the rows of `stage` for which `condition` holds."""
        return replace(stage, cte=self.add(f"SELECT * FROM {stage.cte} WHERE {condition}"))

    def statement(self, select: str) -> str:
        """Return a whole statement over the CTEs so far."""
        return f"WITH {', '.join(self.ctes)} {select}"
