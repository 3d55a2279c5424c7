"""The command line as a person uses it: every command in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from procedures.bundled import find_procedure
from tools.demo import plan

Cli = Callable[..., subprocess.CompletedProcess[str]]
DAY = ("--from", "2026-11-19", "--to", "2026-11-20")


def test_the_whole_job_pause_decide_in_another_process_report_and_sign(cli: Cli, tmp_path: Path) -> None:
    ran = json.loads(
        cli("run", plan.LINUX, *DAY, "--item", "root-login", "--item", "root-shell", "--json").stdout
    )
    states = {item["item"]: item["state"] for item in ran["items"]}
    assert (states["root-login"], states["root-shell"]) == ("recorded", "paused")
    waiting = json.loads(cli("inbox", "--json").stdout)
    assert [item["item"] for item in waiting] == ["root-shell"]
    payload = json.loads(cli("show", "root-shell", "--json").stdout)
    assert payload["schema"] == "tejun.review/1"
    assert payload["action_requests"][0]["args"]["decision"] == "deep_dive"
    assert "sudo" in cli("show", "root-shell").stdout
    cli(
        "decide",
        "root-shell",
        "--decision",
        "deep_dive",
        "--reason",
        "first root shell of tanaka",
        user="sato",
    )
    assert json.loads(cli("inbox", "--json").stdout)[0]["awaiting"] == "outcome"
    cli("outcome", "root-shell", "--outcome", "not_incident", "--reason", "planned maintenance", user="mori")
    report = cli("report", "latest").stdout
    for text in (
        "sato",
        "mori",
        "first root shell of tanaka",
        "planned maintenance",
        "モデル不使用",
        "TLP:AMBER+STRICT",
    ):
        assert text in report
    assert json.loads(cli("audit", "verify", "--json").stdout) == {
        "ok": True,
        "length": 2,
        "broken_at": None,
        "reason": None,
    }
    html = tmp_path / "round.html"
    cli("report", "latest", "--format", "html", "-o", str(html))
    assert "<svg" in html.read_text("utf-8")
    assert "not finished" in cli("sign", "latest", check=1).stderr
    assert "already answered" in cli(
        "decide", "root-shell", "--decision", "deep_dive", "--reason", "again", check=1
    ).stderr.replace("does not wait", "already answered")


def test_a_round_is_signed_once_all_is_reviewed(cli: Cli) -> None:
    ran = json.loads(cli("run", plan.WEB, *DAY, "--json").stdout)
    for item in ran["items"]:
        if item["state"] == "paused":
            cli("decide", item["id"], "--decision", "no_deep_dive", "--reason", "seen")
    signed = json.loads(cli("sign", ran["round"], "--json", user="lead").stdout)
    assert signed["signed_by"] == "lead"
    assert "was signed by lead" in cli("sign", ran["round"], check=1).stderr
    assert json.loads(cli("audit", "verify", "--json").stdout)["ok"]
    assert "lead" in cli("report", ran["round"]).stdout


def test_search_prints_one_json_object_with_native_numbers(cli: Cli) -> None:
    spl = 'index=os vendor_action="Failed password" src_ip=203.0.113.66 | stats count BY src_ip'
    found = json.loads(
        cli("search", spl, "--from", "2026-11-18T15:00:00", "--to", "2026-11-19T15:00:00", "--json").stdout
    )
    assert list(found) == [
        "status",
        "fields",
        "rows",
        "total",
        "truncated",
        "earliest",
        "latest",
        "spl",
        "messages",
        "seconds",
    ]
    assert found["rows"] == [{"src_ip": "203.0.113.66", "count": 200}]
    assert (found["status"], found["total"], found["truncated"]) == ("ok", 1, False)


def test_help_loads_neither_the_graph_nor_the_plotting_library() -> None:
    code = "import sys, tejun.cli; print([name for name in ('langgraph', 'openai', 'matplotlib', 'duckdb') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("run", "nonsense"), 2, "Expected a folder"),
        (("run", plan.LINUX, "--item", "nonsense"), 2, "Items: ssh-bruteforce"),
        (("run", plan.LINUX, "--from", "yesterdayish", "--to", "now"), 2, "cannot be read"),
        (("run", plan.LINUX, "--from", "2026-11-20", "--to", "2026-11-19"), 2, "is empty"),
        (("run", plan.LINUX, "--last", "36h"), 2, "no multiple"),
        (("run", plan.LINUX, "--env", "moon"), 2, "Columns: default, prod"),
        (("show", "nonsense"), 1, "is unknown"),
        (("decide", "nonsense", "--decision", "deep_dive", "--reason", "x"), 1, "is unknown"),
        (("report", "nonsense"), 1, "is unknown"),
        (("sign", "nonsense"), 1, "is unknown"),
        (("search", "index=os | stauts count"), 2, "Did you mean 'stats'"),
        (("search", "index=os | delete"), 2, "refused always"),
        (("search", "index=moon"), 2, "Supported: aws, ids, os, web, wineventlog"),
        (("search", "index=os", "--from", "soon"), 2, "cannot be read"),
        (("logs", "import", "/nonexistent"), 1, "no such file"),
        (("logs", "import", __file__), 1, "Give --index and --sourcetype"),
        (
            ("logs", "import", __file__, "--index", "x", "--sourcetype", "linux_secur"),
            1,
            "Did you mean 'linux_secure'",
        ),
        (("procedure", "lint", "nonsense"), 2, "Expected a folder"),
        (("search", "index=os", "--timezone", "../etc"), 2, "is no time zone"),
        (("logs", "serve", "--timezone", "Asia/Tokio"), 2, "is no time zone"),
        (("logs", "import", __file__, "--timezone", "Mars"), 2, "is no time zone"),
    ],
)
def test_wrong_input_is_told_in_words(cli: Cli, arguments: tuple[str, ...], code: int, expected: str) -> None:
    done = cli(*arguments, check=code)
    assert expected in done.stderr.replace("\n", " ")


def test_an_unsupported_command_is_underlined(cli: Cli) -> None:
    done = cli("search", "index=os | stauts count", check=2)
    assert "1:12: UNSUPPORTED command 'stauts'" in done.stderr
    assert "             ^^^^^^" in done.stderr


def test_an_unreadable_file_and_bad_lines_are_told(cli: Cli, tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_bytes(
        b"Nov 19 01:00:00 h sshd[1]: hello\nnot a log line\nNov 19 01:00:01 h sshd[1]: \xff\xfe\n"
    )
    done = cli("logs", "import", str(log), "--index", "os", "--sourcetype", "linux_secure", "--json", check=1)
    (report,) = json.loads(done.stdout)
    assert (report["events"], report["flagged"], report["rejected"]) == (2, 1, 1)
    assert [line for line, _ in report["rejects"]] == [2]
    again = json.loads(
        cli("logs", "import", str(log), "--index", "os", "--sourcetype", "linux_secure", "--json").stdout
    )
    assert again[0]["duplicate"]


def test_what_is_set_aside_is_shown_inert_and_settled_by_a_person(cli: Cli, tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_bytes(b"Nov 19 01:00:00 h sshd[1]: hello\n\x1b[2J[red]\xff no time\n")
    cli("logs", "import", str(log), "--index", "aside", "--sourcetype", "linux_secure", check=1)
    (source,) = [one for one in json.loads(cli("logs", "list", "--json").stdout) if one["index"] == "aside"]
    assert (source["events"], source["set_aside"]) == (1, 1)
    shown = cli("logs", "set-aside").stdout
    assert "line 2" in shown
    assert "\\x1b[2J[red]\\xff no time" in shown
    assert "\x1b" not in shown
    number = json.loads(cli("logs", "set-aside", "--json").stdout)[-1]["id"]
    assert "--because" in cli("logs", "set-aside", "--settle", str(number), check=2).stderr
    cli("logs", "set-aside", "--settle", str(number), "--because", "a banner", user="sato")
    settled = json.loads(cli("logs", "set-aside", "--json").stdout)[-1]
    assert (settled["settled_by"], settled["because"], settled["lines"]) == ("sato", "a banner", 1)
    (source,) = [one for one in json.loads(cli("logs", "list", "--json").stdout) if one["index"] == "aside"]
    assert source["set_aside"] == 0
    cli("logs", "set-aside", "--settle", str(number), "--because", "again", check=1)


def test_a_sourcetype_without_any_field_is_told_loudly(cli: Cli, tmp_path: Path) -> None:
    log = tmp_path / "e.ndjson"
    log.write_text('{"_time":1600000000,"index":"bare","sourcetype":"odd","_raw":"x"}\n')
    done = cli("logs", "import", str(log), check=1)
    assert "NO FIELD in 1 events of index=bare sourcetype=odd" in done.stderr.replace("\n", " ")
    assert "not described here" in done.stderr.replace("\n", " ")
    log.write_text('{"_time":1600000000,"index":"bare","sourcetype":"odd","_raw":"x","a":"b"}\n')
    (report,) = json.loads(cli("logs", "import", str(log), "--json").stdout)
    assert report["without_fields"] == []
    assert report["undescribed"] == [{"index": "bare", "sourcetype": "odd", "events": 1}]


def test_a_search_is_explained_and_written_to_files(cli: Cli, tmp_path: Path) -> None:
    spl = "index=os | timechart span=1d count BY sourcetype"
    window = ("--from", "2026-11-01", "--to", "2026-12-01")
    explained = cli("search", spl, *window, "--explain").stdout
    assert "1 search       index=os" in explained
    assert "2 timechart    timechart span=1d count BY sourcetype" in explained
    assert "SQL 1 of" in explained
    for ending in ("csv", "ndjson", "parquet"):
        target = tmp_path / f"rows.{ending}"
        assert "30 rows written" in cli("search", spl, *window, "-o", str(target)).stdout
        assert target.stat().st_size > 100
    assert "_time,linux_secure" in (tmp_path / "rows.csv").read_text()
    assert "no known ending" in cli("search", spl, "-o", str(tmp_path / "rows.xls"), check=2).stderr
    chart = cli("search", spl, *window, "--chart").stdout
    assert "┤" in chart
    assert "linux_secure" in chart
    assert "\x1b" not in chart


def test_macros_and_lookups_in_the_data_directory_are_used(cli: Cli, environment: dict[str, str]) -> None:
    home = Path(environment["TEJUN_HOME"])
    (home / "lookups").mkdir(exist_ok=True)
    (home / "lookups" / "kinds.csv").write_text("sourcetype,kind\nlinux_secure,login\n")
    (home / "macros.conf").write_text("[logins]\ndefinition = index=os sourcetype=linux_secure\n")
    spl = "`logins` | head 1 | lookup kinds.csv sourcetype OUTPUT kind | table kind"
    done = cli("search", spl, "--from", "2026-11-01", "--to", "2026-12-01", "--json")
    assert json.loads(done.stdout)["rows"] == [{"kind": "login"}]
    assert "kinds.csv" in cli("search", "| inputlookup nope", check=2).stderr


def test_an_import_says_what_it_assumed_about_times(cli: Cli, tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_text("Nov 19 01:00:00 h sshd[1]: hello\n")
    done = cli(
        *("logs", "import", str(log), "--index", "os", "--sourcetype", "linux_secure"),
        *("--timezone", "Asia/Tokyo", "--written", "2025-12-01"),
    )
    assert "2025-11-18 16:00:00 UTC" in done.stdout
    assert "assumed the year 2025" in done.stdout
    assert "assumed the zone Asia/Tokyo" in done.stdout


def test_ctrl_c_keeps_what_is_finished(environment: dict[str, str], cli: Cli) -> None:
    import signal
    import time

    tejun = str(Path(sys.executable).with_name("tejun"))
    process = subprocess.Popen(
        [tejun, "run", plan.LINUX, *DAY], env=environment, stderr=subprocess.PIPE, text=True
    )
    time.sleep(2.5)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert "Traceback" not in told
    assert process.returncode in {0, 130}
    ran = json.loads(cli("run", plan.LINUX, *DAY, "--json").stdout)
    assert all(item["state"] in {"paused", "recorded"} for item in ran["items"])


def test_lint_tells_a_text_that_changed_under_the_version_of_an_earlier_round(
    cli: Cli, tmp_path: Path
) -> None:
    cli("run", plan.LINUX, *DAY, "--item", "root-login", "--json")
    assert "P054" not in cli("procedure", "lint", plan.LINUX).stdout
    changed = shutil.copytree(find_procedure(plan.LINUX), tmp_path / "changed")
    with (changed / "macros.conf").open("a") as macros:
        macros.write("# another line\n")
    assert "P054 version 1.2.0 has run with another text" in cli("procedure", "lint", str(changed)).stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """Return a folder on a file system of two megabytes."""
    target = tmp_path / "small"
    target.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(target)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    yield target
    subprocess.run(["umount", str(target)], check=False)


def test_a_full_disk_is_a_clear_message_and_nothing_is_lost(
    cli: Cli, small_disk: Path, environment: dict[str, str], home: Path
) -> None:
    environment["TEJUN_HOME"] = str(small_disk / "home")
    log = home.parent / "big.log"
    log.write_text(
        "".join(
            f"Nov 19 01:{n // 60 % 60:02d}:{n % 60:02d} h sshd[{n}]: line {n * 7919 % 10**9} {n * 104729 % 10**9}\n"
            for n in range(200_000)
        )
    )
    done = cli("logs", "import", str(log), "--index", "os", "--sourcetype", "linux_secure", check=1)
    assert "No space left" in done.stderr.replace("\n", " ")
    assert "Nothing of this file was added" in done.stderr.replace("\n", " ")
    assert cli("logs", "list", "--json").stdout.strip() == "[]"
