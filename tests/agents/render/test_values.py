"""Values as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agents.render.values import (
    MISSING,
    UnknownFactError,
    UnknownNoteError,
    hostile,
    render_note,
    render_prose,
    render_value,
    trusted,
)
from tools.records.fact import Fact
from tools.records.finding import Note
from tools.search.result import Value


@pytest.mark.parametrize(
    ("value", "kind", "ja", "en"),
    [
        (1234567, "integer", "1,234,567", "1,234,567"),
        ("1234567", "integer", "1,234,567", "1,234,567"),
        (0.125, "decimal", "0.125", "0.125"),
        (1.99999, "decimal", "2", "2"),
        (0.00001, "decimal", "1e-05", "1e-05"),
        (float("inf"), "decimal", "inf", "inf"),
        (3723, "duration", "1時間2分3秒", "1h 2m 3s"),
        (0.5, "duration", "0.5秒", "0.5s"),
        (0, "duration", "0秒", "0s"),
        (-90, "duration", "-1分30秒", "-1m 30s"),
        (99.5, "percent", "99.5%", "99.5%"),
        (1_795_014_000, "time", "2026-11-19 00:00:00 JST", "2026-11-19 00:00:00 JST"),
        (1_795_014_000.25, "time", "2026-11-19 00:00:00.25 JST", "2026-11-19 00:00:00.25 JST"),
        (1e18, "time", "1,000,000,000,000,000,000", "1,000,000,000,000,000,000"),
        ("yesterday", "time", "yesterday", "yesterday"),
        ("203.0.113.7", "entity", "203[.]0[.]113[.]7", "203[.]0[.]113[.]7"),
        (["a.b", "c"], "list", "a[.]b、c", "a[.]b, c"),
        ("investigate", "verdict", "調査必須", "Investigate"),
        (" root ", "text", "␠root␠", "␠root␠"),
        (None, "integer", MISSING, MISSING),
    ],
)
def test_value_reads_as_expected(value: Value | None, kind: str, ja: str, en: str) -> None:
    assert render_value(value, kind, "ja", "Asia/Tokyo") == ja
    assert render_value(value, kind, "en", "Asia/Tokyo") == en


def test_a_zone_without_a_name_shows_its_offset() -> None:
    assert render_value(1_795_014_000, "time", "en", "Asia/Dubai") == "2026-11-18 19:00:00 +04"


@given(st.text(max_size=40))
def test_a_value_is_always_one_paragraph_of_plain_text(text: str) -> None:
    """Alone in a paragraph, a value makes no block, no link, no emphasis and no code."""
    shown = hostile(text)
    parsed = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(shown)
    kinds = {token.type for token in parsed} | {
        child.type for token in parsed for child in token.children or []
    }
    assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}


@given(st.text(alphabet="[].:@()/!ab\n", max_size=12))
def test_brackets_of_defanging_never_make_a_link(text: str) -> None:
    parsed = MarkdownIt("commonmark").parse(f"{hostile(text)} {hostile(text)}")
    assert not {child.type for token in parsed for child in token.children or []} & {"link_open", "image"}


def test_the_procedures_file_names_stay_as_written() -> None:
    assert (
        trusted("macros.conf 192.0.2.1 https://a.example/x")
        == "macros.conf 192[.]0[.]2[.]1 hxxps://a[.]example/x"
    )


def fact(value: Value, derivation: str = "key") -> Fact:
    return Fact(id="f1", label="x", value=value, kind="text", evidence="", derivation=derivation)


def test_a_reference_inside_a_value_is_not_followed() -> None:
    assert render_prose("{{f1}}", {"f1": fact("{{f2}}")}, "en", "UTC") == r"\{\{f2\}\}"


@pytest.mark.parametrize("reference", ["f9", "g1", "", "f1x", " f1"])
def test_an_unknown_reference_is_an_error(reference: str) -> None:
    with pytest.raises(UnknownFactError):
        render_prose("a {{" + reference + "}}", {"f1": fact("x")}, "en", "UTC")


def test_an_unknown_note_is_an_error() -> None:
    with pytest.raises(UnknownNoteError, match="no_such"):
        render_note(Note(code="no_such"), "en", "UTC")


def test_a_note_that_lacks_a_value_is_an_error() -> None:
    with pytest.raises(UnknownNoteError, match="purpose"):
        render_note(Note(code="no_data"), "en", "UTC")


def test_a_source_watched_as_a_whole_leaves_no_gap_in_the_sentence() -> None:
    note = Note(code="source_silent", values={"source": "sshd", "value": ""})
    assert render_note(note, "en", "UTC") == "data source sshd was silent for the whole window"
    assert render_note(note, "ja", "UTC") == "データソース sshd は期間中に一件も届いていない"
