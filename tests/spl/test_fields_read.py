"""A search that reads only the fields it speaks of gives what a search that reads all of them gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spl import events

EVENTS = [
    {
        "_time": 1_700_000_000 + 60 * number,
        "_raw": f"user=u{number % 3} path=/a/{number} bytes={number * 10}",
        "index": "i",
        "sourcetype": "s",
        "host": f"h{number % 2}",
        "user": f"u{number % 3}",
        "path": f"/a/{number}",
        "bytes": str(number * 10),
    }
    for number in range(12)
]
COMMANDS = (
    'eval x=if(searchmatch("user=u1"), 1, 0)',
    'eval x=if(searchmatch("u1"), 1, 0)',
    'where searchmatch("user=u1 OR path=/a/2") | eval x=1',
    'stats count(eval(searchmatch("user=u1"))) AS x',
    'rex "(?<x>u\\d)"',
    'regex "u1" | eval x=1',
    "extract | eval x=1",
    "addtotals fieldname=x",
    "addtotals fieldname=x bytes",
    "accum bytes AS x",
    "delta bytes AS x",
    "streamstats time_window=2m count AS x BY host",
    'streamstats reset_after="(user=\\"u2\\")" count AS x',
    "eventstats sum(bytes) AS x BY user",
    "foreach by* [eval x='<<FIELD>>']",
    "rename us* AS x*",
    'replace "u1" WITH "x" IN user | eval x=user',
    'strcat user "-" path x',
    "tojson user path output_field=x",
    'transaction user startswith="u1" | eval x=eventcount',
    "mvcombine path | eval x=mvcount(path)",
    "dedup user sortby -bytes | eval x=1",
    "sort - num(bytes) | head 3 | eval x=user",
    "join user [search index=i | stats sum(bytes) AS x BY user]",
    "append [search index=i | head 2 | eval x=path]",
    "appendpipe [stats count BY host | eval x=host]",
    "untable host user bytes | eval x=bytes",
    "fieldsummary | eval x=field",
    "uniq | eval x=1",
)
BEHIND = (
    "stats count values(x) AS v count(user) AS u",
    "stats count BY x",
    "table x",
    "head 2 | stats values(*) AS *",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_reading_less_changes_nothing(
    command: str, over: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = over(EVENTS)
    searches = [f"index=i | {command} | {behind}" for behind in BEHIND]
    few = [bench.rows(spl) for spl in searches]
    monkeypatch.setattr(events, "_names", lambda relation, wanted: list(relation.fields))
    assert few == [bench.rows(spl) for spl in searches]
    assert any(few)
