"""Markdown reports: as golden files, and as what a Markdown renderer makes of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from agents.render.markdown import render_item, render_round, render_summary
from agents.render.round import is_clean
from tools.defang import live_indicators
from tools.records.report import Checks, ItemReport, RoundReport

GOLDEN = Path(__file__).parent / "golden"
SplOf = Callable[[str], str]


def tokens(text: str) -> list[Token]:
    """Parse as a renderer that lets raw HTML through would: the strictest reader of what we wrote."""
    parsed = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(text)
    return parsed + [child for token in parsed for child in token.children or []]


def assert_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("TEJUN_GOLDEN") == "write":
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8"), f"{name} differs; TEJUN_GOLDEN=write accepts the new text"


def test_item_report_is_the_golden_text(report: ItemReport, failed_checks: Checks, spl_of: SplOf) -> None:
    assert_golden(f"item.{report.language}.md", render_item(report, checks=failed_checks, spl_of=spl_of))


def test_round_report_is_the_golden_text(round_report: RoundReport, spl_of: SplOf) -> None:
    assert_golden(f"round.{round_report.language}.md", render_round(round_report, spl_of=spl_of))


def test_no_value_becomes_markup(round_report: RoundReport, spl_of: SplOf) -> None:
    found = tokens(render_round(round_report, spl_of=spl_of))
    kinds = {token.type for token in found}
    assert not kinds & {"link_open", "image", "html_block", "code_block", "ordered_list_open"}
    assert {token.content for token in found if token.type == "html_inline"} <= {"<br>"}


def test_every_table_row_has_the_columns_of_its_header(round_report: RoundReport, spl_of: SplOf) -> None:
    widths: list[int] = []
    for line in render_round(round_report, spl_of=spl_of).splitlines():
        cells = len(re.split(r"(?<!\\)\|", line)) - 2 if line.startswith("|") else 0
        widths = [*widths, cells] if cells else []
        assert len(set(widths)) <= 1, line


def test_nothing_live_outside_code(round_report: RoundReport, spl_of: SplOf) -> None:
    shown = " ".join(
        token.content for token in tokens(render_round(round_report, spl_of=spl_of)) if token.type == "text"
    )
    assert live_indicators(shown) == ()


def test_a_search_text_stays_in_its_fence(report: ItemReport, spl_of: SplOf) -> None:
    fences = [
        token for token in tokens(render_item(report, checks=None, spl_of=spl_of)) if token.type == "fence"
    ]
    assert len(fences) == len(report.search_log)
    assert fences[1].content == 'index=os user="```\n</code><script>⟨U+202E⟩<br>"\n'


def test_control_and_direction_characters_never_reach_the_text(
    round_report: RoundReport, spl_of: SplOf
) -> None:
    assert not re.search(
        r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ue000]", render_round(round_report, spl_of=spl_of)
    )


def test_the_round_says_what_a_signer_must_know(round_report: RoundReport, spl_of: SplOf) -> None:
    text = render_round(round_report, spl_of=spl_of)
    wanted = {
        "ja": (
            "要訂正",
            "品質チェックに不合格",
            "モデル不使用",
            "見直し期限",
            "この項目は実行に失敗した",
            "インシデント",
        ),
        "en": (
            "To be corrected",
            "A check failed",
            "No model was used",
            "overdue",
            "This item failed to run",
            "incident",
        ),
    }[round_report.language]
    assert [phrase for phrase in wanted if phrase not in text] == []
    assert text.startswith("**TLP:AMBER+STRICT**")
    assert text.rstrip().endswith("**TLP:AMBER+STRICT**")


def test_the_word_report_defect_in_a_reason_is_no_defect(round_report: RoundReport, spl_of: SplOf) -> None:
    body = (
        '{"decisions": [{"findings": "rest", "decision": "no_deep_dive", "reason": "no report_defect here"}]}'
    )
    spoken = {"kind": "decision", "reviewer": "a", "decided_at": 0.0, "body": body}
    items = (round_report.items[0].model_copy(update={"decisions": (spoken,)}), *round_report.items[1:])
    text = render_round(round_report.model_copy(update={"items": items}), spl_of=spl_of)
    assert "要訂正" not in text
    assert "To be corrected" not in text


def test_a_clean_item_is_one_line_with_its_search_log(round_report: RoundReport, spl_of: SplOf) -> None:
    text = render_round(round_report, spl_of=spl_of)
    part = text[text.index("## root-login") : text.index("## sudo")]
    assert "4,095" in part
    assert "NOT INDEPENDENTLY CHECKED" in part
    assert "PURPOSE" not in part
    assert "NO EXCEPTION" not in part
    assert part.count("###") == 1


def test_an_item_with_a_gap_a_suppressed_finding_a_defect_or_a_decision_is_told_in_full(
    round_report: RoundReport, failed_checks: Checks
) -> None:
    full, item = round_report.items[0], round_report.items[1]
    assert full.report is not None
    assert item.report is not None
    assert is_clean(item)
    reports = (
        {"complete": False},
        {"attached": full.report.attached},
        {"item_results": full.report.item_results},
    )
    changed = [
        item.model_copy(update={"report": item.report.model_copy(update=change)}) for change in reports
    ]
    changed += [
        item.model_copy(update=change)
        for change in ({"checks": failed_checks}, {"decisions": full.decisions})
    ]
    assert [one for one in changed if is_clean(one)] == []


def test_a_margin_is_shown_with_what_was_before(report: ItemReport, spl_of: SplOf) -> None:
    text = render_item(report, checks=None, spl_of=spl_of)
    against, before = ("対", "以前") if report.language == "ja" else ("against", "before")
    assert f"c1 failures \\>= 10: 12 {against} 10; {before}: 3, 2, —, a\\|b\\<i\\>" in text


def test_the_summary_escapes_the_title(report: ItemReport) -> None:
    assert "<b>" not in render_summary(report).replace("\\<b\\>", "")
