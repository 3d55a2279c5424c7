"""The fixed wording is complete in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agents.render.words import NOTES, WORDS, check_status, search_status, word
from procedures.verdict import Verdict
from tools.search.result import SearchStatus

ROOT = Path(__file__).resolve().parents[3]
CODES = re.compile(r"""Note\(\s*code=["']([a-z_]+)["']|code\s*=\s*["']([a-z_]+)["']|\bcode,?\s*limit\b""")
DYNAMIC = {"budget_searches", "budget_seconds"}
"""Codes that the source composes from the budget's name."""


def used_codes() -> set[str]:
    sources = (
        path.read_text("utf-8")
        for folder in ("agents", "tools", "graph")
        for path in (ROOT / folder).rglob("*.py")
    )
    return {
        match[1] or match[2] for text in sources for match in CODES.finditer(text) if match[1] or match[2]
    }


def test_every_note_code_in_the_source_has_wording() -> None:
    codes = used_codes()
    assert {"no_data", "total_differs", "source_gap", "null_criterion"} <= codes
    assert codes - set(NOTES) == set()


def test_composed_codes_have_wording() -> None:
    assert set(NOTES) >= DYNAMIC


@pytest.mark.parametrize("name", ["search_failed", "search_truncated", "no_data", "partial", "source_silent", "source_gap", "source_unknown", "baseline_incomplete", "null_criterion", "question_without_model", "drill_down_failed", "drill_down_not_reached", "drill_down_refused", "drill_down_partial", "budget_searches", "budget_seconds", "zone_mismatch", "total_differs", "too_early", "known_benign", "lapsed", "looks_like_instruction", "report_defect", "enrichment_missing", "lookup_lapsed"])  # fmt: skip
def test_both_languages_name_the_same_values(name: str) -> None:
    ja, en = NOTES[name]
    assert set(re.findall(r"\{(\w+)\}", ja)) == set(re.findall(r"\{(\w+)\}", en))


@pytest.mark.parametrize("table", [WORDS, NOTES])
def test_no_wording_is_empty(table: dict[str, tuple[str, str]]) -> None:
    assert [key for key, texts in table.items() if not all(text.strip() for text in texts)] == []


def test_every_status_and_verdict_has_a_word() -> None:
    for status in SearchStatus:
        assert search_status(status.value, "ja")
    assert {word(verdict.value, "ja") for verdict in Verdict} == {"調査必須", "判定不能", "観察", "不要"}


def test_a_failed_search_and_a_failed_check_are_different_words() -> None:
    assert (search_status("failed", "ja"), check_status("failed", "ja")) == ("失敗", "不合格")
