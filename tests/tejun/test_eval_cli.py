"""`tejun eval` from the command line: exit codes, files, and messages with a remedy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from procedures.bundled import LIBRARY

ROOT = Path(__file__).parents[2]
PACKAGES = ("tejun", "web", "evals", "graph", "agents", "tools", "procedures", "spl")
PROBE = "admin-probe-at"


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


def off_by_one(library: Path) -> None:
    """Plant a threshold that is one too high."""
    document = library / "web-access-daily" / "PROCEDURE.md"
    text = document.read_text("utf-8")
    assert text.count("| probes | 3 |") == 1
    document.write_text(text.replace("| probes | 3 |", "| probes | 4 |"), "utf-8")


def test_a_changed_procedure_is_compared_before_it_lands_and_equal_runs_exit_0_every_time(
    tmp_path: Path,
) -> None:
    shutil.copytree(LIBRARY / "web-access-daily", tmp_path / "changed" / "web-access-daily")
    off_by_one(tmp_path / "changed")
    results = [str(tmp_path / f"{name}.json") for name in ("before", "again", "more", "after")]
    for result in results[:3]:
        assert tejun("run", PROBE, "-o", result).returncode == 0
    assert tejun("run", PROBE, "--procedures", str(tmp_path / "changed"), "-o", results[3]).returncode == 0
    for again in results[:3]:
        assert tejun("compare", results[0], again).returncode == 0
    compared = tejun("compare", results[0], results[3])
    assert compared.returncode == 1
    assert f"worse  {PROBE}: verdicts 1 → 0" in compared.stdout
    assert "made with: procedure web-access-daily" in compared.stdout


def git(*arguments: str, folder: Path) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    told = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return told.stdout.strip()


def test_two_commits_are_compared_by_a_worktree_of_the_earlier_one(tmp_path: Path) -> None:
    repository, earlier = tmp_path / "after", tmp_path / "before"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, repository / package, ignore=shutil.ignore_patterns("__pycache__"))
    git("init", "-q", folder=repository)
    for change in (lambda library: None, off_by_one):
        change(repository / "procedures" / "library")
        git("add", "-A", folder=repository)
        git("commit", "-q", "-m", "a change", folder=repository)
    git("worktree", "add", "-q", "--detach", str(earlier), "HEAD~1", folder=repository)
    for place in (earlier, repository):
        ran = tejun("run", PROBE, "-o", str(tmp_path / f"{place.name}.json"), PYTHONPATH=str(place))
        assert ran.returncode == 0, ran.stderr
    compared = tejun("compare", str(tmp_path / "before.json"), str(tmp_path / "after.json"))
    assert compared.returncode == 1
    old, new = (git("rev-parse", "--short=12", "HEAD", folder=place) for place in (earlier, repository))
    assert f"made with: commit {old} → {new}" in compared.stdout
    assert f"worse  {PROBE}: verdicts 1 → 0" in compared.stdout


def test_usage_faults_exit_2_with_the_remedy(tmp_path: Path) -> None:
    for arguments, message in (
        (("run", "nothing"), "there is no case 'nothing'"),
        (("run", "--variant", "magic"), "Variants: product"),
        (("run", "--cases", str(tmp_path)), "Expected <id>/case.yaml"),
        (("run", "root-login-fires", "--procedures", str(tmp_path)), "Expected <id>/PROCEDURE.md"),
        (("compare", "a", "b"), "cannot read 'a'"),
        (("langsmith", "root-login-fires", "--upload"), "Set LANGSMITH_API_KEY"),
    ):
        done = tejun(*arguments, LANGSMITH_API_KEY="", LANGCHAIN_API_KEY="")
        assert done.returncode == 2, arguments
        assert message in done.stderr, done.stderr
