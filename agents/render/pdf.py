"""Reports as PDF: the Markdown blocks set by fpdf2 in a font that has Japanese and lies in the installation.

No link, script or picture from outside can get in: text, rules and shapes are all that is drawn. A character that
the font lacks is shown by its code point.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from agents.render.blocks import SplOf, Timeline
from agents.render.layout import BREAK
from agents.render.round import round_blocks
from agents.render.timeline import LANE, WIDTH, picture_of
from agents.render.words import Language, word
from procedures.verdict import Verdict
from tools.records.report import ItemReport, RoundReport

if TYPE_CHECKING:
    from fpdf import FPDF
    from markdown_it.token import Token

FONT = "ipaexg"
SIZES = {"h1": 16.0, "h2": 13.0, "h3": 10.5}
TEXT, CELL, CODE = 9.0, 7.0, 7.0
"""Sizes in points."""
MARGIN = 14.0
COLOURS = {
    Verdict.INVESTIGATE: (194, 65, 12),
    Verdict.UNDETERMINED: (124, 58, 237),
    Verdict.OBSERVE: (3, 105, 161),
    Verdict.NONE: (82, 82, 91),
}
ALARM, INK, LINE, SOFT = (185, 28, 28), (24, 24, 27), (161, 161, 170), (244, 244, 245)
ROOM = 32.0
"""Height below which a heading goes to the next page, with what it is about."""
CELL_LINES = 40
"""A cell that would be taller goes on in a row of its own, since no row is torn between pages."""


def render_round(report: RoundReport, *, spl_of: SplOf) -> bytes:
    """Return the report of a whole round; the same report gives the same bytes."""
    sheet = _sheet(report)
    markdown = MarkdownIt("js-default", {"html": False, "linkify": False}).disable(
        ["link", "image", "autolink"]
    )
    for block in list(round_blocks(report, spl_of))[1:-1]:  # the marking stands on every page by itself
        if isinstance(block, Timeline):
            _timeline(sheet, block.report)
        else:
            _set(sheet, markdown.parse(block), report.language)
    return bytes(sheet.output())


@cache
def _font_file() -> Path:
    """Return the font; its package is only looked up, since importing it would change matplotlib's settings."""
    spec = find_spec("matplotlib_fontja")
    assert spec is not None  # noqa: S101 - a dependency
    assert spec.origin is not None  # noqa: S101 - a package of files
    return Path(spec.origin).parent / "fonts" / "ipaexg.ttf"


def _sheet(report: RoundReport) -> FPDF:
    """Return an empty document whose pages carry the marking at both ends."""
    from fpdf import FPDF

    marking = f"TLP:{report.tlp}"

    class Sheet(FPDF):
        def header(self) -> None:
            self.set_font(FONT, size=TEXT)
            self.cell(0, 6, marking, align="R", new_x="LMARGIN", new_y="NEXT")

        def footer(self) -> None:
            self.set_y(-MARGIN)
            self.set_font(FONT, size=TEXT)
            self.cell(0, 6, f"{self.page_no()} / {{nb}}    {marking}", align="R")

    sheet = Sheet(format="A4")
    sheet.add_font(FONT, fname=_font_file())
    sheet.set_creation_date(dt.datetime.fromtimestamp(report.signed_at or report.end, dt.UTC))
    sheet.set_title(f"TLP:{report.tlp} {_known(sheet, report.procedure_title)}")
    sheet.set_lang(report.language)
    sheet.set_margins(MARGIN, MARGIN / 2, MARGIN)
    sheet.set_auto_page_break(True, MARGIN + 4)
    sheet.set_draw_color(*LINE)
    sheet.set_text_color(*INK)
    sheet.add_page()
    return sheet


def _known(sheet: FPDF, text: str) -> str:
    """Return `text` with what the font lacks shown by its code point."""
    glyphs = sheet.fonts[FONT].cmap  # type: ignore[union-attr]
    plain = text.replace("⟨", "〈").replace("⟩", "〉").replace("␠", "_")
    return "".join(char if ord(char) in glyphs else f"〈U+{ord(char):04X}〉" for char in plain)


def _set(sheet: FPDF, tokens: Sequence[Token], lang: Language) -> None:
    """Set one block of Markdown."""
    at, quoted = 0, False
    while at < len(tokens):
        token = tokens[at]
        if token.type == "table_open":
            end = next(n for n in range(at, len(tokens)) if tokens[n].type == "table_close")
            _table(sheet, tokens[at:end])
            at = end
        elif token.type == "heading_open":
            _heading(sheet, token.tag, _plain(tokens[at + 1]))
            at += 2
        elif token.type in {"fence", "code_block"}:
            _code(sheet, token.content)
        elif token.type in {"blockquote_open", "blockquote_close"}:
            quoted = token.type == "blockquote_open"
        elif token.type == "inline":
            listed = at >= 2 and tokens[at - 2].type == "list_item_open"
            _paragraph(sheet, token, lang, lead="• " if listed else "", colour=ALARM if quoted else INK)
        at += 1


def _plain(token: Token) -> str:
    children = token.children or []
    parts = ("\n" if child.type in {"softbreak", "hardbreak"} else child.content for child in children)
    return "".join(parts).replace(BREAK, "\n")


def _heading(sheet: FPDF, tag: str, text: str) -> None:
    from fpdf.enums import WrapMode

    size = SIZES.get(tag, TEXT)
    sheet.set_font(FONT, size=size)
    if sheet.will_page_break(ROOM):
        sheet.add_page()
    shown = _known(sheet, text)
    sheet.ln(size * 0.25)
    sheet.start_section(shown[:120], level=min(int(tag[1]) - 1, 2), strict=False)
    with sheet.local_context(text_mode="FILL_STROKE", line_width=size * 0.01, draw_color=INK):
        sheet.multi_cell(
            0, size * 0.5, shown, align="L", wrapmode=WrapMode.CHAR, new_x="LMARGIN", new_y="NEXT"
        )
    sheet.ln(size * 0.1)


def _paragraph(sheet: FPDF, token: Token, lang: Language, *, lead: str, colour: tuple[int, int, int]) -> None:
    from fpdf.enums import WrapMode

    sheet.set_font(FONT, size=TEXT)
    strong, wrap = False, WrapMode.CHAR if lang == "ja" else WrapMode.WORD
    with sheet.local_context(text_color=colour):
        sheet.write(4.6, lead)
        for child in token.children or []:
            strong = child.type == "strong_open" or (strong and child.type != "strong_close")
            text = "\n" if child.type in {"softbreak", "hardbreak"} else child.content.replace(BREAK, "\n")
            mode = "FILL_STROKE" if strong else "FILL"
            if text:
                with sheet.local_context(text_mode=mode, line_width=0.15, draw_color=colour):
                    sheet.write(4.6, _known_lines(sheet, text), wrapmode=wrap)
    sheet.ln(5.6)


def _known_lines(sheet: FPDF, text: str) -> str:
    return "\n".join(_known(sheet, line) for line in text.split("\n"))


def _code(sheet: FPDF, text: str) -> None:
    from fpdf.enums import WrapMode

    sheet.set_font(FONT, size=CODE)
    shown = _known_lines(sheet, text.rstrip("\n"))
    with sheet.local_context(fill_color=SOFT):
        sheet.multi_cell(
            0,
            3.6,
            shown,
            align="L",
            fill=True,
            padding=2,
            wrapmode=WrapMode.CHAR,
            new_x="LMARGIN",
            new_y="NEXT",
        )
    sheet.ln(2)


def _table(sheet: FPDF, tokens: Sequence[Token]) -> None:
    """Set a table, its heading again on every page."""
    from fpdf.fonts import FontFace

    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_known_lines(sheet, _plain(token)))
    widths = _widths(sheet, rows)
    sheet.set_font(FONT, size=CELL)
    with sheet.table(
        col_widths=tuple(widths),
        width=sheet.epw,
        line_height=3.5,
        padding=0.8,
        text_align="LEFT",
        headings_style=FontFace(fill_color=SOFT),
        wrapmode="CHAR",
    ) as table:
        for number, row in enumerate(rows):
            for part in [row] if number == 0 else _parts(row, widths):
                table.row(part)
    sheet.ln(2)


def _widths(sheet: FPDF, rows: Sequence[Sequence[str]]) -> list[float]:
    """Share the width of the page among columns by their longest lines, within bounds."""
    longest = [
        max(_columns(line) for cell in column for line in cell.split("\n"))
        for column in zip(*rows, strict=True)
    ]
    weights = [min(max(length, 7), 44) for length in longest]
    return [sheet.epw * weight / sum(weights) for weight in weights]


def _parts(row: Sequence[str], widths: Sequence[float]) -> Iterator[list[str]]:
    """Yield a row as rows of which none is taller than a page."""
    split = [
        list(_pieces(cell, max(int((width - 1.6) / (CELL * 0.185)), 2)))
        for cell, width in zip(row, widths, strict=True)
    ]
    for number in range(max(map(len, split))):
        yield [pieces[number] if number < len(pieces) else "" for pieces in split]


def _pieces(text: str, columns: int) -> Iterator[str]:
    """Yield pieces of a cell that fill at most `CELL_LINES` lines of `columns` narrow letters."""
    lines: list[str] = []
    for line in text.split("\n"):
        lines += _wrapped(line, columns)
    for start in range(0, len(lines), CELL_LINES):
        yield "".join(lines[start : start + CELL_LINES]).rstrip("\n")


def _wrapped(line: str, columns: int) -> Iterator[str]:
    """Yield parts of a line that are `columns` wide; the last ends the line."""
    part, width = "", 0
    for char in line:
        wide = _columns(char)
        if width + wide > columns:
            yield part
            part, width = "", 0
        part, width = part + char, width + wide
    yield part + "\n"


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WFA" else 1 for char in text)


def _timeline(sheet: FPDF, report: ItemReport) -> None:
    """Draw the timeline from the same places as on a page."""
    picture = picture_of(report)
    scale = sheet.epw / WIDTH
    if sheet.will_page_break(picture.height * scale):
        sheet.add_page()
    left, top = sheet.l_margin, sheet.get_y()
    floor = top + picture.floor * scale
    sheet.set_font(FONT, size=CELL)
    begin, end = (left + x * scale for x in picture.window)
    with sheet.local_context(fill_color=SOFT):
        sheet.rect(begin, top, end - begin, floor - top, style="F")
    sheet.set_dash_pattern(dash=1, gap=1)
    for x in (begin, end):
        sheet.line(x, top, x, floor)
    sheet.set_dash_pattern()
    sheet.line(left + picture.left * scale, floor, left + sheet.epw, floor)
    for tick in picture.ticks:
        shown = _known(sheet, tick.text)
        sheet.text(left + tick.x * scale - sheet.get_string_width(shown) / 2, floor + 4, shown)
    for lane in picture.lanes:
        y = top + lane.y * scale
        shown = _known(sheet, lane.label)
        sheet.text(left + (picture.left - 10) * scale - sheet.get_string_width(shown), y + 0.9, shown)
        with sheet.local_context(draw_color=COLOURS[lane.verdict], fill_color=COLOURS[lane.verdict]):
            sheet.set_line_width(0.7)
            sheet.line(left + lane.left * scale, y, left + lane.right * scale, y)
            for x in (lane.left, lane.right):
                _marker(sheet, lane.verdict, left + x * scale, y)
    sheet.set_y(top + picture.height * scale)
    _legend(sheet, [point.verdict for point in report.timeline], report.language)


def _marker(sheet: FPDF, verdict: Verdict, x: float, y: float) -> None:
    """Draw the shape that tells a verdict without its colour."""
    size = LANE * 0.045
    sheet.set_line_width(0.1)
    if verdict is Verdict.INVESTIGATE:
        sheet.polygon([(x, y - size), (x + size, y), (x, y + size), (x - size, y)], style="F")
    elif verdict is Verdict.UNDETERMINED:
        sheet.rect(x - size * 0.8, y - size * 0.8, size * 1.6, size * 1.6, style="F")
    elif verdict is Verdict.OBSERVE:
        sheet.circle(x, y, size * 0.8, style="F")
    else:
        sheet.rect(x - 0.2, y - size, 0.4, size * 2, style="F")


def _legend(sheet: FPDF, used: Iterable[Verdict], lang: Language) -> None:
    y, x = sheet.get_y() + 2, sheet.l_margin + 2
    for verdict in sorted(set(used), key=lambda verdict: -verdict.severity):
        with sheet.local_context(fill_color=COLOURS[verdict], text_color=COLOURS[verdict]):
            _marker(sheet, verdict, x, y)
            sheet.text(x + 2.5, y + 0.9, word(verdict.value, lang))
        x += 32
    sheet.set_y(y + 4)
