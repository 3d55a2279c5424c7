"""Every command by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from spl.clause import Clause
from spl.commands import (
    aggregate,
    columns,
    combine,
    datamodel,
    extract,
    generate,
    lookup,
    pivot,
    rows,
    transaction,
    values,
)
from spl.plan import Command

Parser = Callable[[Clause], Command]

_CLASSES: tuple[type[Command], ...] = (
    aggregate.AddColTotals,
    aggregate.AddTotals,
    aggregate.EventStats,
    aggregate.Rare,
    aggregate.Stats,
    aggregate.StreamStats,
    aggregate.Top,
    columns.AddInfo,
    columns.Bin,
    columns.Eval,
    columns.FieldFormat,
    columns.Fields,
    columns.Rename,
    columns.Rex,
    columns.Strcat,
    columns.Table,
    combine.Append,
    combine.AppendCols,
    combine.AppendPipe,
    combine.Format,
    combine.Join,
    combine.MultiSearch,
    combine.Return,
    combine.SetCommand,
    combine.Union,
    datamodel.DatamodelCommand,
    datamodel.FromDataset,
    datamodel.Tstats,
    extract.Extract,
    extract.FromJson,
    extract.IpLocation,
    extract.Spath,
    extract.ToJson,
    extract.XmlKv,
    generate.EventCount,
    generate.GenTimes,
    generate.MakeResults,
    generate.Metadata,
    lookup.InputLookup,
    lookup.LookupCommand,
    pivot.Chart,
    pivot.FieldSummary,
    pivot.MakeContinuous,
    pivot.TimeChart,
    pivot.Transpose,
    pivot.Untable,
    pivot.XySeries,
    rows.Dedup,
    rows.Head,
    rows.Regex,
    rows.Reverse,
    rows.Sort,
    rows.Tail,
    rows.Uniq,
    rows.Where,
    transaction.Transaction,
    values.Convert,
    values.FillDown,
    values.FillNull,
    values.ForEach,
    values.MakeMv,
    values.MvCombine,
    values.MvExpand,
    values.NoMv,
    values.RangeMap,
    values.Replace,
    values.Running,
    values.Trendline,
)

COMMANDS: Mapping[str, type[Command]] = {
    **{kind.name: kind for kind in _CLASSES},
    "autoregress": values.Running,
    "delta": values.Running,
}
"""The class of every command but `search`, by name."""

ALIASES = {"bucket": "bin", "kv": "extract"}
"""Other names of commands."""

GENERATING = frozenset(
    {
        "datamodel",
        "eventcount",
        "from",
        "gentimes",
        "inputlookup",
        "makeresults",
        "metadata",
        "multisearch",
        "set",
        "tstats",
        "union",
    }
)
"""Commands that may begin a search."""

NOT_FIRST = GENERATING - {"inputlookup", "union"}
"""Commands that must begin a search."""


def parse_command(name: str, clause: Clause) -> Command:
    """Return the command that a clause is."""
    parser: Parser = COMMANDS[name].parse  # type: ignore[attr-defined]
    return parser(clause)


def describe(name: str) -> str:
    """Return what a command does."""
    texts = {
        "accum": "adds up a field from row to row",
        "autoregress": "copies a field of earlier rows",
        "delta": "subtracts a field of an earlier row",
    }
    text = texts.get(name) or (COMMANDS[name].__doc__ or "").strip().splitlines()[0]
    return text[:1].upper() + text[1:].rstrip(".")
