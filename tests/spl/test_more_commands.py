"""What the commands beyond the first ones mean: a search over a few rows, and the rows that it must give.

Expectations follow the examples and rules of Splunk's Search Reference, command by command.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spl.errors import SearchTimeoutError, SplError
from spl.lookups import parse_lookups
from spl.parse import parse_search

EVENTS = [
    {"_time": 1000, "host": "h1", "user": "ann", "n": "1", "status": "200", "m": ["p", "q"]},
    {"_time": 1060, "host": "h2", "user": "bob", "n": "5", "status": "500"},
    {"_time": 1070, "host": "h1", "user": "ann", "n": "3", "status": "200"},
    {"_time": 1200, "host": "h1", "user": "cid", "n": "10", "status": "404"},
]
"""Newest first: cid 10, ann 3, bob 5, ann 1."""

MAKE = '| makeresults format=json data="{}" '


def made(rows: list[dict[str, Any]]) -> str:
    """Return the start of a search over given rows."""
    return MAKE.format(json.dumps(rows).replace("\\", "\\\\").replace('"', '\\"'))


XY = (
    made([{"x": "a", "y": "1"}, {"x": "b", "y": "2"}, {"x": "a", "y": "3"}, {"x": "c"}]) + "| fields - _time "
)

CASES: dict[str, list[dict[str, Any]]] = {
    # rows
    "index=main | head (n>2) | table n": [{"n": "10"}, {"n": "3"}, {"n": "5"}],
    "index=main | tail 2 | table n": [{"n": "1"}, {"n": "5"}],
    "index=main | reverse | head 1 | table n": [{"n": "1"}],
    "index=main | dedup host sortby -num(n) | table host n": [{"host": "h1", "n": "10"}, {"host": "h2", "n": "5"}],
    'index=main | regex user="^[ab]" | stats count': [{"count": 3}],
    'index=main | regex user!="^(?!ann)" | stats count': [{"count": 2}],
    f"{XY}| uniq | stats count": [{"count": 4}],
    # eval functions in a search, SQL and Python alike
    'index=main n=10 | eval s=substr(user,2), r=replace(user,"(c)(i)","\\2\\1"), h=md5("x") | table s r h': [
        {"s": "id", "r": "icd", "h": "9dd4e461268c8034f5c8564e155c67a6"}
    ],
    'index=main n=1 | eval c=mvcount(m), j=mvjoin(m,"+"), f=mvfilter(m="q"), u=mvmap(m,upper(m)) | table c j f u': [
        {"c": 2, "j": "p+q", "f": ["q"], "u": ["P", "Q"]}
    ],
    'index=main n=1 | eval t=strftime(0,"%d/%b/%Y %H:%M:%S.%3N %z"), c=tostring(1234567.891,"commas") | table t c': [
        {"t": "01/Jan/1970 00:00:00.000 +0000", "c": "1,234,567.89"}
    ],
    # more named groups than the database numbers
    'index=main n=1 | eval s="abcdefghijkl" | rex field=s "'
    + "".join(f"(?<g{n}>.)" for n in range(12))
    + '" | table g0 g8 g9 g11': [{"g0": "a", "g8": "i", "g9": "j", "g11": "l"}],
    'index=main n=1 | eval s="abcdefghijklmnopqrstuvwx" | rex max_match=0 field=s "'
    + "".join(f"(?<g{n}>.)" for n in range(12))
    + '" | table g0 g11': [{"g0": ["a", "m"], "g11": ["l", "x"]}],
    # sed, rex with lookaround, several matches
    'index=main n=1 | rex field=user mode=sed "s/n/N/" | table user': [{"user": "aNn"}],
    'index=main n=1 | rex field=user mode=sed "s/n/N/g" | table user': [{"user": "aNN"}],
    'index=main n=1 | rex field=user mode=sed "y/an/xy/" | table user': [{"user": "xyy"}],
    'index=main n=1 | rex field=user "(?<l>n)" max_match=0 | table l': [{"l": ["n", "n"]}],
    'index=main n=1 | rex field=user "(?<l>n(?=n))" | table l': [{"l": "n"}],
    # bin without a span, logarithmic, aligned
    'index=main | bin n bins=3 AS b | sort 0 num(n) | table b': [{"b": "0-10"}, {"b": "0-10"}, {"b": "0-10"}, {"b": "10-20"}],
    "index=main n=5 | bin n span=2log10 | table n": [{"n": "2-20"}],
    "index=main n=5 | bin _time span=1m aligntime=1030 | table _time": [{"_time": 1030}],
    # filling and carrying on
    f'{XY}| fillnull value="-" y | table y': [{"y": "1"}, {"y": "2"}, {"y": "3"}, {"y": "-"}],
    f"{XY}| fillnull z | table z": [{"z": "0"}] * 4,
    f"{XY}| filldown y | table y": [{"y": "1"}, {"y": "2"}, {"y": "3"}, {"y": "3"}],
    f"{XY}| accum y AS s | table s": [{"s": 1}, {"s": 3}, {"s": 6}, {}],
    f"{XY}| delta y AS d | table d": [{}, {"d": 1}, {"d": 1}, {}],
    f"{XY}| autoregress y p=1-2 | table y_p1 y_p2": [{}, {"y_p1": "1"}, {"y_p1": "2", "y_p2": "1"}, {"y_p1": "3", "y_p2": "2"}],
    f"{XY}| trendline sma2(y) AS t | table t": [{}, {"t": 1.5}, {"t": 2.5}, {"t": 3}],
    # multivalues
    f'{XY}| stats list(x) AS x | eval x=mvjoin(x, ",") | makemv delim="," x | mvexpand x | table x': [
        {"x": "a"}, {"x": "b"}, {"x": "a"}, {"x": "c"}
    ],
    f"{XY}| fields x | mvcombine x | nomv x | table x": [{"x": "a\nb\na\nc"}],
    'index=main n=1 | makemv tokenizer="(.)" user | table user': [{"user": ["a", "n", "n"]}],
    # conversions and names
    'index=main n=1 | convert ctime(_time) AS t timeformat="%H:%M" | table t': [{"t": "00:16"}],
    '| makeresults | eval d="1+02:03:04", k="2m", u="5kb" | convert dur2sec(d) memk(k) rmunit(u) | table d k u': [
        {"d": 93784, "k": 2048, "u": 5}
    ],
    "index=main | rangemap field=n low=0-4 high=5-9 default=top | stats count BY range": [
        {"range": "high", "count": 1}, {"range": "low", "count": 2}, {"range": "top", "count": 1}
    ],
    'index=main n=1 | replace "a*" WITH "b*" IN user | table user': [{"user": "bnn"}],
    'index=main n=1 | strcat user "@" host z | table z': [{"z": "ann@h1"}],
    "index=main n=1 | addinfo | eval ok=if(info_max_time>info_min_time,1,0) | table ok": [{"ok": 1}],
    f"{XY}| foreach x y [ eval <<FIELD>>_2 = '<<FIELD>>' . '<<FIELD>>' ] | head 1 | table x_2 y_2": [{"x_2": "aa", "y_2": "11"}],
    # statistics
    "index=main | stats median(n) AS a p50(n) AS b range(n) AS c mode(host) AS d stdevp(n) AS e sumsq(n) AS f": [
        {"a": 5, "b": 4, "c": 9, "d": "h1", "e": pytest.approx(3.3447, abs=1e-3), "f": 135}
    ],
    "index=main | stats rate(n) AS r earliest_time(n) AS e latest_time(n) AS l": [{"r": 0.045, "e": 1000, "l": 1200}],
    f"{XY}| stats sum(*) AS *": [{"y": 6}],
    "index=main | eventstats avg(n) AS a count AS c BY host | table n a c": [
        {"n": "10", "a": pytest.approx(14 / 3), "c": 3},
        {"n": "3", "a": pytest.approx(14 / 3), "c": 3},
        {"n": "5", "a": 5, "c": 1},
        {"n": "1", "a": pytest.approx(14 / 3), "c": 3},
    ],
    "index=main | streamstats count sum(n) AS s BY host | table count s": [
        {"count": 1, "s": 10}, {"count": 2, "s": 13}, {"count": 1, "s": 5}, {"count": 3, "s": 14}
    ],
    "index=main | streamstats window=2 sum(n) AS s | table s": [{"s": 10}, {"s": 13}, {"s": 8}, {"s": 6}],
    "index=main | streamstats current=f last(n) AS p | table p": [{}, {"p": "10"}, {"p": "3"}, {"p": "5"}],
    "index=main | streamstats time_window=60s count AS c | table c": [{"c": 1}, {"c": 1}, {"c": 2}, {"c": 2}],
    "index=main | streamstats reset_on_change=t count BY host | table count": [{"count": 1}, {"count": 2}, {"count": 1}, {"count": 1}],
    'index=main | streamstats reset_before="(n==5)" count | table count': [{"count": 1}, {"count": 2}, {"count": 1}, {"count": 2}],
    "index=main | streamstats reset_after=(n==3) count | table count": [{"count": 1}, {"count": 2}, {"count": 1}, {"count": 2}],
    'index=main | streamstats reset_after="(n==3)" count | table count': [{"count": 1}, {"count": 2}, {"count": 1}, {"count": 2}],
    'index=main | streamstats reset_after="("n==\\"3\\"")" count | table count': [{"count": 1}, {"count": 2}, {"count": 1}, {"count": 2}],
    'index=main | streamstats reset_after="(match(n,\\"3\\"))" count | table count': [{"count": 1}, {"count": 2}, {"count": 1}, {"count": 2}],
    "index=main | streamstats window=2 global=f count BY host | table count": [{"count": 1}, {"count": 2}, {"count": 1}, {"count": 2}],
    "index=main | streamstats window=2 count BY host | table count": [{"count": 1}, {"count": 2}, {"count": 1}, {"count": 1}],
    "index=main | top host": [{"host": "h1", "count": 3, "percent": 75}, {"host": "h2", "count": 1, "percent": 25}],
    "index=main | top limit=1 useother=t showperc=f user BY host": [
        {"host": "h1", "user": "ann", "count": 2}, {"host": "h1", "user": "OTHER", "count": 1}, {"host": "h2", "user": "bob", "count": 1}
    ],
    "index=main | rare limit=1 host countfield=c percentfield=p": [{"host": "h2", "c": 1, "p": 25}],
    "index=main | stats count BY host | addtotals | addcoltotals labelfield=host label=all": [
        {"host": "h1", "count": 3, "Total": 3}, {"host": "h2", "count": 1, "Total": 1}, {"host": "all", "count": 4, "Total": 4}
    ],
    # pivots
    "index=main | chart count OVER host BY status": [
        {"host": "h1", "200": 2, "404": 1, "500": 0}, {"host": "h2", "200": 0, "404": 0, "500": 1}
    ],
    "index=main | chart limit=1 sum(n) BY host status": [
        {"host": "h1", "404": 10, "OTHER": 4}, {"host": "h2", "OTHER": 5}
    ],
    "index=main | chart avg(n) AS a count BY host": [{"host": "h1", "a": pytest.approx(14 / 3), "count": 3}, {"host": "h2", "a": 5, "count": 1}],
    "index=main | timechart span=1m count": [
        {"_time": 960, "count": 1}, {"_time": 1020, "count": 2}, {"_time": 1080, "count": 0}, {"_time": 1140, "count": 0}, {"_time": 1200, "count": 1}
    ],
    "index=main | timechart span=2m sum(n) BY host": [
        {"_time": 960, "h1": 4, "h2": 5}, {"_time": 1080}, {"_time": 1200, "h1": 10}
    ],
    "index=main | timechart span=2m count(eval(status=200)) AS ok BY host limit=1 useother=f": [
        {"_time": 960, "h1": 2}, {"_time": 1080, "h1": 0}, {"_time": 1200, "h1": 0},
    ],
    "index=main | timechart span=2m per_minute(n) AS r cont=f": [{"_time": 960, "r": 4.5}, {"_time": 1200, "r": 5}],
    f"{XY}| where isnotnull(y) | xyseries x y y | table x 1 2 3": [{"x": "a", "1": "1", "3": "3"}, {"x": "b", "2": "2"}],
    f"{XY}| untable x k v": [{"x": "a", "k": "y", "v": "1"}, {"x": "b", "k": "y", "v": "2"}, {"x": "a", "k": "y", "v": "3"}],
    f"{XY}| head 2 | transpose header_field=x column_name=c": [{"c": "y", "a": "1", "b": "2"}],
    f"{XY}| fieldsummary y | table field count distinct_count max mean min": [
        {"field": "y", "count": 3, "distinct_count": 3, "max": 3, "mean": 2, "min": 1}
    ],
    f"{XY}| where x!=\"b\" | where isnotnull(y) | makecontinuous y span=1 | table x y": [{"x": "a", "y": 1}, {"y": 2}, {"x": "a", "y": 3}],
    # other searches
    "index=main n=1 | append [search index=main n=5 | eval z=1] | table n z": [{"n": "1"}, {"n": "5", "z": 1}],
    "index=main | stats count BY host | appendpipe [stats sum(count) AS count | eval host=\"all\"] | table host count": [
        {"host": "h1", "count": 3}, {"host": "h2", "count": 1}, {"host": "all", "count": 4}
    ],
    "index=main n=1 | table n | appendcols [search index=main n=5 | table n user] | table n user": [{"n": "1", "user": "bob"}],
    "index=main n=1 | table n | appendcols override=t [search index=main n=5 | table n] | table n": [{"n": "5"}],
    "index=main | join user [search index=main n=3 | eval z=7 | table user z] | table n z": [{"n": "3", "z": 7}, {"n": "1", "z": 7}],
    "index=main host=h1 | join type=left user [search index=main n=3 | eval z=7 | table user z] | table n z": [
        {"n": "10"}, {"n": "3", "z": 7}, {"n": "1", "z": 7}
    ],
    "index=main | join max=0 host [search index=main host=h1 n<5 | table host n | rename n AS o] | sort 0 num(n) num(o) | table n o": [
        {"n": "1", "o": "1"}, {"n": "1", "o": "3"}, {"n": "3", "o": "1"}, {"n": "3", "o": "3"}, {"n": "10", "o": "1"}, {"n": "10", "o": "3"}
    ],
    "| union [search index=main n=1] [search index=main n=10] | table n": [{"n": "10"}, {"n": "1"}],
    "| multisearch [search index=main n=1 | eval t=1] [search index=main n=10] | table n t": [{"n": "10"}, {"n": "1", "t": 1}],
    "| set diff [search index=main | table host] [search index=main n=5 | table host]": [{"host": "h1"}],
    "index=main [search index=main n=5 | table user] | table n": [{"n": "5"}],
    "index=main NOT [search index=main n=5 | table user] | stats count": [{"count": 3}],
    "index=main [search index=main n>1 host=h1 | table user host] | sort 0 num(n) | table n": [{"n": "1"}, {"n": "3"}, {"n": "10"}],
    "index=main [search index=main n=99 | table user] | stats count": [{"count": 0}],
    "index=main [search index=main n=5 | return user] | table n": [{"n": "5"}],
    "index=main [search index=main n=5 | return who=user] | stats count": [{"count": 0}],
    "index=main [search index=main n=5 | eval search=\"user=ann\" | table search] | stats count": [{"count": 2}],
    "index=main n=5 | fields user host | format": [{"search": '( ( user="bob" AND host="h2" ) )'}],
    # transactions
    "index=main | transaction host maxpause=2m | sort 0 _time | table host eventcount duration user": [
        {"host": ["h1"], "eventcount": 2, "duration": 70, "user": ["ann"]},
        {"host": ["h2"], "eventcount": 1, "duration": 0, "user": ["bob"]},
        {"host": ["h1"], "eventcount": 1, "duration": 0, "user": ["cid"]},
    ],
    "index=main | transaction host startswith=(n=1) endswith=(n=10) | table eventcount duration closed_txn": [
        {"eventcount": 3, "duration": 200, "closed_txn": 1}
    ],
    "index=main | transaction maxevents=2 | table eventcount": [{"eventcount": 2}, {"eventcount": 2}],
    "index=main | transaction user host maxspan=1m | stats count": [{"count": 4}],
    # text in fields
    '| makeresults | eval j="{\\"a\\":[{\\"b\\":1},{\\"b\\":2}],\\"c\\":\\"x\\"}" | spath input=j | table a{}.b c': [{"a{}.b": ["1", "2"], "c": "x"}],
    '| makeresults | eval j="{\\"a\\":[{\\"b\\":1},{\\"b\\":2}]}" | spath input=j path=a{1}.b output=z | table z': [{"z": ["2"]}],
    '| makeresults | eval _raw="<e a=\\"1\\"><f>x &amp; y</f></e>" | spath | table e{@a} e.f': [{"e{@a}": "1", "e.f": "x & y"}],
    '| makeresults | eval _raw="a=1 b=\\"two words\\" c=3" | extract | table a b c': [{"a": "1", "b": "two words", "c": "3"}],
    '| makeresults | eval _raw="k1:v1;k2:v2" | extract pairdelim=";" kvdelim=":" | table k1 k2': [{"k1": "v1", "k2": "v2"}],
    '| makeresults | eval _raw="<x>1</x><y>2</y>" | xmlkv | table x y': [{"x": "1", "y": "2"}],
    '| makeresults | eval j="{\\"a\\":1}" | fromjson j | tojson a output_field=o | table a o': [{"a": "1", "o": '{"a":"1"}'}],
    # generators
    "| makeresults count=2 | stats count": [{"count": 2}],
    '| makeresults format=csv data="a,b\n1,2\n3,4" | table a b': [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}],
    "| metadata type=hosts index=main | table host totalCount firstTime": [
        {"host": "h1", "totalCount": 3, "firstTime": 1000}, {"host": "h2", "totalCount": 1, "firstTime": 1060}
    ],
    "| eventcount index=main": [{"count": 4}],
    "| tstats count WHERE index=main BY host": [{"host": "h1", "count": 3}, {"host": "h2", "count": 1}],
    "| gentimes start=-2 increment=1d | stats count": [{"count": 3}],
}  # fmt: skip


@pytest.mark.parametrize("search", CASES)
def test_rows_are_those_of_the_reference(search: str, over: Callable[..., Any]) -> None:
    found = over(EVENTS).search(search)
    assert found.rows == CASES[search], found.sql


LOOKUPS = parse_lookups(
    {
        "owners.csv": "user,owner,team\nann,Ann A.,red\nbob,Bob B.,blue\nann,Ann X.,red\n",
        "nets.csv": "net,site\n10.0.0.0/8,lab\n192.168.1.0/24,home\n",
        "names.csv": "pattern,kind\na*,starts\n*d,ends\n",
    },
    "[nets]\nfilename = nets.csv\nmatch_type = CIDR(net)\nmax_matches = 1\n\n"
    "[names]\nfilename = names.csv\nmatch_type = WILDCARD(pattern)\n\n"
    "[folded]\nfilename = owners.csv\ncase_sensitive_match = false\nmax_matches = 1\n\n"
    "[known]\nfilename = owners.csv\nmin_matches = 1\ndefault_match = nobody\n",
)

LOOKUP_CASES: dict[str, list[dict[str, Any]]] = {
    "index=main n=1 | lookup owners.csv user OUTPUT owner | table owner": [{"owner": ["Ann A.", "Ann X."]}],
    "index=main n=5 | lookup owners.csv user | table owner team": [{"owner": ["Bob B."], "team": ["blue"]}],
    "index=main n=10 | lookup owners.csv user OUTPUT owner | table user owner": [{"user": "cid"}],
    "index=main n=10 | lookup known user OUTPUT owner | table owner": [{"owner": ["nobody"]}],
    'index=main n=5 | eval user="BOB" | lookup folded user OUTPUT owner AS o | table o': [{"o": "Bob B."}],
    'index=main n=5 | eval team="old" | lookup folded user OUTPUT team | table team': [{"team": "blue"}],
    'index=main n=5 | eval team="old" | lookup folded user OUTPUTNEW team | table team': [{"team": "old"}],
    '| makeresults | eval ip="10.1.2.3" | lookup nets net AS ip OUTPUT site | table site': [{"site": "lab"}],
    "index=main | lookup names pattern AS user OUTPUT kind | sort 0 user | table user kind": [
        {"user": "ann", "kind": "starts"},
        {"user": "ann", "kind": "starts"},
        {"user": "bob"},
        {"user": "cid", "kind": "ends"},
    ],
    "| inputlookup owners.csv where team=red | stats count": [{"count": 2}],
    "index=main [| inputlookup owners.csv where team=blue | fields user] | table n": [{"n": "5"}],
    "index=main n=1 | table user | inputlookup append=t owners.csv max=1 | table user owner": [
        {"user": "ann"},
        {"user": "ann", "owner": "Ann A."},
    ],
}


@pytest.mark.parametrize("search", LOOKUP_CASES)
def test_lookups_match_as_described(search: str, over: Callable[..., Any]) -> None:
    assert over(EVENTS).rows(search, lookups=LOOKUPS) == LOOKUP_CASES[search]


@pytest.mark.parametrize(
    ("search", "place"),
    [
        ("index=main | lookup nope x", "1:21"),
        ("index=main [| inputlookup nope]", "1:27"),
        ("index=main [search index=nope]", ""),
    ],
)
def test_what_does_not_exist_is_told_before_anything_runs(
    search: str, place: str, over: Callable[..., Any]
) -> None:
    with pytest.raises(SplError) as caught:
        over(EVENTS).rows(search)
    assert str(caught.value).startswith(place)


WINDOWS = [
    {"sourcetype": "XmlWinEventLog", "EventCode": "1", "Image": r"C:\W\cmd.exe", "CommandLine": "cmd /c x",
     "ParentImage": r"C:\W\explorer.exe", "Computer": "pc1", "User": "ann"},
    {"sourcetype": "XmlWinEventLog", "EventCode": "4688", "NewProcessName": r"C:\W\sc.exe", "SubjectUserName": "bob",
     "Computer": "pc2"},
    {"sourcetype": "XmlWinEventLog", "EventCode": "4625", "TargetUserName": "eve", "IpAddress": "10.0.0.1", "Computer": "pc2"},
    {"sourcetype": "linux_secure", "vendor_action": "Failed password", "action": "failure", "user": "root",
     "src_ip": "10.0.0.2", "host": "lin"},
]  # fmt: skip

MODEL_CASES: dict[str, list[dict[str, Any]]] = {
    "| tstats count FROM datamodel=Endpoint.Processes BY Processes.dest Processes.process_name": [
        {"Processes.dest": "pc1", "Processes.process_name": "cmd.exe", "count": 1},
        {"Processes.dest": "pc2", "Processes.process_name": "sc.exe", "count": 1},
    ],
    "| tstats summariesonly=t values(Processes.process) AS p FROM datamodel=Endpoint.Processes"
    ' WHERE Processes.process_name=CMD.exe BY Processes.user | rename "Processes.*" AS *': [
        {"user": "ann", "p": ["cmd /c x"]}
    ],
    "| tstats count FROM datamodel=Authentication WHERE Authentication.action=failure BY Authentication.user": [
        {"Authentication.user": "eve", "count": 1},
        {"Authentication.user": "root", "count": 1},
    ],
    "| tstats count FROM datamodel=Authentication WHERE nodename=Authentication.Successful_Authentication": [
        {"count": 0}
    ],
    '| from datamodel:"Authentication.Failed_Authentication" | stats count BY src': [
        {"src": "10.0.0.1", "count": 1},
        {"src": "10.0.0.2", "count": 1},
    ],
    "| datamodel Endpoint Processes search | stats count BY Processes.parent_process_name": [
        {"Processes.parent_process_name": "explorer.exe", "count": 1}
    ],
    "| tstats count FROM datamodel=Web BY _time span=1h": [],
}


@pytest.mark.parametrize("search", MODEL_CASES)
def test_data_models_map_each_sourcetype(search: str, over: Callable[..., Any]) -> None:
    assert over(WINDOWS).rows(search) == MODEL_CASES[search]


def test_a_dataset_without_events_and_an_unknown_field_are_told(over: Callable[..., Any]) -> None:
    found = over(WINDOWS).search("| tstats count FROM datamodel=Web BY Web.nope")
    assert any("no stored sourcetype belongs to the dataset Web.Web" in text for text in found.messages)
    assert any("has no field nope" in text for text in found.messages)


@pytest.mark.parametrize(
    ("search", "command"),
    [
        ("index=main | append [search index=main | head 60000]", "append"),
        ("index=main n=1 [search index=main | table i | head 20000]", "search"),
    ],
)
def test_a_reached_limit_of_a_subsearch_is_visible(
    search: str, command: str, over: Callable[..., Any]
) -> None:
    bench = over([{"i": str(n), "n": "1"} for n in range(60_000)])
    found = bench.search(search, limit=5)
    assert found.truncated
    assert any(f"the subsearch of {command} gave more than" in text for text in found.messages)


def test_windows_of_subsearches_are_their_own(over: Callable[..., Any]) -> None:
    bench = over(EVENTS)
    search = "index=main earliest=1100 | append [search index=main latest=1050] | table n"
    assert [row["n"] for row in bench.rows(search, earliest=900.0)] == ["10", "1"]


def test_a_chart_in_a_zone_with_summer_time_has_local_days(over: Callable[..., Any]) -> None:
    start = 1_774_656_000  # 2026-03-28 00:00 UTC
    bench = over([{"_time": start + hour * 3600} for hour in range(72)])
    rows = bench.rows("index=main | timechart span=1d count", zone=ZoneInfo("Europe/Berlin"))
    assert [row["count"] for row in rows] == [23, 23, 24, 2]


def test_python_functions_are_taken_out_of_the_database_again(over: Callable[..., Any]) -> None:
    bench = over(EVENTS)
    bench.rows('index=main | eval x=printf("%05d", n) | table x')
    left = bench.connection.execute(
        "SELECT count(*) FROM duckdb_functions() WHERE function_name LIKE 'spl_py%'"
    )
    schemas = "SELECT count(*) FROM duckdb_schemas() WHERE schema_name LIKE 'spl_w%'"
    assert left.fetchall() == bench.connection.execute(schemas).fetchall() == [(0,)]


def test_a_pattern_that_never_ends_is_stopped(over: Callable[..., Any]) -> None:
    bench = over([{"t": "a" * 40 + "!"}])
    with pytest.raises(SearchTimeoutError):
        bench.rows(r'index=main | regex t="^(?=(a|aa)+b)"', timeout_s=30)


def test_a_condition_counts_as_one_or_nothing_in_a_sum(over: Callable[..., Any]) -> None:
    bench = over([{"code": "404"}, {"code": "200"}, {"code": "404"}, {}])
    assert bench.rows("index=main | stats sum(eval(code=404)) AS n, avg(eval(code=404)) AS share") == [
        {"n": 2, "share": pytest.approx(2 / 3)}
    ]


def test_the_name_of_a_statistic_is_a_field(over: Callable[..., Any]) -> None:
    bench = over([{"x": "1"}, {"x": "2"}])
    search = "index=main | stats sum(x), count(eval(x>1)) | rename sum(x) AS total, count(eval(x>1)) AS big"
    assert bench.rows(f"{search} | table total big") == [{"total": 3, "big": 1}]
    assert bench.rows("index=main | stats sum(x) | table sum(x)") == [{"sum(x)": 3}]


def test_older_time_modifiers_are_inline_times() -> None:
    search = parse_search("index=a starthoursago=24 endminutesago=5")
    assert (search.earliest, search.latest) == ("-24h", "-5m")


def test_timewrap_puts_days_side_by_side(over: Callable[..., Any]) -> None:
    day = 86_400
    bench = over([{"_time": 10 * day + 3600 * hour, "n": str(hour)} for hour in (1, 2, 25, 26, 49)])
    search = "index=main | timechart span=1h sum(n) AS n"
    rows = bench.rows(f"{search} | timewrap 1d", earliest=10 * day, latest=13 * day)
    assert len(rows) == 24
    assert rows[1] == {"_time": 12 * day + 3600, "n_2days_before": 1, "n_1day_before": 25, "n_latest_day": 49}
    assert rows[2] == {"_time": 12 * day + 7200, "n_2days_before": 2, "n_1day_before": 26}
    short = bench.rows(f"{search} | timewrap 1d series=short", earliest=10 * day, latest=13 * day)
    assert short[1] == {"_time": 12 * day + 3600, "n_s2": 1, "n_s1": 25, "n_s0": 49}
    with pytest.raises(SplError, match="several units"):
        bench.rows(f"{search} | timewrap 2d")


def test_timewrap_keeps_the_clock_time_over_a_change_of_the_clocks(over: Callable[..., Any]) -> None:
    zone = ZoneInfo("Europe/Berlin")
    noon = [dt.datetime(2024, 3, day, 12, tzinfo=zone).timestamp() for day in (30, 31)]
    end = dt.datetime(2024, 4, 1, tzinfo=zone).timestamp()
    bench = over([{"_time": time} for time in noon])
    rows = bench.rows(
        "index=main | bin _time span=1h | stats count by _time | timewrap 1d",
        earliest=noon[0] - 43_200, latest=end, now=end, zone=zone,
    )  # fmt: skip
    assert rows == [{"_time": noon[1], "count_1day_before": 1, "count_latest_day": 1}]


MANY = [{"mv": ["1", "2", "3"], "js": '["a","b"]', "n": "10"}, {"n": "5"}]


def test_foreach_runs_over_the_values_of_a_field(over: Callable[..., Any]) -> None:
    bench = over(MANY)
    search = "index=main | foreach mode=multivalue mv [eval n=n+<<ITEM>>, last=<<ITER>>] | table n last"
    assert bench.rows(search) == [{"n": "5"}, {"n": "16", "last": 2}]
    joined = 'index=main | eval s="" | foreach mode=json_array js [eval s=s."<<ITEM>>"] | table s'
    assert bench.rows(joined) == [{"s": ""}, {"s": "ab"}]
    literal = (
        'index=main | head 1 | eval t=0 | foreach mode=json_array "[1,2,3]" [eval t=t+<<ITEM>>] | table t'
    )
    assert [float(row["t"]) for row in bench.rows(literal)] == [6.0]
    with pytest.raises(SplError, match="anything but eval"):
        bench.rows("index=main | foreach mode=multivalue mv [where n=<<ITEM>>]")


def test_the_exponential_average_starts_with_the_first_number(over: Callable[..., Any]) -> None:
    bench = over([{"n": value} for value in ("1", "2", "6", "10")])
    rows = bench.rows("index=main | reverse | trendline ema3(n) AS e | table n e")
    assert [row.get("e") for row in rows] == [None, None, pytest.approx(3.75), pytest.approx(6.875)]


def test_xyseries_names_its_columns_as_it_is_told(over: Callable[..., Any]) -> None:
    bench = over([{"r": "a", "c": "x", "v": "1", "w": "2"}])
    assert bench.rows('index=main | xyseries format="$VAL$_$AGG$" r c v') == [{"r": "a", "x_v": "1"}]
    assert bench.rows('index=main | xyseries sep="-" r c v w') == [{"r": "a", "v-x": "1", "w-x": "2"}]


def test_the_median_of_an_even_number_is_the_higher_value(over: Callable[..., Any]) -> None:
    bench = over([{"n": str(value)} for value in range(1, 11)])
    search = "index=main | stats median(n) AS m perc50(n) AS p50 perc95(n) AS p95"
    assert bench.rows(search) == [{"m": 6, "p50": 5.5, "p95": pytest.approx(9.55)}]


def test_strcat_that_requires_all_keeps_the_target_where_one_is_missing(over: Callable[..., Any]) -> None:
    bench = over([{"a": "1", "b": "2", "t": "old"}, {"a": "1", "t": "old"}])
    assert bench.rows("index=main | strcat allrequired=t a b t | table t") == [{"t": "old"}, {"t": "12"}]


@pytest.mark.parametrize("many", [3, 200])
def test_a_subsearch_of_few_or_many_values_means_the_same(many: int, over: Callable[..., Any]) -> None:
    names = [{"kind": "name", "user": f"USER{place}"} for place in range(many)]
    events = [
        {"kind": "event", "user": "user1"},
        {"kind": "event", "user": ["x", "User2"]},
        {"kind": "event"},
    ]
    bench = over([*names, {"kind": "event", "user": "other"}, *events])
    inner = "[search index=main kind=name | fields user]"
    assert bench.rows(f"index=main kind=event {inner} | stats count") == [{"count": 2}]
    assert bench.rows(f"index=main kind=event NOT {inner} | stats count") == [{"count": 2}]


def test_functions_without_arguments_give_every_row_a_value(over: Callable[..., Any]) -> None:
    bench = over([{}, {}, {}])
    assert (
        bench.rows("index=main | eval a=json_array(), o=json_object() | table a o")
        == [{"a": "[]", "o": "{}"}] * 3
    )


def test_a_sparkline_draws_a_statistic_by_bins_of_time(over: Callable[..., Any]) -> None:
    bench = over(
        [{"_time": 3600 * hour, "u": user, "n": "5"} for hour, user in ((0, "a"), (2, "a"), (2, "b"))]
    )
    mark = "##__SPARKLINE__##"
    by_user = "index=main | stats count sparkline(count, 1h) AS line BY u"
    assert bench.rows(by_user) == [
        {"u": "a", "count": 2, "line": [mark, "1", "0", "1"]},
        {"u": "b", "count": 1, "line": [mark, "0", "0", "1"]},
    ]
    summed = bench.rows("index=main | stats sparkline(sum(n), 1h)", earliest=3600, latest=4 * 3600)
    assert summed == [{"sparkline(sum(n), 1h)": [mark, "0", "10", "0"]}]
    charted = bench.rows("index=main | chart sparkline(count,1h) AS line by u | head 1")
    assert charted == [{"u": "a", "line": [mark, "1", "0", "1"]}]
    chosen = bench.rows("index=main | stats sparkline(count) AS line", earliest=3600, latest=3 * 3600)
    assert chosen[0]["line"].count("2") == 1
    assert len(chosen[0]["line"]) == 1 + 24


def test_where_behind_the_split_field_chooses_the_columns(over: Callable[..., Any]) -> None:
    bench = over([{"u": name, "n": str(size)} for name, size in (("a", 9), ("b", 5), ("b", 6), ("c", 1))])

    def columns(where: str) -> set[str]:
        rows = bench.rows(f"index=main | timechart span=1d sum(n) by u where {where}")
        return set(rows[0]) - {"_time"}

    assert columns("sum in top2") == {"a", "b", "OTHER"}
    assert columns("sum in bottom1 useother=f") == {"c"}
    assert columns("sum notin top1 useother=f") == {"a", "c"}
    assert columns("max > 8 useother=f") == {"a", "b"}
    with pytest.raises(SplError, match="where cannot be read"):
        columns("sum in best3")
    charted = bench.rows("index=main | eval r=1 | chart sum(n) over r by u where sum>10")
    assert charted == [{"r": 1, "b": 11, "OTHER": 10}]


def test_a_formatted_subsearch_without_rows_meets_nothing(over: Callable[..., Any]) -> None:
    bench = over([{"u": "a"}, {"u": "b"}])
    inner = "[search index=main u=nobody | fields u | format]"
    assert bench.rows(f"index=main {inner}") == []
    assert bench.rows(f"index=main NOT {inner} | stats count") == [{"count": 2}]
