"""Commands that make, rename or choose fields: eval, rex, bin, rename, fields, table."""

from __future__ import annotations

import re

from spl.errors import UnsupportedError
from spl.plan import Bin, Eval, Fields, Rename, Rex, Table
from spl.sql_expr import Kind, Sql, as_number, as_text, compile_expression
from spl.sql_text import number_literal, text_literal
from spl.sql_time import bin_sql
from spl.stage import Builder, Stage

_INTERNAL = ("_time", "_raw")


def apply_eval(builder: Builder, stage: Stage, command: Eval) -> Stage:
    """Assign fields, each seeing those before it."""
    for name, expr in command.assignments:
        value = compile_expression(expr, builder.context(stage))
        if value.kind is Kind.BOOL:
            raise UnsupportedError(
                f"eval of {name!r} to true or false; wrap it in if(…, 1, 0).",
                text=builder.source,
                span=expr.span,
            )
        if value.kind is Kind.NULL:
            value = Sql("NULL::VARCHAR", Kind.TEXT)
        stage = builder.extend(stage, [(name, value)])
    return stage


def apply_rex(builder: Builder, stage: Stage, command: Rex) -> Stage:
    """Take named groups of a pattern out of a field; without a match a field keeps its value."""
    subject = stage.columns.get(command.field)
    if subject is None:
        return stage
    text, pattern = as_text(subject), text_literal(command.pattern)
    added = []
    for name, group in command.groups:
        old = stage.columns.get(name)
        if command.max_match == 1:
            found = f"nullif(regexp_extract({text}, {pattern}, {group}), '')"
            value = Sql(f"coalesce({found}, {as_text(old)})" if old else found, Kind.TEXT)
        else:
            limit = f"[:{command.max_match}]" if command.max_match else ""
            found = f"regexp_extract_all({text}, {pattern}, {group}){limit}"
            value = Sql(f"CASE WHEN len({found}) > 0 THEN {found} END", Kind.MULTI)
        added.append((name, value))
    return builder.extend(stage, added)


def apply_bin(builder: Builder, stage: Stage, command: Bin) -> Stage:
    """Round a field down to the start of its bin; a numeric bin becomes the text `0-100`."""
    value = stage.columns.get(command.field)
    if value is None:
        return stage
    number = as_number(value)
    if command.unit is not None:
        start = bin_sql(number, int(command.amount), command.unit, builder.zone)
        binned = (
            Sql(start, Kind.NUMBER) if value.kind is Kind.NUMBER else _or_itself(f"spl_text({start})", value)
        )
    else:
        width = number_literal(command.amount)
        low = f"(floor({number} / {width}) * {width})"
        binned = _or_itself(f"spl_text({low}) || '-' || spl_text({low} + {width})", value)
    return builder.extend(stage, [(command.alias, binned)])


def _or_itself(binned: str, value: Sql) -> Sql:
    """Return the bin of a value; what is no number stays as it is, so that no later BY loses its row."""
    return Sql(f"coalesce({binned}, {as_text(value)})", Kind.TEXT)


def apply_rename(builder: Builder, stage: Stage, command: Rename) -> Stage:
    """Give fields new names; a target that exists is replaced."""
    columns = dict(stage.columns)
    for old, new in command.pairs:
        for name in [name for name in columns if _matches(old, name)]:
            value = columns.pop(name)
            columns[_renamed(old, new, name)] = value
    return Stage(stage.cte, columns, stage.order)


def _pattern(wildcard: str) -> re.Pattern[str]:
    return re.compile("(.*)".join(re.escape(part) for part in wildcard.split("*")), re.DOTALL)


def _matches(wildcard: str, name: str) -> bool:
    """Compare a field name with a wildcard; internal fields are only met by name."""
    if "*" not in wildcard:
        return wildcard == name
    return (not name.startswith("_") or wildcard.startswith("_")) and _pattern(wildcard).fullmatch(
        name
    ) is not None


def _renamed(old: str, new: str, name: str) -> str:
    match = _pattern(old).fullmatch(name)
    parts = iter(match.groups() if match else ())
    return "".join(next(parts) if char == "*" else char for char in new)


def apply_fields(builder: Builder, stage: Stage, command: Fields) -> Stage:
    """Keep or remove fields; `fields +` keeps `_time` and `_raw` as well."""
    if command.mode == "-":
        kept = [
            name for name in stage.columns if not any(_matches(wildcard, name) for wildcard in command.fields)
        ]
    else:
        kept = _chosen(stage, command.fields)
        kept += [name for name in _INTERNAL if name in stage.columns and name not in kept]
    return Stage(stage.cte, {name: stage.columns[name] for name in kept}, stage.order)


def apply_table(builder: Builder, stage: Stage, command: Table) -> Stage:
    """Keep exactly these fields, in this order."""
    kept = _chosen(stage, command.fields)
    return Stage(stage.cte, {name: stage.columns[name] for name in kept}, stage.order)


def _chosen(stage: Stage, wildcards: tuple[str, ...]) -> list[str]:
    chosen = [name for wildcard in wildcards for name in sorted(stage.columns) if _matches(wildcard, name)]
    return list(dict.fromkeys(chosen))
