"""The coverage of a file of searches: what parses, what compiles, and what the others lack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from tejun import coverage


def lines(*entries: Any) -> list[bytes]:
    return [orjson.dumps(entry) for entry in entries]


def test_parsed_and_compiled_searches_are_counted_and_the_others_say_what_they_lack() -> None:
    found = coverage.measure(
        [
            *lines(
                {"search": "index=a | stats count by user"},
                {"search": "`kind` | `own(user)`", "macros": {"kind": "sourcetype=x", "own(1)": {"args": "f", "definition": "top $f$"}}},
                {"search": "`kind`", "macros": [{"name": "kind", "definition": "index=a"}]},
                {"search": "index=a\n| predict x"},
                {"search": "index=a | eval x=1 | convert rmunit(x) | `none(1)`"},
                {"search": "index=a | join user [search index=b | fields user] | lookup places ip AS src OUTPUT city"},
                {"search": "`kind` | `my_own_filter`", "macros": {"kind": "index=a"}},
            ),
            b"\n",
            b"no JSON",
        ]
    )  # fmt: skip
    assert (found.total, found.parsed, found.compiled, found.refused) == (8, 7, 6, 1)
    assert list(found.lacks.values()) == [1, 1]
    assert found.undefined == {"my_own_filter": 1, "none": 1}
    table = str(found)
    assert "parse:   7 of 8 (87.5 %)" in table
    assert "refused: 1 of 8 (12.5 %) use a command that is refused by name" in table
    assert (
        "command 'predict': Splunk does not say how it forecasts.  (first: line 4, line 2 column 3 of the search)"
        in table
    )
    assert "2 macros without a definition had stand-ins: none (1), my_own_filter (1)" in table


@pytest.mark.parametrize(
    ("search", "parses"),
    [
        ("index=a | apply model threshold=0.01 | where x=1", True),
        ("index=a | apply model | eval x=", False),
        ("index=a [search index=b | outputlookup seen.csv | table user] | stats count", True),
        ("| mstats avg(cpu) where index=m by host span=1m | join host [mstats max(cpu) where index=m by host]", True),
        ("index=a | unheard of", False),
        ('index=a | appendpipe [ map search="search b=$b$" | stats count ] | head 1', True),
        ("index=a | foreach x [ eval <<FIELD>>=1 | outputlookup y ]", False),
    ],
)  # fmt: skip
def test_a_command_refused_by_name_does_not_hide_what_else_a_search_has(search: str, parses: bool) -> None:
    found = coverage.measure(lines({"search": search}))
    assert (found.parsed, found.compiled, found.refused) == (int(parses), 0, int(parses))


def test_fields_that_no_data_model_has_are_told() -> None:
    found = coverage.measure(lines({"search": "| tstats count from datamodel=Web by Web.srcc Web.url"}))
    assert found.compiled == 1
    assert "in the data models there is no Web.Web.srcc (1)" in str(found)


ANYWHERE = [
    "index=a | eval new=if(first > relative_time(now(), `window`), 1, 0) | where x > `least(1)`",
    "index=a Image IN (`names`) | stats count(eval(x=`y`)) by `fields`",
    "| tstats `options` count from datamodel=Endpoint.Processes where `shells` by `grouped` Processes.user",
    'index=a | where first > relative_time(now(), "`window`")',
    "index=a [`known`] | `narrowed(user, 5)` | table `fields`",
]


@pytest.mark.parametrize("search", ANYWHERE)
def test_a_stand_in_fits_where_its_macro_is_called(search: str) -> None:
    found = coverage.measure(lines({"search": search}))
    assert found.compiled == 1, str(found)


def test_a_search_that_parses_may_still_not_compile() -> None:
    found = coverage.measure(lines({"search": "index=a earliest=-1d@d latest=-2d@d"}))
    assert (found.parsed, found.compiled) == (1, 0)


PUBLISHED = [
    '| tstats `security_content_summariesonly` count min(_time) as firstTime from datamodel=Endpoint.Processes where Processes.process_name IN ("a.exe", "b.exe") by Processes.dest Processes.user | `drop_dm_object_name(Processes)` | `security_content_ctime(firstTime)` | lookup update=true known name AS process OUTPUT isknown | search isknown=true',
    '| tstats prestats=t summariesonly=t count from datamodel=Web where Web.status=404 by _time span=1h Web.src | tstats prestats=t append=t count from datamodel=Web where Web.status=500 by _time span=1h Web.src | timechart span=1h count by Web.src',
    '| from datamodel Risk.All_Risk | stats sum(calculated_risk_score) AS "Risk Score" by risk_object',
    '| tstats dc("DNS.query") AS n FROM datamodel="Network_Resolution"."DNS" WHERE nodename=DNS NOT "DNS.query"="*.arpa" NOT [| inputlookup known.csv | rename domain AS "DNS.query"] BY "DNS.src"',
    'index=a "result.code" IN ("5*", "4*") starthoursago=4 | stats count(eval(x=1)) by a | rename count(eval(x=1)) AS n',
]  # fmt: skip


@pytest.mark.parametrize("search", PUBLISHED)
def test_the_forms_of_published_detections_compile(search: str) -> None:
    found = coverage.measure(lines({"search": search}))
    assert found.compiled == 1, str(found)


def test_the_command_wants_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["coverage", str(tmp_path / "none")])
    assert coverage.main() == coverage.USAGE
    file = tmp_path / "searches.jsonl"
    file.write_bytes(b"\n".join(lines({"search": "index=a"})))
    monkeypatch.setattr("sys.argv", ["coverage", str(file)])
    assert coverage.main() == 0
    assert "compile: 1 of 1" in capsys.readouterr().out


def test_a_macro_without_a_definition_stands_for_every_event_wherever_it_stands() -> None:
    found = coverage.measure(
        lines(
            {"search": "`sysmon` EventCode=1 | stats count by user | `keep`"},
            {"search": "(`a` x=1) OR (`b` y=2)"},
            {"search": "| tstats count from datamodel=Endpoint.Processes where `shells` by Processes.user"},
            {"search": "`outer` | head 1", "macros": {"outer": "`inner` | dedup user"}},
        )
    )
    assert (found.parsed, found.compiled) == (4, 4), str(found)
    assert set(found.undefined) == {"sysmon", "keep", "a", "b", "shells", "inner"}
