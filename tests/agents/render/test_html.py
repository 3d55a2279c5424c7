"""HTML reports: self-contained, inert, and made of nothing but our own elements."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

from agents.render.html import render_item, render_round
from agents.render.json import to_json
from tools.defang import live_indicators
from tools.records.report import Checks, ItemReport, RoundReport

SplOf = Callable[[str], str]
ALLOWED = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "div",
    "span",
    "main",
    "h1",
    "h2",
    "h3",
    "h4",
    "p",
    "strong",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "code",
    "pre",
    "br",
    "ul",
    "li",
    "blockquote",
    "figure",
    "figcaption",
    "svg",
    "desc",
    "g",
    "defs",
    "path",
    "use",
    "text",
    "clippath",
    "rect",
}


class Page(HTMLParser):
    """What a browser would see: elements, attributes, and text outside code and style."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag in {"code", "style"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open:
            self.text.append(data)


def test_only_our_own_elements(round_report: RoundReport, spl_of: SplOf) -> None:
    page = Page(render_round(round_report, spl_of=spl_of))
    assert page.tags - ALLOWED == set()
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_nothing_comes_from_outside(round_report: RoundReport, spl_of: SplOf) -> None:
    text = render_round(round_report, spl_of=spl_of)
    references = [
        (name, value)
        for _, name, value in Page(text).attributes
        if name in {"src", "href", "xlink:href", "srcset"}
    ]
    assert all(value.startswith("#") for _, value in references)
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    assert "default-src 'none'" in text


def test_nothing_live_in_the_text(round_report: RoundReport, spl_of: SplOf) -> None:
    assert live_indicators("".join(Page(render_round(round_report, spl_of=spl_of)).text)) == ()


def test_hostile_text_is_shown_and_not_run(report: ItemReport, failed_checks: Checks, spl_of: SplOf) -> None:
    page = Page(render_item(report, checks=failed_checks, spl_of=spl_of))
    shown = "".join(page.text)
    assert "script" not in page.tags
    assert "<script>alert(1)</script>|`x`⏎# not a heading" in shown


def test_a_line_break_in_a_search_text_stays_text(report: ItemReport, spl_of: SplOf) -> None:
    assert "&lt;br&gt;&quot;" in render_item(report, checks=None, spl_of=spl_of)


def test_the_marking_is_at_both_ends_of_every_page(round_report: RoundReport, spl_of: SplOf) -> None:
    text = render_round(round_report, spl_of=spl_of)
    assert text.count("<span>TLP:AMBER+STRICT</span>") == 2
    assert "table-header-group" in text
    assert "table-footer-group" in text


def test_every_id_is_unique_and_every_reference_resolves(round_report: RoundReport, spl_of: SplOf) -> None:
    other = round_report.items[0].model_copy()
    assert other.report is not None
    twin = other.model_copy(update={"report": other.report.model_copy(update={"item": "twin"})})
    text = render_round(round_report.model_copy(update={"items": (other, twin)}), spl_of=spl_of)
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    used |= {name for value in re.findall(r'aria-labelledby="([^"]+)"', text) for name in value.split()}
    assert used - set(page.ids) == set()


def test_the_timeline_is_drawn_with_its_labels_as_text(report: ItemReport, spl_of: SplOf) -> None:
    text = render_item(report, checks=None, spl_of=spl_of)
    svg = text[text.index("<svg") : text.index("</svg>")]
    assert "203[.]0[.]113[.]7" in svg
    assert "$x^2$ lane-0. &amp; &lt;b&gt;" in svg
    assert "<title" in svg
    assert "<desc" in svg
    assert "DejaVu" not in svg


def test_the_same_report_gives_the_same_text(report: ItemReport, spl_of: SplOf) -> None:
    assert render_item(report, checks=None, spl_of=spl_of) == render_item(report, checks=None, spl_of=spl_of)


def test_json_is_canonical_and_names_its_schema(round_report: RoundReport, spl_of: SplOf) -> None:
    text = to_json(round_report, spl_of=spl_of)
    assert '"schema": "tejun.round-report/1"' in text
    again = RoundReport.model_validate_json(round_report.model_dump_json())
    assert to_json(again, spl_of=spl_of) == text
