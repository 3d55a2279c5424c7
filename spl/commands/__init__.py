"""Every command by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from spl.clause import Clause
from spl.commands import (
    aggregate,
    bins,
    carrying,
    columns,
    combine,
    conditions,
    datamodel,
    extract,
    foreach,
    generate,
    joining,
    lookup,
    multivalues,
    pivot,
    rex,
    rows,
    streaming,
    tables,
    timechart,
    timewrap,
    totals,
    transaction,
    unchanged,
    values,
)
from spl.plan import Command

Parser = Callable[[Clause], Command]

_CLASSES: tuple[type[Command], ...] = (
    totals.AddColTotals,
    totals.AddTotals,
    aggregate.EventStats,
    totals.Rare,
    aggregate.Stats,
    streaming.StreamStats,
    totals.Top,
    columns.AddInfo,
    bins.Bin,
    columns.Eval,
    columns.FieldFormat,
    columns.Fields,
    columns.Rename,
    rex.Rex,
    columns.Strcat,
    columns.Table,
    combine.Append,
    joining.AppendCols,
    combine.AppendPipe,
    conditions.Format,
    joining.Join,
    combine.MultiSearch,
    conditions.Return,
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
    tables.FieldSummary,
    tables.MakeContinuous,
    timechart.TimeChart,
    tables.Transpose,
    tables.Untable,
    tables.XySeries,
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
    foreach.ForEach,
    multivalues.MakeMv,
    multivalues.MvCombine,
    multivalues.MvExpand,
    multivalues.NoMv,
    values.RangeMap,
    values.Replace,
    carrying.Accum,
    carrying.AutoRegress,
    carrying.Delta,
    carrying.Trendline,
    timewrap.TimeWrap,
    unchanged.Noop,
)

COMMANDS: Mapping[str, type[Command]] = {kind.name: kind for kind in _CLASSES}
"""The class of every command but `search`, by name."""

ALIASES = {
    "bucket": "bin",
    "kv": "extract",
    "highlight": "noop",
    "localop": "noop",
    "redistribute": "noop",
}
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

NOT_FIRST = GENERATING - {"inputlookup", "tstats", "union"}
"""Commands that must begin a search; the others of GENERATING know themselves when they may stand later."""


def parse_command(name: str, clause: Clause) -> Command:
    """Return the command that a clause is.

    Raises:
        SplError: It cannot be read, or it has an option that would do nothing.
    """
    parser: Parser = COMMANDS[name].parse  # type: ignore[attr-defined]
    command = parser(clause)
    clause.refuse_unread(name)
    return command


def describe(name: str) -> str:
    """Return what a command does."""
    text = (COMMANDS[name].__doc__ or "").strip().splitlines()[0]
    return text[:1].upper() + text[1:].rstrip(".")
