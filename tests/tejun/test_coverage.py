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
    assert (found.total, found.parsed, found.compiled) == (8, 5, 5)
    assert list(found.lacks.values()) == [1, 1, 1]
    assert found.undefined == {"my_own_filter": 1}
    table = str(found)
    assert "parse:   5 of 8 (62.5 %)" in table
    assert (
        "command 'predict': Splunk does not say how it forecasts.  (first: line 4, line 2 column 3 of the search)"
        in table
    )
    assert "macro `none` is unknown" in table
    assert "1 macros without a definition were read as `search *`: my_own_filter (1)" in table


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
