"""`tejun eval` from the command line: exit codes, files, and messages with a remedy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def tejun(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("tejun")), "eval", *arguments],
        env={**os.environ, "COLUMNS": "160", **environment},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_a_run_writes_its_files_and_comparing_it_with_itself_is_no_regression(tmp_path: Path) -> None:
    result, page = tmp_path / "r.json", tmp_path / "r.html"
    ran = tejun(
        "run",
        "root-login-fires",
        "-o",
        str(result),
        "--page",
        str(page),
        "--keep",
        str(tmp_path / "k"),
        "--strict",
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "verdicts" in ran.stdout
    assert page.read_text().startswith("<!doctype html>")
    assert (tmp_path / "k" / "root-login-fires.md").is_file()
    assert tejun("compare", str(result), str(result)).returncode == 0
    worse = json.loads(result.read_text())
    worse["cases"][0]["scores"]["verdicts"] = {
        "right": 0,
        "of": 1,
        "faults": ["root-login: none instead of investigate"],
    }
    (tmp_path / "w.json").write_text(json.dumps(worse))
    compared = tejun("compare", str(result), str(tmp_path / "w.json"))
    assert compared.returncode == 1
    assert "root-login: none instead of investigate" in compared.stdout
    as_json = tejun("compare", str(result), str(tmp_path / "w.json"), "--json")
    assert json.loads(as_json.stdout)["regressions"] == ["verdicts: 1 cases worse, 0 better"]


def test_usage_faults_exit_2_with_the_remedy(tmp_path: Path) -> None:
    for arguments, message in (
        (("run", "nothing"), "there is no case 'nothing'"),
        (("run", "--variant", "magic"), "Variants: product"),
        (("run", "--cases", str(tmp_path)), "Expected <id>/case.yaml"),
        (("compare", "a", "b"), "cannot read 'a'"),
        (("langsmith", "root-login-fires", "--upload"), "Set LANGSMITH_API_KEY"),
    ):
        done = tejun(*arguments, LANGSMITH_API_KEY="", LANGCHAIN_API_KEY="")
        assert done.returncode == 2, arguments
        assert message in done.stderr, done.stderr
