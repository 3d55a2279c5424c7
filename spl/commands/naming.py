"""Fields that are named by values: `eval {kind}=count` makes a field for every value of `kind`."""

from __future__ import annotations

import re

from spl.python_calls import Kind
from spl.sql_text import text_literal
from spl.sql_values import NULL, Sql, as_text, cast, unify
from spl.stage import Builder, Stage

MOST_NAMES = 1_000
"""Fields that one assignment makes at most."""
_NAMING = re.compile(r"\{([^{}]*[^{}\d][^{}]*)\}")
"""A field in braces; `a{}` and `a{0}` are names of JSON paths."""
_NAME, _VALUE = "spl_name", "spl_value"


def naming_fields(target: str) -> tuple[str, ...]:
    """Return the fields whose values are a part of the name of an assigned field.

    >>> naming_fields("count_{status}"), naming_fields("items{}.id")
    (('status',), ())
    """
    return tuple(_NAMING.findall(target))


def assigned_by_value(builder: Builder, stage: Stage, target: str, value: Sql) -> Stage:
    """Give each row the value in the field that its own values name; a row without one keeps what it has."""
    parts = _NAMING.split(target)
    texts = [text_literal(part) if place % 2 == 0 else _text(stage, part) for place, part in enumerate(parts)]
    made = [(_NAME, Sql(f"({' || '.join(texts)})", Kind.TEXT)), (_VALUE, value)]
    stage, _ = builder.keep(builder.extend(stage, made))
    name, value = stage.columns.pop(_NAME), stage.columns.pop(_VALUE)
    statement = f"SELECT DISTINCT {name.text} FROM {stage.cte} WHERE {name.text} IS NOT NULL ORDER BY 1"
    found = [str(row[0]) for row in builder.runtime.rows(f"{statement} LIMIT {MOST_NAMES + 1}")]
    if len(found) > MOST_NAMES:
        builder.runtime.messages.append(
            f"limit: eval {target} made the first {MOST_NAMES:,} fields; there are more."
        )
    return builder.extend(stage, [(one, _where_named(stage, name, one, value)) for one in found[:MOST_NAMES]])


def _text(stage: Stage, field: str) -> str:
    return as_text(stage.columns.get(field, NULL))


def _where_named(stage: Stage, name: Sql, field: str, value: Sql) -> Sql:
    old = stage.columns.get(field, NULL)
    kind = unify([old, value])
    arms = f"WHEN {name.text} = {text_literal(field)} THEN {cast(value, kind)} ELSE {cast(old, kind)}"
    return Sql(f"(CASE {arms} END)", kind)
