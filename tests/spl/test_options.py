"""Every option of every command has an effect, or is refused by name: none is taken and ignored."""

from __future__ import annotations

import ast
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

import spl
from spl.clause import WITHOUT_EFFECT, Clause
from spl.commands import COMMANDS, aggregate, datamodel, pivot, timechart
from spl.errors import SplError
from spl.parse import parse_search
from spl.plan import Command

PLAIN = {
    "addcoltotals": "x | addcoltotals", "addtotals": "x | addtotals", "append": "x | append [search y]",
    "appendcols": "x | appendcols [search y]", "appendpipe": "x | appendpipe [stats count]",
    "autoregress": "x | autoregress n", "bin": "x | bin n", "chart": "x | chart count BY a", "convert": "x | convert ctime(n)",
    "dedup": "x | dedup a", "eventcount": "| eventcount", "eventstats": "x | eventstats count", "extract": "x | extract",
    "fieldsummary": "x | fieldsummary", "fillnull": "x | fillnull a", "foreach": "x | foreach a* [eval b=1]",
    "format": "x | format", "gentimes": "| gentimes start=1/1/2020", "head": "x | head", "inputlookup": "| inputlookup t",
    "iplocation": "x | iplocation a", "join": "x | join a [search y]", "lookup": "x | lookup t a",
    "makemv": "x | makemv a", "makeresults": "| makeresults", "metadata": "| metadata type=hosts", "mvcombine": "x | mvcombine a",
    "mvexpand": "x | mvexpand a", "rare": "x | rare useother=t a", "rename": "x | rename a AS b",
    "fromjson": "x | fromjson a",
    "strcat": "x | strcat a b c", "rex": 'x | rex "(?<a>.)"', "sort": "x | sort a",
    "spath": "x | spath", "stats": "x | stats count", "streamstats": "x | streamstats count", "timechart": "x | timechart count",
    "timewrap": "x | timechart count | timewrap 1d", "tojson": "x | tojson", "top": "x | top useother=t a", "transaction": "x | transaction a",
    "transpose": "x | transpose", "tstats": "| tstats count WHERE index=x", "xmlkv": "x | xmlkv", "xyseries": "x | xyseries a b c d",
    "datamodel": "| datamodel Web Web search", "makecontinuous": "x | makecontinuous n span=1", "union": "x | union [search y]",
}  # fmt: skip
"""One plain search for each command that takes options."""

VALUES = {"span": ("5", "1h"), "start": ("3", "1/2/2020"), "end": ("9", "1/3/2020"), "type": ("sources", "left"), "mode": ("sed", "multivalue"),
          "align": ("end",), "format": ("xml", "$VAL$"), "kind": ("1",), "allowempty": ("t",), "limit": ("3",), "agg": ("max",), "data": ('"a"',)}  # fmt: skip
COMMON = ("3", "t", "f", '"q"', "7d", "2020-01-01")


def _known(monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    """Return the options that a command's parser knows, by watching it."""
    seen: dict[str, None] = {}
    plain, leading = Clause.options, aggregate.leading_options

    def options(self: Clause, *known: str):  # type: ignore[no-untyped-def]
        seen.update(dict.fromkeys(known))
        return plain(self, *known)

    def at_the_start(clause, tokens, *known, anywhere=False):  # type: ignore[no-untyped-def]
        seen.update(dict.fromkeys(known))
        return leading(clause, tokens, *known, anywhere=anywhere)

    monkeypatch.setattr(Clause, "options", options)
    for module in (aggregate, datamodel, pivot, timechart):
        monkeypatch.setattr(module, "leading_options", at_the_start)
    parse_search(PLAIN[name])
    return list(seen)


def _without_places(command: Command) -> Command:
    return replace(command, span=None) if any(part.name == "span" for part in fields(command)) else command  # type: ignore[call-overload]


def _with(name: str, option: str, value: str) -> str:
    plain = PLAIN[name]
    if f" {option}=" in plain:
        return re.sub(rf" {option}=\S+", f" {option}={value}", plain)
    before, word, after = plain.rpartition(name)
    return f"{before}{word} {option}={value}{after}"


def _outcome(name: str, option: str, value: str, usual: str) -> str:
    try:
        changed = parse_search(_with(name, option, value)).commands[_place(name)]
    except SplError:
        return "refused"
    return "same" if repr(_without_places(changed)) == usual else "changed"


def _place(name: str) -> int:
    return 0 if PLAIN[name].startswith("|") else -1


@pytest.mark.parametrize("name", PLAIN)
def test_an_option_changes_the_command_or_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = _known(monkeypatch, name)
    monkeypatch.undo()
    usual = repr(_without_places(parse_search(PLAIN[name]).commands[_place(name)]))
    ignored = []
    for option in set(known) - set(WITHOUT_EFFECT):
        outcomes = {
            value: _outcome(name, option, value, usual) for value in (*VALUES.get(option, ()), *COMMON)
        }
        taken = outcomes["3"] == "same" or outcomes["t"] == outcomes["f"] == "same"
        if taken and "changed" not in outcomes.values():
            ignored.append(option)
    assert ignored == []


def test_every_command_with_options_is_looked_at() -> None:
    sources = {
        name: Path(str(__import__(kind.__module__, fromlist=["x"]).__file__)).read_text()
        for name, kind in COMMANDS.items()
    }
    taking = {
        name
        for name, kind in COMMANDS.items()
        for node in ast.walk(ast.parse(sources[name]))
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__
        for call in ast.walk(node)
        if isinstance(call, ast.Attribute) and call.attr == "options" and isinstance(call.value, ast.Name)
    }
    assert taking - set(PLAIN) <= {"from"}


def test_what_a_command_was_told_is_read_somewhere() -> None:
    folder = Path(str(spl.__file__)).parent
    read = {
        node.attr
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    unread = {
        f"{name}.{part.name}"
        for name, kind in COMMANDS.items()
        for part in fields(kind)
        if part.name not in read  # type: ignore[arg-type]
    }
    assert unread == set()


@pytest.mark.parametrize(
    "search",
    [
        "x | stats dedup_splitvals=t count BY a", 'x | stats delim="," values(a)', "x | eventstats allnum=t avg(n)",
        "x | timechart fixedrange=f count", "x | timechart minspan=1h count", "x | timechart partial=f count",
        "| makeresults annotate=t", "x | head 3 keeplast=t", "x | head 3 null=t", "x | timechart start=5 count",
        "| tstats count chunk_size=5 fillnull_value=x WHERE index=x",
    ],
)  # fmt: skip
def test_an_option_that_would_do_nothing_is_refused(search: str) -> None:
    with pytest.raises(SplError):
        parse_search(search)


@pytest.mark.parametrize(
    "search",
    [
        "x | stats allnum=f count", "x | timechart partial=t fixedrange=true count", "| makeresults annotate=f", "x | head 3 keeplast=f null=f",
        "| tstats summariesonly=t allow_old_summaries=t count FROM datamodel=Web", "x | lookup local=t t a", "x | appendpipe run_in_preview=t [stats count]",
    ],
)  # fmt: skip
def test_an_option_at_its_default_is_taken(search: str) -> None:
    assert parse_search(search).commands
