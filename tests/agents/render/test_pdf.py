"""The PDF of a round: read back it says what the Markdown says, Japanese included, and it holds nothing live."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing

import pypdfium2

from agents.render import markdown
from agents.render.pdf import CELL_LINES, _parts, render_round
from tools.records.report import RoundReport

SplOf = Callable[[str], str]


def read_back(data: bytes) -> list[str]:
    """Return the text of every page."""
    with closing(pypdfium2.PdfDocument(data)) as document:
        texts = []
        for number in range(len(document)):
            with closing(document[number]) as page, closing(page.get_textpage()) as text:
                texts.append(text.get_text_bounded())
        return texts


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def test_every_figure_of_the_report_is_in_it(round_report: RoundReport, spl_of: SplOf) -> None:
    text = squeezed("".join(read_back(render_round(round_report, spl_of=spl_of))))
    plain = markdown.render_round(round_report, spl_of=spl_of)
    figures = set(re.findall(r"(?<![\w\\])\d[\d,.]+\d(?!\w)", plain))
    assert len(figures) > 10
    assert [figure for figure in figures if figure not in text] == []


def test_japanese_is_set_and_a_character_that_the_font_lacks_is_told(
    round_report: RoundReport, spl_of: SplOf
) -> None:
    title = "監視報告の見本 한 🙂"
    text = squeezed(
        "".join(
            read_back(
                render_round(
                    round_report.model_copy(update={"procedure_title": title, "language": "ja"}),
                    spl_of=spl_of,
                )
            )
        )
    )
    assert "監視報告:監視報告の見本〈U+D55C〉〈U+1F642〉" in text


def test_the_marking_is_at_both_ends_of_every_page(round_report: RoundReport, spl_of: SplOf) -> None:
    pages = read_back(render_round(round_report, spl_of=spl_of))
    assert len(pages) > 1
    assert all(page.count(f"TLP:{round_report.tlp}") >= 2 for page in pages)


def test_nothing_in_it_is_live(round_report: RoundReport, spl_of: SplOf) -> None:
    data = render_round(round_report, spl_of=spl_of)
    for name in (b"/JavaScript", b"/URI", b"/Launch", b"/EmbeddedFile", b"/SubmitForm", b"/RichMedia"):
        assert name not in data


def test_the_same_report_gives_the_same_bytes(round_report: RoundReport, spl_of: SplOf) -> None:
    assert render_round(round_report, spl_of=spl_of) == render_round(round_report, spl_of=spl_of)


def test_a_cell_taller_than_a_page_goes_on_in_rows_of_its_own() -> None:
    parts = list(_parts(["W" * 50_000, "short"], [20.0, 20.0]))
    assert "".join(row[0] for row in parts) == "W" * 50_000
    assert [row[1] for row in parts[:2]] == ["short", ""]
    assert max(len(row[0]) for row in parts) <= CELL_LINES * 20
