"""Lint reports every fault at once, at its line; the bundled procedures have none."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procedures.archive import ProcedureError, load_new, load_procedure
from procedures.bundled import LIBRARY, bundled
from procedures.codes import CODES
from procedures.lint import lint
from procedures.model import Fault
from procedures.parse import parse_procedure
from procedures.servers import SERVERS
from procedures.source import ProcedureSource, read_source
from procedures.words import CHAPTERS, ITEM_PARTS
from spl.datamodels import load_datasets

TODAY = dt.date(2026, 11, 24)
GOOD = (Path(__file__).with_name("small.md")).read_text("utf-8")


OF_MODEL = "index=os [| tstats count from datamodel={} where index=os by host | fields host]"


def faults_of(text: str, **files: str) -> tuple[Fault, ...]:
    return lint(ProcedureSource(name="PROCEDURE.md", files={"PROCEDURE.md": text, **files}), today=TODAY)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize("name", bundled())
def test_every_bundled_procedure_is_without_errors(name: str) -> None:
    found = lint(read_source(LIBRARY / name), today=TODAY)
    assert [str(fault) for fault in found if fault.severity == "error"] == []


def test_the_small_procedure_is_without_faults() -> None:
    assert faults_of(GOOD) == ()


def test_english_and_japanese_headings_mean_the_same() -> None:
    text = GOOD
    for names in (*CHAPTERS.values(), *ITEM_PARTS.values()):
        for level in ("#", "##", "###"):
            text = text.replace(f"\n{level} {names[1]}\n", f"\n{level} {names[0]}\n")
    assert text != GOOD
    one, other = (
        parse_procedure(ProcedureSource(name="x", files={"PROCEDURE.md": form})).procedure
        for form in (GOOD, text)
    )
    assert one is not None
    assert other is not None
    assert one.model_copy(update={"digest": ""}) == other.model_copy(update={"digest": ""})


PLANTED = [
    ("period: 1d", "period: daily", "P003"),
    ("owner: soc\n", "", "P002"),
    ("| c1 | finding | investigate |", "| c1 | finding | suspicious |", "P008"),
    ("`failures >= $burst$`", "`failurs >= $burst$`", "P030"),
    ("`failures >= 10`", "`failures ＞= 10`", "P024"),
    ("runs: [c1, c2]", "runs: [c9]", "P033"),
    ("stats count AS failures", "stauts count AS failures_", "P020"),
    ("| Source | src_ip | defang |", "| Source | src_ip | shout |", "P008"),
    ("| kb-1 | brute/c1 |", "| kb-1 | brute |", "P035"),
    ("### Hand-over", "### Handing over", "P006"),
]


def test_ten_planted_faults_are_reported_at_once_at_their_lines() -> None:
    second = GOOD[GOOD.index("## brute:") : GOOD.index("# Notes")].replace("## brute:", "## other:")
    text = GOOD.replace("# Notes", second + "# Notes")
    marks = []
    for number, (before, after, code) in enumerate(PLANTED):
        where = text.rindex(before) if code == "P020" else text.index(before)
        text = text[:where] + after + text[where + len(before) :]
        marks.append((number, before, after, code))
    found = faults_of(text)
    errors = [fault for fault in found if fault.severity == "error"]
    assert len(errors) == len(PLANTED), [str(fault) for fault in errors]
    for _, _, after, code in marks:
        expected = (
            1
            if not after
            else line_of(text, after)
            if code != "P020"
            else text[: text.rindex(after)].count("\n") + 1
        )
        lines = [fault.place.line for fault in errors if fault.code == code]
        assert expected in lines or (code == "P002" and lines == [2]), (
            code,
            after,
            expected,
            [str(fault) for fault in errors],
        )


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("index=os ", "", "P023"),
        ("index=os ", "index=other ", "P023"),
        ("index=os ", "index=os earliest=-1d ", "P022"),
        ("| stats count AS failures", "| delete | stats count AS failures", "P021"),
        ("`failures >= $burst$`", "`failures >= $bust$`", "P031"),
        ("src_ip IN ($src_ip$)", "src_ip IN ($address$)", "P031"),
        ("stats count AS accepted BY src_ip", "stats count AS accepted BY user", "P034"),
        ("key: [src_ip]", "key: [source]", "P030"),
        ("at: last", "at: first_seen", "P030"),
        ("times: [first, last]", "times: [first]", "P036"),
        ("needs: [auth]", "needs: [auht]", "P033"),
        ('`src_ip="10.0.0.1"`', '`user="x"`', "P035"),
        ("2027-01-31 |", "2026-01-31 |", "P050"),
        ("review_by: 2027-02-20", "review_by: 2026-02-20", "P051"),
        ("BY src_ip\n```\n\n### Criteria", "BY src_ip | where failures > 5\n```\n\n### Criteria", "P053"),
        ("index=os vendor", "index=os [| tstats count where index=os by host | fields host] vendor", None),
        ("index=os vendor", f"{OF_MODEL.format('Endpoint.Processes')} vendor", None),
        ("index=os vendor", f"{OF_MODEL.format('Doors.Opened')} vendor", None),
        ("index=os vendor", f"{OF_MODEL.format('Endpiont.Processes')} vendor", "P056"),
        ("index=os vendor", f"{OF_MODEL.format('Web.Wbe.Proxy')} vendor", None),
        ("index=os vendor", f"{OF_MODEL.format('Authentification')} vendor", "P056"),
        ("{id: auth,", '{id: "ssh daemon",', "P011"),
        ("{id: auth,", '{id: "a/b",', "P011"),
        ("index: os,", 'index: "os OR index=secret",', "P011"),
        ("sourcetype: linux_secure", 'sourcetype: "linux secure"', "P011"),
        ("sourcetype: linux_secure", 'sourcetype: "WinEventLog:Security"', None),
        ("| c2 |", "| c 2 |", "P011"),
        ("| d1 |", "| d/1 |", "P011"),
        ("| kb-1 |", "| kb 1 |", "P011"),
        ("| burst |", "| burst rate |", "P011"),
        ("#### after:", "#### after all:", "P003"),
        ("## brute:", "## brute force:", "P003"),
        ("index=os vendor", "index=os starttimeu=0 vendor", "P022"),
        ("index=os vendor", "index=os [search index=os | return earliest] vendor", "P027"),
        ("index=os vendor", "index=os [search index=os | return $user] vendor", "P027"),
        ("index=os vendor", "index=os [search index=os user=x | fields host] vendor", None),
        ("index=os vendor", "index=os [| metadata type=hosts index=os | fields host] vendor", "P027"),
        ("| stats count AS failures", "| lookup owners src_ip | stats count AS failures", "P028"),
        (
            "| stats count AS failures",
            "| appendpipe [append [search index=other]] | stats count AS failures",
            "P023",
        ),
        ("src_ip IN ($src_ip$)", 'src_ip="$src_ip$"', "P037"),
        ("src_ip IN ($src_ip$)", "src_ip=* | where match(src_ip, $src_ip$)", "P037"),
        ("src_ip IN ($src_ip$)", "NOT src_ip IN ($src_ip$)", None),
        ("`rows >= 100 OR total(failures) >= 1000`", '`rows >= 3 * before_avg("rows")`', "P059"),
        ("`rows >= 100 OR total(failures) >= 1000`", '`rows > 3 * before_avg("rows")`', None),
        ("`rows >= 100 OR total(failures) >= 1000`", '`rows >= 3 * before_avg("rows") AND rows >= 10`', None),
        (
            "`rows >= 100 OR total(failures) >= 1000`",
            '`rows >= 10 OR rows <= before_max("rows") / 2`',
            "P059",
        ),
        ("### Purpose", "### Porpoise", "P006"),
        ("timezone: UTC", "timezone: Mars/Base", "P003"),
        ("language: en", "language: fr", "P003"),
    ],
)
def test_each_fault_has_its_code(before: str, after: str, code: str | None) -> None:
    assert before in GOOD
    found = {fault.code for fault in faults_of(GOOD.replace(before, after))}
    assert code in found if code else not found


def test_an_odd_id_stops_a_new_round_and_opens_a_stored_one() -> None:
    text = GOOD.replace("{id: auth,", '{id: "ssh daemon",').replace("needs: [auth]", 'needs: ["ssh daemon"]')
    source = ProcedureSource(name="PROCEDURE.md", files={"PROCEDURE.md": text})
    assert load_procedure(source).data_sources[0].id == "ssh daemon"
    with pytest.raises(ProcedureError, match="P011 data source id 'ssh daemon' has a sign"):
        load_new(source)
    assert load_new(ProcedureSource(name="PROCEDURE.md", files={"PROCEDURE.md": GOOD})).id == "small"


@given(st.text(alphabet="aZ9_.-é基𡫁 /:|,#$'`[(=*\t\\", min_size=1, max_size=8))
def test_an_id_is_a_plain_word_or_a_fault(ident: str) -> None:
    text = GOOD.replace("{id: auth,", f"{{id: {json.dumps(ident, ensure_ascii=False)},")
    codes = {fault.code for fault in faults_of(text)}
    assert ("P011" not in codes) == bool(re.fullmatch(r"[\w.-]+", ident))


def for_server(text: str, name: str) -> list[tuple[str, int, str]]:
    source = ProcedureSource(name="PROCEDURE.md", files={"PROCEDURE.md": text})
    found = lint(source, today=TODAY, server=SERVERS[name])
    return [(fault.code, fault.place.line, fault.message) for fault in found]


def test_what_a_server_does_not_take_is_named_at_its_place() -> None:
    mark = "| stats count AS failures"
    text = GOOD.replace(mark, f"| spath\n{mark}", 1)
    ((code, line, message),) = for_server(text, "official-1.2")
    assert (code, line) == ("P057", line_of(text, "| spath"))
    assert "'spath'" in message
    assert "administrator" in message
    assert for_server(text, "embedded") == []
    assert for_server(GOOD, "official-1.2") == []


def test_a_command_in_a_macro_is_named_where_the_macro_is_called() -> None:
    text = GOOD.replace("| stats count AS failures", "\n| `deep` | stats count AS failures", 1)
    files = {"PROCEDURE.md": text, "macros.conf": "[deep]\ndefinition = appendpipe [makemv x]\n"}
    found = lint(
        ProcedureSource(name="PROCEDURE.md", files=files), today=TODAY, server=SERVERS["official-1.2"]
    )
    assert [(fault.code, fault.place.line) for fault in found] == [("P057", line_of(text, "`deep`"))] * 2
    assert {"'appendpipe'", "'makemv'"} == {fault.message.split()[9] for fault in found}


@pytest.mark.parametrize(("length", "faults"), [(4_700, 0), (4_900, 1), (6_000, 1)])
def test_a_search_that_is_too_long_with_its_macros_is_told(length: int, faults: int) -> None:
    text = GOOD.replace("index=os vendor", "index=os `long` vendor", 1)
    files = {"PROCEDURE.md": text, "macros.conf": f'[long]\ndefinition = x="{"y" * length}"\n'}
    source = ProcedureSource(name="PROCEDURE.md", files=files)
    found = lint(source, today=TODAY, server=SERVERS["official-1.2"])
    assert [fault.code for fault in found] == ["P058"] * faults
    assert lint(source, today=TODAY, server=SERVERS["livehybrid"]) == ()


def test_a_lookup_of_the_server_is_declared_in_the_front_matter() -> None:
    text = GOOD.replace("| stats count AS failures", "| lookup owners src_ip | stats count AS failures", 1)
    assert "P028" not in {fault.code for fault in faults_of(text.replace("tlp:", "lookups: [owners]\ntlp:"))}


def test_a_slip_in_the_name_of_a_data_model_is_told_at_its_place_with_the_name_meant() -> None:
    slipped = OF_MODEL.format('"Endpoint"."Proceses"')
    (fault,) = faults_of(GOOD.replace("index=os vendor", f"{slipped} vendor", 1))
    assert (fault.code, fault.severity) == ("P056", "warning")
    assert (
        fault.message
        == "data model 'endpoint.proceses' is not known here. Did you mean 'Endpoint.Processes'?"
    )
    assert fault.place.column == slipped.index("Endpoint") + 1


def test_data_models_of_ones_own_are_known(tmp_path: Path) -> None:
    (tmp_path / "doors.toml").write_text('model = "Endpiont"\n[datasets.Processes]\nfields = ["user"]\n')
    text = GOOD.replace("index=os vendor", f"{OF_MODEL.format('Endpiont.Processes')} vendor", 1)
    source = ProcedureSource(name="PROCEDURE.md", files={"PROCEDURE.md": text})
    assert lint(source, today=TODAY, datasets=load_datasets([tmp_path])) == ()
    assert [fault.code for fault in lint(source, today=TODAY)] == ["P056"]


BESIDE = {"lookups/owners.csv": "src_ip,owner\n10.0.0.1,Ann\n"}


@pytest.mark.parametrize(
    ("rule", "files", "said"),
    [
        ("{lookup: owners, on: src_ip, output: [owner]}", BESIDE, ()),
        ("{lookup: owners, on: src_ip, output: [owner]}", {}, ("P033", "there is no lookups/owners.csv")),
        ("{lookup: owner, on: src_ip, output: [owner]}", BESIDE, ("P033", "owners")),
        ("{lookup: owners, on: src_ip, output: [ownr]}", BESIDE, ("P033", "no column 'ownr'")),
        ("{lookup: owners, on: source, output: [owner]}", BESIDE, ("P033", "no column 'source'")),
        (
            "{lookup: owners, on: src_ip, output: [owner]}",
            {"lookups/owners.csv": "src_ip,owner\n10.0.0.1\n"},
            ("P026", "owners.csv:2: 1 cells under a header of 2"),
        ),
        (
            "{lookup: owners, on: src_ip, output: [owner]}",
            BESIDE | {"lookups/transforms.conf": "[people]\nfilename = people.csv\n"},
            ("P026", "people.csv"),
        ),
    ],
)
def test_a_lookup_that_enriches_is_there_with_its_columns(
    rule: str, files: dict[str, str], said: tuple[str, ...]
) -> None:
    text = GOOD.replace("at: last\n", f"at: last\nenrich:\n  - {rule}\n")
    found = [fault for fault in faults_of(text, **files) if fault.severity == "error"]
    if not said:
        assert found == []
        return
    assert [fault.code for fault in found] == [said[0]]
    assert said[1] in found[0].message


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"macros.conf": "[broken"}, "macros.conf:1:1: P025"),
        ({"lookups/a.csv": ""}, "lookups/:1:1: P026"),
    ],
)
def test_a_procedure_with_a_broken_file_beside_it_does_not_run(files: dict[str, str], said: str) -> None:
    source = ProcedureSource(name="PROCEDURE.md", files={"PROCEDURE.md": GOOD, **files})
    with pytest.raises(ProcedureError, match=said):
        load_procedure(source)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("at: last\nwindow: [start - 1h, end]", True),
        ("at: last\nwindow: [start, now]", True),
        ("at: last\nwindow: [start, end + 1h]", True),
        ("window: [start - 1h, end]", False),
        ("at: last\nwindow: [start + 1h, end]", False),
        ("at: last", False),
    ],
)
def test_a_total_over_more_than_the_round_is_told_to_disagree(settings: str, told: bool) -> None:
    total = "### Independent total\n\n```spl\nindex=os | stats count AS failures\n```\n\n### Hand-over"
    text = GOOD.replace("at: last", settings).replace("### Hand-over", total)
    found = faults_of(text)
    assert [fault.code for fault in found] == ["P055"] * told
    for fault in found:
        assert "Expected window: [start, end]" in fault.message
        assert fault.place.line == line_of(text, "## brute:")


def test_a_macro_that_hides_exceptions_is_a_warning() -> None:
    text = GOOD.replace("index=os ", "`failed` ", 1)
    macros = "[failed]\ndefinition = index=os NOT src_ip=10.0.0.9\n"
    assert [fault.code for fault in faults_of(text, **{"macros.conf": macros})] == ["P052"]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(GOOD)), st.integers(0, 60), st.text(max_size=12))
def test_a_mangled_procedure_is_reported_and_never_raises(start: int, length: int, noise: str) -> None:
    for fault in faults_of(GOOD[:start] + noise + GOOD[start + length :]):
        assert fault.code in CODES
        assert fault.place.line >= 1


def test_a_text_that_changed_under_the_version_of_an_earlier_round_is_told() -> None:
    source = ProcedureSource(name="PROCEDURE.md", files={"PROCEDURE.md": GOOD})
    procedure = parse_procedure(source).procedure
    assert procedure is not None
    ran = {(procedure.id, procedure.version): {source.text_digest}}
    assert lint(source, today=TODAY, ran=ran) == ()
    changed = source.model_copy(update={"files": {"PROCEDURE.md": GOOD + "\nAnother note.\n"}})
    (fault,) = lint(changed, today=TODAY, ran=ran)
    assert (fault.code, fault.place.line) == ("P054", 1)
    assert source.text_digest[:16] in fault.message
    newer = GOOD.replace(f"version: {procedure.version}", "version: 99.0.0")
    assert lint(source.model_copy(update={"files": {"PROCEDURE.md": newer}}), today=TODAY, ran=ran) == ()


def test_another_column_of_the_parameters_is_the_same_text() -> None:
    source = read_source(LIBRARY / "linux-auth-daily", "prod")
    procedure = parse_procedure(source).procedure
    assert procedure is not None
    ran = {(procedure.id, procedure.version): {source.text_digest}}
    default = read_source(LIBRARY / "linux-auth-daily")
    assert "P054" not in {fault.code for fault in lint(default, today=TODAY, ran=ran)}
